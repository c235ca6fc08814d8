//! `SUPERSEDE`: the run of a branch's tip stops the older runs of the same branch.
//!
//! The tip decides, not the order of events: a run is stopped if its commit is no longer the tip and a run of the tip is known. So two
//! pushes at once, redeliveries and late events end alike. Runs of other branches, and executions without our variables, are not touched.
//!
//! Calls: one `GetBranch`, one `ListPipelineExecutions`, one `GetPipelineExecution` for each execution in progress and one
//! `StopPipelineExecution` for each that is stopped; at most [`EXAMINED`] of each of the last two.

use std::time::Duration;

use crate::plan::Job;
use crate::runs::{self, BranchRun};
use codecommit::aws::{Aws, CallError};

/// The number of executions in progress that are examined. It is the quota of concurrent executions of a pipeline.
const EXAMINED: usize = 50;
/// The number of last executions among which those in progress are looked for.
const LISTED: usize = 100;
/// The time after which the rest is left to run: the new run is what matters.
const TIMEOUT: Duration = Duration::from_secs(20);
/// `CodePipeline`'s limit for the reason of a stop, in characters.
const REASON: usize = 200;

/// Stops the runs that the job's run supersedes, and returns what is worth a warning. The new run never fails because of this.
pub(crate) async fn stop_older(aws: &Aws, job: &Job, execution: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let stopping = Box::pin(stop(aws, job, execution, &mut warnings));
    match tokio::time::timeout(TIMEOUT, stopping).await {
        Ok(Ok(())) => {}
        Ok(Err(call)) => warnings.push(format!("failed to look for older runs of the branch: {call}")),
        Err(_) => warnings.push("looking for older runs of the branch took too long".to_owned()),
    }
    warnings
}

async fn stop(aws: &Aws, job: &Job, execution: &str, warnings: &mut Vec<String>) -> Result<(), CallError> {
    let Some(tip) = tip(aws, job).await? else { return Ok(()) };
    let listed = runs::list(aws, &job.pipeline, LISTED).await?;
    let mut running = Vec::new();
    for listed in listed.iter().filter(|listed| !listed.has_ended() || listed.id == execution).take(EXAMINED) {
        running.extend(runs::read(aws, &job.pipeline, &listed.id).await?.filter(|run| is_of_branch(run, job)));
    }
    let tip_runs = job.commit.to_string() == tip || running.iter().any(|run| run.commit == tip);
    if !tip_runs {
        return Ok(());
    }
    for old in running.iter().filter(|run| run.commit != tip && !run.has_ended()) {
        if let Err(call) = stop_one(aws, job, old, &tip).await {
            warnings.push(format!("failed to stop the older run {}: {call}", old.id));
        }
    }
    Ok(())
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

/// Stops a run after the action in progress. One that has ended or is stopping already is as it should be.
async fn stop_one(aws: &Aws, job: &Job, old: &BranchRun, tip: &str) -> Result<(), CallError> {
    let reason = format!("superseded by commit {} of {}", tip.get(..8).unwrap_or(tip), job.branch());
    let reason: String = reason.chars().take(REASON).collect();
    let request = aws.codepipeline.stop_pipeline_execution().pipeline_name(&job.pipeline);
    let sent = request.pipeline_execution_id(&old.id).abandon(false).reason(reason).send().await;
    match sent.map_err(|error| CallError::new("StopPipelineExecution", error)) {
        Ok(_) => {
            tracing::info!(outcome = "superseded", pipeline_execution_id = old.id, commit = old.commit, by = tip);
            Ok(())
        }
        Err(call) if call.is(&["PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"]) => Ok(()),
        Err(call) => Err(call),
    }
}
