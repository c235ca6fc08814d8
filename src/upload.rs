//! Uploads one object to S3 as a stream: open → write → finish. An object that fits one part is one `PutObject`. A
//! larger one is a multipart upload with a few parts in flight, so that memory does not grow with the archive.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::pipeline::Target;
use crate::plan::Job;
use codecommit::aws::{Aws, CallError, Fault, StepFault};
use codecommit::write::OutputError;

/// The size of a part, which allows 80 GB in S3's 10,000 parts.
pub const PART: usize = 8 << 20;
/// The number of parts in flight at once.
const PARTS_AT_ONCE: usize = 3;
/// The metadata key for the random name of the delivery that wrote the object.
const HOLDER: &str = "delivery-holder";

/// The reason why an object could not be written.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A call to S3 failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The object was written, but S3 named no version.
    #[error("the answer to {0} has no version of the object")]
    NoVersion(&'static str),
}

impl UploadError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Call(call) => StepFault {
                fault: call.fault,
                denied: "UploadDenied",
                missing: "BucketMissing",
                throttled: "UploadThrottled",
                invalid: "UploadInvalid",
                transient: "UploadFailed",
            }
            .code(),
            Self::NoVersion(_) => "BucketUnversioned",
        }
    }

    /// Returns whether another attempt with the same event is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Call(call) => matches!(call.fault, Fault::Denied | Fault::Invalid) || call.is(&["NoSuchBucket"]),
            Self::NoVersion(_) => true,
        }
    }
}

impl OutputError for UploadError {
    fn stable_code(&self) -> &'static str {
        self.code()
    }

    fn is_useless_to_retry(&self) -> bool {
        self.is_permanent()
    }
}

/// An object that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its version.
    pub version: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The ASCII bytes that are encoded in the metadata, as all others are: those without a glyph, and the escape itself.
const ENCODED: AsciiSet = CONTROLS.add(b' ').add(b'%');

/// Makes the object's metadata. S3 takes only ASCII and 2 KB in all, so the branch and the commit message are encoded
/// and cut.
pub fn metadata(job: &Job, holder: &str, subject: &str) -> HashMap<String, String> {
    let summary = if subject.trim().is_empty() { job.commit.to_string() } else { ascii(subject) };
    HashMap::from([
        (HOLDER.to_owned(), holder.to_owned()),
        ("delivery-token".to_owned(), job.token.0.clone()),
        ("commit".to_owned(), job.commit.to_string()),
        ("branch".to_owned(), cut(&utf8_percent_encode(job.branch(), &ENCODED).to_string(), 700)),
        ("repository".to_owned(), job.repository.name().to_owned()),
        // The console shows this summary beside the revision.
        ("codepipeline-artifact-revision-summary".to_owned(), cut(&summary, 500)),
    ])
}

fn ascii(text: &str) -> String {
    let plain = text.trim().chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' });
    plain.collect()
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// An upload in progress. The object exists only after [`Upload::finish`]. [`Upload::abort`] leaves the key as it
/// was.
#[derive(Debug)]
pub struct Upload {
    object: Arc<Object>,
    buffer: BytesMut,
    bytes: u64,
    crc: crc32fast::Hasher,
    multipart: Option<Multipart>,
}

#[derive(Debug)]
struct Object {
    s3: aws_sdk_s3::Client,
    bucket: String,
    key: String,
    metadata: HashMap<String, String>,
}

#[derive(Debug)]
struct Multipart {
    id: String,
    sent: i32,
    in_flight: JoinSet<Result<CompletedPart, CallError>>,
    done: Vec<CompletedPart>,
}

impl Upload {
    /// Opens an upload to the target's key. Nothing is sent yet.
    pub fn open(aws: &Aws, target: &Target, metadata: HashMap<String, String>) -> Self {
        let object = Object { s3: aws.s3.clone(), bucket: target.bucket.clone(), key: target.key.clone(), metadata };
        Self {
            object: Arc::new(object),
            buffer: BytesMut::new(),
            bytes: 0,
            crc: crc32fast::Hasher::new(),
            multipart: None,
        }
    }

    /// Takes the next bytes. Waits while too many parts are in flight.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), UploadError> {
        self.bytes += chunk.len() as u64;
        self.crc.update(chunk);
        let mut rest = chunk;
        while !rest.is_empty() {
            // Send a full part only when more bytes follow, so that an object of one part stays one PutObject.
            if self.buffer.len() == PART {
                self.send_part().await?;
            }
            let (now, later) = rest.split_at(rest.len().min(PART - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    /// Writes the object and returns its version.
    pub async fn finish(&mut self) -> Result<Stored, UploadError> {
        if self.multipart.is_none() {
            let put = self.object.put(self.buffer.split().freeze()).await;
            return self.stored(put).await;
        }
        self.send_part().await?;
        let multipart = self.multipart.as_mut().ok_or(UploadError::NoVersion("UploadPart"))?;
        while let Some(part) = multipart.next_done().await {
            part?;
        }
        multipart.done.sort_by_key(CompletedPart::part_number);
        let completed = self.object.complete(&multipart.id, std::mem::take(&mut multipart.done)).await;
        let stored = self.stored(completed).await?;
        self.multipart = None;
        Ok(stored)
    }

    /// Returns the stored object. If the answer to the last request was lost, the object may exist anyway: a repeated
    /// `CompleteMultipartUpload` then returns `NoSuchUpload`.
    async fn stored(&self, finished: Result<String, UploadError>) -> Result<Stored, UploadError> {
        let version = match finished {
            Err(UploadError::Call(call)) if call.fault == Fault::Transient || call.is(&["NoSuchUpload"]) => {
                let crc = self.crc.clone().finalize();
                self.object.find(self.bytes, crc).await.ok_or(UploadError::Call(call))?
            }
            finished => finished?,
        };
        Ok(Stored { version, bytes: self.bytes })
    }

    /// Aborts an upload that failed, so that S3 deletes its parts.
    pub async fn abort(&mut self) {
        let Some(mut multipart) = self.multipart.take() else {
            return;
        };
        multipart.in_flight.shutdown().await;
        let Object { s3, bucket, key, .. } = &*self.object;
        if let Err(error) = s3.abort_multipart_upload().bucket(bucket).key(key).upload_id(multipart.id).send().await {
            let error = CallError::new("AbortMultipartUpload", error);
            tracing::warn!(%error, bucket, key, "an unfinished upload stays until the bucket's lifecycle rule \
                removes it");
        }
    }

    async fn send_part(&mut self) -> Result<(), UploadError> {
        let body = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(PART)).freeze();
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => none.insert(Multipart::new(self.object.create().await?)),
        };
        if multipart.in_flight.len() >= PARTS_AT_ONCE
            && let Some(part) = multipart.next_done().await
        {
            part?;
        }
        multipart.sent += 1;
        let (object, id, number) = (self.object.clone(), multipart.id.clone(), multipart.sent);
        multipart.in_flight.spawn(async move { object.part(&id, number, body).await });
        Ok(())
    }
}

impl Multipart {
    fn new(id: String) -> Self {
        Self { id, sent: 0, in_flight: JoinSet::new(), done: Vec::new() }
    }

    async fn next_done(&mut self) -> Option<Result<(), CallError>> {
        let joined = self.in_flight.join_next().await?;
        let part = joined.unwrap_or_else(|error| Err(CallError::malformed("UploadPart", error)));
        Some(part.map(|part| self.done.push(part)))
    }
}

impl Object {
    async fn put(&self, body: Bytes) -> Result<String, UploadError> {
        let request = self.s3.put_object().bucket(&self.bucket).key(&self.key).content_type("application/zip");
        let request = request.set_metadata(Some(self.metadata.clone())).checksum_algorithm(ChecksumAlgorithm::Crc32);
        let sent = request.body(ByteStream::from(body)).send().await;
        let answer = sent.map_err(|error| CallError::new("PutObject", error))?;
        answer.version_id.ok_or(UploadError::NoVersion("PutObject"))
    }

    /// Returns the version at the key if this upload wrote it: the delivery's random name, the size and the checksum
    /// are equal.
    async fn find(&self, bytes: u64, crc: u32) -> Option<String> {
        let request = self.s3.head_object().bucket(&self.bucket).key(&self.key);
        let answer = request.checksum_mode(ChecksumMode::Enabled).send().await.ok()?;
        let is_ours = answer.metadata().and_then(|all| all.get(HOLDER)) == self.metadata.get(HOLDER)
            && answer.content_length().and_then(|length| u64::try_from(length).ok()) == Some(bytes)
            && answer.checksum_crc32() == Some(&aws_smithy_types::base64::encode(crc.to_be_bytes()));
        answer.version_id.filter(|_| is_ours && self.metadata.contains_key(HOLDER))
    }

    async fn create(&self) -> Result<String, UploadError> {
        let request =
            self.s3.create_multipart_upload().bucket(&self.bucket).key(&self.key).content_type("application/zip");
        // Without these two settings, S3 keeps no checksum of the whole object, but the SDK sends one with each part.
        let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32).checksum_type(ChecksumType::FullObject);
        let sent = request.set_metadata(Some(self.metadata.clone())).send().await;
        let answer = sent.map_err(|error| CallError::new("CreateMultipartUpload", error))?;
        let id = answer.upload_id;
        Ok(id.ok_or_else(|| CallError::malformed("CreateMultipartUpload", "no upload id"))?)
    }

    async fn part(&self, id: &str, number: i32, body: Bytes) -> Result<CompletedPart, CallError> {
        let request = self.s3.upload_part().bucket(&self.bucket).key(&self.key).upload_id(id).part_number(number);
        let sent = request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from(body)).send().await;
        let answer = sent.map_err(|error| CallError::new("UploadPart", error))?;
        let part = CompletedPart::builder().part_number(number);
        Ok(part.set_e_tag(answer.e_tag).set_checksum_crc32(answer.checksum_crc32).build())
    }

    async fn complete(&self, id: &str, parts: Vec<CompletedPart>) -> Result<String, UploadError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.s3.complete_multipart_upload().bucket(&self.bucket).key(&self.key).upload_id(id);
        let sent = request.checksum_type(ChecksumType::FullObject).multipart_upload(parts).send().await;
        let answer = sent.map_err(|error| CallError::new("CompleteMultipartUpload", error))?;
        answer.version_id.ok_or(UploadError::NoVersion("CompleteMultipartUpload"))
    }
}
