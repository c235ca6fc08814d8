//! The errors of reading a commit.

use bstr::BString;

use super::git::{GitError, PackError};
use crate::aws::{CallError, StepFault};
use git_archive::object::ObjectId;
use git_archive::object::hash::CollisionAttack;

/// The reason why a commit could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A listing does not hash to the tree's id, even at the second attempt.
    #[error("{} was listed as tree {found}, but the commit has {wanted}{hint}", named(folder))]
    TreeMismatch {
        /// The folder's path, empty for the root.
        folder: BString,
        /// The id that the commit has.
        wanted: ObjectId,
        /// The id computed from the listing.
        found: ObjectId,
        /// The likely cause.
        hint: &'static str,
    },
    /// A blob does not hash to its id, even at the second attempt.
    #[error("blob {wanted} came with content that hashes to {found}")]
    BlobMismatch {
        /// The requested id.
        wanted: ObjectId,
        /// The id of the content that arrived.
        found: ObjectId,
    },
    /// An object is part of a SHA-1 collision attack.
    #[error("an object of the commit is refused, as git refuses it")]
    Collision(#[from] CollisionAttack),
    /// A file is larger than 6 MB, the API's limit.
    #[error("blob {0} is larger than the 6 MB that the CodeCommit API answers: only the Git source has it")]
    TooLargeForApi(ObjectId),
    /// Internal signal: too many requests are left, fall back to Git.
    #[error("the tree has too many files to request each of them")]
    TooManyRequests,
    /// The fetch over Git failed.
    #[error("failed to fetch the commit over Git")]
    Git(#[from] GitError),
    /// The tree is larger than allowed.
    #[error("the tree takes more than {limit} {what}")]
    TreeTooLarge {
        /// The unit that is counted.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// An object of the pack could not be read.
    #[error("failed to read the pack")]
    Pack(#[from] PackError),
    /// The pack lacks a file of the commit.
    #[error("the pack lacks object {0}")]
    NotInPack(ObjectId),
    /// A file that is streamed from the pack could not be read to its end.
    #[error("failed to stream a large file from the pack")]
    Large(#[source] std::io::Error),
    /// Credentials or region are missing, so no fetch can be signed.
    #[error("there are no credentials or no region to sign a fetch over Git with")]
    NoCredentials,
    /// The API failed, and Git as the fallback failed too.
    #[error("{api}; and then over Git")]
    Both {
        /// The failure of the API.
        api: Box<SourceError>,
        /// The failure of Git.
        #[source]
        git: Box<SourceError>,
    },
}

fn named(folder: &BString) -> String {
    if folder.is_empty() { "the root folder".to_owned() } else { format!("folder {folder:?}") }
}

impl SourceError {
    /// Combines this failure of the API with that of Git as the fallback.
    #[must_use]
    pub fn and_git(self, git: Self) -> Self {
        Self::Both { api: Box::new(self), git: Box::new(git) }
    }

    /// Returns whether the commit or its branch no longer exists.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Call(call) => call.is(&[
                "BranchDoesNotExistException",
                "CommitDoesNotExistException",
                "CommitIdDoesNotExistException",
            ]),
            // After a force push, no reference leads to the commit any more.
            Self::Git(GitError::Empty | GitError::WantRefused { .. }) => true,
            _ => false,
        }
    }

    /// Returns whether the object that was requested as a commit is something else, such as an annotated tag.
    pub fn is_no_commit(&self) -> bool {
        matches!(self, Self::Pack(PackError::WrongKind { .. }))
    }

    /// Returns whether the Git endpoint refuses access to this role.
    pub fn is_git_refused(&self) -> bool {
        matches!(self, Self::Git(error) if error.is_refusal()) || matches!(self, Self::NoCredentials)
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Call(call) => StepFault {
                fault: call.fault,
                denied: "SourceDenied",
                missing: "SourceMissing",
                throttled: "SourceThrottled",
                invalid: "SourceInvalid",
                transient: "SourceUnavailable",
            }
            .code(),
            Self::TreeMismatch { .. } => "TreeMismatch",
            Self::BlobMismatch { .. } | Self::Collision(_) => "BlobMismatch",
            Self::TooLargeForApi(_) => "FileTooLarge",
            Self::TooManyRequests => "SourceUnavailable",
            Self::TreeTooLarge { .. } => "TreeTooLarge",
            Self::Pack(error) | Self::Git(GitError::Pack(error)) => match error {
                PackError::DeltaDepth { .. } | PackError::DeltaWork { .. } => "PackTooCostly",
                PackError::TooManyEntries { .. } => "TreeTooLarge",
                _ => "PackRefused",
            },
            Self::Git(error) => match error {
                GitError::AccessDenied { .. } => "GitDenied",
                GitError::RepositoryMissing { .. } => "SourceMissing",
                GitError::Throttled { .. } => "SourceThrottled",
                _ => "GitUnavailable",
            },
            Self::NotInPack(_) | Self::Large(_) => "PackRefused",
            Self::NoCredentials => "GitDenied",
            Self::Both { git, .. } => git.code(),
        }
    }

    /// Returns whether another attempt is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Call(call) => call.fault.is_permanent(),
            Self::TooLargeForApi(_) | Self::TreeTooLarge { .. } | Self::NoCredentials | Self::Collision(_) => true,
            Self::Pack(error) => error.is_permanent(),
            Self::Git(error) => {
                matches!(
                    error,
                    GitError::AccessDenied { .. } | GitError::RepositoryMissing { .. } | GitError::Address(_)
                ) || matches!(error, GitError::Pack(error) if error.is_permanent())
            }
            Self::Both { git, .. } => git.is_permanent(),
            _ => false,
        }
    }
}
