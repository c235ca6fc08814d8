//! `StartPipelineExecution`.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::CodePipeline;
use super::declaration::Declaration;
use super::execution::{Execution, Status};
use super::input::{Field, LINE, NAME, TOKEN, VARIABLE, invalid};
use super::pipelines::Pipeline;
use super::revisions::{self, Override};
use crate::error::ServiceError;

struct Request {
    overrides: Vec<Override>,
    variables: Vec<(String, String)>,
    token: Option<String>,
}

/// A token that has started an execution of this pipeline answers with that execution again.
pub(super) fn start(service: &CodePipeline, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("name", 1..=100, &NAME)?;
    let request = Request {
        overrides: revisions::overrides(input)?,
        variables: variables(input)?,
        token: input.optional_text("clientRequestToken", 1..=128, &TOKEN)?.map(str::to_owned),
    };
    service.pipeline(name, |pipeline| {
        let started = pipeline.executions.iter().find(|it| it.token.is_some() && it.token == request.token);
        if let Some(execution) = started {
            return Ok(json!({ "pipelineExecutionId": execution.id }));
        }
        let execution = begin(service, pipeline, request)?;
        let output = json!({ "pipelineExecutionId": execution.id });
        pipeline.executions.push(execution);
        Ok(output)
    })
}

fn begin(service: &CodePipeline, pipeline: &Pipeline, request: Request) -> Result<Execution, ServiceError> {
    let declaration = pipeline.declaration();
    revisions::check(&declaration.sources, &request.overrides)?;
    let variables = resolved(declaration, &request.variables)?;
    let mut taken = Vec::new();
    let mut missing = Vec::new();
    for source in &declaration.sources {
        match revisions::revision(&service.s3, source, &request.overrides)? {
            Some(revision) => taken.push(revision),
            None if source.provider == "S3" => missing.push(source.action.as_str()),
            None => {}
        }
    }
    check_limit(service, pipeline)?;
    let status = match (missing.is_empty(), service.held.load(Ordering::Relaxed)) {
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

/// Every declared variable with the value given, or else its default.
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

fn check_limit(service: &CodePipeline, pipeline: &Pipeline) -> Result<(), ServiceError> {
    let running = pipeline.executions.iter().filter(|execution| execution.status == Status::InProgress).count();
    let limit = service.limit.load(Ordering::Relaxed);
    if pipeline.declaration().execution_mode == "SUPERSEDED" || running < limit {
        return Ok(());
    }
    Err(ServiceError::new(
        "ConcurrentPipelineExecutionsLimitExceededException",
        format!("The pipeline has reached the limit of {limit} concurrent executions"),
    ))
}
