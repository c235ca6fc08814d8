//! The record of one delivery: a small object beside the key, `<key>.deliveries/<token>`, that stores which steps are
//! done.
//!
//! S3's conditional writes let only one delivery hold the record at a time, and only the holder continues.
//! `docs/delivery.md` shows why no sequence of events, faults and kills starts two runs or loses one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use serde::{Deserialize, Serialize};

use crate::pipeline::Target;
use crate::plan::Token;
use crate::upload::{Stored, UploadError};
use codecommit::aws::{Aws, CallError, Fault};
use codecommit::retry;

/// The number of attempts to claim a record that others write at the same time.
const ATTEMPTS: u32 = 4;

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// A random name of the delivery that holds the record.
    pub holder: String,
    /// Lambda's request id of the invocation that the holder belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The end of the hold, in seconds since 1970 (UTC); 0 if it was released.
    pub until: u64,
    /// The time of the first claim, in seconds since 1970 (UTC): no run of this delivery is older.
    pub since: u64,
    /// The version that was uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
    /// The execution that was started on the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The number of executions that failed before their source was read.
    #[serde(default)]
    pub failed_starts: u32,
}

/// The reason why a record could not be claimed or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A call to S3 failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Another delivery of the same event holds the record.
    #[error("another delivery of the same event is in progress and may take until {until} (seconds since 1970)")]
    InProgress {
        /// The end of its hold, in seconds since 1970 (UTC).
        until: u64,
    },
}

impl RecordError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            // A record is an object beside the archive: its writes fail with the codes of an upload.
            Self::Call(call) => UploadError::from(call.clone()).code(),
            Self::InProgress { .. } => "DeliveryInProgress",
        }
    }

    /// Returns whether another attempt with the same event is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Call(call) => UploadError::from(call.clone()).is_permanent(),
            Self::InProgress { .. } => false,
        }
    }
}

/// The hold on a record. A record that has an execution is returned without a hold, because nothing is left to do.
#[derive(Debug)]
pub struct Claim {
    object: RecordObject,
    e_tag: String,
    claimant: Claimant,
    record: Record,
}

/// A delivery that wants a record.
#[derive(Debug)]
pub struct Claimant {
    holder: String,
    request: Option<String>,
    until: u64,
}

impl Claimant {
    /// Creates a claimant for a delivery that ends at `deadline`. Earlier attempts with the same request id have ended,
    /// because Lambda retries an asynchronous event only after that.
    pub fn new(request: Option<&str>, deadline: SystemTime) -> Self {
        Self { holder: fresh_name(), request: request.map(str::to_owned), until: seconds(deadline) + 1 }
    }

    /// Returns whether the delivery that holds this record has ended.
    fn may_take_over(&self, record: &Record) -> bool {
        let is_retry = self.request.is_some() && self.request == record.request;
        is_retry || record.until <= seconds(SystemTime::now())
    }

    /// Returns a record of a delivery that has done nothing yet.
    fn first(&self) -> Record {
        let (since, request) = (seconds(SystemTime::now()), self.request.clone());
        let Self { holder, until, .. } = self;
        Record {
            holder: holder.clone(),
            request,
            until: *until,
            since,
            stored: None,
            execution: None,
            failed_starts: 0,
        }
    }

    /// Returns another delivery's record with this delivery as its holder.
    fn holding(&self, record: Record) -> Record {
        Record { holder: self.holder.clone(), request: self.request.clone(), until: self.until, ..record }
    }
}

/// Returns the key of the record of a delivery.
pub fn key(target: &Target, token: &Token) -> String {
    format!("{}.deliveries/{}", target.key, token.0)
}

/// Claims the record of a delivery: makes it, or takes it over from a delivery that has ended.
pub async fn claim(aws: &Aws, target: &Target, token: &Token, claimant: Claimant) -> Result<Claim, RecordError> {
    let object = RecordObject { s3: aws.s3.clone(), bucket: target.bucket.clone(), key: key(target, token) };
    let mut last_until = 0;
    for _ in 0..ATTEMPTS {
        let mine = claimant.first();
        if let Some(e_tag) = object.put(&mine, None).await? {
            return Ok(Claim { object, e_tag, claimant, record: mine });
        }
        let Some((record, e_tag)) = object.get().await? else { continue };
        // If the answer to our own write was lost, we hold the record already.
        if record.holder == claimant.holder || record.execution.is_some() {
            return Ok(Claim { object, e_tag, claimant, record });
        }
        last_until = record.until;
        if !claimant.may_take_over(&record) {
            break;
        }
        let taken_over = claimant.holding(record);
        if let Some(e_tag) = object.put(&taken_over, Some(&e_tag)).await? {
            return Ok(Claim { object, e_tag, claimant, record: taken_over });
        }
    }
    Err(RecordError::InProgress { until: last_until })
}

impl Claim {
    /// Returns the record as it was last read or written.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Returns the random name of this hold.
    pub fn holder(&self) -> &str {
        &self.claimant.holder
    }

    /// Records the version that was uploaded. No run may be started on it before this call.
    pub async fn uploaded(&mut self, stored: &Stored) -> Result<(), RecordError> {
        self.update(|record| record.stored = Some(stored.clone())).await
    }

    /// Records the execution that was started.
    pub async fn started(&mut self, execution: &str) -> Result<(), RecordError> {
        self.update(|record| record.execution = Some(execution.to_owned())).await
    }

    /// Takes over a record whose execution failed before it read its source, so that another execution may be
    /// started.
    pub async fn start_again(&mut self) -> Result<(), RecordError> {
        let failed_starts = self.record.failed_starts + 1;
        let record = Record { execution: None, failed_starts, ..self.claimant.holding(self.record.clone()) };
        let Some(e_tag) = self.object.put(&record, Some(&self.e_tag)).await? else {
            return self.adopt(&record).await;
        };
        (self.e_tag, self.record) = (e_tag, record);
        Ok(())
    }

    /// Ends the hold of a delivery that failed, so that the next one need not wait.
    pub async fn release(&mut self) -> Result<(), RecordError> {
        if self.record.holder != self.claimant.holder {
            return Ok(());
        }
        self.update(|record| record.until = 0).await
    }

    /// Changes the record. Fails if another delivery has taken it over.
    async fn update(&mut self, change: impl Fn(&mut Record)) -> Result<(), RecordError> {
        // The second attempt follows a conflict with our own earlier write, which timed out here but reached S3.
        for _ in 0..2 {
            let mut wanted = self.record.clone();
            change(&mut wanted);
            if let Some(e_tag) = self.object.put(&wanted, Some(&self.e_tag)).await? {
                (self.e_tag, self.record) = (e_tag, wanted);
                return Ok(());
            }
            if self.adopt(&wanted).await.is_ok() && self.record == wanted {
                return Ok(());
            }
        }
        Err(RecordError::InProgress { until: self.record.until })
    }

    /// Reads the record again after a conflict. Fails unless this delivery still holds it.
    async fn adopt(&mut self, wanted: &Record) -> Result<(), RecordError> {
        let Some((record, e_tag)) = self.object.get().await? else {
            return Err(RecordError::InProgress { until: wanted.until });
        };
        if record.holder != self.claimant.holder {
            return Err(RecordError::InProgress { until: record.until });
        }
        (self.e_tag, self.record) = (e_tag, record);
        Ok(())
    }
}

#[derive(Debug, Clone)]
struct RecordObject {
    s3: Client,
    bucket: String,
    key: String,
}

impl RecordObject {
    /// Writes the record over the one with this `ETag`, or creates it if there is no `ETag`. Returns `None` if S3 has
    /// another version of it.
    async fn put(&self, record: &Record, over: Option<&str>) -> Result<Option<String>, CallError> {
        let body = serde_json::to_vec(record).map_err(|error| CallError::malformed("PutObject", error))?;
        let request = self.s3.put_object().bucket(&self.bucket).key(&self.key).content_type("application/json");
        let request = match over {
            Some(e_tag) => request.if_match(e_tag),
            None => request.if_none_match("*"),
        };
        let sent = request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from(body)).send().await;
        match sent.map_err(|error| CallError::new("PutObject", error)) {
            Ok(answer) => {
                let e_tag = answer.e_tag.ok_or_else(|| CallError::malformed("PutObject", "no ETag"))?;
                Ok(Some(e_tag))
            }
            Err(call) if call.is(&["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"]) => Ok(None),
            // The write may have succeeded although no answer came. Then the record is ours.
            Err(call) if call.fault == Fault::Transient => match self.get().await? {
                Some((found, e_tag)) if found == *record => Ok(Some(e_tag)),
                _ => Err(call),
            },
            Err(call) => Err(call),
        }
    }

    async fn get(&self) -> Result<Option<(Record, String)>, CallError> {
        let sent = self.s3.get_object().bucket(&self.bucket).key(&self.key).send().await;
        let answer = match sent.map_err(|error| CallError::new("GetObject", error)) {
            Err(call) if call.is(&["NoSuchKey"]) => return Ok(None),
            answer => answer?,
        };
        let e_tag = answer.e_tag.unwrap_or_default();
        let body = answer.body.collect().await.map_err(|error| CallError::malformed("GetObject", error))?;
        let record = serde_json::from_slice(&body.into_bytes()).map_err(|error| {
            CallError::malformed("GetObject", format!("{} is not a delivery record: {error}", self.key))
        })?;
        Ok(Some((record, e_tag)))
    }
}

fn fresh_name() -> String {
    let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{moment:x}-{:016x}", retry::random())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since: Duration| since.as_secs())
}
