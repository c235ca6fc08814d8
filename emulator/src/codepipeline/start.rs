//! `StartPipelineExecution`, and the starts that `CreatePipeline` causes.

use std::time::{Instant, SystemTime};

use serde_json::{Value, json};

use super::declaration::{Declaration, SourceAction, repeated_variable};
use super::execution::{ActionRun, Execution, Revision, StartCause, Status};
use super::input::{Field, LINE, NAME, TOKEN, VARIABLE, invalid};
use super::pipeline::Pipeline;
use super::revisions::{self, Override};
use super::state::State;
use crate::error::ServiceError;
use crate::s3::Store;
use crate::token_bucket::TokenBucket;

struct StartRequest {
    overrides: Vec<Override>,
    variables: Vec<(String, String)>,
    token: Option<String>,
    cause: StartCause,
}

/// Starts an execution; a token that has already started one returns that execution again.
///
/// As recorded, form, variable names and action names are checked before the token; revisions and values do not count
/// for a known token.
pub(super) fn start(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let mut shared = state.lock();
    if !shared.settings.starts.as_mut().is_none_or(TokenBucket::take) {
        return Err(ServiceError::new("ThrottlingException", "")); // recorded: without a message
    }
    let name = input.text("name", 1..=100, &NAME)?;
    let request = StartRequest {
        overrides: revisions::overrides(input)?,
        variables: variables(input)?,
        token: input.optional_text("clientRequestToken", 1..=128, &TOKEN)?.map(str::to_owned),
        cause: StartCause::Request,
    };
    input.check()?;
    check_unique(&request.variables)?;
    let limit = shared.settings.limit;
    let pipeline = shared.pipeline(name)?;
    revisions::check(&pipeline.declaration().sources, &request.overrides)?;
    let started = pipeline.executions.iter().find(|it| it.token.is_some() && it.token == request.token);
    if let Some(execution) = started {
        return Ok(json!({ "pipelineExecutionId": execution.id }));
    }
    let execution = begin(&state.s3, pipeline, request)?;
    check_limit(pipeline, limit)?;
    let output = json!({ "pipelineExecutionId": execution.id });
    pipeline.executions.push(execution);
    Ok(output)
}

/// Starts the executions that follow the creation of a pipeline.
///
/// As recorded: without polling there is one, caused by the creation; with polling there is one for each polling source
/// that has an object, caused by the polling.
pub(super) fn after_creation(s3: &Store, pipeline: &mut Pipeline) -> Result<(), ServiceError> {
    let sources = &pipeline.declaration().sources;
    let has_object = |source: &&SourceAction| matches!(revisions::revision(s3, source, &[]), Ok(Some(_)));
    let causes: Vec<StartCause> = if sources.iter().any(SourceAction::polls) {
        let polling = sources.iter().filter(|source| source.polls()).filter(has_object);
        polling.map(|source| StartCause::Polling(source.action.clone())).collect()
    } else {
        vec![StartCause::Creation]
    };
    for cause in causes {
        let request = StartRequest { overrides: Vec::new(), variables: Vec::new(), token: None, cause };
        let execution = begin(s3, pipeline, request)?;
        pipeline.executions.push(execution);
    }
    Ok(())
}

/// Differs from CodePipeline: the revisions are taken at the start and not by the source actions, so a later version of
/// an object never counts.
fn begin(s3: &Store, pipeline: &Pipeline, request: StartRequest) -> Result<Execution, ServiceError> {
    let declaration = pipeline.declaration();
    if declaration.pipeline_type == "V1" && !request.variables.is_empty() {
        // Not recorded: CodePipeline's answer to variables for a V1 pipeline.
        return Err(invalid("Pipeline variable can only be used with V2 pipelines"));
    }
    let mut revisions = Vec::new();
    for source in &declaration.sources {
        revisions.extend(revisions::revision(s3, source, &request.overrides)?);
    }
    let execution = new_execution(pipeline, request.token, request.cause);
    Ok(match resolved(declaration, &request.variables) {
        Ok(variables) => with_sources(execution, declaration, revisions, variables),
        Err(missing) => Execution {
            status: Status::Failed,
            status_summary: Some(format!("Values for required variables haven't been provided: {}", missing.join(","))),
            ..execution
        },
    })
}

/// Returns an execution that has done nothing yet.
fn new_execution(pipeline: &Pipeline, token: Option<String>, cause: StartCause) -> Execution {
    let now = SystemTime::now();
    Execution {
        id: uuid::Uuid::new_v4().to_string(),
        pipeline_version: pipeline.version(),
        execution_mode: pipeline.declaration().execution_mode.clone(),
        status: Status::InProgress,
        status_summary: None,
        stop_reason: None,
        revisions: Vec::new(),
        variables: Vec::new(),
        cause,
        token,
        started: now,
        updated: now,
        actions: Vec::new(),
        told: None,
        clock: Instant::now(),
    }
}

/// Returns an execution with its source actions in progress.
fn with_sources(
    execution: Execution,
    declaration: &Declaration,
    revisions: Vec<Revision>,
    variables: Vec<(String, String)>,
) -> Execution {
    let sources = declaration.actions.iter().take(declaration.sources.len());
    let actions = sources.map(|(stage, action)| ActionRun::new(stage, action)).collect();
    Execution { revisions, variables, actions, ..execution }
}

fn variables(input: &Field<'_>) -> Result<Vec<(String, String)>, ServiceError> {
    let entries = input.list("variables", 0..=50)?;
    let read = |entry: &Field<'_>| {
        let name = entry.text("name", 1..=128, &VARIABLE)?;
        Ok((name.to_owned(), entry.text("value", 1..=1000, &LINE)?.to_owned()))
    };
    entries.iter().map(read).collect()
}

fn check_unique(variables: &[(String, String)]) -> Result<(), ServiceError> {
    let is_repeated = |index: usize, name: &str| variables[..index].iter().any(|(other, _)| other == name);
    match variables.iter().enumerate().find(|(index, (name, _))| is_repeated(*index, name)) {
        Some((_, (name, _))) => Err(invalid(repeated_variable(name))),
        None => Ok(()),
    }
}

/// Returns every declared variable with the given value, or else its default; or the variables that have neither.
/// Variables that the pipeline does not declare are ignored.
fn resolved(declaration: &Declaration, given: &[(String, String)]) -> Result<Vec<(String, String)>, Vec<String>> {
    let value = |name: &str| given.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
    let (mut variables, mut missing) = (Vec::new(), Vec::new());
    for variable in &declaration.variables {
        match value(&variable.name).or_else(|| variable.default.clone()) {
            Some(value) => variables.push((variable.name.clone(), value)),
            None => missing.push(variable.name.clone()),
        }
    }
    if missing.is_empty() { Ok(variables) } else { Err(missing) }
}

fn check_limit(pipeline: &Pipeline, limit: usize) -> Result<(), ServiceError> {
    let running = pipeline.executions.iter().filter(|execution| execution.is_running()).count();
    if pipeline.declaration().execution_mode == "SUPERSEDED" || running < limit {
        return Ok(());
    }
    Err(ServiceError::new(
        "ConcurrentPipelineExecutionsLimitExceededException",
        format!("The pipeline has reached the limit of {limit} concurrent executions"),
    ))
}
