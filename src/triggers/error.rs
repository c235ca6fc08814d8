//! What can go wrong with a repository's triggers.

use aws_sdk_codecommit::error::ProvideErrorMetadata;
use thiserror::Error;

use super::reconcile::Impossible;

/// A step that failed, with what it was attempted on.
#[derive(Debug, Error)]
pub enum TriggersError {
    /// `ListBranches` failed.
    #[error("failed to list the branches of {repository}")]
    Branches {
        /// The repository.
        repository: String,
        /// Why.
        source: Box<aws_sdk_codecommit::Error>,
    },
    /// `GetRepositoryTriggers` failed.
    #[error("failed to read the triggers of {repository}")]
    Read {
        /// The repository.
        repository: String,
        /// Why.
        source: Box<aws_sdk_codecommit::Error>,
    },
    /// `PutRepositoryTriggers` failed.
    #[error("failed to write the triggers of {repository}")]
    Write {
        /// The repository.
        repository: String,
        /// Why.
        source: Box<aws_sdk_codecommit::Error>,
    },
    /// `GetBranch` failed.
    #[error("failed to read the tip of branch {branch} of {repository}")]
    Tip {
        /// The repository.
        repository: String,
        /// The branch.
        branch: String,
        /// Why.
        source: Box<aws_sdk_codecommit::Error>,
    },
    /// Somebody else wrote each time that we did.
    #[error("the triggers of {repository} were changed by others in each of {attempts} attempts")]
    Contended {
        /// The repository.
        repository: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// No list of triggers would do.
    #[error("cannot set the triggers of {repository}")]
    Impossible {
        /// The repository.
        repository: String,
        /// Why.
        source: Impossible,
    },
    /// A push would start twice.
    #[error("trigger {trigger} of {repository} is already a route to the same function; each push would start twice")]
    SecondRoute {
        /// The repository.
        repository: String,
        /// The other owner's trigger.
        trigger: String,
    },
}

impl TriggersError {
    /// A name that stays, for alarms.
    pub fn code(&self) -> &'static str {
        match self {
            TriggersError::Branches { .. } => "ListBranchesFailed",
            TriggersError::Read { .. } => "ReadTriggersFailed",
            TriggersError::Write { .. } => "WriteTriggersFailed",
            TriggersError::Tip { .. } => "ReadTipFailed",
            TriggersError::Contended { .. } => "TriggersContended",
            TriggersError::Impossible { .. } => "TriggersImpossible",
            TriggersError::SecondRoute { .. } => "SecondRoute",
        }
    }

    /// Whether the repository is not there (any more).
    pub fn is_repository_missing(&self) -> bool {
        self.call().is_some_and(|call| matches!(call, aws_sdk_codecommit::Error::RepositoryDoesNotExistException(_)))
    }

    /// Whether the role may not, or not yet.
    pub fn is_denied(&self) -> bool {
        self.call().is_some_and(|call| call.code() == Some("AccessDeniedException"))
    }

    /// What the service said.
    fn call(&self) -> Option<&aws_sdk_codecommit::Error> {
        match self {
            TriggersError::Branches { source, .. }
            | TriggersError::Read { source, .. }
            | TriggersError::Write { source, .. }
            | TriggersError::Tip { source, .. } => Some(source),
            _ => None,
        }
    }
}
