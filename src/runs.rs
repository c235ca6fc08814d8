//! Runs of branches: executions of a pipeline whose variables name repository, branch and commit.

use aws_sdk_codepipeline::types::{
    ExecutionType, PipelineExecution, PipelineExecutionStatus, PipelineExecutionSummary,
};
use aws_smithy_types::DateTime;

use codecommit::aws::{Aws, CallError};
use git_archive::object::ObjectId;

/// The largest page of `ListPipelineExecutions`.
const PAGE: i32 = 100;

/// The run of a branch's commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRun {
    /// The id of the execution.
    pub id: String,
    /// The name of the repository.
    pub repository: String,
    /// The name of the branch.
    pub branch: String,
    /// The id of the commit.
    pub commit: String,
    /// The commit's message on one line, if the pipeline declares it as a variable.
    pub message: Option<String>,
    /// The status.
    pub status: PipelineExecutionStatus,
    /// The reason of a stop, or of a failure at the start.
    pub reason: Option<String>,
}

/// An execution as `ListPipelineExecutions` shows it, without variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedExecution {
    /// The id of the execution.
    pub id: String,
    /// The status.
    pub status: PipelineExecutionStatus,
    /// The time of the start.
    pub started: Option<DateTime>,
    /// The time of the last change.
    pub updated: Option<DateTime>,
}

impl BranchRun {
    /// Returns whether the run has ended.
    pub fn has_ended(&self) -> bool {
        has_ended(&self.status)
    }

    /// Returns whether this is a run of the same commit of the same branch.
    pub fn is_of(&self, other: &Self) -> bool {
        self.commit == other.commit && self.branch == other.branch && self.repository == other.repository
    }

    /// Returns the run of an execution. Returns `None` if the execution is a rollback, or has no variables that name
    /// repository, branch and commit.
    fn of(execution: &PipelineExecution) -> Option<Self> {
        let variable = |name: &str| {
            let mut all = execution.variables().iter();
            let value = all.find(|variable| variable.name() == Some(name))?.resolved_value()?;
            (value != "-" && !value.is_empty()).then(|| value.to_owned())
        };
        let standard = execution.execution_type().is_none_or(|kind| *kind == ExecutionType::Standard);
        Some(Self {
            id: execution.pipeline_execution_id()?.to_owned(),
            repository: variable("REPOSITORY_NAME")?,
            branch: variable("BRANCH_NAME")?,
            commit: variable("COMMIT_ID").filter(|id| ObjectId::from_hex(id.as_bytes()).is_ok())?,
            message: variable("COMMIT_MESSAGE"),
            status: execution.status()?.clone(),
            reason: execution.status_summary().map(str::to_owned),
        })
        .filter(|_| standard)
    }
}

impl ListedExecution {
    /// Returns whether the execution has ended.
    pub fn has_ended(&self) -> bool {
        has_ended(&self.status)
    }

    fn of(summary: &PipelineExecutionSummary) -> Option<Self> {
        Some(Self {
            id: summary.pipeline_execution_id()?.to_owned(),
            status: summary.status()?.clone(),
            started: summary.start_time().copied(),
            updated: summary.last_update_time().copied(),
        })
    }
}

fn has_ended(status: &PipelineExecutionStatus) -> bool {
    !matches!(status, PipelineExecutionStatus::InProgress | PipelineExecutionStatus::Stopping)
}

/// Reads one execution. Returns `None` if it is not the run of a branch.
pub async fn read(aws: &Aws, pipeline: &str, id: &str) -> Result<Option<BranchRun>, CallError> {
    let request = aws.codepipeline.get_pipeline_execution().pipeline_name(pipeline).pipeline_execution_id(id);
    let answer = request.send().await.map_err(|error| CallError::new("GetPipelineExecution", error))?;
    Ok(answer.pipeline_execution().and_then(BranchRun::of))
}

/// Lists the last executions, the newest first: at most `limit`, with one call for each hundred.
pub async fn list(aws: &Aws, pipeline: &str, limit: usize) -> Result<Vec<ListedExecution>, CallError> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let request = aws.codepipeline.list_pipeline_executions().pipeline_name(pipeline).max_results(PAGE);
        let sent = request.set_next_token(token).send().await;
        let answer = sent.map_err(|error| CallError::new("ListPipelineExecutions", error))?;
        found.extend(answer.pipeline_execution_summaries().iter().filter_map(ListedExecution::of));
        found.truncate(limit);
        token = answer.next_token.filter(|_| found.len() < limit);
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Returns the address of an execution in the console.
pub fn console_url(region: &str, pipeline: &str, id: &str) -> String {
    let host = match region.split('-').next() {
        Some("cn") => format!("{region}.console.amazonaws.cn"),
        Some("us") if region.starts_with("us-gov-") => format!("{region}.console.amazonaws-us-gov.com"),
        _ => format!("{region}.console.aws.amazon.com"),
    };
    format!("https://{host}/codesuite/codepipeline/pipelines/{pipeline}/executions/{id}/timeline?region={region}")
}
