//! The outcome line: one flat line of JSON on standard output for each reference, at every log level. It is in
//! `CloudWatch`'s embedded metric format, so that Lambda's log carries the metrics too: they cost no call and no
//! permission. Only counts that somebody may want to watch are metrics, because each costs money; all else are fields
//! for queries.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::deliver::{Found, Run};
use crate::error::{Failed, StepError};
use crate::event::Change;
use crate::plan::{PlanError, Skipped};
use crate::step::Step;
use codecommit::causes::with_causes;

const NAMESPACE: &str = "CodeCommitMultibranch";

/// Characters of a message, so that a line stays far below what a log takes.
const MESSAGE_MAX: usize = 2_000;
/// The most bytes of a name.
const NAME_BYTES: usize = 1 << 10;

/// One line: the fields, and which of them is a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Line(Value);

impl Line {
    /// A branch was archived and its pipeline started.
    pub fn started(run: &Run) -> Self {
        let mut fields = json!({
            "Outcome": "started",
            "EventId": run.event_id,
            "Repository": run.repository,
            "Reference": shown(&run.reference),
            "Commit": run.commit,
            "Pipeline": run.pipeline,
            "ExecutionId": run.pipeline_execution_id,
            "VersionId": run.version_id,
            "Found": run.found,
            "ArchiveBytes": run.bytes,
            "Entries": run.entries,
            "Reused": run.reused,
            "ApiCalls": run.api_calls.values().sum::<u64>(),
            "Throttles": run.throttled,
            "TotalMilliseconds": run.milliseconds.total,
            "Message": (!run.warnings.is_empty()).then(|| cut(&run.warnings.join("; "))),
        });
        for (step, taken) in &run.milliseconds.steps {
            fields[milliseconds(*step)] = (*taken).into();
        }
        // What an earlier delivery has started is no new run.
        Self::counted(fields, "Starts", u64::from(run.found != Some(Found::Started)))
    }

    /// A reference was left alone.
    pub fn skipped(skipped: &Skipped, event_id: Option<&str>) -> Self {
        let fields = json!({
            "Outcome": "skipped",
            "Reason": skipped.reason,
            "EventId": event_id,
            "Repository": skipped.repository,
            "Reference": shown(&skipped.reference),
            "Commit": skipped.commit,
        });
        Self::counted(fields, "Skips", 1)
    }

    /// A reference failed. `change` is what the event says of it.
    pub fn failed(failed: &Failed, change: Option<&Change>) -> Self {
        let fields = json!({
            "Outcome": "failed",
            "Code": failed.error.code(),
            "Message": cut(&with_causes(&failed.error)),
            "EventId": change.map(|change| &change.event_id),
            "Repository": failed.repository,
            "Reference": shown(&failed.reference),
            "Commit": change.and_then(|change| change.commit).map(|commit| commit.to_string()),
        });
        match failed.error {
            // Whoever sends events chooses these names, and each name would be a metric of its own.
            StepError::Plan(PlanError::Refused { .. }) => Self::uncounted(fields),
            _ => Self::counted(fields, "Failures", 1),
        }
    }

    /// The route of a repository was not what it should be. `difference` is what was repaired, or why it could not be.
    pub fn route_broken(repository: &str, difference: &str) -> Self {
        let fields = json!({ "Outcome": "route", "Repository": repository, "Message": cut(difference) });
        Self::counted(fields, "RouteBroken", 1)
    }

    /// Writes the line. The one place that writes to standard output: the format needs a line of its own, not one
    /// within the log's.
    #[expect(clippy::print_stdout, reason = "the embedded metric format is a line on standard output")]
    pub fn print(&self) {
        println!("{self}");
    }

    fn counted(mut fields: Value, metric: &str, count: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        fields[metric] = count.into();
        fields["_aws"] = json!({
            "Timestamp": u64::try_from(now).unwrap_or(0),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["Repository"]],
                "Metrics": [{ "Name": metric, "Unit": "Count" }],
            }],
        });
        Self::uncounted(fields)
    }

    fn uncounted(mut fields: Value) -> Self {
        if let Some(fields) = fields.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        Self(fields)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn milliseconds(step: Step) -> &'static str {
    match step {
        Step::Open => "OpenMilliseconds",
        Step::List => "ListMilliseconds",
        Step::Archive => "ArchiveMilliseconds",
        Step::Upload => "UploadMilliseconds",
        Step::Start => "StartMilliseconds",
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_MAX).collect()
}

/// Returns a name as a line shows it: git allows longer ones than anybody reads.
fn shown(name: &str) -> String {
    crate::text::cut(name, NAME_BYTES)
}
