//! CodePipeline: pipelines, and their executions with the revisions that they took from S3.
//!
//! # Differs from CodePipeline
//! - Nothing is run: an execution succeeds at once, or fails if a source has no object. Tests can hold executions in progress.
//! - A pipeline is not started by its creation, by polling or by events.
//! - A CodeCommit source has a revision only where one is given.
//! - Stages in other accounts, regions and with conditions are kept as given and mean nothing.

mod declaration;
mod execution;
mod input;
mod page;
mod pipelines;
mod revisions;
mod start;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

pub use self::execution::{Execution, Revision, Status};
use self::input::Field;
use self::pipelines::Pipeline;
use crate::error::ServiceError;
use crate::s3::Store;

/// Executions that may be in progress at once in the modes QUEUED and PARALLEL, as CodePipeline's quotas say.
const CONCURRENT_EXECUTIONS: usize = 50;

/// The service and all that it remembers.
pub struct CodePipeline {
    s3: Arc<Store>,
    pipelines: Mutex<BTreeMap<String, Pipeline>>,
    held: AtomicBool,
    limit: AtomicUsize,
}

impl CodePipeline {
    /// A service without pipelines whose S3 sources read from `s3`.
    pub fn new(s3: Arc<Store>) -> Self {
        Self {
            s3,
            pipelines: Mutex::default(),
            held: AtomicBool::new(false),
            limit: AtomicUsize::new(CONCURRENT_EXECUTIONS),
        }
    }

    /// Answers one operation of the JSON protocol.
    #[expect(clippy::unused_async, reason = "all services are called alike")]
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        let input = Field::root(&input);
        match operation {
            "CreatePipeline" => pipelines::create(self, &input),
            "GetPipeline" => pipelines::get(self, &input),
            "UpdatePipeline" => pipelines::update(self, &input),
            "DeletePipeline" => pipelines::delete(self, &input),
            "ListPipelines" => pipelines::list(self, &input),
            "StartPipelineExecution" => start::start(self, &input),
            "GetPipelineExecution" => execution::get(self, &input),
            "ListPipelineExecutions" => execution::list(self, &input),
            _ => Err(ServiceError::not_modelled(format!("CodePipeline's {operation}"))),
        }
    }

    /// The executions of a pipeline, the oldest first.
    pub fn executions(&self, pipeline: &str) -> Vec<Execution> {
        self.all(|pipelines| pipelines.get(pipeline).map(|pipeline| pipeline.executions.clone()).unwrap_or_default())
    }

    /// Whether executions that start from now on stay in progress; those in progress succeed when it ends.
    pub fn hold_executions(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
        if held {
            return;
        }
        self.all(|pipelines| {
            let executions = pipelines.values_mut().flat_map(|pipeline| &mut pipeline.executions);
            for execution in executions.filter(|execution| execution.status == Status::InProgress) {
                execution.status = Status::Succeeded;
            }
        });
    }

    /// How many executions of a pipeline may be in progress at once.
    pub fn limit_executions(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    fn all<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Pipeline>) -> T) -> T {
        work(&mut self.pipelines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn pipeline<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Pipeline) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        self.all(|pipelines| match pipelines.get_mut(name) {
            Some(pipeline) => work(pipeline),
            None => Err(ServiceError::new(
                "PipelineNotFoundException",
                format!("Account '{}' does not have a pipeline with name '{name}'", crate::credentials::ACCOUNT),
            )),
        })
    }
}

/// A timestamp of the JSON protocol: seconds with milliseconds.
fn epoch_seconds(time: SystemTime) -> Value {
    let milliseconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds fit for some thousand years")]
    let seconds = milliseconds as f64 / 1000.0;
    seconds.into()
}
