//! Lambda's two interfaces: Invoke for clients, and the Runtime API for the function.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::Uri;
use http::request::Parts;
use http_body_util::BodyExt as _;
use percent_encoding::percent_decode_str;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::account::{FUNCTION, REGION, function_arn};
use crate::lambda::{Lambda, Next, Outcome};
use crate::signature;
use crate::wire::{self, BoxError, HttpRequest, HttpResponse};

/// The path of Invoke.
pub(crate) const INVOKE: &str = "/2015-03-31/functions/";
/// The path of the Runtime API.
pub(crate) const RUNTIME: &str = "/2018-06-01/runtime/";

/// The name of the operation that shows the function's configuration.
pub(crate) const CONFIGURATION: &str = "GetFunctionConfiguration";

/// Returns the operation of Lambda that a path asks for.
pub(crate) fn operation(path: &str) -> &'static str {
    if path.ends_with("/configuration") { CONFIGURATION } else { "Invoke" }
}

/// Answers `GetFunctionConfiguration`.
pub(crate) async fn configuration(lambda: &Lambda, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let (head, content) = request.into_parts();
    let content = content.collect().await?.to_bytes();
    if let Some(refused) = unsigned(&head, &content) {
        return Ok(refused);
    }
    let (path, is_get) = (plain_path(&head.uri), head.method == "GET");
    let name = path.strip_prefix(INVOKE).and_then(|rest| rest.strip_suffix("/configuration")).filter(|_| is_get);
    Ok(match name {
        None => refuse(501, "NotImplemented", NOT_MODELLED),
        Some(name) if is_function(name) => wire::json(200, &lambda.configuration()),
        Some(name) => not_found(name),
    })
}

/// Answers Invoke, with the invocation types `RequestResponse`, `Event` and `DryRun`.
pub(crate) async fn invoke(lambda: &Arc<Lambda>, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let (head, content) = request.into_parts();
    let payload = content.collect().await?.to_bytes();
    let path = plain_path(&head.uri);
    let Some(name) = path.strip_prefix(INVOKE).and_then(|rest| rest.strip_suffix("/invocations")) else {
        return Ok(refuse(501, "NotImplemented", NOT_MODELLED));
    };
    if let Some(refused) = unsigned(&head, &payload) {
        return Ok(refused);
    }
    if !is_function(name) {
        return Ok(not_found(name));
    }
    let kind = head.headers.get("x-amz-invocation-type").map(|kind| kind.as_bytes().to_vec());
    let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
    let Ok(event) = serde_json::from_slice(&payload) else {
        return Ok(refuse(400, "InvalidRequestContentException", "Could not parse request body into json"));
    };
    Ok(match kind.as_deref() {
        None | Some(b"RequestResponse") => answered(lambda.invoke(payload).await),
        Some(b"Event") => {
            lambda.send(event);
            wire::empty(202)
        }
        Some(b"DryRun") => wire::empty(204),
        Some(_) => refuse(400, "InvalidParameterValueException", "unknown invocation type"),
    })
}

const NOT_MODELLED: &str = "the emulator models no operation of Lambda but Invoke and GetFunctionConfiguration";

fn plain_path(uri: &Uri) -> String {
    percent_decode_str(uri.path()).decode_utf8_lossy().into_owned()
}

/// Returns whether a name or an ARN, with or without a version, is that of the one function.
fn is_function(name: &str) -> bool {
    let name = name.strip_prefix(&function_arn().replace(FUNCTION, "")).unwrap_or(name);
    name.split(':').next() == Some(FUNCTION)
}

fn not_found(name: &str) -> HttpResponse {
    refuse(404, "ResourceNotFoundException", &format!("Function not found: {name}"))
}

/// Returns the refusal of a request with a wrong signature. Local tools may send none.
fn unsigned(head: &Parts, body: &[u8]) -> Option<HttpResponse> {
    head.headers.get("authorization")?;
    let error = signature::verify(head, "lambda", REGION, body, OffsetDateTime::now_utc()).err()?;
    Some(refuse(403, error.code, &error.message))
}

/// Answers the Runtime API; `None` closes the connection of a runtime that has exited.
pub(crate) async fn runtime(lambda: &Arc<Lambda>, request: HttpRequest) -> Result<Option<HttpResponse>, BoxError> {
    let path = request.uri().path().strip_prefix(RUNTIME).unwrap_or_default().to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let found = match parts[..] {
        ["invocation", "next"] => return Ok(lambda.next().await.map(|event| next(&event))),
        ["invocation", id, "response"] => lambda.finish(id, Ok(request.into_body().collect().await?.to_bytes())),
        ["invocation", id, "error"] => lambda.finish(id, Err(request.into_body().collect().await?.to_bytes())),
        ["init", "error"] => {
            lambda.init_failed(request.into_body().collect().await?.to_bytes());
            true
        }
        _ => {
            return Ok(Some(refuse(501, "NotImplemented", "the emulator does not model this path of the Runtime API")));
        }
    };
    if found {
        return Ok(Some(wire::json(202, &json!({ "status": "OK" }))));
    }
    let error = json!({ "errorType": "InvalidRequestID", "errorMessage": "Invalid request ID" });
    Ok(Some(wire::json(400, &error)))
}

fn next(event: &Next) -> HttpResponse {
    let deadline = event.deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let trace = Uuid::new_v4().simple().to_string();
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", &event.id),
        ("lambda-runtime-deadline-ms", &deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", &function_arn()),
        ("lambda-runtime-trace-id", &format!("Root=1-{}-{};Sampled=0", &trace[..8], &trace[8..])),
    ];
    wire::response(200, &headers, event.payload.clone())
}

fn answered(outcome: Outcome) -> HttpResponse {
    let version = ("x-amz-executed-version", "$LATEST");
    let kind = ("content-type", "application/json");
    match outcome {
        Ok(payload) => wire::response(200, &[kind, version], payload),
        Err(payload) => wire::response(200, &[kind, version, ("x-amz-function-error", "Unhandled")], payload),
    }
}

fn refuse(status: u16, code: &str, message: &str) -> HttpResponse {
    let content = json!({ "Type": "User", "Message": message }).to_string();
    wire::response(status, &[("content-type", "application/json"), ("x-amzn-errortype", code)], content)
}
