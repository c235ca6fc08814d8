//! The result of a run: its status, how long it took, and what failed.

use std::time::Duration;

use aws_sdk_codepipeline::types::{ActionExecutionDetail, ActionExecutionFilter, ActionExecutionStatus};
use aws_smithy_types::DateTime;

use crate::runs::{self, BranchRun};
use codecommit::aws::{Aws, CallError};

/// A run that has ended.
#[derive(Debug, Clone)]
pub(super) struct RunResult {
    pub(super) run: BranchRun,
    pub(super) pipeline: String,
    /// The address of the execution in the console.
    pub(super) url: String,
    /// The time from the start of the first action to the end of the last.
    pub(super) duration: Option<Duration>,
    /// The first action that failed.
    pub(super) failure: Option<FailedAction>,
}

/// An action that failed.
#[derive(Debug, Clone, Default)]
pub(super) struct FailedAction {
    pub(super) stage: String,
    pub(super) action: String,
    pub(super) summary: Option<String>,
    pub(super) error: Option<String>,
    /// The address of the action's log or page.
    pub(super) url: Option<String>,
}

impl RunResult {
    /// Reads the actions of a run.
    pub(super) async fn read(aws: &Aws, pipeline: &str, region: &str, run: BranchRun) -> Result<Self, CallError> {
        let actions = actions(aws, pipeline, &run.id).await?;
        let failed = actions.iter().filter(|action| action.status() == Some(&ActionExecutionStatus::Failed));
        let failure = failed.filter(|action| is_newest(action, &actions)).min_by_key(|action| start(action));
        Ok(Self {
            url: runs::console_url(region, pipeline, &run.id),
            pipeline: pipeline.to_owned(),
            duration: duration(&actions),
            failure: failure.map(FailedAction::of),
            run,
        })
    }
}

impl FailedAction {
    fn of(action: &ActionExecutionDetail) -> Self {
        let result = action.output().and_then(|output| output.execution_result());
        let error = result.and_then(|result| result.error_details());
        Self {
            stage: action.stage_name().unwrap_or_default().to_owned(),
            action: action.action_name().unwrap_or_default().to_owned(),
            summary: result.and_then(|result| result.external_execution_summary()).map(str::to_owned),
            error: error.and_then(|error| error.message()).map(str::to_owned),
            url: result.and_then(|result| result.external_execution_url()).map(str::to_owned),
        }
    }
}

/// Returns false if a retry of the stage ran the same action again.
fn is_newest(action: &ActionExecutionDetail, actions: &[ActionExecutionDetail]) -> bool {
    let same = |other: &&ActionExecutionDetail| {
        other.stage_name() == action.stage_name() && other.action_name() == action.action_name()
    };
    actions.iter().filter(same).all(|other| start(other) <= start(action))
}

fn duration(actions: &[ActionExecutionDetail]) -> Option<Duration> {
    let first = actions.iter().filter_map(start).min()?;
    let last = actions.iter().filter_map(|action| action.last_update_time().map(millis)).max()?;
    u64::try_from(last - first).ok().map(Duration::from_millis)
}

async fn actions(aws: &Aws, pipeline: &str, id: &str) -> Result<Vec<ActionExecutionDetail>, CallError> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let filter = ActionExecutionFilter::builder().pipeline_execution_id(id).build();
        let request = aws.codepipeline.list_action_executions().pipeline_name(pipeline).filter(filter);
        let sent = request.set_next_token(token).send().await;
        let answer = sent.map_err(|error| CallError::new("ListActionExecutions", error))?;
        found.extend(answer.action_execution_details.unwrap_or_default());
        token = answer.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

fn start(action: &ActionExecutionDetail) -> Option<i64> {
    action.start_time().map(millis)
}

fn millis(time: &DateTime) -> i64 {
    time.to_millis().unwrap_or_default()
}
