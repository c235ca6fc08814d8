//! One bucket: the versions of its keys, and the effects of puts and deletes on them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use rand::RngExt as _;
use s3s::{S3Error, S3Result, s3_error};

use super::errors::no_such_key;
use super::object::{Object, Version};
use super::parts::{CompletedUpload, Upload};

/// The ID of a version that was written while versioning was not enabled.
pub(super) const NULL_VERSION: &str = "null";

/// The versioning state of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versioning {
    /// Versioning was never enabled: a put replaces the object.
    #[default]
    Unversioned,
    /// A put adds a version.
    Enabled,
    /// A put replaces the version `null` and keeps the others.
    Suspended,
}

/// The result of a deletion.
pub(super) struct Deletion {
    pub(super) delete_marker: bool,
    pub(super) version_id: Option<String>,
}

pub(super) struct Bucket {
    pub(super) created: SystemTime,
    pub(super) versioning: Versioning,
    /// The versions of each key, the newest last; a key has at least one.
    pub(super) keys: BTreeMap<String, Vec<Version>>,
    /// The open multipart uploads in the order of their initiation.
    pub(super) uploads: Vec<Upload>,
    /// The results of completed uploads by ID: S3 repeats them, so that a client can retry after a lost response.
    pub(super) completed: HashMap<String, CompletedUpload>,
    /// The sequences of deleted versions by key and ID: a listing can continue after a version that was deleted
    /// meanwhile.
    deleted: HashMap<(String, String), u64>,
    sequence: u64,
}

impl Bucket {
    pub(super) fn new(versioning: Versioning) -> Self {
        Self {
            created: now(),
            versioning,
            keys: BTreeMap::new(),
            uploads: Vec::new(),
            completed: HashMap::new(),
            deleted: HashMap::new(),
            sequence: 0,
        }
    }

    pub(super) fn latest(&self, key: &str) -> Option<&Version> {
        self.keys.get(key)?.last()
    }

    /// Returns the version with this ID, or else the newest; a delete marker is an error.
    pub(super) fn find(&self, key: &str, version_id: Option<&str>) -> S3Result<(&Version, &Arc<Object>)> {
        let version = match version_id {
            Some(id) => self.version(key, id)?,
            None => self.latest(key).ok_or_else(no_such_key)?,
        };
        match (&version.object, version_id) {
            (Some(object), _) => Ok((version, object)),
            (None, None) => Err(with_delete_marker(no_such_key(), version)),
            (None, Some(_)) => {
                let error = s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.");
                Err(with_delete_marker(error, version))
            }
        }
    }

    /// Returns the sequence of a version of a key, even if the version was deleted.
    pub(super) fn sequence(&self, key: &str, id: &str) -> Option<u64> {
        let versions = self.keys.get(key).into_iter().flatten();
        let existing = versions.into_iter().find(|version| version.id == id).map(|version| version.sequence);
        existing.or_else(|| self.deleted.get(&(key.to_owned(), id.to_owned())).copied())
    }

    fn version(&self, key: &str, id: &str) -> S3Result<&Version> {
        check_version_id(id)?;
        let versions = self.keys.get(key).into_iter().flatten();
        versions
            .into_iter()
            .find(|version| version.id == id)
            .ok_or_else(|| s3_error!(NoSuchVersion, "The specified version does not exist."))
    }

    /// Adds a version and returns the ID for the response, if versioning is enabled.
    pub(super) fn put(&mut self, key: &str, object: Object, last_modified: SystemTime) -> Option<String> {
        let id = self.add(key, Some(Arc::new(object)), last_modified);
        (self.versioning == Versioning::Enabled).then_some(id)
    }

    pub(super) fn delete(&mut self, key: &str, version_id: Option<&str>) -> S3Result<Deletion> {
        if let Some(id) = version_id {
            check_version_id(id)?;
            let delete_marker = self.remove(key, id).is_some_and(|version| version.object.is_none());
            return Ok(Deletion { delete_marker, version_id: Some(id.to_owned()) });
        }
        if self.versioning == Versioning::Unversioned {
            self.remove(key, NULL_VERSION);
            return Ok(Deletion { delete_marker: false, version_id: None });
        }
        let id = self.add(key, None, now());
        Ok(Deletion { delete_marker: true, version_id: Some(id) })
    }

    /// Returns the version ID for a response header: none if versioning was never enabled.
    pub(super) fn visible_id(&self, version: &Version) -> Option<String> {
        (self.versioning != Versioning::Unversioned).then(|| version.id.clone())
    }

    fn add(&mut self, key: &str, object: Option<Arc<Object>>, last_modified: SystemTime) -> String {
        let id = if self.versioning == Versioning::Enabled {
            random_id(32)
        } else {
            self.remove(key, NULL_VERSION);
            NULL_VERSION.to_owned()
        };
        self.sequence += 1;
        let version = Version { id: id.clone(), last_modified, object, sequence: self.sequence };
        self.keys.entry(key.to_owned()).or_default().push(version);
        id
    }

    fn remove(&mut self, key: &str, id: &str) -> Option<Version> {
        let versions = self.keys.get_mut(key)?;
        let position = versions.iter().position(|version| version.id == id)?;
        let removed = versions.remove(position);
        self.deleted.insert((key.to_owned(), removed.id.clone()), removed.sequence);
        if versions.is_empty() {
            self.keys.remove(key);
        }
        Some(removed)
    }
}

/// Returns the current time in whole seconds, the precision of S3.
pub(super) fn now() -> SystemTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns random characters from the alphabet of S3's IDs.
pub(super) fn random_id(length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
    let mut random = rand::rng();
    (0..length).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

fn check_version_id(id: &str) -> S3Result {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if id == NULL_VERSION || (id.len() == 32 && id.bytes().all(safe)) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Invalid version id specified"))
}

fn with_delete_marker(mut error: S3Error, version: &Version) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert(HeaderName::from_static("x-amz-delete-marker"), HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::from_str(&version.id) {
        headers.insert(HeaderName::from_static("x-amz-version-id"), id);
    }
    error.set_headers(headers);
    error
}
