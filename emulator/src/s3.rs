//! S3 with versions: buckets, objects, multipart uploads and their listings, with the wire protocol of `s3s`.
//!
//! # Differs from S3
//! - Object lock, tags, grants, customer keys (SSE-C) and lifecycles are not modeled: 501.
//! - One account owns everything; a canned ACL other than the owner's is not modeled: 501.
//! - `HeadObject` with a range answers 200, not 206.
//! - Responses repeat the requested encryption; nothing is encrypted.
//! - Objects last as long as the process.

mod attributes;
mod body;
mod bucket;
mod buckets;
mod checksum;
mod conditions;
mod copies;
mod declared;
mod details;
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
mod screening;
mod store;
mod unread;

use std::sync::Arc;

use http_body_util::BodyExt as _;
use s3s::S3Result;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};

pub use self::body::Body;
pub use self::bucket::Versioning;
pub use self::object::{Object, Version};
pub use self::store::Store;
use crate::account::{ACCESS_KEY, SECRET_KEY};
use crate::wire::{BoxError, HttpRequest, HttpResponse};

/// S3 on the wire. Requests must be signed with the one key pair.
pub(crate) struct Endpoint {
    signed: S3Service,
    /// Serves a request again without its `Range`, after `signed` has verified the signature and refused the range.
    unsigned: S3Service,
}

impl Endpoint {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        let builder = || S3ServiceBuilder::new(operations::Operations(Arc::clone(store)));
        let mut signed = builder();
        signed.set_auth(OneKeyPair);
        Self { signed: signed.build(), unsigned: builder().build() }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, BoxError> {
        let path = request.uri().path().to_owned();
        if let Some(refusal) = screening::refuse_unsigned_headers(&request) {
            request.into_body().collect().await?;
            return details::complete(refusal, &path).await;
        }
        let whole = screening::without_ignored_range(&request);
        let failed = |error: s3s::HttpError| format!("{error:?}");
        let mut response = unread::answer(&self.signed, request).await.map_err(failed)?;
        if let Some(whole) = whole {
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            response = if screening::refuses_range(head.status, &body) {
                self.unsigned.call(whole).await.map_err(failed)?
            } else {
                http::Response::from_parts(head, s3s::Body::from(body))
            };
        }
        details::complete(response, &path).await
    }
}

/// Returns S3's own form of a 501, after the end of the request.
pub(crate) async fn not_modeled(request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let (head, content) = request.into_parts();
    content.collect().await?; // some clients lose a response that comes before the request's end
    details::complete(screening::not_modeled(&head.method, &head.uri)?, head.uri.path()).await
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
