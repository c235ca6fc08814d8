//! An object: its bytes, and everything that S3 stores with them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use s3s::dto::ChecksumType;

use super::attributes::Attributes;
use super::body::Body;
use super::checksum::Algorithm;

/// One version of a key.
#[derive(Debug, Clone)]
pub struct Version {
    /// 32 characters, or `null`.
    pub id: String,
    /// The time in whole seconds.
    pub last_modified: SystemTime,
    /// `None` for a delete marker.
    pub object: Option<Arc<Object>>,
    /// The position in the order of all writes to the bucket.
    pub(super) sequence: u64,
}

/// The content of one version.
#[derive(Debug)]
pub struct Object {
    pub(super) attributes: Attributes,
    pub(super) body: Body,
    pub(super) checksum: StoredChecksum,
    pub(super) e_tag: String,
    /// The sizes of the parts of a multipart upload; empty for other objects.
    pub(super) parts: Vec<u64>,
}

/// The checksum that is stored with an object.
#[derive(Debug, Clone)]
pub(super) struct StoredChecksum {
    pub(super) algorithm: Algorithm,
    pub(super) text: String,
    pub(super) full_object: bool,
}

impl Object {
    /// Returns the object's bytes in segments.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Returns the object's bytes.
    pub fn bytes(&self) -> io::Result<Bytes> {
        self.body.bytes()
    }

    /// Returns the entity tag without quotes.
    pub fn e_tag(&self) -> &str {
        &self.e_tag
    }

    /// Returns the user metadata, with names without the `x-amz-meta-` prefix.
    pub fn metadata(&self) -> HashMap<String, String> {
        self.attributes.metadata.iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl StoredChecksum {
    pub(super) fn kind(&self) -> ChecksumType {
        let name = if self.full_object { ChecksumType::FULL_OBJECT } else { ChecksumType::COMPOSITE };
        ChecksumType::from_static(name)
    }
}
