//! The attributes of an object: system headers, user metadata and the requested encryption.

use s3s::dto::{Metadata, ServerSideEncryption, StorageClass, Timestamp};
use s3s::{S3Result, s3_error};

/// The maximum total length of the names and values of user metadata.
const METADATA_BYTES: usize = 2048;

/// The storage classes of general purpose buckets.
const STORAGE_CLASSES: [&str; 8] = [
    StorageClass::STANDARD,
    StorageClass::REDUCED_REDUNDANCY,
    StorageClass::STANDARD_IA,
    StorageClass::ONEZONE_IA,
    StorageClass::INTELLIGENT_TIERING,
    StorageClass::GLACIER,
    StorageClass::DEEP_ARCHIVE,
    StorageClass::GLACIER_IR,
];

/// The attributes that S3 returns with an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) expires: Option<Timestamp>,
    pub(super) metadata: Option<Metadata>,
    pub(super) storage_class: Option<StorageClass>,
    pub(super) encryption: Encryption,
}

/// The server-side encryption that the client requested; by default S3 uses its own keys.
#[derive(Debug, Clone)]
pub(super) struct Encryption {
    pub(super) algorithm: ServerSideEncryption,
    pub(super) kms_key_id: Option<String>,
    pub(super) bucket_key_enabled: Option<bool>,
}

impl Default for Encryption {
    fn default() -> Self {
        let algorithm = ServerSideEncryption::from_static(ServerSideEncryption::AES256);
        Self { algorithm, kms_key_id: None, bucket_key_enabled: None }
    }
}

/// Reads the attributes from the input of `PutObject`, `CreateMultipartUpload` or `CopyObject`.
macro_rules! attributes {
    ($input:expr) => {{
        let default = $crate::s3::attributes::Encryption::default();
        $crate::s3::attributes::Attributes {
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $input.content_encoding.as_deref().and_then($crate::s3::attributes::stored_encoding),
            content_language: $input.content_language.clone(),
            content_type: $input.content_type.clone(),
            expires: $input.expires.clone(),
            metadata: $input.metadata.clone(),
            storage_class: $input.storage_class.clone(),
            encryption: $crate::s3::attributes::Encryption {
                algorithm: $input.server_side_encryption.clone().unwrap_or(default.algorithm),
                kms_key_id: $input.ssekms_key_id.clone(),
                bucket_key_enabled: $input.bucket_key_enabled,
            },
        }
    }};
}

/// Refuses attributes that the emulator does not model.
macro_rules! refuse_unmodeled {
    ($input:expr) => {{
        let acl = $input.acl.as_ref().map_or("private", |acl| acl.as_str());
        let unmodeled = [
            ("x-amz-acl", !matches!(acl, "private" | "bucket-owner-full-control")),
            ("x-amz-grant-full-control", $input.grant_full_control.is_some()),
            ("x-amz-grant-read", $input.grant_read.is_some()),
            ("x-amz-grant-read-acp", $input.grant_read_acp.is_some()),
            ("x-amz-grant-write-acp", $input.grant_write_acp.is_some()),
            ("x-amz-object-lock-legal-hold", $input.object_lock_legal_hold_status.is_some()),
            ("x-amz-object-lock-mode", $input.object_lock_mode.is_some()),
            ("x-amz-server-side-encryption-customer-algorithm", $input.sse_customer_algorithm.is_some()),
            ("x-amz-tagging", $input.tagging.is_some()),
            ("x-amz-website-redirect-location", $input.website_redirect_location.is_some()),
        ];
        match unmodeled.into_iter().find(|(_, given)| *given) {
            Some((header, _)) => Err(s3s::s3_error!(NotImplemented, "{header} is not modeled")),
            None => Ok(()),
        }
    }};
}

/// Sets the encryption members of an output.
macro_rules! set_encryption {
    ($output:expr, $encryption:expr) => {{
        $output.server_side_encryption = Some($encryption.algorithm.clone());
        $output.ssekms_key_id.clone_from(&$encryption.kms_key_id);
        $output.bucket_key_enabled = $encryption.bucket_key_enabled;
    }};
}

pub(super) use {attributes, refuse_unmodeled, set_encryption};

impl Attributes {
    /// Checks the storage class, and the size of the user metadata, which does not include the prefix of the headers.
    pub(super) fn check(&self) -> S3Result {
        let class = self.storage_class.as_ref().map_or(StorageClass::STANDARD, StorageClass::as_str);
        if !STORAGE_CLASSES.contains(&class) {
            return Err(s3_error!(InvalidStorageClass, "The storage class you specified is not valid"));
        }
        let metadata = self.metadata.iter().flatten();
        let bytes: usize = metadata.map(|(name, value)| name.len() + value.len()).sum();
        if bytes > METADATA_BYTES {
            return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
        }
        Ok(())
    }
}

/// Returns the stored content encoding, without `aws-chunked`, which applies to the transfer only.
pub(super) fn stored_encoding(encoding: &str) -> Option<String> {
    let kept: Vec<_> = encoding.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "aws-chunked")).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}
