//! `CopyObject` and `UploadPartCopy`.

use std::sync::Arc;

use http::HeaderMap;
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, ETagCondition, MetadataDirective,
    StreamingBlob, UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, s3_error};

use super::attributes::{Attributes, attributes, refuse_unmodeled, set_encryption};
use super::bucket::now;
use super::conditions::{ReadConditions, check_write, precondition_failed};
use super::declared::{algorithm_of, receive, set_checksum};
use super::errors::e_tag;
use super::multipart::{check_part_number, find};
use super::object::{Object, StoredChecksum, Version};
use super::objects::PUT_BYTES;
use super::parts::Part;
use super::store::Store;

/// The source of a copy.
struct CopiedObject {
    version: Version,
    object: Arc<Object>,
    /// The version ID for the response.
    version_id: Option<String>,
}

pub(super) async fn copy(store: &Store, request: &S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    let input = &request.input;
    let (if_match, if_none_match) =
        (condition(&request.headers, "if-match")?, condition(&request.headers, "if-none-match")?);
    refuse_unmodeled!(input)?;
    let replaces = input.metadata_directive.as_ref().is_some_and(|it| it.as_str() == MetadataDirective::REPLACE);
    check_changes(input, replaces)?;
    let owner = input.expected_source_bucket_owner.as_deref();
    let source = find_source(store, &input.copy_source, owner, input.copy_source_sse_customer_key.is_some())?;
    check_conditions(&read_conditions!(input), &source)?;
    if source.object.body.len() > PUT_BYTES.unsigned_abs() {
        return Err(s3_error!(
            InvalidRequest,
            "The specified copy source is larger than the maximum allowable size for a copy source"
        ));
    }
    let attributes = copied_attributes(input, &source.object, replaces);
    attributes.check()?;

    let asked = input.checksum_algorithm.as_ref().map(|algorithm| algorithm_of(algorithm.as_str())).transpose()?;
    let algorithm = asked.unwrap_or(source.object.checksum.algorithm);
    let body = StreamingBlob::wrap(source.object.body.stream(0..source.object.body.len()));
    let received = receive(Some(body), store.space(), &[algorithm]).await?;
    let text = received.checksum(algorithm).map(super::checksum::Checksum::base64).unwrap_or_default();
    let object = Object {
        attributes,
        e_tag: hex::encode(received.md5),
        body: received.body,
        checksum: StoredChecksum { algorithm, text, full_object: true },
        parts: Vec::new(),
    };
    let last_modified = now();
    let mut result = CopyObjectResult {
        checksum_type: Some(object.checksum.kind()),
        e_tag: Some(e_tag(&object.e_tag)),
        last_modified: Some(last_modified.into()),
        ..Default::default()
    };
    set_checksum!(result, algorithm, object.checksum.text.clone());
    let mut output = CopyObjectOutput { copy_source_version_id: source.version_id, ..Default::default() };
    set_encryption!(output, object.attributes.encryption);
    output.copy_object_result = Some(result);
    output.version_id = store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        check_write(bucket, &input.key, if_match.as_ref(), if_none_match.as_ref())?;
        Ok(bucket.put(&input.key, object, last_modified))
    })?;
    Ok(output)
}

pub(super) async fn copy_part(store: &Store, input: &UploadPartCopyInput) -> S3Result<UploadPartCopyOutput> {
    check_part_number(input.part_number)?;
    let owner = input.expected_source_bucket_owner.as_deref();
    let source = find_source(store, &input.copy_source, owner, input.copy_source_sse_customer_key.is_some())?;
    check_conditions(&read_conditions!(input), &source)?;
    let owner = input.expected_bucket_owner.as_deref();
    let (checksums, space, encryption) = store.bucket(&input.bucket, owner, |bucket| {
        let upload = find(bucket, &input.key, &input.upload_id)?;
        Ok((upload.checksums, upload.space.clone(), upload.attributes.encryption.clone()))
    })?;
    let range = range(input.copy_source_range.as_deref(), source.object.body.len())?;
    let body = StreamingBlob::wrap(source.object.body.stream(range));
    let received = receive(Some(body), space, &[checksums.algorithm()]).await?;
    let last_modified = now();
    let mut result = CopyPartResult {
        e_tag: Some(e_tag(&hex::encode(received.md5))),
        last_modified: Some(last_modified.into()),
        ..Default::default()
    };
    if let Some(checksum) = checksums.requested().and_then(|it| received.checksum(it)) {
        set_checksum!(result, checksum.algorithm, checksum.base64());
    }
    let part = Part::new(received, checksums.algorithm(), last_modified)?;
    store.bucket(&input.bucket, owner, |bucket| {
        find(bucket, &input.key, &input.upload_id)?.parts.insert(input.part_number, part);
        Ok(())
    })?;
    let mut output = UploadPartCopyOutput { copy_source_version_id: source.version_id, ..Default::default() };
    set_encryption!(output, encryption);
    output.copy_part_result = Some(result);
    Ok(output)
}

/// The conditions on the source of a copy.
macro_rules! read_conditions {
    ($input:expr) => {
        ReadConditions {
            matches: $input.copy_source_if_match.as_ref(),
            modified_since: $input.copy_source_if_modified_since.as_ref(),
            none_match: $input.copy_source_if_none_match.as_ref(),
            unmodified_since: $input.copy_source_if_unmodified_since.as_ref(),
        }
    };
}
use read_conditions;

/// Reads a condition on the destination, which `s3s` does not know for this operation.
fn condition(headers: &HeaderMap, name: &str) -> S3Result<Option<ETagCondition>> {
    let value = headers.get(name).map(|value| ETagCondition::parse_http_header(value.as_bytes()));
    value.transpose().map_err(|_| s3_error!(InvalidArgument, "The {name} header is not valid"))
}

fn find_source(store: &Store, source: &CopySource, owner: Option<&str>, customer_key: bool) -> S3Result<CopiedObject> {
    if customer_key {
        return Err(s3_error!(NotImplemented, "customer keys are not modeled"));
    }
    let CopySource::Bucket { bucket, key, version_id } = source else {
        return Err(s3_error!(NotImplemented, "copies from access points are not modeled"));
    };
    store.bucket(bucket, owner, |bucket| {
        let (version, object) = bucket.find(key, version_id.as_deref())?;
        let version_id = bucket.visible_id(version);
        Ok(CopiedObject { version: version.clone(), object: Arc::clone(object), version_id })
    })
}

/// Checks the conditions on the source; a copy has no `NotModified`.
fn check_conditions(conditions: &ReadConditions<'_>, source: &CopiedObject) -> S3Result {
    let checked = conditions.check(&source.version, &source.object);
    checked.map_err(|error| match error.code() {
        S3ErrorCode::NotModified => precondition_failed(),
        _ => error,
    })
}

/// Refuses a copy of an object to itself that changes nothing.
fn check_changes(input: &CopyObjectInput, replaces: bool) -> S3Result {
    let CopySource::Bucket { bucket, key, version_id: None } = &input.copy_source else {
        return Ok(());
    };
    let changes = replaces || input.storage_class.is_some() || input.server_side_encryption.is_some();
    if changes || **bucket != *input.bucket || **key != *input.key {
        return Ok(());
    }
    Err(s3_error!(
        InvalidRequest,
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
         metadata, storage class, website redirect location or encryption attributes."
    ))
}

fn copied_attributes(input: &CopyObjectInput, source: &Object, replaces: bool) -> Attributes {
    let given = attributes!(input);
    if replaces {
        return given;
    }
    // The storage class and the encryption are those of the request, never those of the source.
    Attributes { storage_class: given.storage_class, encryption: given.encryption, ..source.attributes.clone() }
}

/// Parses `bytes=first-last`, which must be within the source.
fn range(range: Option<&str>, length: u64) -> S3Result<std::ops::Range<u64>> {
    let Some(range) = range else {
        return Ok(0..length);
    };
    let invalid = || -> S3Error {
        s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy"
        )
    };
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(invalid)?;
    let (first, last): (u64, u64) = first.parse().ok().zip(last.parse().ok()).ok_or_else(invalid)?;
    if first > last {
        return Err(invalid());
    }
    if last >= length {
        return Err(s3_error!(InvalidRange, "The requested range is not satisfiable: the source has {length} bytes"));
    }
    Ok(first..last + 1)
}
