//! The JSON 1.1 protocol that CodeCommit and CodePipeline speak.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::account::REGION;
use crate::error::ServiceError;
use crate::signature;
use crate::wire::{self, BoxError, HttpRequest, HttpResponse};

/// Checks a request's signature for a service, calls the operation and returns its response.
pub(crate) async fn answer<F>(
    request: HttpRequest,
    service: &str,
    operation: impl FnOnce(Value) -> F,
) -> Result<HttpResponse, BoxError>
where
    F: Future<Output = Result<Value, ServiceError>>,
{
    let (parts, content) = request.into_parts();
    let content = content.collect().await?.to_bytes();
    let output = match signature::verify(&parts, service, REGION, &content, OffsetDateTime::now_utc())
        .and_then(|()| parse(&content))
    {
        Ok(input) => operation(input).await,
        Err(error) => Err(error),
    };
    Ok(match output {
        Ok(output) => respond(200, "", output.to_string()),
        Err(error) => exception(error.status, error.code, &error.message),
    })
}

pub(crate) fn exception(status: u16, code: &str, message: &str) -> HttpResponse {
    let body =
        if message.is_empty() { json!({ "__type": code }) } else { json!({ "__type": code, "message": message }) };
    respond(status, code, body.to_string())
}

fn respond(status: u16, error: &str, content: String) -> HttpResponse {
    let id = Uuid::new_v4().to_string();
    let headers =
        [("content-type", "application/x-amz-json-1.1"), ("x-amzn-requestid", &id), ("x-amzn-errortype", error)];
    let headers = if error.is_empty() { &headers[..2] } else { &headers[..] };
    wire::response(status, headers, content)
}

fn parse(content: &Bytes) -> Result<Value, ServiceError> {
    let content: &[u8] = if content.is_empty() { b"{}" } else { content };
    serde_json::from_slice(content).map_err(|error| ServiceError::new("SerializationException", error.to_string()))
}
