//! Lambda's two interfaces on the wire: Invoke for clients, the Runtime API for the function.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::json;
use uuid::Uuid;

use crate::body::{self, BoxError, Request, Response};
use crate::credentials::FUNCTION;
use crate::events::function_arn;
use crate::lambda::{Lambda, Next, Outcome};

/// Where clients invoke functions, and where runtimes ask for work.
pub(crate) const INVOKE: &str = "/2015-03-31/functions/";
pub(crate) const RUNTIME: &str = "/2018-06-01/runtime/";

/// Lambda's Invoke: `RequestResponse`, `Event` and `DryRun`.
pub(crate) async fn invoke(lambda: &Arc<Lambda>, request: Request) -> Result<Response, BoxError> {
    let path = request.uri().path().replace("%3A", ":").replace("%24", "$");
    let Some(name) = path.strip_prefix(INVOKE).and_then(|rest| rest.strip_suffix("/invocations")) else {
        return Ok(refuse(501, "NotImplemented", "the emulator models Invoke only"));
    };
    let name = name.strip_prefix(&function_arn().replace(FUNCTION, "")).unwrap_or(name);
    if name.split(':').next() != Some(FUNCTION) {
        return Ok(refuse(404, "ResourceNotFoundException", &format!("Function not found: {name}")));
    }
    let kind = request.headers().get("x-amz-invocation-type").map(|kind| kind.as_bytes().to_vec());
    let payload = request.into_body().collect().await?.to_bytes();
    let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
    let Ok(event) = serde_json::from_slice(&payload) else {
        return Ok(refuse(400, "InvalidRequestContentException", "Could not parse request body into json"));
    };
    Ok(match kind.as_deref() {
        None | Some(b"RequestResponse") => answered(lambda.invoke(payload).await),
        Some(b"Event") => {
            lambda.send(event);
            body::empty(202)
        }
        Some(b"DryRun") => body::empty(204),
        Some(_) => refuse(400, "InvalidParameterValueException", "unknown invocation type"),
    })
}

/// The Runtime API; `None` closes the connection of a runtime that is gone.
pub(crate) async fn runtime(lambda: &Arc<Lambda>, request: Request) -> Result<Option<Response>, BoxError> {
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
            return Ok(Some(refuse(501, "NotImplemented", "not a path of the Runtime API")));
        }
    };
    if found {
        return Ok(Some(body::json(202, &json!({ "status": "OK" }))));
    }
    let error = json!({ "errorType": "InvalidRequestID", "errorMessage": "Invalid request ID" });
    Ok(Some(body::json(400, &error)))
}

fn next(event: &Next) -> Response {
    let deadline = event.deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let trace = Uuid::new_v4().simple().to_string();
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", &event.id),
        ("lambda-runtime-deadline-ms", &deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", &function_arn()),
        ("lambda-runtime-trace-id", &format!("Root=1-{}-{};Sampled=0", &trace[..8], &trace[8..])),
    ];
    body::response(200, &headers, event.payload.clone())
}

fn answered(outcome: Outcome) -> Response {
    let version = ("x-amz-executed-version", "$LATEST");
    let kind = ("content-type", "application/json");
    match outcome {
        Ok(payload) => body::response(200, &[kind, version], payload),
        Err(payload) => body::response(200, &[kind, version, ("x-amz-function-error", "Unhandled")], payload),
    }
}

fn refuse(status: u16, code: &str, message: &str) -> Response {
    let content = json!({ "Type": "User", "Message": message }).to_string();
    body::response(status, &[("content-type", "application/json"), ("x-amzn-errortype", code)], content)
}
