//! The operations on multipart uploads.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, Initiator, ListPartsInput, ListPartsOutput, Part as PartEntry, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::attributes::{attributes, refuse_unmodeled, set_encryption};
use super::bucket::{Bucket, now, random_id};
use super::buckets::owner;
use super::checksum::Algorithm;
use super::conditions::check_write;
use super::declared::{Declared, algorithm_of, given_checksums, set_checksum};
use super::errors::e_tag;
use super::object::Object;
use super::objects::check_size;
use super::parts::{CompletedUpload, Part, PartChecksums, Upload};
use super::store::Store;

const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

pub(super) fn create(store: &Store, input: &CreateMultipartUploadInput) -> S3Result<CreateMultipartUploadOutput> {
    refuse_unmodeled!(input)?;
    let attributes = attributes!(input);
    attributes.check()?;
    let checksums = part_checksums(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    let id = random_id(128);
    let (checksum_algorithm, checksum_type) = visible_checksum(checksums);
    let mut output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        checksum_algorithm,
        checksum_type,
        key: Some(input.key.clone()),
        upload_id: Some(id.clone()),
        ..Default::default()
    };
    set_encryption!(output, attributes.encryption);
    let upload = Upload {
        id,
        key: input.key.clone(),
        initiated: now(),
        attributes,
        checksums,
        parts: std::collections::BTreeMap::new(),
        space: store.space(),
    };
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        bucket.uploads.push(upload);
        Ok(output)
    })
}

pub(super) async fn upload_part(store: &Store, mut request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let body = request.input.body.take();
    let input = &request.input;
    check_part_number(input.part_number)?;
    if input.sse_customer_key.is_some() {
        return Err(s3_error!(NotImplemented, "customer keys are not modeled"));
    }
    check_size(input.content_length)?;
    let owner = input.expected_bucket_owner.as_deref();
    let (checksums, space, encryption) = store.bucket(&input.bucket, owner, |bucket| {
        let upload = find(bucket, &input.key, &input.upload_id)?;
        Ok((upload.checksums, upload.space.clone(), upload.attributes.encryption.clone()))
    })?;

    let algorithm = input.checksum_algorithm.as_ref();
    let declared = Declared::new(&request, given_checksums!(input), algorithm, input.content_md5.as_deref())?;
    check_algorithm(checksums, declared.algorithm)?;
    let algorithms: Vec<_> = [Some(checksums.algorithm()), declared.algorithm].into_iter().flatten().collect();
    let received = declared.receive(body, space, &algorithms).await?;

    let mut output = UploadPartOutput { e_tag: Some(e_tag(&hex::encode(received.md5))), ..Default::default() };
    set_encryption!(output, encryption);
    if let Some(checksum) = declared.algorithm.or(checksums.requested()).and_then(|it| received.checksum(it)) {
        set_checksum!(output, checksum.algorithm, checksum.base64());
    }
    let part = Part::new(received, checksums.algorithm(), now())?;
    store.bucket(&input.bucket, owner, |bucket| {
        find(bucket, &input.key, &input.upload_id)?.parts.insert(input.part_number, part);
        Ok(output)
    })
}

/// Completes an upload; a repeated request gets the same response. The object's modification time is the upload's
/// initiation, as S3 documents.
pub(super) fn complete(store: &Store, input: &CompleteMultipartUploadInput) -> S3Result<CompleteMultipartUploadOutput> {
    let listed = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_deref()).unwrap_or_default();
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        if let Some(completed) = bucket.completed.get(&input.upload_id).filter(|it| it.key == input.key) {
            return Ok(completed_output(&input.bucket, completed));
        }
        let upload = find(bucket, &input.key, &input.upload_id)?;
        let initiated = upload.initiated;
        let object = upload.complete(listed)?;
        check_whole(input, &object)?;
        check_write(bucket, &input.key, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let (e_tag, checksum) = (object.e_tag.clone(), object.checksum.clone());
        let (key, encryption) = (input.key.clone(), object.attributes.encryption.clone());
        bucket.uploads.retain(|upload| upload.id != input.upload_id);
        let version_id = bucket.put(&key, object, initiated);
        let completed = CompletedUpload { key, e_tag, checksum, encryption, version_id };
        let output = completed_output(&input.bucket, &completed);
        bucket.completed.insert(input.upload_id.clone(), completed);
        Ok(output)
    })
}

fn completed_output(bucket: &str, completed: &CompletedUpload) -> CompleteMultipartUploadOutput {
    let mut output = CompleteMultipartUploadOutput {
        bucket: Some(bucket.to_owned()),
        e_tag: Some(e_tag(&completed.e_tag)),
        key: Some(completed.key.clone()),
        location: Some(format!("/{bucket}/{}", completed.key)),
        checksum_type: Some(completed.checksum.kind()),
        version_id: completed.version_id.clone(),
        ..Default::default()
    };
    set_encryption!(output, completed.encryption);
    set_checksum!(output, completed.checksum.algorithm, completed.checksum.text.clone());
    output
}

pub(super) fn check_part_number(number: i32) -> S3Result {
    if PART_NUMBERS.contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"))
}

pub(super) fn abort(store: &Store, input: &AbortMultipartUploadInput) -> S3Result<AbortMultipartUploadOutput> {
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        find(bucket, &input.key, &input.upload_id)?;
        bucket.uploads.retain(|upload| upload.id != input.upload_id);
        Ok(AbortMultipartUploadOutput::default())
    })
}

pub(super) fn list_parts(store: &Store, input: &ListPartsInput) -> S3Result<ListPartsOutput> {
    let marker = input.part_number_marker.unwrap_or(0);
    let max_parts = usize::try_from(input.max_parts.unwrap_or(1000).min(1000))
        .map_err(|_| s3_error!(InvalidArgument, "Argument max-parts must be an integer between 0 and 2147483647"))?;
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        let upload = find(bucket, &input.key, &input.upload_id)?;
        let mut later = upload.parts.range(marker.saturating_add(1)..);
        let parts: Vec<_> = later.by_ref().take(max_parts).map(|(number, part)| entry(*number, part, upload)).collect();
        let (checksum_algorithm, checksum_type) = visible_checksum(upload.checksums);
        Ok(ListPartsOutput {
            bucket: Some(input.bucket.clone()),
            checksum_algorithm,
            checksum_type,
            initiator: Some(Initiator { display_name: None, id: owner().id }),
            is_truncated: Some(later.next().is_some()),
            key: Some(input.key.clone()),
            max_parts: i32::try_from(max_parts).ok(),
            next_part_number_marker: Some(parts.last().and_then(|part| part.part_number).unwrap_or(0)),
            owner: Some(owner()),
            part_number_marker: Some(marker),
            parts: Some(parts),
            storage_class: upload.attributes.storage_class.clone(),
            upload_id: Some(upload.id.clone()),
            ..Default::default()
        })
    })
}

/// Returns the upload's checksum for responses; `None` if the client asked for none.
pub(super) fn visible_checksum(checksums: PartChecksums) -> (Option<ChecksumAlgorithm>, Option<ChecksumType>) {
    let kind = match checksums {
        PartChecksums::Unrequested => return (None, None),
        PartChecksums::FullObject(_) => ChecksumType::FULL_OBJECT,
        PartChecksums::Composite(_) => ChecksumType::COMPOSITE,
    };
    let algorithm = ChecksumAlgorithm::from_static(checksums.algorithm().name());
    (Some(algorithm), Some(ChecksumType::from_static(kind)))
}

pub(super) fn find<'a>(bucket: &'a mut Bucket, key: &str, id: &str) -> S3Result<&'a mut Upload> {
    bucket.uploads.iter_mut().find(|upload| upload.id == id && upload.key == key).ok_or_else(|| {
        s3_error!(
            NoSuchUpload,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted \
             or completed."
        )
    })
}

fn entry(number: i32, part: &Part, upload: &Upload) -> PartEntry {
    let mut entry = PartEntry {
        e_tag: Some(e_tag(&hex::encode(part.md5))),
        last_modified: Some(part.last_modified.into()),
        part_number: Some(number),
        size: i64::try_from(part.body.len()).ok(),
        ..Default::default()
    };
    if upload.checksums.requested().is_some() {
        set_checksum!(entry, part.checksum.algorithm, part.checksum.base64());
    }
    entry
}

/// Returns the checksums that parts need, by the table in "Checking object integrity" of the S3 user guide.
fn part_checksums(algorithm: Option<&ChecksumAlgorithm>, kind: Option<&ChecksumType>) -> S3Result<PartChecksums> {
    let kind = kind.map(ChecksumType::as_str);
    let Some(algorithm) = algorithm else {
        return match kind {
            None => Ok(PartChecksums::Unrequested),
            Some(_) => Err(s3_error!(
                InvalidRequest,
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )),
        };
    };
    let algorithm = algorithm_of(algorithm.as_str())?;
    let allowed = match (algorithm, kind) {
        (Algorithm::Crc64Nvme, None | Some(ChecksumType::FULL_OBJECT))
        | (Algorithm::Crc32 | Algorithm::Crc32c, Some(ChecksumType::FULL_OBJECT)) => {
            Some(PartChecksums::FullObject(algorithm))
        }
        (Algorithm::Crc64Nvme, _) | (Algorithm::Sha1 | Algorithm::Sha256, Some(ChecksumType::FULL_OBJECT)) => None,
        (_, None | Some(ChecksumType::COMPOSITE)) => Some(PartChecksums::Composite(algorithm)),
        _ => None,
    };
    allowed.ok_or_else(|| {
        s3_error!(
            InvalidRequest,
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind.unwrap_or_default(),
            algorithm.name().to_lowercase()
        )
    })
}

fn check_algorithm(checksums: PartChecksums, given: Option<Algorithm>) -> S3Result {
    let mismatch = match (checksums, given) {
        (PartChecksums::Composite(_), None) => true,
        (PartChecksums::Composite(asked) | PartChecksums::FullObject(asked), Some(given)) => asked != given,
        _ => false,
    };
    if mismatch {
        return Err(s3_error!(
            InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            checksums.algorithm().name().to_lowercase(),
            given.map_or_else(|| "null".to_owned(), |given| given.name().to_lowercase())
        ));
    }
    Ok(())
}

/// Checks the size and the checksum that the client gives for the whole object.
fn check_whole(input: &CompleteMultipartUploadInput, object: &Object) -> S3Result {
    if let Some(size) = input.mpu_object_size
        && u64::try_from(size).ok() != Some(object.body.len())
    {
        return Err(s3_error!(
            InvalidRequest,
            "The provided 'x-amz-mp-object-size' header does not match what was computed."
        ));
    }
    if input.checksum_type.as_ref().is_some_and(|kind| kind.as_str() != object.checksum.kind().as_str()) {
        return Err(s3_error!(InvalidRequest, "The checksum type does not match that of the upload."));
    }
    for (algorithm, given) in given_checksums!(input) {
        let Some(given) = given else { continue };
        if algorithm != object.checksum.algorithm || given != object.checksum.text {
            return Err(bad_digest(algorithm));
        }
    }
    Ok(())
}

fn bad_digest(algorithm: Algorithm) -> S3Error {
    s3_error!(BadDigest, "The {} you specified did not match the calculated checksum.", algorithm.name())
}
