//! What a faulty service answers: in place of the true answer, or made from it.

use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use serde_json::Value;

use crate::body::{self, BoxError, Response};
use crate::faults::FaultKind;
use crate::json;
use crate::log::Service;

impl FaultKind {
    /// The answer that takes the place of the operation, where this kind has one.
    pub(crate) fn instead(&self, service: Service) -> Option<Response> {
        Some(match self {
            Self::Status(status) => body::empty(*status),
            Self::Error(code) => refuse(service, 400, code, "a fault set in the emulator"),
            Self::ThrottleJson => json::exception(400, "ThrottlingException", "Rate exceeded"),
            Self::ThrottleXml => {
                let error = "<Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>";
                body::response(400, &[XML], format!("<ErrorResponse>{error}</ErrorResponse>"))
            }
            Self::ThrottleEmpty => body::empty(429),
            Self::Denied if service == Service::S3 => xml(403, "AccessDenied", "Access Denied"),
            Self::Denied if service == Service::Git => body::empty(403),
            Self::Denied => {
                let message =
                    "User: arn:aws:iam::123456789012:user/emulator is not authorized to perform this operation";
                json::exception(400, "AccessDeniedException", message)
            }
            Self::OkError => xml(200, "InternalError", "We encountered an internal error. Please try again."),
            Self::Reset | Self::Lost | Self::Hang | Self::Cut | Self::Corrupt => return None,
        })
    }

    /// The true answer, spoiled; an error closes the connection.
    pub(crate) async fn spoil(&self, operation: &str, answer: Response) -> Result<Response, BoxError> {
        let (mut head, content) = answer.into_parts();
        let content = content.collect().await?.to_bytes();
        let content = match self {
            Self::Lost => return Err("a fault loses the answer".into()),
            Self::Cut => Cut::half_of(&content),
            Self::Corrupt => body::full(corrupt(operation, &content)),
            _ => body::full(content),
        };
        head.headers.remove("content-length");
        Ok(Response::from_parts(head, content))
    }
}

/// Too many requests, as the service says it.
pub(crate) fn throttled(service: Service) -> Response {
    match service {
        Service::S3 => xml(503, "SlowDown", "Please reduce your request rate."),
        Service::Git => body::empty(429),
        _ => json::exception(400, "ThrottlingException", "Rate exceeded"),
    }
}

const XML: (&str, &str) = ("content-type", "application/xml");

fn refuse(service: Service, status: u16, code: &str, message: &str) -> Response {
    if service == Service::S3 { xml(status, code, message) } else { json::exception(status, code, message) }
}

fn xml(status: u16, code: &str, message: &str) -> Response {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    body::response(status, &[XML], format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{error}"))
}

fn corrupt(operation: &str, content: &Bytes) -> Bytes {
    let changed = match operation {
        "GetBlob" => change_json(content, |answer| change_blob(answer.get_mut("content")?)),
        "GetFile" => change_json(content, |answer| change_blob(answer.get_mut("fileContent")?)),
        "GetFolder" => change_json(content, |answer| answer.get_mut("files")?.as_array_mut()?.pop().map(drop)),
        _ => None,
    };
    changed.unwrap_or_else(|| change_byte(content.to_vec()).into())
}

fn change_json(content: &[u8], change: impl FnOnce(&mut Value) -> Option<()>) -> Option<Bytes> {
    let mut answer = serde_json::from_slice(content).ok()?;
    change(&mut answer)?;
    Some(answer.to_string().into())
}

fn change_blob(blob: &mut Value) -> Option<()> {
    let content = BASE64_STANDARD.decode(blob.as_str()?).ok()?;
    *blob = BASE64_STANDARD.encode(change_byte(content)).into();
    Some(())
}

/// Flips a bit in the middle; nothing becomes one byte.
fn change_byte(mut content: Vec<u8>) -> Vec<u8> {
    let middle = content.len() / 2;
    match content.get_mut(middle) {
        Some(byte) => *byte ^= 1,
        None => content.push(0),
    }
    content
}

/// A body that announces more than it has, then fails.
struct Cut {
    announced: u64,
    half: Option<Bytes>,
    flushed: bool,
}

impl Cut {
    fn half_of(content: &Bytes) -> body::Body {
        let half = Some(content.slice(..content.len() / 2));
        Self { announced: content.len() as u64, half, flushed: false }.boxed_unsync()
    }
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = BoxError;

    /// The server drops what it has not sent when a body fails: it is given one turn to send the half.
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.flushed {
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err("a fault cuts the answer".into())))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
