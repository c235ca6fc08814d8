//! The operations on objects.

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition,
    Error as DeletionError, ObjectIdentifier, PutObjectInput, PutObjectOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::attributes::{attributes, refuse_unmodeled, set_encryption};
use super::bucket::{Bucket, Deletion, now};
use super::checksum::Algorithm;
use super::conditions::check_write;
use super::declared::{Declared, given_checksums, set_checksum};
use super::errors::e_tag;
use super::object::{Object, StoredChecksum};
use super::store::Store;

/// The maximum size of one request's body.
pub(super) const PUT_BYTES: i64 = 5 * 1024 * 1024 * 1024;
/// The maximum number of keys in one `DeleteObjects`.
const DELETE_OBJECTS: usize = 1000;

pub(super) async fn put(store: &Store, mut request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let body = request.input.body.take();
    let input = &request.input;
    refuse_unmodeled!(input)?;
    if input.write_offset_bytes.is_some() {
        return Err(s3_error!(NotImplemented, "x-amz-write-offset-bytes is not modeled"));
    }
    check_size(input.content_length)?;
    let attributes = attributes!(input);
    attributes.check()?;
    let owner = input.expected_bucket_owner.as_deref();
    store.bucket(&input.bucket, owner, |_| Ok(()))?;

    let algorithm = input.checksum_algorithm.as_ref();
    let declared = Declared::new(&request, given_checksums!(input), algorithm, input.content_md5.as_deref())?;
    let algorithm = declared.algorithm.unwrap_or(Algorithm::Crc64Nvme);
    let received = declared.receive(body, store.space(), &[algorithm]).await?;
    let text = received.checksums.iter().map(super::checksum::Checksum::base64).collect();
    let object = Object {
        attributes,
        e_tag: hex::encode(received.md5),
        body: received.body,
        checksum: StoredChecksum { algorithm, text, full_object: true },
        parts: Vec::new(),
    };

    let mut output = PutObjectOutput { e_tag: Some(e_tag(&object.e_tag)), ..Default::default() };
    set_encryption!(output, object.attributes.encryption);
    set_checksum!(output, algorithm, object.checksum.text.clone());
    output.checksum_type = Some(object.checksum.kind());
    output.version_id = store.bucket(&input.bucket, owner, |bucket| {
        check_write(bucket, &input.key, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        Ok(bucket.put(&input.key, object, now()))
    })?;
    Ok(output)
}

pub(super) fn delete(store: &Store, input: &DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
    if input.if_match_size.is_some() || input.if_match_last_modified_time.is_some() {
        return Err(s3_error!(NotImplemented, "deletes with conditions other than If-Match are not modeled"));
    }
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        check_write(bucket, &input.key, input.if_match.as_ref(), None)?;
        let Deletion { delete_marker, version_id } = bucket.delete(&input.key, input.version_id.as_deref())?;
        Ok(DeleteObjectOutput { delete_marker: delete_marker.then_some(true), version_id, ..Default::default() })
    })
}

pub(super) fn delete_many(store: &Store, input: &DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    if input.delete.objects.is_empty() || input.delete.objects.len() > DELETE_OBJECTS {
        return Err(s3_error!(MalformedXML, "The XML you provided was not well-formed or did not validate"));
    }
    let quiet = input.delete.quiet == Some(true);
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in &input.delete.objects {
            match delete_one(bucket, object) {
                Ok(_) if quiet => {}
                Ok(deletion) => deleted.push(DeletedObject {
                    delete_marker: deletion.delete_marker.then_some(true),
                    delete_marker_version_id: deletion.version_id.filter(|_| deletion.delete_marker),
                    key: Some(object.key.clone()),
                    version_id: object.version_id.clone(),
                }),
                Err(error) => errors.push(DeletionError {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(object.key.clone()),
                    message: error.message().map(str::to_owned),
                    version_id: object.version_id.clone(),
                }),
            }
        }
        Ok(DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), ..Default::default() })
    })
}

/// Deletes one object of a list, if its condition holds.
fn delete_one(bucket: &mut Bucket, object: &ObjectIdentifier) -> S3Result<Deletion> {
    if object.size.is_some() || object.last_modified_time.is_some() {
        return Err(s3_error!(NotImplemented, "deletes with conditions other than ETag are not modeled"));
    }
    let condition = object.e_tag.clone().map(ETagCondition::ETag);
    check_write(bucket, &object.key, condition.as_ref(), None)?;
    bucket.delete(&object.key, object.version_id.as_deref())
}

/// Refuses a body of more than 5 GiB before it is read.
pub(super) fn check_size(content_length: Option<i64>) -> S3Result {
    if content_length.is_some_and(|length| length > PUT_BYTES) {
        return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"));
    }
    Ok(())
}
