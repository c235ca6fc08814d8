//! `CodePipeline Pipeline Execution State Change`: the changes of executions, in the form of EventBridge's recorded
//! events.

use std::time::SystemTime;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::parse_borrowed;

use super::execution::{Execution, Status};
use super::state::State;
use crate::account::{ACCOUNT, REGION, user_arn};

/// A change of an execution for which no event was sent yet.
pub(crate) struct StateChange {
    /// The ARN of the pipeline.
    pub(crate) pipeline: String,
    pub(crate) time: OffsetDateTime,
    pub(crate) detail: Value,
}

/// Returns the changes since the last call, those of the oldest executions first.
///
/// Differs from CodePipeline: events of stages and actions are not sent.
pub(super) fn take(state: &State) -> Vec<StateChange> {
    let mut shared = state.lock();
    let mut changes = Vec::new();
    for (name, pipeline) in &mut shared.pipelines {
        for execution in pipeline.executions.iter_mut().filter(|it| it.told != Some(it.status)) {
            if execution.told.is_none() {
                changes.push(change(name, execution, "STARTED", execution.started));
            }
            let ended = match execution.status {
                Status::InProgress => None,
                Status::Stopping => Some("STOPPING"),
                Status::Stopped => Some("STOPPED"),
                Status::Succeeded => Some("SUCCEEDED"),
                Status::Failed => Some("FAILED"),
            };
            changes.extend(ended.map(|ended| change(name, execution, ended, execution.updated)));
            execution.told = Some(execution.status);
        }
    }
    changes
}

fn change(pipeline: &str, execution: &Execution, state: &str, time: SystemTime) -> StateChange {
    let format = "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z";
    let format = parse_borrowed::<1>(format).expect("the format is a valid constant");
    let start = OffsetDateTime::from(execution.started).format(&format).expect("a date has every part of the format");
    // The recorded events write whole numbers with a fraction.
    let version = f64::from(u32::try_from(execution.pipeline_version).unwrap_or(u32::MAX));
    let mut detail = json!({
        "pipeline": pipeline,
        "execution-id": execution.id,
        "start-time": start,
        "state": state,
        "version": version,
        "pipeline-execution-attempt": 1.0,
    });
    if state == "STARTED" {
        detail["execution-trigger"] = json!({ "trigger-type": "StartPipelineExecution", "trigger-detail": user_arn() });
    }
    let pipeline = format!("arn:aws:codepipeline:{REGION}:{ACCOUNT}:{pipeline}");
    StateChange { pipeline, time: time.into(), detail }
}
