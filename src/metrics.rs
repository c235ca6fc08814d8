//! The outcome line: for each reference, one flat line of JSON on standard output, at every log level. It has
//! `CloudWatch`'s embedded metric format, so that the log also delivers the metrics, without a call or a permission.
//! Each metric costs money, so only counts worth watching are metrics. All other values are fields for queries.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::deliver::{Found, Run};
use crate::error::{Failed, StepError};
use crate::event::Change;
use crate::hand_over::HandedOver;
use crate::plan::{PlanError, Skipped};
use crate::report::Reported;
use crate::step::Step;
use codecommit::causes::with_causes;

const NAMESPACE: &str = "CodeCommitMultibranch";

/// The largest number of characters of a message, which keeps a line far below the log's limit.
const MESSAGE_MAX: usize = 2_000;
/// The largest size of a name in bytes.
const NAME_BYTES: usize = 1 << 10;

/// One line: its fields, and the field that is a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Line(Value);

impl Line {
    /// Reports a branch that was archived and whose pipeline was started.
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
            "CopiedBytes": run.copied_bytes,
            "DeflatedBytes": run.deflated_bytes,
            "ApiCalls": run.api_calls.values().sum::<u64>(),
            "Throttles": run.throttled,
            "TotalMilliseconds": run.milliseconds.total,
            "Message": (!run.warnings.is_empty()).then(|| cut(&run.warnings.join("; "))),
        });
        for (step, taken) in &run.milliseconds.steps {
            fields[milliseconds(*step)] = (*taken).into();
        }
        // If an earlier delivery started the run, this one does not count it again.
        Self::counted(fields, "Starts", u64::from(run.found != Some(Found::Started)))
    }

    /// Reports a reference that was skipped.
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

    /// Reports a branch that the function of the triggers delivers.
    pub fn handed_over(handed_over: &HandedOver) -> Self {
        Self::uncounted(json!({
            "Outcome": "handed over",
            "EventId": handed_over.event_id,
            "Repository": handed_over.repository,
            "Reference": shown(&handed_over.reference),
            "Commit": handed_over.commit,
            "Function": handed_over.function,
        }))
    }

    /// Reports a reference that failed. `change` is the event's change of it.
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
            // The sender of the event chooses these names. As metrics, every name would become a new metric.
            StepError::Plan(PlanError::Refused { .. }) => Self::uncounted(fields),
            _ => Self::counted(fields, "Failures", 1),
        }
    }

    /// Reports triggers that had to be repaired. `difference` is the repair, or the reason why it failed.
    pub fn route_broken(repository: &str, difference: &str) -> Self {
        let fields = json!({ "Outcome": "route", "Repository": repository, "Message": cut(difference) });
        Self::counted(fields, "RouteBroken", 1)
    }

    /// Reports a pull request that shows the result of a run.
    pub fn reported(reported: &Reported) -> Self {
        Self::uncounted(json!({
            "Outcome": "reported",
            "PullRequest": reported.pull_request,
            "ExecutionId": reported.execution,
            "Comment": reported.comment,
            "Approval": reported.approval,
        }))
    }

    /// Reports an event that led to no comment.
    pub fn not_reported(reason: &str) -> Self {
        Self::uncounted(json!({ "Outcome": "not reported", "Reason": reason }))
    }

    /// Writes the line. Only this function writes to standard output: the format needs a line of its own, outside the
    /// log's JSON.
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
            fields.insert("Version".to_owned(), env!("CARGO_PKG_VERSION").into());
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

/// Returns a name, cut to the size that a line shows. Git does not limit names.
fn shown(name: &str) -> String {
    crate::text::cut(name, NAME_BYTES)
}
