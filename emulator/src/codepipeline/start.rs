//! `StartPipelineExecution`.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::declaration::Declaration;
use super::execution::{Execution, Status};
use super::input::{Field, LINE, NAME, TOKEN, VARIABLE, invalid};
use super::pipeline::Pipeline;
use super::revisions::{self, Override};
use super::state::State;
use crate::error::ServiceError;

struct StartRequest {
    overrides: Vec<Override>,
    variables: Vec<(String, String)>,
    token: Option<String>,
}

/// Starts an execution; a token that has already started one returns that execution again.
pub(super) fn start(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("name", 1..=100, &NAME)?;
    let request = StartRequest {
        overrides: revisions::overrides(input)?,
        variables: variables(input)?,
        token: input.optional_text("clientRequestToken", 1..=128, &TOKEN)?.map(str::to_owned),
    };
    state.pipeline(name, |pipeline| {
        let started = pipeline.executions.iter().find(|it| it.token.is_some() && it.token == request.token);
        if let Some(execution) = started {
            return Ok(json!({ "pipelineExecutionId": execution.id }));
        }
        let execution = begin(state, pipeline, request)?;
        let output = json!({ "pipelineExecutionId": execution.id });
        pipeline.executions.push(execution);
        Ok(output)
    })
}

fn begin(state: &State, pipeline: &Pipeline, request: StartRequest) -> Result<Execution, ServiceError> {
    let declaration = pipeline.declaration();
    revisions::check(&declaration.sources, &request.overrides)?;
    let variables = resolved(declaration, &request.variables)?;
    let mut taken = Vec::new();
    let mut missing = Vec::new();
    for source in &declaration.sources {
        match revisions::revision(&state.s3, source, &request.overrides)? {
            Some(revision) => taken.push(revision),
            None if source.provider == "S3" => missing.push(source.action.as_str()),
            None => {}
        }
    }
    check_limit(state, pipeline)?;
    let status = match (missing.is_empty(), state.held.load(Ordering::Relaxed)) {
        (false, _) => Status::Failed,
        (true, true) => Status::InProgress,
        (true, false) => Status::Succeeded,
    };
    Ok(Execution {
        id: uuid::Uuid::new_v4().to_string(),
        pipeline_version: pipeline.version(),
        execution_mode: declaration.execution_mode.clone(),
        status,
        status_summary: (!missing.is_empty()).then(|| format!("no object for source action {}", missing.join(", "))),
        revisions: taken,
        variables,
        token: request.token,
        started: SystemTime::now(),
    })
}

fn variables(input: &Field<'_>) -> Result<Vec<(String, String)>, ServiceError> {
    let entries = input.list("variables", 1..=50)?;
    let read = |entry: &Field<'_>| {
        let name = entry.text("name", 1..=128, &VARIABLE)?;
        Ok((name.to_owned(), entry.text("value", 1..=1000, &LINE)?.to_owned()))
    };
    entries.iter().map(read).collect()
}

/// Returns every declared variable with the given value, or else its default.
fn resolved(declaration: &Declaration, given: &[(String, String)]) -> Result<Vec<(String, String)>, ServiceError> {
    let declared = |name: &str| declaration.variables.iter().any(|variable| variable.name == name);
    if let Some((name, _)) = given.iter().find(|(name, _)| !declared(name)) {
        return Err(invalid(format!("Variable '{name}' is not declared in the pipeline '{}'", declaration.name)));
    }
    let value = |name: &str| given.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
    let resolve = |variable: &super::declaration::Variable| match value(&variable.name).or(variable.default.clone()) {
        Some(value) => Ok((variable.name.clone(), value)),
        None => Err(invalid(format!("Variable '{}' has no default and was given no value", variable.name))),
    };
    declaration.variables.iter().map(resolve).collect()
}

fn check_limit(state: &State, pipeline: &Pipeline) -> Result<(), ServiceError> {
    let running = pipeline.executions.iter().filter(|execution| execution.status == Status::InProgress).count();
    let limit = state.limit.load(Ordering::Relaxed);
    if pipeline.declaration().execution_mode == "SUPERSEDED" || running < limit {
        return Ok(());
    }
    Err(ServiceError::new(
        "ConcurrentPipelineExecutionsLimitExceededException",
        format!("The pipeline has reached the limit of {limit} concurrent executions"),
    ))
}
