//! Errors by step, with stable codes.

use std::fmt;

use codecommit::aws::CallError;
use codecommit::causes::with_causes;

use crate::config::ConfigError;
use crate::custom_resource::CustomResourceError;
use crate::event::EventError;
use crate::names::{Reference, RepositoryArn};
use crate::pipeline::{PipelineError, Target};
use crate::plan::{Job, PlanError, Reason, Token};
use crate::record::{self, RecordError};
use crate::report::ReportError;
use crate::step::Step;
use crate::text::cut;
use crate::triggers::TriggersError;
use crate::upload::{Stored, UploadError};
use codecommit::open::OpenError;
use codecommit::source::SourceError;
use codecommit::write::StreamError;

/// The largest sizes, in bytes, of names and errors that come from elsewhere: Lambda limits an answer, and a queue
/// limits a message.
const REFERENCE_BYTES: usize = 512;
const ERROR_BYTES: usize = 4 << 10;
const ALL_ERRORS_BYTES: usize = 64 << 10;

/// The reason why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is invalid.
    #[error("failed to read the settings")]
    Config(#[source] ConfigError),
    /// The event cannot be read.
    #[error("failed to read the event")]
    Event(#[source] EventError),
    /// A request for a custom resource could not be answered.
    #[error("failed to serve the stack's custom resource")]
    CustomResource(#[source] CustomResourceError),
    /// The result of a run could not be reported.
    #[error("failed to report the result of a run")]
    Report(#[source] ReportError),
    /// One or more references failed. Every reference of the event was attempted.
    #[error("{}", Self::named(.failed, *.of))]
    References {
        /// The references that failed, with their errors.
        failed: Vec<Failed>,
        /// The number of references in the event.
        of: usize,
    },
}

/// One reference that failed.
#[derive(Debug)]
pub struct Failed {
    /// The repository's name.
    pub repository: String,
    /// The full reference.
    pub reference: String,
    /// The cause.
    pub error: StepError,
}

/// The reason why one job failed, by step. The text names what was attempted, with the ids. The cause is its
/// `source()`.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The job could not be planned.
    #[error("failed to plan the delivery")]
    Plan(#[from] PlanError),
    /// The pipeline or its source could not be used.
    #[error("failed to read the source of pipeline {pipeline}")]
    Pipeline {
        /// The pipeline.
        pipeline: String,
        /// The cause.
        #[source]
        source: PipelineError,
    },
    /// The commit could not be read.
    #[error("failed to read commit {commit} of {repository}")]
    Open {
        /// The repository's name.
        repository: String,
        /// The commit.
        commit: String,
        /// The cause.
        #[source]
        source: OpenError,
    },
    /// The archive could not be made.
    #[error("failed to archive commit {commit} of {repository}")]
    Archive {
        /// The repository's name.
        repository: String,
        /// The commit.
        commit: String,
        /// The cause.
        #[source]
        source: Box<StreamError<UploadError>>,
    },
    /// The archive could not be uploaded.
    #[error("failed to upload s3://{bucket}/{key}")]
    Upload {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// The cause.
        #[source]
        source: UploadError,
    },
    /// The delivery's record could not be claimed or written.
    #[error("failed to claim or write the delivery's record s3://{bucket}/{key}")]
    Record {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// The cause.
        #[source]
        source: RecordError,
    },
    /// The archive is uploaded, but the pipeline was not started. The next attempt only starts it.
    #[error("uploaded version {version} of s3://{bucket}/{key}, but failed to start pipeline {pipeline}")]
    Start {
        /// The pipeline.
        pipeline: String,
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// The version of the archive.
        version: String,
        /// The cause.
        #[source]
        source: PipelineError,
    },
    /// The repository's triggers could not be updated.
    #[error("failed to update the triggers of {repository}")]
    Triggers {
        /// The repository's name.
        repository: String,
        /// The cause.
        #[source]
        source: TriggersError,
    },
    /// The job could not be handed to the function that delivers.
    #[error("failed to hand commit {commit} over to {function}")]
    HandOver {
        /// The commit.
        commit: String,
        /// The function's ARN.
        function: String,
        /// The cause.
        #[source]
        source: CallError,
    },
    /// The function's time ran out. Requests in flight were aborted.
    #[error(
        "stopped at step {step}, because the function's time is over: raise its timeout or its memory, or deliver \
         this repository in CodeBuild (docs/deploy.md)"
    )]
    Deadline {
        /// The step that was not finished.
        step: Step,
    },
}

impl Failed {
    /// Describes a reference of a repository that failed.
    pub fn new(repository: &RepositoryArn, reference: &Reference, error: impl Into<StepError>) -> Self {
        Self { repository: repository.name().to_owned(), reference: reference.0.clone(), error: error.into() }
    }
}

impl StepError {
    pub(crate) fn pipeline(job: &Job, source: PipelineError) -> Self {
        Self::Pipeline { pipeline: job.pipeline.clone(), source }
    }

    pub(crate) fn open(job: &Job, source: impl Into<OpenError>) -> Self {
        let (repository, commit) = (job.repository.name().to_owned(), job.commit.to_string());
        Self::Open { repository, commit, source: source.into() }
    }

    pub(crate) fn archive(job: &Job, source: StreamError<UploadError>) -> Self {
        let (repository, commit) = (job.repository.name().to_owned(), job.commit.to_string());
        Self::Archive { repository, commit, source: Box::new(source) }
    }

    pub(crate) fn upload(target: &Target, source: UploadError) -> Self {
        Self::Upload { bucket: target.bucket.clone(), key: target.key.clone(), source }
    }

    pub(crate) fn start(job: &Job, target: &Target, stored: &Stored, source: PipelineError) -> Self {
        let (bucket, key, version) = (target.bucket.clone(), target.key.clone(), stored.version.clone());
        Self::Start { pipeline: job.pipeline.clone(), bucket, key, version, source }
    }

    pub(crate) fn record(target: &Target, token: &Token, source: RecordError) -> Self {
        Self::Record { bucket: target.bucket.clone(), key: record::key(target, token), source }
    }

    /// Returns the reason to skip the job if this error is not a failure: the branch or the commit is gone.
    pub fn skips(&self) -> Option<Reason> {
        let source = match self {
            Self::Open { source: OpenError::Source(source), .. } => source,
            Self::Archive { source, .. } => match &**source {
                StreamError::Read { source, .. } => source,
                _ => return None,
            },
            _ => return None,
        };
        match source {
            SourceError::Both { api, git } if git.is_gone() && matches!(**api, SourceError::TooLargeForApi(_)) => {
                Some(Reason::Unreachable)
            }
            gone if gone.is_gone() && matches!(self, Self::Open { .. }) => Some(Reason::Gone),
            _ => None,
        }
    }

    /// Returns the stable code, which alarms and runbooks rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Plan(PlanError::Refused { .. }) => "RepositoryRefused",
            Self::Plan(PlanError::NoPipeline { .. }) => "NoPipeline",
            Self::Plan(PlanError::PipelineRefused { .. }) => "PipelineRefused",
            Self::Plan(PlanError::CustomData { .. }) => "CustomDataInvalid",
            Self::Plan(PlanError::NoCommit { .. }) => "EventMalformed",
            Self::Pipeline { source, .. } => source.code(),
            Self::Open { source, .. } => source.code(),
            Self::Archive { source, .. } => source.code(),
            Self::Upload { source, .. } => source.code(),
            Self::Record { source, .. } => source.code(),
            Self::Start { .. } => "NotStarted",
            Self::Triggers { source, .. } => source.code(),
            Self::HandOver { .. } => "NotHandedOver",
            Self::Deadline { .. } => "DeadlineNear",
        }
    }

    /// Returns whether another attempt with the same event is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Plan(_) => true,
            Self::Pipeline { source, .. } | Self::Start { source, .. } => source.is_permanent(),
            Self::Open { source, .. } => source.is_permanent(),
            Self::Archive { source, .. } => source.is_permanent(),
            Self::Upload { source, .. } => source.is_permanent(),
            Self::Record { source, .. } => source.is_permanent(),
            Self::Triggers { source, .. } => source.is_permanent(),
            Self::HandOver { source, .. } => source.fault.is_permanent(),
            Self::Deadline { .. } => false,
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.error.is_permanent() { "permanent" } else { "may succeed on retry" };
        let (reference, error) = (cut(&self.reference, REFERENCE_BYTES), cut(&with_causes(&self.error), ERROR_BYTES));
        write!(f, "{reference} of {}: {error} ({}, {kind})", self.repository, self.error.code())
    }
}

impl Error {
    fn named(failed: &[Failed], of: usize) -> String {
        let each: Vec<String> = failed.iter().map(ToString::to_string).collect();
        let each = cut(&each.join("; "), ALL_ERRORS_BYTES);
        format!("{} of {of} references failed: {each}", failed.len())
    }

    /// Returns the error with its causes, within the bytes that an answer or a log line may have.
    pub fn shown(&self) -> String {
        cut(&with_causes(self), ALL_ERRORS_BYTES)
    }

    /// Returns the stable code: the code that all failures share, or `SeveralFailed` if the codes differ.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "SettingsInvalid",
            Self::Event(_) => "EventMalformed",
            Self::CustomResource(error) => error.code(),
            Self::Report(error) => error.code(),
            Self::References { failed, .. } => {
                let mut codes = failed.iter().map(|one| one.error.code());
                let first = codes.next().unwrap_or("SeveralFailed");
                if codes.all(|code| code == first) { first } else { "SeveralFailed" }
            }
        }
    }
}
