//! What can go wrong between asking for a commit and having its pack.

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::box_error::BoxError;

use super::PackError;
use git_archive::object::ObjectId;

/// Why a commit could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The base address and the repository's name make no address.
    #[error("{0} is not the address of a repository")]
    Address(String),
    /// There are no credentials to sign with.
    #[error("failed to get credentials for the Git endpoint")]
    Credentials(#[source] CredentialsError),
    /// Signature, role or key policy were refused.
    #[error(
        "access to {url} was denied with status {status}: is `codecommit:GitPull` allowed, and the clock right? {message}"
    )]
    AccessDenied {
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: u16,
        /// The beginning of what the server said.
        message: String,
    },
    /// There is no such repository.
    #[error("there is no repository at {url}")]
    RepositoryMissing {
        /// What was asked for.
        url: String,
    },
    /// The repository has no references, so no commits.
    #[error("the repository is empty")]
    Empty,
    /// The server does not give out this commit by its id, or does not have it.
    #[error("the server does not serve commit {commit} by its id")]
    WantRefused {
        /// The commit.
        commit: ObjectId,
    },
    /// The server cannot do what a fetch of one commit needs.
    #[error("the server does not offer the capability {0}")]
    Unsupported(&'static str),
    /// The server ended the exchange with a message.
    #[error("the server said: {0}")]
    Remote(String),
    /// What came is not the smart protocol.
    #[error("the server does not speak Git's protocol: {0}")]
    Protocol(&'static str),
    /// The server asks for fewer requests.
    #[error("{operation} was throttled with status {status}")]
    Throttled {
        /// Which request.
        operation: &'static str,
        /// Its status.
        status: u16,
    },
    /// The server answered with a status that none of the above explains.
    #[error("{operation} was answered with status {status}: {message}")]
    Status {
        /// Which request.
        operation: &'static str,
        /// Its status.
        status: u16,
        /// The beginning of what the server said.
        message: String,
    },
    /// There was no answer, or none for too long.
    #[error("{operation} was given up after {} ms without an answer", after.as_millis())]
    Timeout {
        /// Which request.
        operation: &'static str,
        /// How long nothing came.
        after: Duration,
    },
    /// The connection could not be made, or broke.
    #[error("{operation} failed on its connection")]
    Connection {
        /// Which request.
        operation: &'static str,
        /// Why.
        source: BoxError,
    },
    /// The body ended before the protocol did.
    #[error("the body of {operation} was cut")]
    Cut {
        /// Which request.
        operation: &'static str,
    },
    /// The pack cannot be used.
    #[error("failed to take in the pack")]
    Pack(#[from] PackError),
    /// The thread that takes in the pack came to an end.
    #[error("the thread that takes in the pack ended")]
    Thread(#[from] tokio::task::JoinError),
}

impl GitError {
    /// Whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Timeout { .. } | Self::Connection { .. } | Self::Cut { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            Self::Pack(error) => error.is_damage(),
            _ => false,
        }
    }

    /// Whether another source may have the commit all the same: this one is refused or cannot serve it.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::AccessDenied { .. } | Self::WantRefused { .. } | Self::Unsupported(_) | Self::Protocol(_))
    }

    pub(super) fn remote(message: &[u8]) -> Self {
        Self::Remote(String::from_utf8_lossy(message.trim_ascii_end()).into_owned())
    }

    /// git says `not our ref`, JGit `not valid`, of a commit that it does not give out.
    pub(super) fn of_want(self, commit: ObjectId) -> Self {
        match self {
            Self::Remote(message) if message.contains("not our ref") || message.contains("not valid") => {
                Self::WantRefused { commit }
            }
            other => other,
        }
    }
}
