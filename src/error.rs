//! Errors by step, with stable codes.

use std::fmt;

use codecommit::causes::with_causes;

use crate::config::ConfigError;
use crate::custom_resource::CustomResourceError;
use crate::event::EventError;
use crate::names::{Reference, RepositoryArn};
use crate::pipeline::{PipelineError, Target};
use crate::plan::{Job, PlanError};
use crate::report::ReportError;
use crate::triggers::TriggersError;
use crate::upload::{Stored, UploadError};
use codecommit::open::OpenError;
use codecommit::write::StreamError;

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong.
    #[error("failed to read the settings")]
    Config(#[source] ConfigError),
    /// The event cannot be read.
    #[error("failed to read the event")]
    Event(#[source] EventError),
    /// A request for a custom resource was not answered.
    #[error("failed to serve the stack's custom resource")]
    CustomResource(#[source] CustomResourceError),
    /// The result of a run could not be reported.
    #[error("failed to tell the result of a run")]
    Report(#[source] ReportError),
    /// References failed. All of the event were attempted.
    #[error("{}", Self::named(.failed, *.of))]
    References {
        /// Each that failed, and why.
        failed: Vec<Failed>,
        /// How many the event had.
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
    /// Why.
    pub error: StepError,
}

/// Why one job failed, by step: what was attempted with the ids. The cause is its `source()`.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The change could not be planned.
    #[error("failed to plan the delivery")]
    Plan(#[from] PlanError),
    /// The pipeline could not be used.
    #[error("failed to read what pipeline {pipeline} reads")]
    Pipeline {
        /// The pipeline.
        pipeline: String,
        /// Why.
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
        /// Why.
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
        /// Why.
        #[source]
        source: Box<StreamError<UploadError>>,
    },
    /// The object could not be written.
    #[error("failed to upload s3://{bucket}/{key}")]
    Upload {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: UploadError,
    },
    /// The archive is there, but the pipeline was not started: the next try only starts it.
    #[error("uploaded version {version} of s3://{bucket}/{key}, but failed to start pipeline {pipeline}")]
    Start {
        /// The pipeline.
        pipeline: String,
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// The version.
        version: String,
        /// Why.
        #[source]
        source: PipelineError,
    },
    /// The repository's triggers could not be brought to what they should be.
    #[error("failed to bring the triggers of {repository} to its branches")]
    Triggers {
        /// The repository's name.
        repository: String,
        /// Why.
        #[source]
        source: TriggersError,
    },
    /// The function's time ran out; what was under way is aborted.
    #[error("stopped at step {step}, since the function's time is over: raise its timeout or its memory")]
    Deadline {
        /// The step that was not finished.
        step: &'static str,
    },
}

impl Failed {
    /// A reference of a repository that failed.
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

    /// Whether the commit was gone before it could be read.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Open { source: OpenError::Source(source), .. } if source.is_gone())
    }

    /// The stable code: alarms and runbooks know it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Plan(PlanError::Refused { .. }) => "RepositoryRefused",
            Self::Plan(PlanError::NoPipeline { .. }) => "NoPipeline",
            Self::Plan(PlanError::CustomData { .. }) => "CustomDataInvalid",
            Self::Plan(PlanError::NoCommit { .. }) => "EventMalformed",
            Self::Pipeline { source, .. } => source.code(),
            Self::Open { source, .. } => source.code(),
            Self::Archive { source, .. } => match &**source {
                StreamError::Read { source, .. } => source.code(),
                StreamError::Convert { .. } => "ConversionRefused",
                StreamError::Zip { .. } => "EntryRefused",
                StreamError::TooLarge { .. } => "SizeLimit",
                StreamError::Output(source) => source.code(),
                StreamError::Panicked(_) => "Panicked",
            },
            Self::Upload { source, .. } => source.code(),
            Self::Start { .. } => "NotStarted",
            Self::Triggers { source, .. } => source.code(),
            Self::Deadline { .. } => "DeadlineNear",
        }
    }

    /// Whether another try of the same event is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Plan(_) => true,
            Self::Pipeline { source, .. } | Self::Start { source, .. } => source.is_permanent(),
            Self::Open { source, .. } => source.is_permanent(),
            Self::Archive { source, .. } => match &**source {
                StreamError::Read { source, .. } => source.is_permanent(),
                StreamError::Convert { .. } | StreamError::Zip { .. } | StreamError::TooLarge { .. } => true,
                StreamError::Output(source) => source.is_permanent(),
                StreamError::Panicked(_) => false,
            },
            Self::Upload { source, .. } => source.is_permanent(),
            Self::Triggers { source, .. } => source.is_permanent(),
            Self::Deadline { .. } => false,
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.error.is_permanent() { "permanent" } else { "may pass" };
        write!(
            f,
            "{} of {}: {} ({}, {kind})",
            self.reference,
            self.repository,
            with_causes(&self.error),
            self.error.code()
        )
    }
}

impl Error {
    fn named(failed: &[Failed], of: usize) -> String {
        let each: Vec<String> = failed.iter().map(ToString::to_string).collect();
        format!("{} of {of} references failed: {}", failed.len(), each.join("; "))
    }

    /// The stable code: the failure's own if there is one, `SeveralFailed` for different ones.
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
