//! One repository at a Git endpoint, with its connector, credentials and policies.

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;

use crate::aws::{Aws, choice};
use crate::retry::RetryPolicy;

/// One repository at a Git endpoint, with its connector, credentials and policies.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The SDK's own connector.
    pub connector: SharedHttpConnector,
    /// The credentials for the signature. They are requested for each request.
    pub credentials: SharedCredentialsProvider,
    /// The URL that the repository's name is appended to: [`endpoint`], or the setting `CODECOMMIT_GIT_URL`.
    pub base: String,
    /// The region of the signature.
    pub region: String,
    /// The repository's name.
    pub repository: String,
    /// The timeouts of each request.
    pub timeouts: Timeouts,
    /// The retry policy of each request.
    pub retries: RetryPolicy,
}

/// The timeouts of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The timeout for the connection and the head of the answer.
    pub answer: Duration,
    /// The timeout for each next piece of the body.
    pub piece: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { answer: Duration::from_secs(30), piece: Duration::from_mins(1) }
    }
}

/// Returns the URL under which `CodeCommit` serves Git in a region.
pub fn endpoint(region: &str) -> String {
    format!("https://git-codecommit.{region}.{}/v1/repos/", choice::dns_suffix(region))
}

impl Remote {
    /// Creates the remote of a repository with the clients' own connector, credentials and region. Returns `None` if
    /// one of these is missing. Its URL begins with `base`, or with the region's [`endpoint`].
    pub fn new(aws: &Aws, repository: &str, base: Option<String>) -> Option<Self> {
        let credentials = aws.source_credentials()?;
        let region = aws.region()?.to_string();
        Some(Self {
            connector: aws.connector(),
            credentials,
            base: base.unwrap_or_else(|| endpoint(&region)),
            region,
            repository: repository.to_owned(),
            timeouts: Timeouts::default(),
            retries: RetryPolicy::GIT,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("{}/{}", self.base.trim_end_matches('/'), self.repository)
    }

    /// Returns the host without its port and the path of the repository, as needed for the signature.
    pub(super) fn host_and_path(&self) -> Option<(&str, String)> {
        let (_, rest) = self.base.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.split(':').next()?;
        let path = format!("/{path}").trim_end_matches('/').to_owned();
        let is_named = !self.repository.is_empty() && self.repository.bytes().all(is_name_byte);
        is_named.then(|| (host, format!("{path}/{}", self.repository)))
    }
}

/// Returns whether the byte may occur in a repository's name. None of these bytes needs to be encoded in a URL.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}
