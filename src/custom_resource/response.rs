//! Sends the response to `CloudFormation`: a PUT to a presigned URL, with the HTTP client that the SDK uses.

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

const ATTEMPTS: u32 = 4;

#[derive(Debug, Error)]
#[error("the answer was refused with status {0}")]
struct Refused(u16);

/// Sends the answer and retries if that may help. No error contains the URL, because its query is a credential.
pub(super) async fn put(
    http: &SharedHttpClient,
    url: &str,
    body: Vec<u8>,
    deadline: Instant,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (origin, target) = split(url).ok_or("ResponseURL is not a URL")?;
    let left = deadline.saturating_duration_since(Instant::now());
    let operation = Operation::builder()
        .service_name("cloudformation-response")
        .operation_name("PutAnswer")
        .http_client(http.clone())
        .endpoint_url(origin)
        .no_auth()
        .standard_retry(&RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .retry_classifier(TransientErrorClassifier::<Refused>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(left / ATTEMPTS).build())
        .serializer(|(target, body): (String, Vec<u8>)| request(target, body))
        .deserializer(|response: &HttpResponse| match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(OrchestratorError::operation(Refused(status.as_u16()))),
        })
        .build();
    match timeout_at(deadline, operation.invoke((target.to_owned(), body))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(SdkError::ServiceError(refused))) => Err(refused.into_err().into()),
        Ok(Err(error)) => Err(error.into()),
        Err(late) => Err(late.into()),
    }
}

/// Builds the PUT request. It has no content type, because `CloudFormation` signs the URL for an empty one.
fn request(target: String, body: Vec<u8>) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let length = body.len();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("PUT")?;
    request.set_uri(target)?;
    request.headers_mut().insert("content-length", length.to_string());
    Ok(request)
}

/// Splits a URL into scheme and host, and path and query, exactly as they were signed.
fn split(url: &str) -> Option<(&str, &str)> {
    let authority = url.find("://")? + "://".len();
    let path = authority + url[authority..].find('/')?;
    Some(url.split_at(path))
}

/// Returns the URL's host if it is not allowed. Allowed are https URLs of S3 and, if `loopback` is set, this machine.
pub(super) fn foreign_host(url: &str, loopback: bool) -> Option<&str> {
    let (origin, _) = split(url).unwrap_or((url, ""));
    let (scheme, host) = origin.split_once("://").unwrap_or(("", origin));
    let local = loopback && matches!(host.rsplit_once(':').map_or(host, |(name, _)| name), "127.0.0.1" | "localhost");
    let own = (scheme == "https" && is_s3(host)) || (matches!(scheme, "http" | "https") && local);
    (!own).then_some(host)
}

/// Returns whether the host belongs to S3: `BUCKET.s3.amazonaws.com`, optionally with a region after `s3`, and with
/// `.cn` at the end in China. The hosts of other services below `amazonaws.com` belong to their customers.
fn is_s3(host: &str) -> bool {
    let name = host.strip_suffix(".cn").unwrap_or(host).strip_suffix(".amazonaws.com").unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    name.chars().all(plain) && name.rsplit('.').take(3).any(|label| label == "s3" || label.starts_with("s3-"))
}
