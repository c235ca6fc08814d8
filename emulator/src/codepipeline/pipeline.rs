//! A pipeline with its versions and executions.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::declaration::Declaration;
use super::execution::Execution;

pub(super) struct Pipeline {
    /// The declaration of each version, from version 1 on; there is at least one.
    pub(super) versions: Vec<Declaration>,
    /// The executions, the oldest first.
    pub(super) executions: Vec<Execution>,
    pub(super) created: SystemTime,
    pub(super) updated: SystemTime,
}

impl Pipeline {
    pub(super) fn new(declaration: Declaration) -> Self {
        let now = SystemTime::now();
        Self { versions: vec![declaration], executions: Vec::new(), created: now, updated: now }
    }

    /// Returns the current declaration.
    pub(super) fn declaration(&self) -> &Declaration {
        self.versions.last().expect("a pipeline has at least one version")
    }

    pub(super) fn version(&self) -> usize {
        self.versions.len()
    }

    /// Returns a version in the form of `GetPipeline`.
    pub(super) fn document(&self, version: usize) -> Option<Map<String, Value>> {
        let mut document = self.versions.get(version.checked_sub(1)?)?.document.clone();
        document.insert("version".to_owned(), version.into());
        Some(document)
    }

    /// Returns the declaration that an execution was started with.
    pub(super) fn declaration_of(&self, execution: &Execution) -> &Declaration {
        self.versions.get(execution.pipeline_version - 1).unwrap_or_else(|| self.declaration())
    }

    /// Returns an execution together with the declaration that it was started with.
    pub(super) fn execution(&mut self, id: &str) -> Option<(&mut Execution, &Declaration)> {
        let execution = self.executions.iter_mut().find(|execution| execution.id == id)?;
        let declaration = self.versions.get(execution.pipeline_version - 1)?;
        Some((execution, declaration))
    }

    pub(super) fn advance(&mut self, source_duration: Duration, hold: bool) {
        for execution in &mut self.executions {
            if let Some(declaration) = self.versions.get(execution.pipeline_version - 1) {
                execution.advance(declaration, source_duration, hold);
            }
        }
    }
}
