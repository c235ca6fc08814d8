//! The pipeline's declaration (`GetPipeline`): the source that it reads, and whether a run can be pinned to a
//! version.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_codepipeline::types::{
    ActionCategory, ActionDeclaration, ExecutionMode, PipelineDeclaration, StageDeclaration,
};

use crate::plan::Job;
use codecommit::aws::{Aws, CallError, StepFault};

/// The time that a pipeline's declaration is cached.
const TTL: Duration = Duration::from_mins(5);

/// The variables that a run gets, if the pipeline declares them.
pub const VARIABLES: [&str; 5] = ["BRANCH_NAME", "COMMIT_ID", "REPOSITORY_NAME", "AUTHOR", "COMMIT_MESSAGE"];

/// The destination of the archive and the pipeline that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The pipeline's name.
    pub pipeline: String,
    /// Its S3 source action.
    pub action: String,
    /// The bucket that the action reads.
    pub bucket: String,
    /// The key that the action reads.
    pub key: String,
    /// The variables that the pipeline declares.
    pub variables: BTreeSet<String>,
    /// True if another branch's run may replace a waiting run (`ExecutionMode` SUPERSEDED).
    pub superseded: bool,
}

/// The reason why a pipeline cannot be used or started.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The pipeline has no S3 source action, or none with this name.
    #[error("the pipeline has no S3 source action{}", .0.as_ref().map(|name| format!(" named {name}")).unwrap_or_default())]
    NoSource(Option<String>),
    /// One function serves several repositories, and the key is not this repository's.
    #[error(
        "the source key {key} does not begin with {prefix}: the function serves several repositories, and a pipeline \
         runs only the one that its key names"
    )]
    KeyRefused {
        /// The key.
        key: String,
        /// How it must begin.
        prefix: String,
    },
    /// The pipeline has several S3 source actions.
    #[error("the pipeline has the S3 source actions {}: choose one with SOURCE_ACTION", .0.join(", "))]
    ManySources(Vec<String>),
    /// The action has no bucket or key.
    #[error("the source action {0} names no bucket and key")]
    NoObject(String),
    /// Every upload would also start the pipeline by itself, which makes two runs.
    #[error(
        "the source action {0} polls its bucket, so that every upload would run the pipeline twice: set \
         PollForSourceChanges to false"
    )]
    Polls(String),
    /// `CodePipeline` would accept the start, and the execution would fail at once.
    #[error(
        "the pipeline declares variables without a default that no run gets ({}): give each a default value, so that \
         runs do not fail at once",
        .0.join(", ")
    )]
    Variables(Vec<String>),
    /// The bucket keeps no versions, so a run cannot be pinned.
    #[error("the bucket {0} is not versioned, so that no run can be pinned to its commit: enable versioning")]
    Unversioned(String),
}

impl PipelineError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Call(call) => StepFault {
                fault: call.fault,
                denied: "PipelineDenied",
                missing: "PipelineMissing",
                throttled: "PipelineThrottled",
                invalid: "PipelineInvalid",
                transient: "PipelineUnavailable",
            }
            .code(),
            Self::NoSource(_) | Self::ManySources(_) | Self::NoObject(_) => "PipelineSource",
            Self::KeyRefused { .. } => "KeyRefused",
            Self::Polls(_) => "PipelinePolls",
            Self::Variables(_) => "PipelineVariable",
            Self::Unversioned(_) => "BucketUnversioned",
        }
    }

    /// Returns whether another attempt with the same event is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Call(call) => call.fault.is_permanent(),
            _ => true,
        }
    }
}

/// The targets read so far, each cached for five minutes.
#[derive(Debug, Default)]
pub struct Targets(Mutex<CachedTargets>);

/// The targets with the times when they were read, by pipeline and source action.
type CachedTargets = HashMap<(String, Option<String>), (Instant, Arc<Target>)>;

impl Targets {
    /// Returns the target of the job's pipeline.
    pub async fn get(&self, aws: &Aws, job: &Job) -> Result<Arc<Target>, PipelineError> {
        let key = (job.pipeline.clone(), job.source_action.clone());
        if let Some((read, target)) = self.kept().get(&key)
            && read.elapsed() < TTL
        {
            return Ok(target.clone());
        }
        let target = Arc::new(read(aws, &job.pipeline, job.source_action.as_deref()).await?);
        self.kept().insert(key, (Instant::now(), target.clone()));
        Ok(target)
    }

    /// Removes a pipeline from the cache after its cached declaration proved wrong.
    pub fn forget(&self, job: &Job) {
        self.kept().remove(&(job.pipeline.clone(), job.source_action.clone()));
    }

    fn kept(&self) -> MutexGuard<'_, CachedTargets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target {
    /// Checks that the key begins with `prefix`, if there is one.
    pub fn with_prefix(&self, prefix: Option<String>) -> Result<(), PipelineError> {
        let refused = prefix.filter(|prefix| !self.key.starts_with(prefix));
        refused.map_or(Ok(()), |prefix| Err(PipelineError::KeyRefused { key: self.key.clone(), prefix }))
    }
}

/// Returns whether a source of the pipeline has a key that begins with `prefix`.
pub async fn has_key(aws: &Aws, pipeline: &str, prefix: &str) -> Result<bool, CallError> {
    let declaration = declaration(aws, pipeline).await?;
    let mut actions = declaration.stages().iter().flat_map(StageDeclaration::actions);
    let key = |action: &ActionDeclaration| action.configuration().and_then(|all| all.get("S3ObjectKey")).cloned();
    Ok(actions.any(|action| is_s3_source(action) && key(action).is_some_and(|key| key.starts_with(prefix))))
}

async fn declaration(aws: &Aws, pipeline: &str) -> Result<PipelineDeclaration, CallError> {
    let sent = aws.codepipeline.get_pipeline().name(pipeline).send().await;
    let answer = sent.map_err(|error| CallError::new("GetPipeline", error))?;
    answer.pipeline.ok_or_else(|| CallError::malformed("GetPipeline", "no pipeline"))
}

/// Reads a pipeline, and checks that its source bucket is versioned, so that a run can be pinned to one version.
pub async fn read(aws: &Aws, pipeline: &str, action: Option<&str>) -> Result<Target, PipelineError> {
    let declaration = declaration(aws, pipeline).await?;
    let target = target_of(&declaration, action)?;
    let sent = aws.s3.get_bucket_versioning().bucket(&target.bucket).send().await;
    let versioning = sent.map_err(|error| CallError::new("GetBucketVersioning", error))?;
    match versioning.status {
        Some(aws_sdk_s3::types::BucketVersioningStatus::Enabled) => Ok(target),
        _ => Err(PipelineError::Unversioned(target.bucket)),
    }
}

/// Returns the target of a declaration: the S3 source that it reads.
pub fn target_of(declaration: &PipelineDeclaration, action: Option<&str>) -> Result<Target, PipelineError> {
    let actions = declaration.stages().iter().flat_map(StageDeclaration::actions);
    let sources: Vec<_> = actions.filter(|a| is_s3_source(a) && action.is_none_or(|name| a.name() == name)).collect();
    let source = match sources.as_slice() {
        [] => return Err(PipelineError::NoSource(action.map(str::to_owned))),
        [source] => source,
        several => {
            return Err(PipelineError::ManySources(several.iter().map(|a| a.name().to_owned()).collect()));
        }
    };
    let setting = |name: &str| source.configuration().and_then(|all| all.get(name)).cloned();
    let name = source.name().to_owned();
    let (Some(bucket), Some(key)) = (setting("S3Bucket"), setting("S3ObjectKey")) else {
        return Err(PipelineError::NoObject(name));
    };
    // Polling is the default.
    if setting("PollForSourceChanges").is_none_or(|polls| !polls.eq_ignore_ascii_case("false")) {
        return Err(PipelineError::Polls(name));
    }
    let without_value = unset_variables(declaration);
    if !without_value.is_empty() {
        return Err(PipelineError::Variables(without_value));
    }
    Ok(Target {
        pipeline: declaration.name().to_owned(),
        action: name,
        bucket,
        key,
        variables: declaration.variables().iter().map(|variable| variable.name().to_owned()).collect(),
        superseded: matches!(declaration.execution_mode(), None | Some(ExecutionMode::Superseded)),
    })
}

/// Returns the variables that have no default and that this function does not set.
pub fn unset_variables(declaration: &PipelineDeclaration) -> Vec<String> {
    let unset = declaration.variables().iter().filter(|variable| {
        variable.default_value().unwrap_or_default().is_empty() && !VARIABLES.contains(&variable.name())
    });
    unset.map(|variable| variable.name().to_owned()).collect()
}

fn is_s3_source(action: &ActionDeclaration) -> bool {
    action.action_type_id().is_some_and(|id| *id.category() == ActionCategory::Source && id.provider() == "S3")
}
