//! One request to a Git server over the SDK's own connector, and its answer as a stream.

use std::time::SystemTime;

use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use tokio::time::timeout;

use super::error::{GitError, MESSAGE_BYTES};
use super::remote::{Remote, Timeouts};
use super::sign::{self, SignedTarget};
use crate::aws::Operation;

/// The user agent. Like Git's own, it begins with `git/`.
const USER_AGENT: &str = concat!("git/codecommit-multibranch/", env!("CARGO_PKG_VERSION"));

/// One of the two requests of a fetch.
#[derive(Debug, Clone)]
pub(super) struct GitRequest<'a> {
    pub(super) operation: &'static str,
    pub(super) path: &'a str,
    /// The body and its media type. Without a body, the request is a GET.
    pub(super) body: Option<(Bytes, &'static str)>,
    /// The media type that only a Git server's answer has.
    pub(super) answer: &'static str,
}

/// An answer's body, as it arrives.
pub(super) struct ResponseBody {
    operation: &'static str,
    stream: ByteStream,
    timeouts: Timeouts,
}

impl ResponseBody {
    /// Returns the next piece.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, GitError> {
        let Self { operation, timeouts, .. } = *self;
        let piece = timeout(timeouts.piece, self.stream.next()).await;
        let piece = piece.map_err(|_| GitError::Timeout { operation, after: timeouts.piece })?;
        piece.transpose().map_err(|source| GitError::Connection { operation, source: source.into() })
    }

    /// Returns the beginning of the text that explains a refusal, as far as it arrives.
    async fn message(mut self) -> String {
        let mut text = Vec::new();
        while let Ok(Some(piece)) = self.next().await {
            text.extend_from_slice(&piece);
            if text.len() >= MESSAGE_BYTES {
                text.truncate(MESSAGE_BYTES);
                break;
            }
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    }
}

impl Remote {
    /// Sends one signed request and checks that a Git server answers it.
    pub(super) async fn send(&self, call: &GitRequest<'_>) -> Result<ResponseBody, GitError> {
        let operation = call.operation;
        let url = format!("{}{}", self.url(), call.path);
        let request = self.request(&url, call).await?;
        let answer = timeout(self.timeouts.answer, self.connector.call(request)).await;
        let answer = answer.map_err(|_| GitError::Timeout { operation, after: self.timeouts.answer })?;
        let answer = answer.map_err(|source| GitError::Connection { operation, source: source.into() })?;
        let status = answer.status().as_u16();
        let is_git = status == 200 && media_type(&answer) == call.answer;
        let body = ResponseBody { operation, stream: ByteStream::new(answer.into_body()), timeouts: self.timeouts };
        match status {
            200 if is_git => Ok(body),
            200 => Err(GitError::Protocol("the answer is of another media type")),
            _ => Err(refusal(operation, url, status, body.message().await)),
        }
    }

    async fn request(&self, url: &str, call: &GitRequest<'_>) -> Result<HttpRequest, GitError> {
        let credentials = self.credentials.provide_credentials().await.map_err(GitError::Credentials)?;
        let address = || GitError::Address(url.to_owned());
        let (host, path) = self.host_and_path().ok_or_else(address)?;
        let target = SignedTarget { region: &self.region, host, path: &path };
        let mut request = HttpRequest::get(url).map_err(|_| address())?;
        let headers = request.headers_mut();
        headers.insert("authorization", sign::authorization(&credentials, &target, SystemTime::now()));
        headers.insert("user-agent", USER_AGENT);
        headers.insert("accept", call.answer);
        if let Some((body, media_type)) = &call.body {
            headers.insert("content-type", *media_type);
            *request.body_mut() = SdkBody::from(body.clone());
            request.set_method("POST").map_err(|_| address())?;
        }
        request.add_extension(Operation(call.operation.to_owned()));
        Ok(request)
    }
}

/// Returns the error for a status other than 200. A throttled request may also get a 400 whose text names the cause.
fn refusal(operation: &'static str, url: String, status: u16, message: String) -> GitError {
    match status {
        401 | 403 => GitError::AccessDenied { url, status, message },
        404 => GitError::RepositoryMissing { url },
        429 | 503 => GitError::Throttled { operation, status },
        400 if message.contains("Throttl") => GitError::Throttled { operation, status },
        _ => GitError::Status { operation, status, message },
    }
}

fn media_type(answer: &HttpResponse) -> &str {
    let value = answer.headers().get("content-type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}
