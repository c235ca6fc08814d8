//! S3 with versions: buckets, objects, multipart uploads and their listings, behind the wire protocol of `s3s`.
//!
//! # Differs from S3
//! - An object lock, tags, grants, customer keys (SSE-C), lifecycles and `UploadPartCopy` answer 501.
//! - A canned ACL other than the owner's answers 501; one account owns everything.
//! - `HeadObject` with a range answers 200, not 206.
//! - Encryption is echoed, never done.
//! - Everything is strongly consistent and lives as long as the process.

mod attributes;
mod body;
mod bucket;
mod buckets;
mod checksum;
mod conditions;
mod declared;
mod listing;
mod listings;
mod multipart;
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
pub use self::bucket::{Object, Version, Versioning};
pub use self::store::Store;
pub(crate) use self::unread::answer;
use crate::credentials::{ACCESS_KEY, SECRET_KEY};

/// The wire protocol over `store`; every request must be signed with the fixed key pair.
pub fn service(store: Arc<Store>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(operations::Operations(store));
    builder.set_auth(FixedKeyPair);
    builder.build()
}

/// `s3s`'s own `SimpleAuth` answers a foreign key with `NotSignedUp`, S3 with `InvalidAccessKeyId`.
struct FixedKeyPair;

#[async_trait::async_trait]
impl S3Auth for FixedKeyPair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == ACCESS_KEY {
            return Ok(SECRET_KEY.into());
        }
        Err(s3s::s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records."))
    }
}
