//! A pipeline with its versions and executions.

use std::time::SystemTime;

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
}
