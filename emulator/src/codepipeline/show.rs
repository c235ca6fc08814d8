//! `GetPipelineExecution` and `ListPipelineExecutions`.

use serde_json::{Map, Value, json};

use super::declaration::Declaration;
use super::execution::{Execution, Revision, StartCause};
use super::input::{EXECUTION_ID, Field, NAME};
use super::page::page;
use super::state::State;
use super::timestamp::epoch_seconds;
use crate::account::user_arn;
use crate::error::ServiceError;

/// The maximum page size of `ListPipelineExecutions`.
const MAX_RESULTS: usize = 100;

pub(super) fn get(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("pipelineName", 1..=100, &NAME)?;
    let id = input.text("pipelineExecutionId", 0..=usize::MAX, &EXECUTION_ID)?;
    input.check()?;
    let mut shared = state.lock();
    let lag = shared.settings.visibility_lag;
    let found = shared.pipeline(name)?.execution(id).filter(|(execution, _)| execution.is_visible(lag));
    let (execution, declaration) = found.ok_or_else(|| {
        let message = format!("Pipeline Execution with id '{id}' does not exist in pipeline with name '{name}'");
        ServiceError::new("PipelineExecutionNotFoundException", message)
    })?;
    let mut document = outline(execution);
    document.insert("pipelineName".to_owned(), name.into());
    document.insert("pipelineVersion".to_owned(), execution.pipeline_version.into());
    let revisions = visible_revisions(execution, declaration).iter().map(artifact_revision).collect();
    document.insert("artifactRevisions".to_owned(), revisions);
    if !execution.variables.is_empty() {
        document.insert("variables".to_owned(), resolved_variables(&execution.variables));
    }
    Ok(json!({ "pipelineExecution": document }))
}

/// Lists executions, the newest first.
pub(super) fn list(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("pipelineName", 1..=100, &NAME)?;
    if input.member("filter").is_given() {
        return Err(ServiceError::not_modeled("the filter of ListPipelineExecutions"));
    }
    let mut shared = state.lock();
    let lag = shared.settings.visibility_lag;
    let pipeline = &*shared.pipeline(name)?;
    let newest_first = pipeline.executions.iter().rev().filter(|execution| execution.is_visible(lag));
    let entry = |it: &Execution| (it.id.clone(), summary(it, pipeline.declaration_of(it)));
    let summaries = newest_first.map(entry).collect();
    let (summaries, token) = page(input, summaries, MAX_RESULTS)?;
    let mut output = json!({ "pipelineExecutionSummaries": summaries });
    if let Some(token) = token {
        output["nextToken"] = token.into();
    }
    Ok(output)
}

fn summary(execution: &Execution, declaration: &Declaration) -> Map<String, Value> {
    let mut summary = outline(execution);
    summary.insert("startTime".to_owned(), epoch_seconds(execution.started));
    summary.insert("lastUpdateTime".to_owned(), epoch_seconds(execution.updated));
    let revisions = visible_revisions(execution, declaration).iter().map(source_revision).collect();
    summary.insert("sourceRevisions".to_owned(), revisions);
    if let Some(reason) = &execution.stop_reason {
        summary.insert("stopTrigger".to_owned(), json!({ "reason": reason }));
    }
    summary
}

/// Returns the members that both operations show.
fn outline(execution: &Execution) -> Map<String, Value> {
    let mut outline = Map::new();
    outline.insert("pipelineExecutionId".to_owned(), execution.id.clone().into());
    outline.insert("status".to_owned(), execution.status.as_str().into());
    outline.insert("executionMode".to_owned(), execution.execution_mode.clone().into());
    let (kind, detail) = match &execution.cause {
        StartCause::Request => ("StartPipelineExecution", user_arn()),
        StartCause::Creation => ("CreatePipeline", user_arn()),
        StartCause::Polling(action) => ("PollForSourceChanges", action.clone()),
    };
    outline.insert("trigger".to_owned(), json!({ "triggerType": kind, "triggerDetail": detail }));
    if let Some(summary) = &execution.status_summary {
        outline.insert("statusSummary".to_owned(), summary.clone().into());
    }
    outline
}

/// Returns the revisions once the source actions have ended; the operations show none before.
fn visible_revisions<'a>(execution: &'a Execution, declaration: &Declaration) -> &'a [Revision] {
    if execution.has_revisions(declaration) { &execution.revisions } else { &[] }
}

/// Returns the variables in an order that clients cannot rely on: as recorded, not that of the declaration.
fn resolved_variables(variables: &[(String, String)]) -> Value {
    let bucket = |name: &str| {
        let hash = name.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        (hash ^ hash >> 16) & 15
    };
    let mut variables: Vec<_> = variables.iter().collect();
    variables.sort_by_key(|(name, _)| (bucket(name), std::cmp::Reverse(name)));
    variables.iter().map(|(name, value)| json!({ "name": name, "resolvedValue": value })).collect()
}

fn artifact_revision(revision: &Revision) -> Map<String, Value> {
    let mut document = common(revision);
    document.insert("name".to_owned(), revision.artifact.clone().into());
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
    if let Some(summary) = &revision.summary {
        document.insert("revisionSummary".to_owned(), summary.clone().into());
    }
    document
}
