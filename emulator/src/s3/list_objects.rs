//! `ListObjectsV2` and `ListObjects`.

use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE, Engine as _};
use s3s::dto::{
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object as ObjectEntry,
    ObjectStorageClass,
};
use s3s::{S3Result, s3_error};

use super::bucket::Bucket;
use super::buckets::owner;
use super::errors::e_tag;
use super::listing::{Encoding, Query, algorithms, delimiter, maximum, storage_class};
use super::object::{Object, Version};
use super::store::Store;

pub(super) fn list(store: &Store, input: &ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let token = input.continuation_token.as_deref().map(decode_token).transpose()?;
    let marker = token.as_deref().or(input.start_after.as_deref());
    let maximum = maximum(input.max_keys, "max-keys")?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let query = Query { prefix, delimiter: delimiter(input.delimiter.as_deref()), marker, maximum };
    let page = store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        Ok(query.page(later(bucket, marker)))
    })?;
    let count = page.entries.len() + page.prefixes.len();
    let contents = page.entries.iter().map(|(key, (version, object))| ObjectEntry {
        owner: (input.fetch_owner == Some(true)).then(owner),
        ..entry(encoding.text(key), version, object)
    });
    Ok(ListObjectsV2Output {
        name: Some(input.bucket.clone()),
        prefix: Some(encoding.text(prefix)),
        max_keys: i32::try_from(maximum).ok(),
        key_count: i32::try_from(count).ok(),
        continuation_token: input.continuation_token.clone(),
        is_truncated: Some(page.truncated),
        next_continuation_token: page.last.filter(|_| page.truncated).map(|last| BASE64_URL_SAFE.encode(last)),
        contents: Some(contents.collect()),
        common_prefixes: Some(encoding.prefixes(&page.prefixes)),
        delimiter: encoding.optional(input.delimiter.as_deref()),
        encoding_type: input.encoding_type.clone(),
        start_after: encoding.optional(input.start_after.as_deref()),
        ..Default::default()
    })
}

/// Lists objects in the first version of the operation, where the marker is a key.
pub(super) fn list_v1(store: &Store, input: &ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let marker = input.marker.as_deref().filter(|marker| !marker.is_empty());
    let maximum = maximum(input.max_keys, "max-keys")?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let query = Query { prefix, delimiter: delimiter(input.delimiter.as_deref()), marker, maximum };
    let page = store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        Ok(query.page(later(bucket, marker)))
    })?;
    let contents = page.entries.iter().map(|(key, (version, object))| ObjectEntry {
        owner: Some(owner()),
        ..entry(encoding.text(key), version, object)
    });
    // Without a delimiter, clients use the last key as the next marker.
    let next_marker = page.last.as_deref().filter(|_| page.truncated && query.delimiter.is_some());
    Ok(ListObjectsOutput {
        name: Some(input.bucket.clone()),
        prefix: Some(encoding.text(prefix)),
        marker: Some(encoding.text(input.marker.as_deref().unwrap_or_default())),
        next_marker: encoding.optional(next_marker),
        max_keys: i32::try_from(maximum).ok(),
        is_truncated: Some(page.truncated),
        contents: Some(contents.collect()),
        common_prefixes: Some(encoding.prefixes(&page.prefixes)),
        delimiter: encoding.optional(input.delimiter.as_deref()),
        encoding_type: input.encoding_type.clone(),
        ..Default::default()
    })
}

/// Returns the newest version of each key after the marker, without delete markers.
fn later(bucket: &Bucket, marker: Option<&str>) -> impl Iterator<Item = (String, (Version, Arc<Object>))> {
    let later = move |key: &str| marker.is_none_or(|marker| key > marker);
    let later = bucket.keys.iter().filter(move |(key, _)| later(key));
    later.filter_map(|(key, versions)| {
        let version = versions.last()?;
        let object = Arc::clone(version.object.as_ref()?);
        Some((key.clone(), (version.clone(), object)))
    })
}

fn entry(key: String, version: &Version, object: &Object) -> ObjectEntry {
    ObjectEntry {
        checksum_algorithm: Some(algorithms(object)),
        checksum_type: Some(object.checksum.kind()),
        e_tag: Some(e_tag(&object.e_tag)),
        key: Some(key),
        last_modified: Some(version.last_modified.into()),
        size: i64::try_from(object.body.len()).ok(),
        storage_class: Some(ObjectStorageClass::from(storage_class(object))),
        ..Default::default()
    }
}

fn decode_token(token: &str) -> S3Result<String> {
    let decoded = BASE64_URL_SAFE.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}
