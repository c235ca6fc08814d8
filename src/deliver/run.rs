//! The report of a delivery.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::step::Milliseconds;

/// One run of the dev pipeline, with the figures of its delivery.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The id of the event.
    pub event_id: String,
    /// The repository's name.
    pub repository: String,
    /// The full reference.
    pub reference: String,
    /// The commit that the run builds.
    pub commit: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// The id of the pipeline's execution.
    pub pipeline_execution_id: String,
    /// The bucket of the archive.
    pub bucket: String,
    /// The key of the archive.
    pub key: String,
    /// The version of the archive that the run is pinned to.
    pub version_id: String,
    /// The size of the archive.
    pub bytes: u64,
    /// The number of entries in the archive; absent if an earlier delivery of the event uploaded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// The total size of the files; absent if an earlier delivery of the event uploaded the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_bytes: Option<u64>,
    /// The number of entries copied from the previous archive; absent for the same reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused: Option<u64>,
    /// Bytes of deflate streams that were copied from the commit's pack or the previous archive; absent likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copied_bytes: Option<u64>,
    /// Bytes of deflate streams that were made for this archive; absent likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deflated_bytes: Option<u64>,
    /// The work that an earlier delivery of the same event had already done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// Requests sent, by operation. Retries count.
    pub api_calls: BTreeMap<String, u64>,
    /// The number of throttled requests.
    pub throttled: u64,
    /// The duration of each step in milliseconds.
    pub milliseconds: Milliseconds,
    /// The warnings of the archive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Run {
    /// Keeps the warnings that fit so many bytes, and says how many there were more.
    pub(crate) fn cut_warnings(&mut self, mut bytes: usize) {
        let fits = |warning: &String| {
            let left = bytes.checked_sub(warning.len());
            bytes = left.unwrap_or(0);
            left.is_some()
        };
        let kept: Vec<String> = self.warnings.iter().cloned().take_while(fits).collect();
        let more = self.warnings.len() - kept.len();
        self.warnings = kept;
        if more > 0 {
            self.warnings.push(format!("and {more} more"));
        }
    }
}

/// The work that an earlier delivery of the same event had done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// The archive was uploaded, but no run was started.
    Uploaded,
    /// The run was started.
    Started,
}
