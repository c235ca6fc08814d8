//! Pipeline executions: start one on exactly one version of the object, and find it again.

use std::time::{Duration, Instant};

use aws_sdk_codepipeline::types::{
    PipelineExecutionStatus, PipelineExecutionSummary, PipelineVariable, SourceRevisionOverride, SourceRevisionType,
};
use aws_smithy_types::DateTime;

use crate::pipeline::{PipelineError, Target, VARIABLES};
use codecommit::aws::{Aws, CallError};
use codecommit::retry::jitter;

/// The pause between attempts while the pipeline has its largest number of executions.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The tolerance for clocks that differ: an execution may look this many seconds older than its delivery's record.
const SKEW_SECS: i64 = 60;
/// `CodePipeline`'s limit for a variable's value, in UTF-16 units, as Java counts.
const VALUE_UNITS: usize = 1000;

/// The values of the variables that a pipeline may declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables(Vec<(&'static str, String)>);

impl Variables {
    /// Makes the five values in the form that `CodePipeline` accepts: never empty, at most 1,000 characters, on one
    /// line.
    pub fn new(branch: &str, commit: &str, repository: &str, author: &str, message: &str) -> Self {
        let values = [branch, commit, repository, author, message].map(value);
        Self(VARIABLES.into_iter().zip(values).collect())
    }

    fn declared_by(&self, target: &Target) -> Option<Vec<PipelineVariable>> {
        let declared = self.0.iter().filter(|(name, _)| target.variables.contains(*name));
        let variables: Vec<_> = declared
            .filter_map(|(name, value)| PipelineVariable::builder().name(*name).value(value).build().ok())
            .collect();
        (!variables.is_empty()).then_some(variables)
    }
}

/// Makes a value safe. `CodePipeline` copies values unescaped into the JSON of an action's configuration
/// (aws-cdk#8458). A quote in a commit message would break the action, or would let the author set other variables.
/// `#{` could refer to another variable.
fn value(text: &str) -> String {
    let harmless = |c: char| match c {
        '"' => '\'',
        '\\' => '/',
        c if c.is_control() => ' ',
        c => c,
    };
    let line: String = text.trim().chars().map(harmless).collect();
    let line = line.replace("#{", "# {");
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= VALUE_UNITS
    };
    let line: String = line.chars().take_while(fits).collect();
    if line.trim().is_empty() { "-".to_owned() } else { line }
}

/// An execution that [`find`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// True if it failed before it read its source, for example because a variable had no value. No action ran.
    pub failed_at_once: bool,
}

/// The execution that [`find`] looks for.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// The execution with this id.
    Id(&'a str),
    /// The execution that is pinned to this version.
    Version(&'a str),
}

/// Finds an execution that was started after `since` (seconds since 1970). Executions are listed from the newest to the
/// oldest.
pub async fn find(
    aws: &Aws,
    target: &Target,
    wanted: Wanted<'_>,
    since: u64,
) -> Result<Option<Execution>, PipelineError> {
    let oldest = DateTime::from_secs(i64::try_from(since).unwrap_or(i64::MAX).saturating_sub(SKEW_SECS));
    let mut token = None;
    loop {
        let request = aws.codepipeline.list_pipeline_executions().pipeline_name(&target.pipeline).max_results(100);
        let sent = request.set_next_token(token).send().await;
        let answer = sent.map_err(|error| CallError::new("ListPipelineExecutions", error))?;
        let summaries = answer.pipeline_execution_summaries();
        if let Some(summary) = summaries.iter().find(|summary| is_wanted(summary, target, wanted)) {
            let id = summary.pipeline_execution_id().unwrap_or_default().to_owned();
            let failed = summary.status() == Some(&PipelineExecutionStatus::Failed);
            return Ok(Some(Execution { id, failed_at_once: failed && summary.source_revisions().is_empty() }));
        }
        let is_past = summaries.last().is_none_or(|last| last.start_time().is_some_and(|start| *start < oldest));
        token = answer.next_token.filter(|_| !is_past);
        if token.is_none() {
            return Ok(None);
        }
    }
}

fn is_wanted(summary: &PipelineExecutionSummary, target: &Target, wanted: Wanted<'_>) -> bool {
    match wanted {
        Wanted::Id(id) => summary.pipeline_execution_id() == Some(id),
        Wanted::Version(version) => summary
            .source_revisions()
            .iter()
            .any(|source| source.action_name() == target.action && source.revision_id() == Some(version)),
    }
}

/// Starts the pipeline on exactly this version of its object and returns the execution's id. A repeated start with
/// the same token returns the same execution. While the pipeline has its largest number of executions, this waits
/// until `deadline` for one to end.
pub async fn start(
    aws: &Aws,
    target: &Target,
    version: &str,
    variables: &Variables,
    token: &str,
    deadline: Instant,
) -> Result<String, PipelineError> {
    let mut pause = PAUSE;
    loop {
        match start_now(aws, target, version, variables, token).await {
            Err(call) if call.is(&["ConcurrentPipelineExecutionsLimitExceededException"]) => {
                let jittered = pause / 2 + jitter(pause / 2);
                if Instant::now() + jittered + PAUSE >= deadline {
                    return Err(call.into());
                }
                tokio::time::sleep(jittered).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            started => return Ok(started?),
        }
    }
}

async fn start_now(
    aws: &Aws,
    target: &Target,
    version: &str,
    variables: &Variables,
    token: &str,
) -> Result<String, CallError> {
    let pinned = SourceRevisionOverride::builder()
        .action_name(&target.action)
        .revision_type(SourceRevisionType::S3ObjectVersionId)
        .revision_value(version)
        .build()
        .map_err(|error| CallError::malformed("StartPipelineExecution", error))?;
    let request = aws.codepipeline.start_pipeline_execution().name(&target.pipeline).client_request_token(token);
    let sent = request.source_revisions(pinned).set_variables(variables.declared_by(target)).send().await;
    let answer = sent.map_err(|error| CallError::new("StartPipelineExecution", error))?;
    let id = answer.pipeline_execution_id;
    id.ok_or_else(|| CallError::malformed("StartPipelineExecution", "no execution id"))
}
