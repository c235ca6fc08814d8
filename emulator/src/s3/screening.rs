//! Checks of S3's requests that `s3s` does not make.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};

use crate::unknown::escaped;

/// Returns the request without a `Range` that S3 ignores, if it has one: S3 then returns the whole object.
pub(crate) fn without_ignored_range<B>(request: &Request<B>) -> Option<Request<s3s::Body>> {
    let range = request.headers().get(header::RANGE)?.to_str().unwrap_or_default();
    if is_range(range) {
        return None;
    }
    let whole = Request::builder().method(request.method()).uri(request.uri());
    let mut whole = whole.body(s3s::Body::empty()).ok()?;
    whole.headers_mut().clone_from(request.headers());
    whole.headers_mut().remove(header::RANGE);
    whole.headers_mut().remove(header::AUTHORIZATION);
    Some(whole)
}

/// Returns true if `s3s` refused a request because of its range, which it does after it checked the signature.
pub(crate) fn refuses_range(status: StatusCode, body: &[u8]) -> bool {
    match status {
        StatusCode::RANGE_NOT_SATISFIABLE => true,
        StatusCode::BAD_REQUEST => {
            body.is_empty() || String::from_utf8_lossy(body).contains("<Code>InvalidArgument</Code>")
        }
        _ => false,
    }
}

/// Returns S3's refusal of a presigned request with `x-amz-` headers that are not signed.
pub(crate) fn refuse_unsigned_headers<B>(request: &Request<B>) -> Option<Response<s3s::Body>> {
    let query = request.uri().query().unwrap_or_default();
    let signed = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-SignedHeaders="))?;
    let signed = signed.replace("%3B", ";").replace("%3b", ";").to_ascii_lowercase();
    let unsigned = unsigned(request.headers(), &signed);
    if unsigned.is_empty() {
        return None;
    }
    let message = "There were headers present in the request which were not signed";
    let error = format!(
        "<Error><Code>AccessDenied</Code><Message>{message}</Message><HeadersNotSigned>{}</HeadersNotSigned></Error>",
        unsigned.join(", ")
    );
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{error}");
    let response = Response::builder().status(403).header(header::CONTENT_TYPE, "application/xml");
    response.body(s3s::Body::from(Bytes::from(body))).ok()
}

/// Returns S3's error for an operation that is not modeled.
pub(crate) fn not_modeled(method: &Method, uri: &Uri) -> http::Result<Response<s3s::Body>> {
    let message = escaped(&format!("the emulator does not model the S3 operation {method} {uri}"));
    let error = format!("<Error><Code>NotImplemented</Code><Message>{message}</Message></Error>");
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{error}");
    let response = Response::builder().status(501).header(header::CONTENT_TYPE, "application/xml");
    response.body(s3s::Body::from(Bytes::from(body)))
}

fn unsigned<'a>(headers: &'a HeaderMap, signed: &str) -> Vec<&'a str> {
    let is_signed = |name: &str| signed.split(';').any(|signed| signed == name);
    let amz = headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    amz.filter(|name| *name != "x-amz-content-sha256" && !is_signed(name)).collect()
}

/// Returns true for one valid range of bytes; S3 does not support several.
fn is_range(range: &str) -> bool {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return false;
    };
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    match (number(first), number(last)) {
        (Some(first), Some(last)) => first <= last,
        (Some(_), None) => last.is_empty(),
        (None, Some(_)) => first.is_empty(),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_range;

    #[test]
    fn only_one_well_formed_range_counts() {
        for range in ["bytes=0-1", "bytes=5-", "bytes=-3", "bytes=-0", "bytes=7-7"] {
            assert!(is_range(range), "{range}");
        }
        for range in ["bytes=2-1", "bytes=0-1,3-4", "bytes=a-b", "bytes=-", "lines=0-1", "0-1", "bytes=1", "bytes=1-x"]
        {
            assert!(!is_range(range), "{range}");
        }
    }
}
