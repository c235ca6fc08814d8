//! S3 with versions: buckets, objects, multipart uploads and their listings, with the wire protocol of `s3s`.
//!
//! # Differs from S3
//! - Object lock, tags, grants, customer keys (SSE-C), lifecycles and `UploadPartCopy` are not modelled: 501.
//! - One account owns everything; a canned ACL other than the owner's is not modelled: 501.
//! - `HeadObject` with a range answers 200, not 206.
//! - Responses repeat the requested encryption; nothing is encrypted.
//! - Objects last as long as the process.

mod attributes;
mod body;
mod bucket;
mod buckets;
mod checksum;
mod conditions;
mod declared;
mod errors;
mod list_objects;
mod list_uploads;
mod list_versions;
mod listing;
mod multipart;
mod object;
mod objects;
mod operations;
mod parts;
mod reading;
mod store;
mod unread;

use std::sync::Arc;

use s3s::S3Result;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};

pub use self::body::Body;
pub use self::bucket::Versioning;
pub use self::object::{Object, Version};
pub use self::store::Store;
pub(crate) use self::unread::answer;
use crate::account::{ACCESS_KEY, SECRET_KEY};

/// Returns the service over `store`; requests must be signed with the one key pair.
pub fn service(store: Arc<Store>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(operations::Operations(store));
    builder.set_auth(OneKeyPair);
    builder.build()
}

/// Accepts the one key pair. For other keys S3 answers `InvalidAccessKeyId`; the `SimpleAuth` of `s3s` does not.
struct OneKeyPair;

#[async_trait::async_trait]
impl S3Auth for OneKeyPair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == ACCESS_KEY {
            return Ok(SECRET_KEY.into());
        }
        Err(s3s::s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records."))
    }
}
