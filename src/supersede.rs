//! `SUPERSEDE`: an event of a branch stops the branch's runs that a newer push has left behind.
//!
//! The tip of the branch decides, not the order of events. It is read after the runs: a run that was listed before and
//! whose commit is not the tip is outdated. So the result is the same after two pushes at once, redeliveries, late
//! events, and a kill between start and stop. The tip's run is never stopped. Runs of other branches, and executions
//! without our variables, are not touched.
//!
//! Calls: one `ListPipelineExecutions` (at most [`PAUSES`] more until the new execution is visible), one
//! `GetPipelineExecution` for each other execution in progress, one `GetBranch`, and one `StopPipelineExecution` for
//! each outdated run; at most [`EXAMINED`] executions are examined.

use std::time::{Duration, Instant};

use aws_sdk_codepipeline::types::PipelineExecutionStatus;

use crate::plan::Job;
use crate::runs::{self, BranchRun, ListedExecution};
use codecommit::aws::{Aws, CallError};

/// The number of executions in progress that are examined. It is the quota of concurrent executions of a pipeline.
const EXAMINED: usize = 50;
/// The number of the latest executions that are searched for those in progress.
const LISTED: usize = 100;
/// The pauses while the list does not show the new execution. As soon as it does, it also shows an older one that
/// started a moment before.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// The longest time for stopping outdated runs. Those that are left then continue: the new run matters more.
const TIMEOUT: Duration = Duration::from_secs(30);
/// `CodePipeline`'s limit for the reason of a stop, in characters.
const REASON: usize = 200;

/// An execution in progress of the job's branch.
struct Running {
    id: String,
    commit: String,
}

/// Stops the outdated runs of the job's branch. A failure is only returned as a warning, so that the event does not
/// fail. `started` is the execution that the event has just started.
pub(crate) async fn stop_outdated(aws: &Aws, job: &Job, started: Option<&str>, deadline: Instant) -> Vec<String> {
    let mut warnings = Vec::new();
    let deadline = deadline.min(Instant::now() + TIMEOUT);
    let stopping = Box::pin(stop(aws, job, started, &mut warnings));
    match tokio::time::timeout_at(deadline.into(), stopping).await {
        Ok(Ok(())) => {}
        Ok(Err(call)) => warnings.push(format!("failed to look for outdated runs of the branch: {call}")),
        Err(_) => warnings.push("looking for outdated runs of the branch took too long".to_owned()),
    }
    warnings
}

async fn stop(aws: &Aws, job: &Job, started: Option<&str>, warnings: &mut Vec<String>) -> Result<(), CallError> {
    let running = running(aws, job, started).await?;
    if running.is_empty() {
        return Ok(());
    }
    let Some(tip) = tip(aws, job).await? else { return Ok(()) };
    for outdated in running.iter().filter(|run| run.commit != tip) {
        if let Err(call) = stop_one(aws, job, outdated, &tip).await {
            warnings.push(format!("failed to stop the outdated run {}: {call}", outdated.id));
        }
    }
    Ok(())
}

/// Returns the runs of the branch that are in progress. The one that was just started is known without a call.
async fn running(aws: &Aws, job: &Job, started: Option<&str>) -> Result<Vec<Running>, CallError> {
    let own = started.map(|id| Running { id: id.to_owned(), commit: job.commit.to_string() });
    let mut running: Vec<Running> = own.into_iter().collect();
    let in_progress = |status: &PipelineExecutionStatus| *status == PipelineExecutionStatus::InProgress;
    let listed = listed(aws, job, started).await?;
    let others = listed.iter().filter(|listed| in_progress(&listed.status) && started != Some(&*listed.id));
    for other in others.take(EXAMINED) {
        let run = runs::read(aws, &job.pipeline, &other.id).await?;
        let run = run.filter(|run| in_progress(&run.status) && is_of_branch(run, job));
        running.extend(run.map(|run| Running { id: run.id, commit: run.commit }));
    }
    Ok(running)
}

/// Lists the last executions. The list is eventually consistent, so this waits a few seconds for it to show the one
/// that was just started.
async fn listed(aws: &Aws, job: &Job, started: Option<&str>) -> Result<Vec<ListedExecution>, CallError> {
    let mut pauses = PAUSES.iter();
    loop {
        let listed = runs::list(aws, &job.pipeline, LISTED).await?;
        let is_visible = started.is_none_or(|id| listed.iter().any(|listed| listed.id == id));
        match pauses.next() {
            Some(pause) if !is_visible => tokio::time::sleep(*pause).await,
            _ => return Ok(listed),
        }
    }
}

fn is_of_branch(run: &BranchRun, job: &Job) -> bool {
    run.repository == job.repository.name() && run.branch == job.branch().replace('"', "'")
}

/// Returns the branch's commit, or `None` if the branch is gone.
async fn tip(aws: &Aws, job: &Job) -> Result<Option<String>, CallError> {
    let request = aws.codecommit.get_branch().repository_name(job.repository.name()).branch_name(job.branch());
    match request.send().await.map_err(|error| CallError::new("GetBranch", error)) {
        Ok(answer) => Ok(answer.branch.and_then(|branch| branch.commit_id)),
        Err(call) if call.is(&["BranchDoesNotExistException"]) => Ok(None),
        Err(call) => Err(call),
    }
}

/// Stops a run after its action in progress. Succeeds if the run has ended or is stopping already.
async fn stop_one(aws: &Aws, job: &Job, outdated: &Running, tip: &str) -> Result<(), CallError> {
    let reason = format!("superseded by commit {} of {}", tip.get(..8).unwrap_or(tip), job.branch());
    let reason: String = reason.chars().take(REASON).collect();
    let request = aws.codepipeline.stop_pipeline_execution().pipeline_name(&job.pipeline);
    let sent = request.pipeline_execution_id(&outdated.id).abandon(false).reason(reason).send().await;
    match sent.map_err(|error| CallError::new("StopPipelineExecution", error)) {
        Ok(_) => {
            let (id, commit) = (&outdated.id, &outdated.commit);
            tracing::info!(outcome = "superseded", pipeline_execution_id = id, commit, by = tip);
            Ok(())
        }
        Err(call) if call.is(&["PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"]) => Ok(()),
        Err(call) => Err(call),
    }
}
