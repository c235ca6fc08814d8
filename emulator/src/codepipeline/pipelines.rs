//! `CreatePipeline`, `GetPipeline`, `UpdatePipeline`, `DeletePipeline` and `ListPipelines`.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::declaration::Declaration;
use super::input::{Field, NAME};
use super::page::page;
use super::pipeline::Pipeline;
use super::start;
use super::state::{Shared, State};
use super::timestamp::epoch_seconds;
use crate::account::{ACCOUNT, REGION};
use crate::error::ServiceError;

/// The maximum page size of `ListPipelines`.
const MAX_PIPELINES: usize = 1000;

/// Creates a pipeline and starts it, unless it polls a source without an object.
pub(super) fn create(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let mut shared = state.lock();
    let (mut pipeline, output) = read_new(&shared, input)?;
    start::after_creation(&state.s3, &mut pipeline)?;
    shared.pipelines.insert(pipeline.declaration().name.clone(), pipeline);
    Ok(output)
}

/// Creates a pipeline without an execution. Unlike [`create`], it does not start the pipeline.
pub(super) fn create_idle(state: &State, input: &Field<'_>) -> Result<(), ServiceError> {
    let mut shared = state.lock();
    let (pipeline, _) = read_new(&shared, input)?;
    shared.pipelines.insert(pipeline.declaration().name.clone(), pipeline);
    Ok(())
}

fn read_new(shared: &Shared, input: &Field<'_>) -> Result<(Pipeline, Value), ServiceError> {
    let pipeline = input.structure("pipeline")?;
    let declaration = Declaration::read(&pipeline, None)?;
    if shared.pipelines.contains_key(&declaration.name) {
        let message = format!("A pipeline with the name '{}' already exists in account '{ACCOUNT}'", declaration.name);
        return Err(ServiceError::new("PipelineNameInUseException", message));
    }
    let pipeline = Pipeline::new(declaration);
    let mut output = json!({ "pipeline": pipeline.document(1) });
    let tags = input.member("tags").value();
    if !tags.is_null() {
        output["tags"] = tags.clone();
    }
    Ok((pipeline, output))
}

pub(super) fn get(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("name", 1..=100, &NAME)?;
    let version = input.optional_number("version", 1..=usize::MAX)?;
    input.check()?;
    let mut shared = state.lock();
    let pipeline = shared.pipeline(name)?;
    let version = version.unwrap_or(pipeline.version());
    let document = pipeline.document(version).ok_or_else(|| {
        ServiceError::new("PipelineVersionNotFoundException", format!("Pipeline '{name}' has no version {version}"))
    })?;
    Ok(json!({
        "pipeline": document,
        "metadata": {
            "pipelineArn": format!("arn:aws:codepipeline:{REGION}:{ACCOUNT}:{name}"),
            "created": epoch_seconds(pipeline.created),
            "updated": epoch_seconds(pipeline.updated),
        },
    }))
}

/// Adds a version. An unknown pipeline is a `PipelineNotFoundException`, although the model of this operation lacks it.
pub(super) fn update(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let field = input.structure("pipeline")?;
    let mut shared = state.lock();
    let name = field.member("name").value().as_str().unwrap_or_default();
    let current_type = shared.pipelines.get(name).map(|pipeline| pipeline.declaration().pipeline_type.clone());
    let declaration = Declaration::read(&field, current_type.as_deref())?;
    let pipeline = shared.pipeline(&declaration.name)?;
    pipeline.versions.push(declaration);
    pipeline.updated = SystemTime::now();
    Ok(json!({ "pipeline": pipeline.document(pipeline.version()) }))
}

/// Deletes a pipeline; the deletion of an unknown pipeline succeeds.
pub(super) fn delete(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("name", 1..=100, &NAME)?;
    input.check()?;
    state.lock().pipelines.remove(name);
    Ok(json!({}))
}

pub(super) fn list(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let summary = |(name, pipeline): (&String, &Pipeline)| {
        let summary = json!({
            "name": name,
            "version": pipeline.version(),
            "pipelineType": pipeline.declaration().pipeline_type,
            "executionMode": pipeline.declaration().execution_mode,
            "created": epoch_seconds(pipeline.created),
            "updated": epoch_seconds(pipeline.updated),
        });
        (name.clone(), summary)
    };
    let summaries = state.lock().pipelines.iter().map(summary).collect();
    let (pipelines, token) = page(input, summaries, MAX_PIPELINES)?;
    let mut output = json!({ "pipelines": pipelines });
    if let Some(token) = token {
        output["nextToken"] = token.into();
    }
    Ok(output)
}
