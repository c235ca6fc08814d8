//! The two kinds of events that lead to a report, as `EventBridge` sends them.

use serde_json::Value;

use crate::event::EventError;

/// An event that was read.
pub(super) enum Notice {
    /// An execution ended.
    Ended(Ended),
    /// A pull request was opened, or its source branch moved.
    Opened(ChangedPullRequest),
    /// There is nothing to report. The text is the reason.
    Other(&'static str),
}

/// An execution that ended. The state of the event is not kept: a later event may have overtaken it.
pub(super) struct Ended {
    pub(super) pipeline: String,
    pub(super) execution: String,
    pub(super) region: String,
}

/// A pull request whose source commit may have a result already.
pub(super) struct ChangedPullRequest {
    pub(super) pull_request: String,
    /// The pipeline that the settings beside the event name.
    pub(super) pipeline: Option<String>,
    pub(super) region: String,
    /// True if the pull request is new. False if its source branch moved.
    pub(super) is_new: bool,
}

const EXECUTION: &str = "CodePipeline Pipeline Execution State Change";
const PULL_REQUEST: &str = "CodeCommit Pull Request State Change";

/// Returns whether the event, alone or with settings beside it, is one that this module reads.
pub fn is_notice(event: &Value) -> bool {
    let kind = inner(event)["detail-type"].as_str();
    matches!(kind, Some(EXECUTION | PULL_REQUEST))
}

/// Parses an event for which [`is_notice`] is true. Numbers in the event are floats, and none of them is read.
pub(super) fn parse(event: &Value) -> Result<Notice, EventError> {
    let settings = &event["settings"];
    let event = inner(event);
    let detail = &event["detail"];
    let region = text(&event["region"], "region")?;
    if event["detail-type"] == EXECUTION {
        let state = text(&detail["state"], "detail.state")?;
        if !["SUCCEEDED", "FAILED", "STOPPED", "SUPERSEDED", "CANCELED"].contains(&state.as_str()) {
            return Ok(Notice::Other("the execution has not ended"));
        }
        let pipeline = text(&detail["pipeline"], "detail.pipeline")?;
        let execution = text(&detail["execution-id"], "detail.execution-id")?;
        return Ok(Notice::Ended(Ended { pipeline, execution, region }));
    }
    let what = text(&detail["event"], "detail.event")?;
    if !["pullRequestCreated", "pullRequestSourceBranchUpdated"].contains(&what.as_str()) {
        return Ok(Notice::Other("the pull request's source did not change"));
    }
    Ok(Notice::Opened(ChangedPullRequest {
        pull_request: text(&detail["pullRequestId"], "detail.pullRequestId")?,
        pipeline: settings["pipeline_name"].as_str().map(str::to_owned),
        region,
        is_new: what == "pullRequestCreated",
    }))
}

fn inner(event: &Value) -> &Value {
    if event["settings"].is_object() { &event["event"] } else { event }
}

fn text(value: &Value, at: &str) -> Result<String, EventError> {
    let text = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    text.ok_or_else(|| EventError { at: at.to_owned(), reason: "is missing".to_owned() })
}
