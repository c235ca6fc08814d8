//! `CreatePipeline`, `GetPipeline`, `UpdatePipeline`, `DeletePipeline` and `ListPipelines`.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::declaration::Declaration;
use super::input::{Field, NAME};
use super::page::page;
use super::pipeline::Pipeline;
use super::state::State;
use super::timestamp::epoch_seconds;
use crate::account::{ACCOUNT, REGION};
use crate::error::ServiceError;

/// The maximum page size of `ListPipelines`.
const MAX_PIPELINES: usize = 1000;

pub(super) fn create(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let declaration = Declaration::read(&input.structure("pipeline")?)?;
    let tags = input.member("tags").value().clone();
    state.all(|pipelines| {
        if pipelines.contains_key(&declaration.name) {
            let message =
                format!("A pipeline with the name '{}' already exists in account '{ACCOUNT}'", declaration.name);
            return Err(ServiceError::new("PipelineNameInUseException", message));
        }
        let now = SystemTime::now();
        let name = declaration.name.clone();
        let pipeline = Pipeline { versions: vec![declaration], executions: Vec::new(), created: now, updated: now };
        let mut output = json!({ "pipeline": pipeline.document(1) });
        if !tags.is_null() {
            output["tags"] = tags;
        }
        pipelines.insert(name, pipeline);
        Ok(output)
    })
}

pub(super) fn get(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("name", 1..=100, &NAME)?;
    let version = input.optional_number("version", 1..=usize::MAX)?;
    state.pipeline(name, |pipeline| {
        let version = version.unwrap_or(pipeline.version());
        let document = pipeline.document(version).ok_or_else(|| {
            let message = format!("Pipeline '{name}' has no version {version}");
            ServiceError::new("PipelineVersionNotFoundException", message)
        })?;
        Ok(json!({
            "pipeline": document,
            "metadata": {
                "pipelineArn": format!("arn:aws:codepipeline:{REGION}:{ACCOUNT}:{name}"),
                "created": epoch_seconds(pipeline.created),
                "updated": epoch_seconds(pipeline.updated),
            },
        }))
    })
}

/// Adds a version. An unknown pipeline is a `PipelineNotFoundException`, although the model of this operation lacks it.
pub(super) fn update(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let declaration = Declaration::read(&input.structure("pipeline")?)?;
    let name = declaration.name.clone();
    state.pipeline(&name, |pipeline| {
        pipeline.versions.push(declaration);
        pipeline.updated = SystemTime::now();
        Ok(json!({ "pipeline": pipeline.document(pipeline.version()) }))
    })
}

/// Deletes a pipeline; the deletion of an unknown pipeline succeeds.
pub(super) fn delete(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("name", 1..=100, &NAME)?;
    state.all(|pipelines| pipelines.remove(name));
    Ok(json!({}))
}

pub(super) fn list(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let summary = |(name, pipeline): (&String, &mut Pipeline)| {
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
    let summaries = state.all(|pipelines| pipelines.iter_mut().map(summary).collect());
    let (pipelines, token) = page(input, summaries, MAX_PIPELINES)?;
    let mut output = json!({ "pipelines": pipelines });
    if let Some(token) = token {
        output["nextToken"] = token.into();
    }
    Ok(output)
}
