//! `ListMultipartUploads`.

use s3s::S3Result;
use s3s::dto::{Initiator, ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload, StorageClass};

use super::bucket::Bucket;
use super::buckets::owner;
use super::listing::{Encoding, Query, delimiter, maximum};
use super::multipart::visible_checksum;
use super::parts::Upload;
use super::store::Store;

/// Lists uploads by key, and those of one key from the oldest to the newest.
pub(super) fn list(store: &Store, input: &ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let key_marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    let maximum = maximum(input.max_uploads, "max-uploads")?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let query = Query { prefix, delimiter: delimiter(input.delimiter.as_deref()), marker: key_marker, maximum };
    let page = store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        let id_marker = input.upload_id_marker.as_deref().filter(|marker| !marker.is_empty());
        let later = later_uploads(bucket, key_marker, id_marker);
        let entries = later.map(|upload| (upload.key.clone(), upload_entry(upload, encoding)));
        Ok(query.page(entries))
    })?;
    let last_id = page.entries.last().filter(|(key, _)| page.last.as_ref() == Some(key));
    let next_upload_id_marker = last_id.and_then(|(_, upload)| upload.upload_id.clone()).filter(|_| page.truncated);
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket.clone()),
        common_prefixes: Some(encoding.prefixes(&page.prefixes)),
        delimiter: encoding.optional(input.delimiter.as_deref()),
        encoding_type: input.encoding_type.clone(),
        is_truncated: Some(page.truncated),
        key_marker: Some(encoding.text(input.key_marker.as_deref().unwrap_or_default())),
        max_uploads: i32::try_from(maximum).ok(),
        next_key_marker: encoding.optional(page.last.as_deref().filter(|_| page.truncated)),
        next_upload_id_marker,
        prefix: Some(encoding.text(prefix)),
        upload_id_marker: Some(input.upload_id_marker.clone().unwrap_or_default()),
        uploads: Some(page.entries.into_iter().map(|(_, upload)| upload).collect()),
        ..Default::default()
    })
}

fn later_uploads<'a>(
    bucket: &'a Bucket,
    key_marker: Option<&'a str>,
    id_marker: Option<&'a str>,
) -> impl Iterator<Item = &'a Upload> {
    let initiated = |id: &str| bucket.uploads.iter().position(|upload| upload.id == id);
    let marker = id_marker.and_then(initiated);
    let mut uploads: Vec<_> = bucket.uploads.iter().enumerate().collect();
    uploads.sort_by(|(_, one), (_, other)| one.key.cmp(&other.key));
    let later = uploads.into_iter().filter(move |(initiated, upload)| match key_marker {
        None => true,
        Some(key) if upload.key == key => marker.is_some_and(|marker| *initiated > marker),
        Some(key) => upload.key.as_str() > key,
    });
    later.map(|(_, upload)| upload)
}

fn upload_entry(upload: &Upload, encoding: Encoding) -> MultipartUpload {
    let (checksum_algorithm, checksum_type) = visible_checksum(upload.checksums);
    let storage_class = upload.attributes.storage_class.clone();
    MultipartUpload {
        checksum_algorithm,
        checksum_type,
        initiated: Some(upload.initiated.into()),
        initiator: Some(Initiator { display_name: None, id: owner().id }),
        key: Some(encoding.text(&upload.key)),
        owner: Some(owner()),
        storage_class: Some(storage_class.unwrap_or_else(|| StorageClass::from_static(StorageClass::STANDARD))),
        upload_id: Some(upload.id.clone()),
    }
}
