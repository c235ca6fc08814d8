//! Errors of a repository's triggers.

use codecommit::aws::{CallError, Fault};
use thiserror::Error;

use super::reconcile::Impossible;

/// A step that failed. The text names the repository.
#[derive(Debug, Error)]
pub enum TriggersError {
    /// `ListBranches` failed.
    #[error("failed to list the branches of {repository}")]
    Branches {
        /// The repository.
        repository: String,
        /// The cause.
        source: CallError,
    },
    /// `GetRepositoryTriggers` failed.
    #[error("failed to read the triggers of {repository}")]
    Read {
        /// The repository.
        repository: String,
        /// The cause.
        source: CallError,
    },
    /// `PutRepositoryTriggers` failed.
    #[error("failed to write the triggers of {repository}")]
    Write {
        /// The repository.
        repository: String,
        /// The cause.
        source: CallError,
    },
    /// `GetBranch` failed.
    #[error("failed to read the tip of branch {branch} of {repository}")]
    Tip {
        /// The repository.
        repository: String,
        /// The branch.
        branch: String,
        /// The cause.
        source: CallError,
    },
    /// In every attempt, another writer changed the triggers.
    #[error("the triggers of {repository} were changed by others in each of {attempts} attempts")]
    Contended {
        /// The repository.
        repository: String,
        /// The number of attempts.
        attempts: u32,
    },
    /// No possible list of triggers reaches the goal.
    #[error("cannot set the triggers of {repository}")]
    Impossible {
        /// The repository.
        repository: String,
        /// The cause.
        source: Impossible,
    },
    /// Each push would start the pipeline twice.
    #[error("trigger {trigger} of {repository} is already a route to the same function; each push would start twice")]
    SecondRoute {
        /// The repository.
        repository: String,
        /// The other owner's trigger.
        trigger: String,
    },
}

impl TriggersError {
    /// Returns the stable code, which alarms may rely on.
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

    /// Returns whether the repository does not exist.
    pub fn is_repository_missing(&self) -> bool {
        self.call().is_some_and(|call| call.is(&["RepositoryDoesNotExistException"]))
    }

    /// Returns whether the role lacks the permission. A new permission may take a moment to work.
    pub fn is_denied(&self) -> bool {
        self.call().is_some_and(|call| call.fault == Fault::Denied)
    }

    /// Returns whether another attempt with the same event is useless.
    pub fn is_permanent(&self) -> bool {
        match self.call() {
            Some(call) => matches!(call.fault, Fault::Denied | Fault::Missing | Fault::Invalid),
            None => !matches!(self, TriggersError::Contended { .. }),
        }
    }

    /// Returns the call that failed, if the error came from a call.
    fn call(&self) -> Option<&CallError> {
        match self {
            TriggersError::Branches { source, .. }
            | TriggersError::Read { source, .. }
            | TriggersError::Write { source, .. }
            | TriggersError::Tip { source, .. } => Some(source),
            _ => None,
        }
    }
}
