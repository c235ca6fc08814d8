//! Why a commit could not be read.

use bstr::BString;

use super::git::{GitError, PackError};
use crate::aws::{CallError, Fault};
use git_archive::object::ObjectId;
use git_archive::object::hash::CollisionAttack;

/// Why a commit could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A listing does not hash to the tree's id, also at the second try.
    #[error("{} was listed as tree {found}, but the commit has {wanted}{hint}", named(folder))]
    TreeMismatch {
        /// The folder's path, empty for the root.
        folder: BString,
        /// The id that the commit has.
        wanted: ObjectId,
        /// The id of what was listed.
        found: ObjectId,
        /// What may be the cause.
        hint: &'static str,
    },
    /// A blob does not hash to its id, also at the second try.
    #[error("blob {wanted} came with content that hashes to {found}")]
    BlobMismatch {
        /// The id that was asked for.
        wanted: ObjectId,
        /// The id of what came.
        found: ObjectId,
    },
    /// An object is part of a SHA-1 collision attack.
    #[error("an object of the commit is refused, as git refuses it")]
    Collision(#[from] CollisionAttack),
    /// A file is larger than the API answers (6 MB).
    #[error("blob {0} is larger than the 6 MB that the CodeCommit API answers: only the Git source has it")]
    TooLargeForApi(ObjectId),
    /// So much is left to ask for that Git is cheaper. Not an end, but the way to the other source.
    #[error("the tree has too many files to ask for each of them")]
    TooManyRequests,
    /// The fetch over Git failed.
    #[error("failed to fetch the commit over Git")]
    Git(#[from] GitError),
    /// The pack does not give what it should.
    #[error("failed to read the pack")]
    Pack(#[from] PackError),
    /// The pack lacks a file of the commit.
    #[error("the pack lacks object {0}")]
    NotInPack(ObjectId),
    /// A file that is streamed from the pack could not be read to its end.
    #[error("failed to stream a large file from the pack")]
    Large(#[source] std::io::Error),
    /// There is nothing to sign a fetch with.
    #[error("there are no credentials or no region to sign a fetch over Git with")]
    NoCredentials,
    /// The API could not, and then Git could not either.
    #[error("{api}; and then over Git")]
    Both {
        /// What the API could not.
        api: Box<SourceError>,
        /// Why Git could not.
        #[source]
        git: Box<SourceError>,
    },
}

fn named(folder: &BString) -> String {
    if folder.is_empty() { "the root folder".to_owned() } else { format!("folder {folder:?}") }
}

impl SourceError {
    /// This failure of the API's, and Git's after it.
    #[must_use]
    pub fn and_git(self, git: Self) -> Self {
        Self::Both { api: Box::new(self), git: Box::new(git) }
    }

    /// Whether the commit, or its repository's branch, is gone.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Call(call) => call.is(&[
                "BranchDoesNotExistException",
                "CommitDoesNotExistException",
                "CommitIdDoesNotExistException",
            ]),
            // A push by force has left it behind, and no reference leads to it any more.
            Self::Git(GitError::Empty | GitError::WantRefused { .. }) => true,
            _ => false,
        }
    }

    /// Whether what was asked for as a commit is something else, an annotated tag for one.
    pub fn is_no_commit(&self) -> bool {
        matches!(self, Self::Pack(PackError::WrongKind { .. }))
    }

    /// Whether Git does not serve us, though it may serve others.
    pub fn is_git_refused(&self) -> bool {
        matches!(self, Self::Git(error) if error.is_refusal()) || matches!(self, Self::NoCredentials)
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Call(call) => match call.fault {
                Fault::Denied => "SourceDenied",
                Fault::Missing => "SourceMissing",
                Fault::Throttled => "SourceThrottled",
                Fault::Invalid => "SourceInvalid",
                Fault::ClockSkew => "ClockSkew",
                Fault::Transient => "SourceUnavailable",
            },
            Self::TreeMismatch { .. } => "TreeMismatch",
            Self::BlobMismatch { .. } | Self::Collision(_) => "BlobMismatch",
            Self::TooLargeForApi(_) => "FileTooLarge",
            Self::TooManyRequests => "SourceUnavailable",
            Self::Git(error) => match error {
                GitError::AccessDenied { .. } => "GitDenied",
                GitError::RepositoryMissing { .. } => "SourceMissing",
                GitError::Throttled { .. } => "SourceThrottled",
                GitError::Pack(_) => "PackRefused",
                _ => "GitUnavailable",
            },
            Self::Pack(_) | Self::NotInPack(_) | Self::Large(_) => "PackRefused",
            Self::NoCredentials => "GitDenied",
            Self::Both { git, .. } => git.code(),
        }
    }

    /// Whether another try of the same event is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Call(call) => matches!(call.fault, Fault::Denied | Fault::Missing | Fault::Invalid),
            Self::TooLargeForApi(_) | Self::NoCredentials | Self::Collision(_) => true,
            Self::Git(error) => {
                matches!(
                    error,
                    GitError::AccessDenied { .. } | GitError::RepositoryMissing { .. } | GitError::Address(_)
                ) || matches!(error, GitError::Pack(error) if !error.is_damage())
            }
            Self::Both { git, .. } => git.is_permanent(),
            _ => false,
        }
    }
}
