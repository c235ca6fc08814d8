//! The responses of a faulty service: in place of the real response, or made from it.

use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use serde_json::Value;

use crate::account::user_arn;
use crate::faults::FaultKind;
use crate::json;
use crate::log::Service;
use crate::unknown;
use crate::wire::{self, BoxError, HttpBody, HttpResponse};

/// Returns the response that replaces the operation, if this kind of fault has one.
pub(crate) fn fault_response(fault: &FaultKind, service: Service) -> Option<HttpResponse> {
    Some(match fault {
        FaultKind::Status(status) => wire::empty(*status),
        FaultKind::Error(code) => refuse(service, 400, code, "an injected fault of the emulator"),
        FaultKind::ThrottleJson => json::exception(400, "ThrottlingException", "Rate exceeded"),
        FaultKind::ThrottleXml => {
            let error = "<Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>";
            wire::response(400, &[XML], format!("<ErrorResponse>{error}</ErrorResponse>"))
        }
        FaultKind::ThrottleEmpty => wire::empty(429),
        FaultKind::Denied if service == Service::S3 => xml(403, "AccessDenied", "Access Denied"),
        FaultKind::Denied if service == Service::Git => wire::empty(403),
        FaultKind::Denied if service == Service::Iam => {
            unknown::query_error(403, "AccessDenied", "not authorized to perform: iam:SimulatePrincipalPolicy")
        }
        FaultKind::Denied => {
            let message = format!("User: {} is not authorized to perform this operation", user_arn());
            json::exception(400, "AccessDeniedException", &message)
        }
        FaultKind::OkError => xml(200, "InternalError", "We encountered an internal error. Please try again."),
        FaultKind::Reset | FaultKind::Lost | FaultKind::Hang | FaultKind::Cut | FaultKind::Corrupt => return None,
    })
}

/// Returns the real response with the fault applied; an error closes the connection.
pub(crate) async fn apply_fault(
    fault: &FaultKind,
    operation: &str,
    response: HttpResponse,
) -> Result<HttpResponse, BoxError> {
    let (mut head, content) = response.into_parts();
    let content = content.collect().await?.to_bytes();
    let content = match fault {
        FaultKind::Lost => return Err("an injected fault drops the response".into()),
        FaultKind::Cut => Cut::half_of(&content),
        FaultKind::Corrupt => wire::full(corrupt(operation, &content)),
        _ => wire::full(content),
    };
    head.headers.remove("content-length");
    Ok(HttpResponse::from_parts(head, content))
}

/// Returns the service's own response to too many requests.
pub(crate) fn throttled(service: Service) -> HttpResponse {
    match service {
        Service::S3 => xml(503, "SlowDown", "Please reduce your request rate."),
        Service::Git => wire::empty(429),
        _ => json::exception(400, "ThrottlingException", "Rate exceeded"),
    }
}

const XML: (&str, &str) = ("content-type", "application/xml");

fn refuse(service: Service, status: u16, code: &str, message: &str) -> HttpResponse {
    if service == Service::S3 { xml(status, code, message) } else { json::exception(status, code, message) }
}

fn xml(status: u16, code: &str, message: &str) -> HttpResponse {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    wire::response(status, &[XML], format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{error}"))
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

/// Flips a bit in the middle; empty content becomes one byte.
fn change_byte(mut content: Vec<u8>) -> Vec<u8> {
    let middle = content.len() / 2;
    match content.get_mut(middle) {
        Some(byte) => *byte ^= 1,
        None => content.push(0),
    }
    content
}

/// A body that announces its whole length, sends half of it and then fails.
struct Cut {
    announced: u64,
    half: Option<Bytes>,
    flushed: bool,
}

impl Cut {
    fn half_of(content: &Bytes) -> HttpBody {
        let half = Some(content.slice(..content.len() / 2));
        Self { announced: content.len() as u64, half, flushed: false }.boxed_unsync()
    }
}

impl Body for Cut {
    type Data = Bytes;
    type Error = BoxError;

    /// hyper drops unsent bytes when a body fails, so this yields once for the half to be sent.
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.flushed {
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err("an injected fault cuts the response".into())))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
