//! Adds to S3's responses what `s3s` leaves out: request IDs, and the message and the details of errors.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use rand::RngExt as _;

use super::bucket::random_id;
use crate::unknown::escaped;
use crate::wire::{self, BoxError, HttpResponse};

/// Messages of errors that `s3s` returns without one.
const MESSAGES: [(&str, &str); 12] = [
    ("AccessDenied", "Access Denied"),
    ("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"),
    ("InvalidArgument", "Invalid Argument"),
    ("InvalidBucketName", "The specified bucket is not valid."),
    ("InvalidRequest", "Invalid Request"),
    ("InvalidURI", "Couldn't parse the specified URI."),
    ("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"),
    ("MethodNotAllowed", "The specified method is not allowed against this resource."),
    ("MissingContentLength", "You must provide the Content-Length HTTP header."),
    ("NotImplemented", "A header or an operation you provided implies functionality that is not implemented"),
    ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing \
         method.",
    ),
];

/// Adds request IDs to a response; an error also gets its message and the resource at `path`.
pub(crate) async fn complete(response: Response<s3s::Body>, path: &str) -> Result<HttpResponse, BoxError> {
    let (request_id, host_id) = (request_id(), BASE64_STANDARD.encode(random_id(42)));
    let (mut head, body) = response.into_parts();
    head.headers.insert("x-amz-request-id", HeaderValue::from_str(&request_id)?);
    head.headers.insert("x-amz-id-2", HeaderValue::from_str(&host_id)?);
    let is_error = head.status.is_client_error() || head.status.is_server_error();
    let is_xml = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/xml");
    let is_object = head.headers.contains_key(header::ACCEPT_RANGES);
    if !is_error && (!is_xml || is_object) {
        return Ok(Response::from_parts(head, body.map_err(Into::into).boxed_unsync()));
    }
    let body = with_control_characters(body.collect().await?.to_bytes());
    if !is_error {
        head.headers.remove(header::CONTENT_LENGTH);
        return Ok(Response::from_parts(head, wire::full(body)));
    }
    let ids = format!("<RequestId>{request_id}</RequestId><HostId>{host_id}</HostId>");
    let body = with_details(&body, path, &ids).map_or(body, Bytes::from);
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(head, wire::full(body)))
}

/// Writes control characters of keys as character references, as S3 does. `s3s` leaves them in the document.
fn with_control_characters(body: Bytes) -> Bytes {
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n');
    if !body.iter().copied().any(is_control) {
        return body;
    }
    let escape = |&byte: &u8| if is_control(byte) { format!("&#x{byte:x};").into_bytes() } else { vec![byte] };
    body.iter().flat_map(escape).collect::<Vec<u8>>().into()
}

/// Returns the error document with its details; `None` if the body is no such document.
fn with_details(body: &[u8], path: &str, ids: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let inside = text.split_once("<Error>")?.1;
    let code = between(inside, "<Code>", "</Code>")?;
    let message =
        if inside.contains("<Message>") { String::new() } else { format!("<Message>{}</Message>", message(code)) };
    let (start, end) = text.rsplit_once("</Error>")?;
    let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    let subject = match code {
        "NoSuchBucket" => format!("<BucketName>{}</BucketName>", escaped(bucket)),
        "NoSuchKey" | "NoSuchVersion" => format!("<Key>{}</Key>", escaped(key)),
        _ => String::new(),
    };
    let resource = format!("<Resource>{}</Resource>", escaped(path));
    Some(format!("{start}{message}{subject}{resource}{ids}</Error>{end}"))
}

fn message(code: &str) -> String {
    let known = MESSAGES.iter().find(|(known, _)| *known == code).map(|(_, message)| (*message).to_owned());
    known.unwrap_or_else(|| format!("The request failed with {code}."))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}

/// Returns 16 upper-case hexadecimal digits, the form of S3's request IDs.
fn request_id() -> String {
    let mut random = rand::rng();
    hex::encode_upper(random.random::<[u8; 8]>())
}
