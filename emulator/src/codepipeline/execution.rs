//! An execution of a pipeline.

use std::time::SystemTime;

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
    /// The reason of a failure.
    pub status_summary: Option<String>,
    /// The revisions that the source actions took.
    pub revisions: Vec<Revision>,
    /// The declared variables with their values.
    pub variables: Vec<(String, String)>,
    /// The `clientRequestToken` of the start.
    pub token: Option<String>,
    /// The time of the start.
    pub started: SystemTime,
}

/// The status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A test holds the execution in progress.
    InProgress,
    /// Every source had a revision.
    Succeeded,
    /// A source had no revision.
    Failed,
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
    /// The link in the console.
    pub url: Option<String>,
    /// The creation time of the revision.
    pub created: Option<SystemTime>,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}
