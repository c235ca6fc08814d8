//! `ListObjectVersions`.

use std::cmp::Ordering;

use s3s::dto::{
    DeleteMarkerEntry, ListObjectVersionsInput, ListObjectVersionsOutput, ObjectVersion, ObjectVersionStorageClass,
};
use s3s::{S3Result, s3_error};

use super::bucket::Bucket;
use super::buckets::owner;
use super::errors::e_tag;
use super::listing::{Encoding, Query, algorithms, delimiter, maximum, storage_class};
use super::object::{Object, Version};
use super::store::Store;

/// A key with one of its versions, and true if it is the newest.
type ListedVersion = (String, (Version, bool));

/// Lists versions by key, and those of one key from the newest to the oldest.
pub(super) fn list(store: &Store, input: &ListObjectVersionsInput) -> S3Result<ListObjectVersionsOutput> {
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let key_marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    let id_marker = input.version_id_marker.as_deref().filter(|marker| !marker.is_empty());
    if id_marker.is_some() && key_marker.is_none() {
        return Err(s3_error!(InvalidArgument, "A version-id marker cannot be specified without a key marker."));
    }
    let maximum = maximum(input.max_keys, "max-keys")?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let query = Query { prefix, delimiter: delimiter(input.delimiter.as_deref()), marker: key_marker, maximum };
    let page = store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        Ok(query.page(later_versions(bucket, key_marker, id_marker)?.into_iter()))
    })?;

    let last_id = page.entries.last().filter(|(key, _)| page.last.as_ref() == Some(key));
    let next_version_id_marker = last_id.map(|(_, (version, _))| version.id.clone()).filter(|_| page.truncated);
    let (versions, delete_markers) = split(&page.entries, encoding);
    Ok(ListObjectVersionsOutput {
        common_prefixes: Some(encoding.prefixes(&page.prefixes)),
        delete_markers: Some(delete_markers),
        delimiter: encoding.optional(input.delimiter.as_deref()),
        encoding_type: input.encoding_type.clone(),
        is_truncated: Some(page.truncated),
        key_marker: Some(encoding.text(input.key_marker.as_deref().unwrap_or_default())),
        max_keys: i32::try_from(maximum).ok(),
        name: Some(input.bucket.clone()),
        next_key_marker: encoding.optional(page.last.as_deref().filter(|_| page.truncated)),
        next_version_id_marker,
        prefix: Some(encoding.text(prefix)),
        version_id_marker: Some(input.version_id_marker.clone().unwrap_or_default()),
        versions: Some(versions),
        ..Default::default()
    })
}

/// Returns the versions after the markers.
fn later_versions(bucket: &Bucket, key_marker: Option<&str>, id_marker: Option<&str>) -> S3Result<Vec<ListedVersion>> {
    let mut later = Vec::new();
    for (key, versions) in &bucket.keys {
        let newest_first = versions.iter().rev().enumerate().map(|(age, version)| (version.clone(), age == 0));
        let mut skipped = 0;
        match (key_marker.map(|marker| key.as_str().cmp(marker)), id_marker) {
            (Some(Ordering::Less), _) | (Some(Ordering::Equal), None) => {
                continue;
            }
            (Some(Ordering::Equal), Some(id)) => {
                let marker = bucket.sequence(key, id);
                let marker = marker.ok_or_else(|| s3_error!(InvalidArgument, "Invalid version id specified"))?;
                skipped = versions.iter().filter(|version| version.sequence >= marker).count();
            }
            _ => {}
        }
        later.extend(newest_first.skip(skipped).map(|version| (key.clone(), version)));
    }
    Ok(later)
}

/// Splits versions and delete markers, which the response lists separately.
fn split(entries: &[ListedVersion], encoding: Encoding) -> (Vec<ObjectVersion>, Vec<DeleteMarkerEntry>) {
    let (mut versions, mut delete_markers) = (Vec::new(), Vec::new());
    for (key, (version, is_latest)) in entries {
        match &version.object {
            Some(object) => versions.push(version_entry(encoding.text(key), version, object, *is_latest)),
            None => delete_markers.push(DeleteMarkerEntry {
                is_latest: Some(*is_latest),
                key: Some(encoding.text(key)),
                last_modified: Some(version.last_modified.into()),
                owner: Some(owner()),
                version_id: Some(version.id.clone()),
            }),
        }
    }
    (versions, delete_markers)
}

fn version_entry(key: String, version: &Version, object: &Object, is_latest: bool) -> ObjectVersion {
    ObjectVersion {
        checksum_algorithm: Some(algorithms(object)),
        checksum_type: Some(object.checksum.kind()),
        e_tag: Some(e_tag(&object.e_tag)),
        is_latest: Some(is_latest),
        key: Some(key),
        last_modified: Some(version.last_modified.into()),
        owner: Some(owner()),
        size: i64::try_from(object.body.len()).ok(),
        storage_class: Some(ObjectVersionStorageClass::from(storage_class(object))),
        version_id: Some(version.id.clone()),
        ..Default::default()
    }
}
