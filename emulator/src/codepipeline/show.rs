//! `GetPipelineExecution` and `ListPipelineExecutions`.

use serde_json::{Map, Value, json};

use super::execution::{Execution, Revision};
use super::input::{ANY, Field, NAME, invalid};
use super::page::page;
use super::state::State;
use super::timestamp::epoch_seconds;
use crate::account::user_arn;
use crate::error::ServiceError;

/// The maximum page size of `ListPipelineExecutions`.
const MAX_RESULTS: usize = 100;

pub(super) fn get(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("pipelineName", 1..=100, &NAME)?;
    let id = input.text("pipelineExecutionId", 0..=usize::MAX, &ANY)?;
    if uuid::Uuid::try_parse(id).is_err() {
        return Err(invalid(format!("Value '{id}' at 'pipelineExecutionId' is no execution's id")));
    }
    state.pipeline(name, |pipeline| {
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

/// Lists executions, the newest first.
pub(super) fn list(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("pipelineName", 1..=100, &NAME)?;
    if input.member("filter").is_given() {
        return Err(ServiceError::not_modelled("the filter of ListPipelineExecutions"));
    }
    let summaries = state.pipeline(name, |pipeline| {
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

/// Returns the members that both operations show.
fn outline(execution: &Execution) -> Map<String, Value> {
    let mut outline = Map::new();
    outline.insert("pipelineExecutionId".to_owned(), execution.id.clone().into());
    outline.insert("status".to_owned(), execution.status.as_str().into());
    outline.insert("executionMode".to_owned(), execution.execution_mode.clone().into());
    outline.insert("executionType".to_owned(), "STANDARD".into());
    let trigger = json!({
        "triggerType": "StartPipelineExecution",
        "triggerDetail": user_arn(),
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
