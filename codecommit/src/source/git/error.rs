//! Failures of a fetch.

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::box_error::BoxError;

use super::pack::PackError;
use git_archive::object::ObjectId;

/// The largest number of bytes of a server's message in an error.
pub(super) const MESSAGE_BYTES: usize = 400;

/// The reason why a commit could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The base URL and the repository's name do not make a valid URL.
    #[error("{0} is not the URL of a repository")]
    Address(String),
    /// There are no credentials to sign with.
    #[error("failed to get credentials for the Git endpoint")]
    Credentials(#[source] CredentialsError),
    /// The signature was refused, or the role or the key's policy does not allow the fetch.
    #[error(
        "access to {url} was denied with status {status}: is `codecommit:GitPull` allowed, and the clock right? \
         {message}"
    )]
    AccessDenied {
        /// The URL of the request.
        url: String,
        /// 401 or 403.
        status: u16,
        /// The beginning of the answer's text.
        message: String,
    },
    /// The repository does not exist.
    #[error("there is no repository at {url}")]
    RepositoryMissing {
        /// The URL of the request.
        url: String,
    },
    /// The repository has no references, so no commits.
    #[error("the repository is empty")]
    Empty,
    /// The server does not have this commit, or does not serve it by its id.
    #[error("the server does not serve commit {commit} by its id")]
    WantRefused {
        /// The commit.
        commit: ObjectId,
    },
    /// The server lacks a capability that a fetch of one commit needs.
    #[error("the server does not offer the capability {0}")]
    Unsupported(&'static str),
    /// The server ended the exchange with a message.
    #[error("the server said: {0}")]
    Remote(String),
    /// The answer does not follow the smart protocol.
    #[error("the server does not speak Git's protocol: {0}")]
    Protocol(&'static str),
    /// The request was throttled.
    #[error("{operation} was throttled with status {status}")]
    Throttled {
        /// The request.
        operation: &'static str,
        /// The status.
        status: u16,
    },
    /// The server answered with another error status.
    #[error("{operation} was answered with status {status}: {message}")]
    Status {
        /// The request.
        operation: &'static str,
        /// The status.
        status: u16,
        /// The beginning of the answer's text.
        message: String,
    },
    /// The answer, or the next piece of it, did not arrive in time.
    #[error("{operation} timed out after {} ms without an answer", after.as_millis())]
    Timeout {
        /// The request.
        operation: &'static str,
        /// The timeout.
        after: Duration,
    },
    /// The connection failed.
    #[error("{operation} failed: connection error")]
    Connection {
        /// The request.
        operation: &'static str,
        /// The cause.
        source: BoxError,
    },
    /// The body ended too early.
    #[error("the answer to {operation} ended too early")]
    Cut {
        /// The request.
        operation: &'static str,
    },
    /// The pack cannot be used.
    #[error("failed to index the pack")]
    Pack(#[from] PackError),
    /// The thread that indexes the pack panicked.
    #[error("the thread that indexes the pack ended")]
    Thread(#[from] tokio::task::JoinError),
}

impl GitError {
    /// Returns whether the same request may succeed on retry.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Timeout { .. } | Self::Connection { .. } | Self::Cut { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            Self::Pack(error) => error.is_damage(),
            _ => false,
        }
    }

    /// Returns whether the endpoint refuses access or cannot serve the commit. The API may still have it.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::AccessDenied { .. } | Self::WantRefused { .. } | Self::Unsupported(_) | Self::Protocol(_))
    }

    pub(super) fn remote(message: &[u8]) -> Self {
        let shown = &message[..message.len().min(MESSAGE_BYTES)];
        Self::Remote(String::from_utf8_lossy(shown.trim_ascii_end()).into_owned())
    }

    /// Recognizes the message about a commit that the server does not serve. Git says `not our ref`, and JGit says
    /// `not valid`.
    pub(super) fn recognize_refused_want(self, commit: ObjectId) -> Self {
        match self {
            Self::Remote(message) if message.contains("not our ref") || message.contains("not valid") => {
                Self::WantRefused { commit }
            }
            other => other,
        }
    }
}
