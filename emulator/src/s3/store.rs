//! All buckets, with direct access for tests and for the start of the emulator.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use s3s::{S3Result, s3_error};

use super::body::{Memory, Space};
use super::bucket::{Bucket, Versioning};
use super::object::{Object, Version};
use crate::account::ACCOUNT;

/// The buckets of the one account.
#[derive(Default)]
pub struct Store {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    memory: Memory,
}

impl Store {
    /// Creates a bucket; an existing bucket keeps its objects and gets this versioning.
    pub fn create_bucket(&self, name: &str, versioning: Versioning) {
        self.all(|buckets| {
            buckets.entry(name.to_owned()).or_insert_with(|| Bucket::new(versioning)).versioning = versioning;
        });
    }

    /// Returns the versioning of a bucket, if it exists.
    pub fn versioning(&self, bucket: &str) -> Option<Versioning> {
        self.all(|buckets| Some(buckets.get(bucket)?.versioning))
    }

    /// Returns the keys with any version or delete marker.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.all(|buckets| buckets.get(bucket).into_iter().flat_map(|bucket| bucket.keys.keys().cloned()).collect())
    }

    /// Returns the versions and delete markers of a key, the newest first.
    pub fn versions(&self, bucket: &str, key: &str) -> Vec<Version> {
        self.all(|buckets| {
            let versions = buckets.get(bucket).and_then(|bucket| bucket.keys.get(key));
            versions.into_iter().flatten().rev().cloned().collect()
        })
    }

    /// Returns the object of one version, or of the newest.
    pub fn object(&self, bucket: &str, key: &str, version_id: Option<&str>) -> Option<Arc<Object>> {
        let versions = self.versions(bucket, key);
        let mut versions = versions.into_iter();
        match version_id {
            Some(id) => versions.find(|version| version.id == id)?.object,
            None => versions.next()?.object,
        }
    }

    /// Returns the number of open multipart uploads of a bucket.
    pub fn open_uploads(&self, bucket: &str) -> usize {
        self.all(|buckets| buckets.get(bucket).map_or(0, |bucket| bucket.uploads.len()))
    }

    /// Returns storage for the bytes of a new object.
    pub(super) fn space(&self) -> Space {
        Space::new(&self.memory)
    }

    /// Works on one bucket, which must exist and belong to the expected owner.
    pub(super) fn bucket<T>(
        &self,
        name: &str,
        expected_owner: Option<&str>,
        work: impl FnOnce(&mut Bucket) -> S3Result<T>,
    ) -> S3Result<T> {
        self.all(|buckets| {
            let bucket =
                buckets.get_mut(name).ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))?;
            if expected_owner.is_some_and(|owner| owner != ACCOUNT) {
                return Err(s3_error!(AccessDenied, "Access Denied"));
            }
            work(bucket)
        })
    }

    pub(super) fn all<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Bucket>) -> T) -> T {
        work(&mut self.buckets.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
