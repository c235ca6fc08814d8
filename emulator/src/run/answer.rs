//! The function's answer, as far as a person wants to see it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What was started and what was left alone.
#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) started: Vec<Run>,
    pub(crate) skipped: Vec<Skipped>,
}

/// A run of the pipeline.
#[derive(Deserialize)]
pub(crate) struct Run {
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

/// A reference that was left alone.
#[derive(Deserialize)]
pub(crate) struct Skipped {
    pub(crate) reference: String,
    pub(crate) reason: String,
}
