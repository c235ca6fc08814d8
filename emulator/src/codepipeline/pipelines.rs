//! The operations on pipelines.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::declaration::Declaration;
use super::execution::Execution;
use super::input::{Field, NAME};
use super::page::page;
use super::{CodePipeline, epoch_seconds};
use crate::credentials::{ACCOUNT, REGION};
use crate::error::ServiceError;

/// `ListPipelines` answers as many at once.
const MAX_PIPELINES: usize = 1000;

/// A pipeline with all its versions and executions.
pub(super) struct Pipeline {
    /// The first has version 1; never empty.
    versions: Vec<Declaration>,
    pub(super) executions: Vec<Execution>,
    created: SystemTime,
    updated: SystemTime,
}

impl Pipeline {
    pub(super) fn declaration(&self) -> &Declaration {
        self.versions.last().expect("a pipeline is created with its first version")
    }

    pub(super) fn version(&self) -> usize {
        self.versions.len()
    }

    fn document(&self, version: usize) -> Option<Map<String, Value>> {
        let mut document = self.versions.get(version.checked_sub(1)?)?.document.clone();
        document.insert("version".to_owned(), version.into());
        Some(document)
    }
}

pub(super) fn create(service: &CodePipeline, input: &Field<'_>) -> Result<Value, ServiceError> {
    let declaration = Declaration::read(&input.structure("pipeline")?)?;
    let tags = input.member("tags").value().clone();
    service.all(|pipelines| {
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

pub(super) fn get(service: &CodePipeline, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("name", 1..=100, &NAME)?;
    let version = input.optional_number("version", 1..=usize::MAX)?;
    service.pipeline(name, |pipeline| {
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

/// The model has no `PipelineNotFoundException` here, though the service answers with it.
pub(super) fn update(service: &CodePipeline, input: &Field<'_>) -> Result<Value, ServiceError> {
    let declaration = Declaration::read(&input.structure("pipeline")?)?;
    let name = declaration.name.clone();
    service.pipeline(&name, |pipeline| {
        pipeline.versions.push(declaration);
        pipeline.updated = SystemTime::now();
        Ok(json!({ "pipeline": pipeline.document(pipeline.version()) }))
    })
}

/// Deleting what is not there succeeds.
pub(super) fn delete(service: &CodePipeline, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("name", 1..=100, &NAME)?;
    service.all(|pipelines| pipelines.remove(name));
    Ok(json!({}))
}

pub(super) fn list(service: &CodePipeline, input: &Field<'_>) -> Result<Value, ServiceError> {
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
    let summaries = service.all(|pipelines| pipelines.iter_mut().map(summary).collect());
    let (pipelines, token) = page(input, summaries, MAX_PIPELINES)?;
    let mut output = json!({ "pipelines": pipelines });
    if let Some(token) = token {
        output["nextToken"] = token.into();
    }
    Ok(output)
}
