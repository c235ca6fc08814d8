//! Executions, and the operations that show them.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::input::{Field, NAME, invalid};
use super::page::page;
use super::{CodePipeline, epoch_seconds};
use crate::credentials::ACCOUNT;
use crate::error::ServiceError;

/// `ListPipelineExecutions` answers as many at once.
const MAX_RESULTS: usize = 100;

/// One execution of a pipeline.
#[derive(Debug, Clone)]
pub struct Execution {
    /// A UUID.
    pub id: String,
    /// The version of the pipeline that was started.
    pub pipeline_version: usize,
    /// The mode of the pipeline at the start.
    pub execution_mode: String,
    /// How far it is.
    pub status: Status,
    /// Why it failed.
    pub status_summary: Option<String>,
    /// What each source action took.
    pub revisions: Vec<Revision>,
    /// The declared variables with their values.
    pub variables: Vec<(String, String)>,
    /// The `clientRequestToken` of the start.
    pub token: Option<String>,
    /// When it started.
    pub started: SystemTime,
}

/// How far an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Held by a test.
    InProgress,
    /// All sources had something.
    Succeeded,
    /// A source had nothing.
    Failed,
}

/// What a source action took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The source action's name.
    pub action: String,
    /// The output artifact's name.
    pub artifact: String,
    /// The version of the object, or the commit.
    pub id: String,
    /// What the console shows.
    pub summary: Option<String>,
    /// Where the console leads to.
    pub url: Option<String>,
    /// When the revision came into being.
    pub created: Option<SystemTime>,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

pub(super) fn get(service: &CodePipeline, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("pipelineName", 1..=100, &NAME)?;
    let id = input.text("pipelineExecutionId", 0..=usize::MAX, &super::input::ANY)?;
    if uuid::Uuid::try_parse(id).is_err() {
        return Err(invalid(format!("Value '{id}' at 'pipelineExecutionId' is no execution's id")));
    }
    service.pipeline(name, |pipeline| {
        let execution = pipeline.executions.iter().find(|execution| execution.id == id);
        let execution = execution.ok_or_else(|| {
            let message = format!("Pipeline '{name}' has no execution with the id '{id}'");
            ServiceError::new("PipelineExecutionNotFoundException", message)
        })?;
        let mut document = outline(execution);
        document.insert("pipelineName".to_owned(), name.into());
        document.insert("pipelineVersion".to_owned(), execution.pipeline_version.into());
        document.insert("artifactRevisions".to_owned(), execution.revisions.iter().map(artifact_revision).collect());
        if !execution.variables.is_empty() {
            let variable = |(name, value): &(String, String)| json!({ "name": name, "resolvedValue": value });
            document.insert("variables".to_owned(), execution.variables.iter().map(variable).collect());
        }
        Ok(json!({ "pipelineExecution": document }))
    })
}

/// The newest execution comes first.
pub(super) fn list(service: &CodePipeline, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("pipelineName", 1..=100, &NAME)?;
    if input.member("filter").is_given() {
        return Err(ServiceError::not_modelled("the filter of ListPipelineExecutions"));
    }
    let summaries = service.pipeline(name, |pipeline| {
        let newest_first = pipeline.executions.iter().rev();
        Ok(newest_first.map(|execution| (execution.id.clone(), summary(execution))).collect())
    })?;
    let (summaries, token) = page(input, summaries, MAX_RESULTS)?;
    let mut output = json!({ "pipelineExecutionSummaries": summaries });
    if let Some(token) = token {
        output["nextToken"] = token.into();
    }
    Ok(output)
}

fn summary(execution: &Execution) -> Map<String, Value> {
    let mut summary = outline(execution);
    summary.insert("startTime".to_owned(), epoch_seconds(execution.started));
    summary.insert("lastUpdateTime".to_owned(), epoch_seconds(execution.started));
    summary.insert("sourceRevisions".to_owned(), execution.revisions.iter().map(source_revision).collect());
    summary
}

/// What both operations tell.
fn outline(execution: &Execution) -> Map<String, Value> {
    let mut outline = Map::new();
    outline.insert("pipelineExecutionId".to_owned(), execution.id.clone().into());
    outline.insert("status".to_owned(), execution.status.as_str().into());
    outline.insert("executionMode".to_owned(), execution.execution_mode.clone().into());
    outline.insert("executionType".to_owned(), "STANDARD".into());
    let trigger = json!({
        "triggerType": "StartPipelineExecution",
        "triggerDetail": format!("arn:aws:iam::{ACCOUNT}:user/emulator"),
    });
    outline.insert("trigger".to_owned(), trigger);
    if let Some(summary) = &execution.status_summary {
        outline.insert("statusSummary".to_owned(), summary.clone().into());
    }
    outline
}

fn artifact_revision(revision: &Revision) -> Map<String, Value> {
    let mut document = common(revision);
    document.insert("name".to_owned(), revision.artifact.clone().into());
    if let Some(created) = revision.created {
        document.insert("created".to_owned(), epoch_seconds(created));
    }
    document
}

fn source_revision(revision: &Revision) -> Map<String, Value> {
    let mut document = common(revision);
    document.insert("actionName".to_owned(), revision.action.clone().into());
    document
}

fn common(revision: &Revision) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("revisionId".to_owned(), revision.id.clone().into());
    for (name, text) in [("revisionSummary", &revision.summary), ("revisionUrl", &revision.url)] {
        if let Some(text) = text {
            document.insert(name.to_owned(), text.clone().into());
        }
    }
    document
}
