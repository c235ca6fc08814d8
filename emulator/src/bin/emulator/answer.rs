//! The parts of the function's answer that people want to see.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::text::grouped;

/// The started executions and the skipped references.
#[derive(Deserialize)]
pub(crate) struct FunctionAnswer {
    pub(crate) started: Vec<StartedRun>,
    pub(crate) skipped: Vec<SkippedReference>,
}

/// A started execution of a pipeline.
#[derive(Deserialize)]
pub(crate) struct StartedRun {
    pub(crate) pipeline: String,
    pub(crate) pipeline_execution_id: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version_id: String,
    pub(crate) bytes: u64,
    pub(crate) entries: Option<u64>,
    pub(crate) content_bytes: Option<u64>,
    pub(crate) api_calls: BTreeMap<String, u64>,
    pub(crate) throttled: u64,
    pub(crate) milliseconds: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

/// A reference that the function did not start an execution for.
#[derive(Deserialize)]
pub(crate) struct SkippedReference {
    pub(crate) reference: String,
    pub(crate) reason: String,
}

impl StartedRun {
    /// Returns the total time, and that of each step.
    pub(crate) fn times(&self) -> String {
        let total = self.milliseconds.get("total").copied().unwrap_or_default();
        let order = ["open", "list", "archive", "upload", "start"];
        let steps = order.iter().filter_map(|step| Some(format!("{step} {}", self.milliseconds.get(*step)?)));
        format!("{} ms: {}", grouped(total), steps.collect::<Vec<_>>().join(", "))
    }
}
