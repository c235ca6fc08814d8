//! The pipelines, and the settings that tests change.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};

use super::pipeline::Pipeline;
use crate::account::ACCOUNT;
use crate::error::ServiceError;
use crate::s3::Store;

/// CodePipeline's quota of concurrent executions in the modes QUEUED and PARALLEL.
const CONCURRENT_EXECUTIONS: usize = 50;

pub(super) struct State {
    pub(super) s3: Arc<Store>,
    pipelines: Mutex<BTreeMap<String, Pipeline>>,
    /// Keeps executions in progress that start from now on.
    pub(super) held: AtomicBool,
    /// The maximum number of concurrent executions of a pipeline.
    pub(super) limit: AtomicUsize,
}

impl State {
    pub(super) fn new(s3: Arc<Store>) -> Self {
        Self {
            s3,
            pipelines: Mutex::default(),
            held: AtomicBool::new(false),
            limit: AtomicUsize::new(CONCURRENT_EXECUTIONS),
        }
    }

    pub(super) fn all<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Pipeline>) -> T) -> T {
        work(&mut self.pipelines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn pipeline<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Pipeline) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        self.all(|pipelines| match pipelines.get_mut(name) {
            Some(pipeline) => work(pipeline),
            None => Err(ServiceError::new(
                "PipelineNotFoundException",
                format!("Account '{ACCOUNT}' does not have a pipeline with name '{name}'"),
            )),
        })
    }
}
