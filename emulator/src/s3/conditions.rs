//! The conditional headers: `If-Match`, `If-None-Match`, `If-Modified-Since` and `If-Unmodified-Since`.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, header};
use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::bucket::Bucket;
use super::errors::no_such_key;
use super::object::{Object, Version};

/// The conditions of a GET or HEAD.
pub(super) struct ReadConditions<'a> {
    pub(super) matches: Option<&'a ETagCondition>,
    pub(super) modified_since: Option<&'a Timestamp>,
    pub(super) none_match: Option<&'a ETagCondition>,
    pub(super) unmodified_since: Option<&'a Timestamp>,
}

impl ReadConditions<'_> {
    /// Evaluates the conditions in the order of RFC 9110, section 13.2.2.
    pub(super) fn check(&self, version: &Version, object: &Object) -> S3Result {
        let modified_after = |time: &Timestamp| Timestamp::from(version.last_modified) > *time;
        match (self.matches, self.unmodified_since) {
            (Some(condition), _) if !matches(condition, &object.e_tag) => {
                return Err(precondition_failed());
            }
            (None, Some(time)) if modified_after(time) => return Err(precondition_failed()),
            _ => {}
        }
        match (self.none_match, self.modified_since) {
            (Some(condition), _) if matches(condition, &object.e_tag) => Err(not_modified(version, object)),
            (None, Some(time)) if !modified_after(time) => Err(not_modified(version, object)),
            _ => Ok(()),
        }
    }
}

/// Checks the conditions of a write.
pub(super) fn check_write(
    bucket: &Bucket,
    key: &str,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result {
    let current = bucket.latest(key).and_then(|version| version.object.as_ref());
    if let Some(condition) = if_none_match {
        if !condition.is_any() {
            return Err(s3_error!(
                NotImplemented,
                "A header you provided implies functionality that is not implemented"
            ));
        }
        if current.is_some() {
            return Err(precondition_failed());
        }
    }
    if let Some(condition) = if_match {
        let current = current.ok_or_else(no_such_key)?;
        if !matches(condition, &current.e_tag) {
            return Err(precondition_failed());
        }
    }
    Ok(())
}

fn matches(condition: &ETagCondition, e_tag: &str) -> bool {
    condition.is_any() || condition.as_etag().is_some_and(|wanted| wanted.value() == e_tag)
}

pub(super) fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

fn not_modified(version: &Version, object: &Object) -> S3Error {
    let mut headers = HeaderMap::new();
    if let Ok(e_tag) = HeaderValue::from_str(&format!("\"{}\"", object.e_tag)) {
        headers.insert(header::ETAG, e_tag);
    }
    if let Some(date) = http_date(version.last_modified) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    error.set_headers(headers);
    error
}

fn http_date(time: SystemTime) -> Option<HeaderValue> {
    let mut text = Vec::new();
    Timestamp::from(time).format(s3s::dto::TimestampFormat::HttpDate, &mut text).ok()?;
    HeaderValue::from_bytes(&text).ok()
}
