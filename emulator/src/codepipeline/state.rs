//! The pipelines, and the settings that tests change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pipeline::Pipeline;
use super::settings::Settings;
use crate::account::ACCOUNT;
use crate::error::ServiceError;
use crate::s3::Store;

pub(super) struct State {
    pub(super) s3: Arc<Store>,
    shared: Mutex<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) pipelines: BTreeMap<String, Pipeline>,
}

impl State {
    pub(super) fn new(s3: Arc<Store>) -> Self {
        Self { s3, shared: Mutex::default() }
    }

    /// Returns the pipelines after advancing their executions to the present.
    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.advance();
        shared
    }
}

impl Shared {
    pub(super) fn advance(&mut self) {
        let Settings { source_duration, hold, .. } = self.settings;
        for pipeline in self.pipelines.values_mut() {
            pipeline.advance(source_duration, hold);
        }
    }

    pub(super) fn pipeline(&mut self, name: &str) -> Result<&mut Pipeline, ServiceError> {
        self.pipelines.get_mut(name).ok_or_else(|| {
            let message = format!("Account '{ACCOUNT}' does not have a pipeline with name '{name}'");
            ServiceError::new("PipelineNotFoundException", message)
        })
    }
}
