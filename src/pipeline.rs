//! What the pipeline reads (`GetPipeline`), and `StartPipelineExecution`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_codepipeline::types::{
    ActionCategory, ActionDeclaration, ExecutionMode, PipelineDeclaration, PipelineVariable, SourceRevisionOverride,
    SourceRevisionType, StageDeclaration,
};

use crate::plan::{Job, Token};
use codecommit::aws::{Aws, CallError, StepFault};

/// How long what a pipeline says is believed.
const BELIEVED: Duration = Duration::from_mins(5);

/// Where the archive goes, and how the pipeline is started on it.
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
    /// Whether a waiting run may be overtaken by another branch's (`ExecutionMode` SUPERSEDED).
    pub superseded: bool,
}

/// Why a pipeline cannot be used or started.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The pipeline has no S3 source action, or not the one of this name.
    #[error("the pipeline has no S3 source action{}", .0.as_ref().map(|name| format!(" named {name}")).unwrap_or_default())]
    NoSource(Option<String>),
    /// The pipeline has several S3 source actions.
    #[error("the pipeline has the S3 source actions {}: choose one with SOURCE_ACTION", .0.join(", "))]
    ManySources(Vec<String>),
    /// The action has no bucket or key.
    #[error("the source action {0} names no bucket and key")]
    NoObject(String),
    /// Every upload would run the pipeline twice.
    #[error(
        "the source action {0} polls its bucket, so that every upload would run the pipeline twice: set PollForSourceChanges to false"
    )]
    Polls(String),
    /// A run could not be pinned.
    #[error("the bucket {0} is not versioned, so that no run can be pinned to its commit: enable versioning")]
    Unversioned(String),
}

impl PipelineError {
    /// The stable code.
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
            Self::Polls(_) => "PipelinePolls",
            Self::Unversioned(_) => "BucketUnversioned",
        }
    }

    /// Whether another try of the same event is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Call(call) => call.fault.is_permanent(),
            _ => true,
        }
    }
}

/// The targets read so far, each believed for five minutes.
#[derive(Debug, Default)]
pub struct Targets(Mutex<Kept>);

/// When a target was read, by pipeline and source action.
type Kept = HashMap<(String, Option<String>), (Instant, Arc<Target>)>;

impl Targets {
    /// What the job's pipeline reads.
    pub async fn get(&self, aws: &Aws, job: &Job) -> Result<Arc<Target>, PipelineError> {
        let key = (job.pipeline.clone(), job.source_action.clone());
        if let Some((read, target)) = self.kept().get(&key)
            && read.elapsed() < BELIEVED
        {
            return Ok(target.clone());
        }
        let target = Arc::new(read(aws, &job.pipeline, job.source_action.as_deref()).await?);
        self.kept().insert(key, (Instant::now(), target.clone()));
        Ok(target)
    }

    /// Forgets what a pipeline said, since it proved wrong.
    pub fn forget(&self, job: &Job) {
        self.kept().remove(&(job.pipeline.clone(), job.source_action.clone()));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a pipeline and checks that a pinned run of it is possible.
pub async fn read(aws: &Aws, pipeline: &str, action: Option<&str>) -> Result<Target, PipelineError> {
    let sent = aws.codepipeline.get_pipeline().name(pipeline).send().await;
    let answer = sent.map_err(|error| CallError::new("GetPipeline", error))?;
    let declaration = answer.pipeline.ok_or_else(|| CallError::malformed("GetPipeline", "no pipeline"))?;
    let target = target_of(&declaration, action)?;
    let sent = aws.s3.get_bucket_versioning().bucket(&target.bucket).send().await;
    let versioning = sent.map_err(|error| CallError::new("GetBucketVersioning", error))?;
    match versioning.status {
        Some(aws_sdk_s3::types::BucketVersioningStatus::Enabled) => Ok(target),
        _ => Err(PipelineError::Unversioned(target.bucket)),
    }
}

/// What a declaration says of its S3 source.
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
    // The default is to poll.
    if setting("PollForSourceChanges").is_none_or(|polls| !polls.eq_ignore_ascii_case("false")) {
        return Err(PipelineError::Polls(name));
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

fn is_s3_source(action: &ActionDeclaration) -> bool {
    action.action_type_id().is_some_and(|id| *id.category() == ActionCategory::Source && id.provider() == "S3")
}

/// What a pipeline may declare as variables: branch, commit, repository, author, message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables(Vec<(&'static str, String)>);

impl Variables {
    /// The five that a pipeline may declare, as `CodePipeline` takes values: never empty, at most 1,000 characters, on one line.
    pub fn new(branch: &str, commit: &str, repository: &str, author: &str, message: &str) -> Self {
        let values = [branch, commit, repository, author, message].map(value);
        Self(
            ["BRANCH_NAME", "COMMIT_ID", "REPOSITORY_NAME", "AUTHOR", "COMMIT_MESSAGE"]
                .into_iter()
                .zip(values)
                .collect(),
        )
    }

    fn declared_by(&self, target: &Target) -> Option<Vec<PipelineVariable>> {
        let declared = self.0.iter().filter(|(name, _)| target.variables.contains(*name));
        let variables: Vec<_> = declared
            .filter_map(|(name, value)| PipelineVariable::builder().name(*name).value(value).build().ok())
            .collect();
        (!variables.is_empty()).then_some(variables)
    }
}

/// `CodePipeline` pastes values into the JSON of an action's configuration as they are (aws-cdk#8458): a quote in a commit message
/// would break the action, or let its author set other variables.
fn value(text: &str) -> String {
    let harmless = |c: char| match c {
        '"' => '\'',
        '\\' => '/',
        c if c.is_control() => ' ',
        c => c,
    };
    let line: String = text.trim().chars().map(harmless).take(1000).collect();
    if line.trim().is_empty() { "-".to_owned() } else { line }
}

/// The execution that already runs on this very version, if there is one. Newest first; at most 300 are looked through.
pub async fn running_on(aws: &Aws, target: &Target, version: &str) -> Result<Option<String>, PipelineError> {
    let mut token = None;
    for _ in 0..3 {
        let request = aws.codepipeline.list_pipeline_executions().pipeline_name(&target.pipeline).max_results(100);
        let sent = request.set_next_token(token).send().await;
        let answer = sent.map_err(|error| CallError::new("ListPipelineExecutions", error))?;
        let of_version = |execution: &&aws_sdk_codepipeline::types::PipelineExecutionSummary| {
            execution
                .source_revisions()
                .iter()
                .any(|source| source.action_name() == target.action && source.revision_id() == Some(version))
        };
        if let Some(execution) = answer.pipeline_execution_summaries().iter().find(of_version) {
            return Ok(execution.pipeline_execution_id().map(str::to_owned));
        }
        token = answer.next_token;
        if token.is_none() {
            break;
        }
    }
    Ok(None)
}

/// Starts the pipeline on exactly this version of its object, and answers the execution's id. The token makes a repeated start
/// the same start.
pub async fn start(
    aws: &Aws,
    target: &Target,
    version: &str,
    variables: &Variables,
    token: &Token,
) -> Result<String, PipelineError> {
    let pinned = SourceRevisionOverride::builder()
        .action_name(&target.action)
        .revision_type(SourceRevisionType::S3ObjectVersionId)
        .revision_value(version)
        .build()
        .map_err(|error| CallError::malformed("StartPipelineExecution", error))?;
    let request = aws.codepipeline.start_pipeline_execution().name(&target.pipeline).client_request_token(&token.0);
    let sent = request.source_revisions(pinned).set_variables(variables.declared_by(target)).send().await;
    let answer = sent.map_err(|error| CallError::new("StartPipelineExecution", error))?;
    let id = answer.pipeline_execution_id;
    Ok(id.ok_or_else(|| CallError::malformed("StartPipelineExecution", "no execution id"))?)
}
