//! `ListActionExecutions`.

use serde_json::{Map, Value, json};

use super::declaration::Declaration;
use super::execution::{ActionRun, Execution};
use super::input::{EXECUTION_ID, Field, NAME};
use super::page::page;
use super::references::substitute;
use super::state::State;
use super::timestamp::epoch_seconds;
use crate::account::{ACCOUNT, REGION};
use crate::error::ServiceError;

/// The maximum page size of `ListActionExecutions`.
const MAX_RESULTS: usize = 100;

/// Lists the runs of actions, the newest first.
///
/// Differs from CodePipeline: artifacts have no location, since the emulator copies none.
pub(super) fn list(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("pipelineName", 1..=100, &NAME)?;
    let wanted = wanted_execution(input)?;
    input.check()?;
    let mut shared = state.lock();
    let lag = shared.settings.visibility_lag;
    let pipeline = &*shared.pipeline(name).map_err(|error| ServiceError {
        message: format!("The account with AWS account ID '{ACCOUNT}' does not include a pipeline named '{name}'"),
        ..error
    })?;
    let is_wanted = |it: &&Execution| it.is_visible(lag) && wanted.is_none_or(|id| it.id == id);
    let executions = pipeline.executions.iter().rev().filter(is_wanted);
    let details = executions.flat_map(|execution| {
        let declaration = pipeline.declaration_of(execution);
        let runs = execution.actions.iter().rev();
        runs.map(move |run| (run.id.clone(), detail(execution, run, declaration)))
    });
    let (details, token) = page(input, details.collect(), MAX_RESULTS)?;
    let mut output = json!({ "actionExecutionDetails": details });
    if let Some(token) = token {
        output["nextToken"] = token.into();
    }
    Ok(output)
}

/// Returns the execution that the filter names. A stage is never retried, so `latestInPipelineExecution` is the same.
fn wanted_execution<'a>(input: &Field<'a>) -> Result<Option<&'a str>, ServiceError> {
    let filter = input.member("filter");
    let latest = filter.member("latestInPipelineExecution");
    if latest.is_given() {
        let id = latest.text("pipelineExecutionId", 0..=usize::MAX, &EXECUTION_ID)?;
        latest.choice("startTimeRange", &["All", "Latest"])?;
        return Ok(Some(id));
    }
    filter.optional_text("pipelineExecutionId", 0..=usize::MAX, &EXECUTION_ID)
}

fn detail(execution: &Execution, run: &ActionRun, declaration: &Declaration) -> Value {
    let action = declaration.action(&run.stage, &run.action);
    let member = |name: &str| action.and_then(|action| action.get(name)).cloned().unwrap_or(Value::Null);
    let configuration = member("configuration").as_object().cloned().unwrap_or_default();
    let resolved: Map<String, Value> = configuration
        .iter()
        .map(|(key, value)| (key.clone(), substitute(value.as_str().unwrap_or_default(), &execution.variables).into()))
        .collect();
    let region = member("region");
    json!({
        "pipelineExecutionId": execution.id,
        "actionExecutionId": run.id,
        "pipelineVersion": execution.pipeline_version,
        "stageName": run.stage,
        "actionName": run.action,
        "startTime": epoch_seconds(run.started),
        "lastUpdateTime": epoch_seconds(run.updated),
        "status": run.status.as_str(),
        "input": {
            "actionTypeId": member("actionTypeId"),
            "configuration": configuration,
            "resolvedConfiguration": resolved,
            "region": if region.is_null() { REGION.into() } else { region },
            "inputArtifacts": member("inputArtifacts"),
        },
        "output": output(execution, run, &member("outputArtifacts")),
    })
}

fn output(execution: &Execution, run: &ActionRun, artifacts: &Value) -> Value {
    let mut result = Map::new();
    let revision = execution.revisions.iter().find(|it| it.action == run.action);
    if let Some(revision) = revision.filter(|_| run.status.as_str() == "Succeeded") {
        result.insert("externalExecutionId".to_owned(), revision.id.clone().into());
        if let Some(summary) = &revision.summary {
            result.insert("externalExecutionSummary".to_owned(), summary.clone().into());
        }
    }
    let given = [("externalExecutionSummary", &run.summary), ("externalExecutionUrl", &run.url)];
    for (name, value) in given {
        result.extend(value.iter().map(|value| (name.to_owned(), value.as_str().into())));
    }
    if let Some(error) = &run.error {
        result.insert("errorDetails".to_owned(), json!({ "code": "JobFailed", "message": error }));
    }
    let mut output = json!({ "outputArtifacts": artifacts, "outputVariables": {} });
    if !result.is_empty() {
        output["executionResult"] = result.into();
    }
    output
}
