//! Errors that several operations return, and the form of entity tags.

use http::StatusCode;
use s3s::dto::ETag;
use s3s::{S3Error, S3ErrorCode, s3_error};

/// Returns an error of S3 that `s3s` has no code for.
pub(super) fn custom(code: &'static str, status: StatusCode, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(status);
    error
}

pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

/// Returns an entity tag in the type of `s3s`.
pub(super) fn e_tag(value: &str) -> ETag {
    ETag::Strong(value.to_owned())
}
