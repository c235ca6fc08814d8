//! An execution of a pipeline.

use std::time::{Instant, SystemTime};

/// One execution of a pipeline.
#[derive(Debug, Clone)]
pub struct Execution {
    /// A UUID.
    pub id: String,
    /// The version of the pipeline at the start.
    pub pipeline_version: usize,
    /// The mode of the pipeline at the start.
    pub execution_mode: String,
    /// The status.
    pub status: Status,
    /// The reason of a failure or of a stop.
    pub status_summary: Option<String>,
    /// The reason of a stop.
    pub stop_reason: Option<String>,
    /// The revisions that the source actions took. CodePipeline shows them after the source actions have ended.
    pub revisions: Vec<Revision>,
    /// The declared variables with their values.
    pub variables: Vec<(String, String)>,
    /// The cause of the start.
    pub cause: StartCause,
    /// The `clientRequestToken` of the start.
    pub token: Option<String>,
    /// The time of the start.
    pub started: SystemTime,
    /// The time of the last change.
    pub updated: SystemTime,
    /// The actions that have started, in the order of their start.
    pub actions: Vec<ActionRun>,
    /// The status in the last event that was sent.
    pub(super) told: Option<Status>,
    /// The start on the clock that measures the visibility lag and the duration of source actions.
    pub(super) clock: Instant,
}

/// The cause of a start, which CodePipeline calls its trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartCause {
    /// `StartPipelineExecution`.
    Request,
    /// `CreatePipeline`.
    Creation,
    /// Polling by the source action with this name.
    Polling(String),
}

/// The status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// An action is in progress.
    InProgress,
    /// A stop was requested, and the action in progress has not ended.
    Stopping,
    /// A request stopped the execution.
    Stopped,
    /// Every action succeeded.
    Succeeded,
    /// An action failed, or a required variable had no value.
    Failed,
}

/// One run of an action.
#[derive(Debug, Clone)]
pub struct ActionRun {
    /// A UUID.
    pub id: String,
    /// The name of the stage.
    pub stage: String,
    /// The name of the action.
    pub action: String,
    /// The status.
    pub status: ActionStatus,
    /// The error of a failed action.
    pub error: Option<String>,
    /// The summary that the action's provider gives.
    pub summary: Option<String>,
    /// The address of the action's run at its provider.
    pub url: Option<String>,
    /// The time of the start.
    pub started: SystemTime,
    /// The time of the last change.
    pub updated: SystemTime,
}

/// The status of an action's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionStatus {
    /// The action runs.
    InProgress,
    /// The action succeeded.
    Succeeded,
    /// The action failed.
    Failed,
    /// The execution was stopped without waiting for the action.
    Abandoned,
}

/// The revision that a source action took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The source action's name.
    pub action: String,
    /// The output artifact's name.
    pub artifact: String,
    /// The version ID of the object, or the commit.
    pub id: String,
    /// The text that the console shows.
    pub summary: Option<String>,
}

impl Execution {
    /// Returns true if the execution has not ended.
    pub fn is_running(&self) -> bool {
        matches!(self.status, Status::InProgress | Status::Stopping)
    }

    pub(super) fn set_status(&mut self, status: Status) {
        self.status = status;
        self.updated = SystemTime::now();
        if status == Status::Stopped {
            self.status_summary.clone_from(&self.stop_reason);
        }
    }

    /// Returns the actions in progress.
    pub(super) fn running_actions(&mut self) -> impl Iterator<Item = &mut ActionRun> {
        self.actions.iter_mut().filter(|action| action.status == ActionStatus::InProgress)
    }
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

impl ActionRun {
    pub(super) fn new(stage: &str, action: &str) -> Self {
        let now = SystemTime::now();
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            stage: stage.to_owned(),
            action: action.to_owned(),
            status: ActionStatus::InProgress,
            error: None,
            summary: None,
            url: None,
            started: now,
            updated: now,
        }
    }

    pub(super) fn end(&mut self, status: ActionStatus) {
        self.status = status;
        self.updated = SystemTime::now();
    }
}

impl ActionStatus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Abandoned => "Abandoned",
        }
    }
}
