//! All buckets, and the direct way to them for tests and for the start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use s3s::{S3Result, s3_error};

use super::body::{Memory, Space};
use super::bucket::{Bucket, Object, Version, Versioning};
use crate::credentials::ACCOUNT;

/// The buckets of the one account.
#[derive(Default)]
pub struct Store {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    memory: Memory,
}

impl Store {
    /// Makes a bucket; one that is there keeps its objects and gets this versioning.
    pub fn create_bucket(&self, name: &str, versioning: Versioning) {
        self.all(|buckets| {
            buckets.entry(name.to_owned()).or_insert_with(|| Bucket::new(versioning)).versioning = versioning;
        });
    }

    /// A bucket's versioning, if there is such a bucket.
    pub fn versioning(&self, bucket: &str) -> Option<Versioning> {
        self.all(|buckets| Some(buckets.get(bucket)?.versioning))
    }

    /// The keys that a bucket has versions of, delete markers included.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.all(|buckets| buckets.get(bucket).into_iter().flat_map(|bucket| bucket.keys.keys().cloned()).collect())
    }

    /// A key's versions and delete markers, the newest first.
    pub fn versions(&self, bucket: &str, key: &str) -> Vec<Version> {
        self.all(|buckets| {
            let versions = buckets.get(bucket).and_then(|bucket| bucket.keys.get(key));
            versions.into_iter().flatten().rev().cloned().collect()
        })
    }

    /// The object of one version, or of the newest.
    pub fn object(&self, bucket: &str, key: &str, version_id: Option<&str>) -> Option<Arc<Object>> {
        let versions = self.versions(bucket, key);
        let mut versions = versions.into_iter();
        match version_id {
            Some(id) => versions.find(|version| version.id == id)?.object,
            None => versions.next()?.object,
        }
    }

    /// The number of multipart uploads of a bucket that are neither completed nor aborted.
    pub fn open_uploads(&self, bucket: &str) -> usize {
        self.all(|buckets| buckets.get(bucket).map_or(0, |bucket| bucket.uploads.len()))
    }

    /// Where the bytes of a new object go.
    pub(super) fn space(&self) -> Space {
        Space::new(&self.memory)
    }

    /// Works on one bucket, which must be there and belong to the owner whom the client expects.
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
