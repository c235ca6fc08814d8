//! CodePipeline: pipelines, and their executions with the revisions that they took from S3.
//!
//! # Differs from CodePipeline
//! - No action runs: an execution succeeds at once, or fails if a source has no object. Tests can hold executions in
//!   progress.
//! - Creation, polling and events do not start a pipeline.
//! - A CodeCommit source has a revision only if the start gives one.
//! - Stages in other accounts or regions, and conditions of stages, are stored without effect.

mod declaration;
mod execution;
mod input;
mod page;
mod pipeline;
mod pipelines;
mod revisions;
mod show;
mod start;
mod state;
mod timestamp;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;

pub use self::execution::{Execution, Revision, Status};
use self::input::Field;
use self::state::State;
use crate::error::ServiceError;
use crate::s3::Store;

/// The service with its pipelines.
pub struct CodePipeline {
    state: State,
}

impl CodePipeline {
    /// Returns a service without pipelines whose S3 sources read from `s3`.
    pub fn new(s3: Arc<Store>) -> Self {
        Self { state: State::new(s3) }
    }

    /// Answers one operation of the JSON protocol.
    #[expect(clippy::unused_async, reason = "all services are called alike")]
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        let (state, input) = (&self.state, Field::root(&input));
        match operation {
            "CreatePipeline" => pipelines::create(state, &input),
            "GetPipeline" => pipelines::get(state, &input),
            "UpdatePipeline" => pipelines::update(state, &input),
            "DeletePipeline" => pipelines::delete(state, &input),
            "ListPipelines" => pipelines::list(state, &input),
            "StartPipelineExecution" => start::start(state, &input),
            "GetPipelineExecution" => show::get(state, &input),
            "ListPipelineExecutions" => show::list(state, &input),
            _ => Err(ServiceError::not_modelled(format!("CodePipeline's {operation}"))),
        }
    }

    /// Returns the executions of a pipeline, the oldest first.
    pub fn executions(&self, pipeline: &str) -> Vec<Execution> {
        self.state.all(|pipelines| pipelines.get(pipeline).map(|it| it.executions.clone()).unwrap_or_default())
    }

    /// Keeps executions that start from now on in progress, or ends those in progress with success.
    pub fn hold_executions(&self, held: bool) {
        self.state.held.store(held, Ordering::Relaxed);
        if held {
            return;
        }
        self.state.all(|pipelines| {
            let executions = pipelines.values_mut().flat_map(|pipeline| &mut pipeline.executions);
            for execution in executions.filter(|execution| execution.status == Status::InProgress) {
                execution.status = Status::Succeeded;
            }
        });
    }

    /// Sets the maximum number of concurrent executions of a pipeline.
    pub fn limit_executions(&self, limit: usize) {
        self.state.limit.store(limit, Ordering::Relaxed);
    }
}
