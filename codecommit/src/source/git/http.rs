//! One request to a Git server over the SDK's own connector, its answer as a stream, and how often it is tried.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use tokio::time::timeout;

use super::sign::{self, Target};
use super::{GitError, Remote};
use crate::aws::Operation;

/// A name that servers know Git by.
const USER_AGENT: &str = concat!("git/codecommit-multibranch/", env!("CARGO_PKG_VERSION"));

/// As much of a refusal as goes into an error.
const MESSAGE_BYTES: usize = 400;

/// How long to wait, and how often to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection and the head of an answer.
    pub answer: Duration,
    /// For each next piece of a body.
    pub piece: Duration,
    /// Tries of each request in all.
    pub attempts: u32,
    /// The longest pause before the second try; it doubles with each one more.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            piece: Duration::from_mins(1),
            attempts: 3,
            pause: Duration::from_millis(500),
        }
    }
}

/// One of the two requests of a fetch.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) path: &'a str,
    /// What is sent and its type; nothing is a GET.
    pub(super) body: Option<(Bytes, &'static str)>,
    /// The type that only a Git server's answer has.
    pub(super) answer: &'static str,
}

/// An answer's body, as it arrives.
pub(super) struct Body {
    operation: &'static str,
    stream: ByteStream,
    patience: Patience,
}

impl Body {
    /// The next piece.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, GitError> {
        let Self { operation, patience, .. } = *self;
        let piece = timeout(patience.piece, self.stream.next()).await;
        let piece = piece.map_err(|_| GitError::Timeout { operation, after: patience.piece })?;
        piece.transpose().map_err(|source| GitError::Connection { operation, source: source.into() })
    }

    /// The beginning of a text that explains a refusal; that it cannot be read is no further failure.
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
    /// Tries until it succeeds, fails for good, or has been tried often enough.
    pub(super) async fn retried<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, GitError>
    where
        F: Future<Output = Result<T, GitError>>,
    {
        let mut tries = 1;
        loop {
            match attempt().await {
                Err(error) if error.is_transient() && tries < self.patience.attempts => {
                    tracing::debug!(tries, %error, "another try");
                    tokio::time::sleep(jitter(self.patience.pause * 2_u32.pow(tries - 1))).await;
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    /// Sends one signed request and checks that a Git server answers it.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Body, GitError> {
        let operation = call.operation;
        let url = format!("{}{}", self.url(), call.path);
        let request = self.request(&url, call).await?;
        let answer = timeout(self.patience.answer, self.connector.call(request)).await;
        let answer = answer.map_err(|_| GitError::Timeout { operation, after: self.patience.answer })?;
        let answer = answer.map_err(|source| GitError::Connection { operation, source: source.into() })?;
        let status = answer.status().as_u16();
        let is_git = status == 200 && media_type(&answer) == call.answer;
        let body = Body { operation, stream: ByteStream::new(answer.into_body()), patience: self.patience };
        match status {
            200 if is_git => Ok(body),
            200 => Err(GitError::Protocol("the answer is of another media type")),
            _ => Err(refusal(operation, url, status, body.message().await)),
        }
    }

    async fn request(&self, url: &str, call: &Call<'_>) -> Result<HttpRequest, GitError> {
        let credentials = self.credentials.provide_credentials().await.map_err(GitError::Credentials)?;
        let address = || GitError::Address(url.to_owned());
        let (host, path) = self.host_and_path().ok_or_else(address)?;
        let target = Target { region: &self.region, host, path: &path };
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

/// What a status other than 200 means. A throttle can also come as a 400 with its name in the text.
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

/// Anything up to the longest pause, so that many functions that were throttled together do not come back together.
fn jitter(longest: Duration) -> Duration {
    // A `RandomState` is seeded by the system; no generator is needed for a few pauses.
    let random = RandomState::new().hash_one(()) % 1024;
    longest / 1024 * u32::try_from(random).unwrap_or(1024)
}
