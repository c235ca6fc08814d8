//! Feedback: the result of a run becomes a comment on the branch's pull requests, and their approval state.
//!
//! Two kinds of events lead to a report: an execution ended, or a pull request was opened or its source moved after the
//! run had ended. Both read the run and the pull request as they are now. So the order and the number of deliveries do
//! not matter.

mod comment;
mod notice;
mod pull_requests;
mod result;

use std::time::{Duration, Instant};

use aws_sdk_codepipeline::types::PipelineExecutionStatus;
use serde::Serialize;
use serde_json::Value;

use self::notice::{ChangedPullRequest, Ended, Notice};
use self::pull_requests::PullRequest;
use self::result::RunResult;
use crate::config::{Config, Reporting};
use crate::event::EventError;
use crate::pipeline;
use crate::runs::{self, BranchRun};
use codecommit::aws::{Aws, CallError, Fault};

pub use self::notice::is_notice;
pub use self::pull_requests::CommentChange;

/// The pauses in which `CodePipeline` may still show an execution in progress after the event of its end.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

const PIPELINE_REFUSED: &str = "neither PIPELINE_NAME nor PIPELINES allows the pipeline";

/// The number of executions that are searched for the run of a new pull request's commit.
const SEARCHED: usize = 100;
/// The same number for a pull request whose source moved. It is smaller, because the run of the new commit reports its
/// own end.
const SEARCHED_FOR_MOVE: usize = 20;

/// A pull request that shows a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reported {
    /// The id of the pull request.
    pub pull_request: String,
    /// The id of the execution.
    pub execution: String,
    /// How the comment changed.
    pub comment: CommentChange,
    /// The approval state that was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<&'static str>,
}

/// The error of a notice that could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The event lacks a field.
    #[error("failed to read the event")]
    Event(#[source] EventError),
    /// A call failed.
    #[error("failed to report {what}")]
    Call {
        /// The execution or the pull request.
        what: String,
        /// The failed call.
        #[source]
        source: CallError,
    },
}

impl ReportError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Event(_) => "EventMalformed",
            Self::Call { source, .. } if source.fault == Fault::Denied => "ReportDenied",
            Self::Call { .. } => "ReportFailed",
        }
    }
}

/// The outcome of a notice.
#[derive(Debug)]
pub(crate) enum ReportOutcome {
    /// These pull requests show the result.
    Reported(Vec<Reported>),
    /// There was nothing to report. The text is the reason.
    NotReported(&'static str),
}

/// Handles one notice.
pub(crate) async fn report(
    config: &Config,
    aws: &Aws,
    event: &Value,
    deadline: Instant,
) -> Result<ReportOutcome, ReportError> {
    let notice = notice::parse(event).map_err(ReportError::Event)?;
    let account = event["account"].as_str().unwrap_or_default();
    let reporter = Reporter { config, aws, deadline, account };
    match notice {
        Notice::Ended(ended) => {
            let what = format!("execution {} of pipeline {}", ended.execution, ended.pipeline);
            reporter.ended(&ended).await.map_err(|source| ReportError::Call { what, source })
        }
        Notice::Opened(opened) => {
            let what = format!("to pull request {}", opened.pull_request);
            reporter.opened(&opened).await.map_err(|source| ReportError::Call { what, source })
        }
        Notice::Other(why) => Ok(ReportOutcome::NotReported(why)),
    }
}

struct Reporter<'a> {
    config: &'a Config,
    aws: &'a Aws,
    deadline: Instant,
    /// The account of the event, and so of the pipeline.
    account: &'a str,
}

impl Reporter<'_> {
    async fn ended(&self, ended: &Ended) -> Result<ReportOutcome, CallError> {
        if !self.config.allows_pipeline(&ended.pipeline, "*") {
            return Ok(ReportOutcome::NotReported(PIPELINE_REFUSED));
        }
        let Some(run) = self.read_ended_run(ended).await? else {
            return Ok(ReportOutcome::NotReported("the execution is not the run of a branch, or it goes on"));
        };
        if let Some(reason) = self.refuses(&ended.pipeline, &run.repository).await? {
            return Ok(ReportOutcome::NotReported(reason));
        }
        let requests = pull_requests::open(self.aws, &run.repository).await?;
        let requests: Vec<PullRequest> = requests.into_iter().filter(|request| request.is_at(&run)).collect();
        if requests.is_empty() {
            return Ok(ReportOutcome::NotReported("no open pull request has this commit as its source"));
        }
        let newer = self.newer_run(&ended.pipeline, &run).await?;
        if newer.as_ref().is_some_and(BranchRun::has_ended) {
            return Ok(ReportOutcome::NotReported("a newer run of the commit has ended"));
        }
        // Only the newest run decides.
        let approves = self.approves() && newer.is_none();
        self.tell(&ended.pipeline, &ended.region, run, &requests, approves).await
    }

    async fn opened(&self, opened: &ChangedPullRequest) -> Result<ReportOutcome, CallError> {
        if opened.pipeline.as_ref().is_some_and(|named| !self.config.allows_pipeline(named, "*")) {
            return Ok(ReportOutcome::NotReported(PIPELINE_REFUSED));
        }
        let request = pull_requests::read(self.aws, &opened.pull_request).await?;
        let Some(request) = request.filter(|request| request.is_open) else {
            return Ok(ReportOutcome::NotReported("the pull request is closed"));
        };
        let Some(pipeline) = &opened.pipeline.clone().or_else(|| self.config.pipeline_of(&request.repository)) else {
            return Ok(ReportOutcome::NotReported("neither PIPELINE_NAME nor the event's settings name a pipeline"));
        };
        if let Some(reason) = self.refuses(pipeline, &request.repository).await? {
            return Ok(ReportOutcome::NotReported(reason));
        }
        let limit = if opened.is_new { SEARCHED } else { SEARCHED_FOR_MOVE };
        match self.last_run(pipeline, &request, limit).await? {
            Some(run) if run.has_ended() => self.tell(pipeline, &opened.region, run, &[request], self.approves()).await,
            Some(_) => Ok(ReportOutcome::NotReported("the run has not ended")),
            None => Ok(ReportOutcome::NotReported("the pull request's source commit has no run")),
        }
    }

    fn approves(&self) -> bool {
        self.config.reporting == Reporting::CommentAndApproval
    }

    /// Returns why the pipeline's runs are not reported to this repository, for which they say that they are: a person
    /// can start a run with any variables.
    async fn refuses(&self, pipeline: &str, repository: &str) -> Result<Option<&'static str>, CallError> {
        if self.config.repositories.as_ref().is_some_and(|allowed| !allowed.allow_name(repository)) {
            return Ok(Some("REPOSITORIES does not name the repository"));
        }
        if !self.config.allows_pipeline(pipeline, repository) {
            return Ok(Some(PIPELINE_REFUSED));
        }
        match self.config.key_prefix(self.account, repository) {
            Some(prefix) if !pipeline::has_key(self.aws, pipeline, &prefix).await? => {
                Ok(Some("no source key of the pipeline begins with the repository's name"))
            }
            _ => Ok(None),
        }
    }

    /// Reads the run that ended, and waits a few seconds if `CodePipeline` still shows it in progress. Returns `None`
    /// if it stays in progress: then a stage was retried, and the run will end once more.
    async fn read_ended_run(&self, ended: &Ended) -> Result<Option<BranchRun>, CallError> {
        let mut pauses = PAUSES.iter();
        loop {
            match runs::read(self.aws, &ended.pipeline, &ended.execution).await? {
                Some(run) if !run.has_ended() => match pauses.next() {
                    Some(pause) if Instant::now() + *pause * 2 < self.deadline => tokio::time::sleep(*pause).await,
                    _ => return Ok(None),
                },
                run => return Ok(run),
            }
        }
    }

    /// Returns the newest run of the same commit, if it is newer than this one.
    async fn newer_run(&self, pipeline: &str, run: &BranchRun) -> Result<Option<BranchRun>, CallError> {
        let listed = runs::list(self.aws, pipeline, SEARCHED).await?;
        for newer in listed.iter().take_while(|listed| listed.id != run.id) {
            if let Some(newer) = runs::read(self.aws, pipeline, &newer.id).await?.filter(|newer| newer.is_of(run)) {
                return Ok(Some(newer));
            }
        }
        Ok(None)
    }

    /// Finds the newest run of the pull request's source commit.
    async fn last_run(
        &self,
        pipeline: &str,
        request: &PullRequest,
        limit: usize,
    ) -> Result<Option<BranchRun>, CallError> {
        for listed in runs::list(self.aws, pipeline, limit).await? {
            let run = runs::read(self.aws, pipeline, &listed.id).await?;
            if let Some(run) = run.filter(|run| request.is_at(run)) {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    /// Comments on each of the pull requests. The approval follows the comment, so that a blocked pull request always
    /// shows the reason.
    async fn tell(
        &self,
        pipeline: &str,
        region: &str,
        run: BranchRun,
        requests: &[PullRequest],
        approves: bool,
    ) -> Result<ReportOutcome, CallError> {
        let result = RunResult::read(self.aws, pipeline, region, run).await?;
        let state = if result.run.status == PipelineExecutionStatus::Succeeded { "APPROVE" } else { "REVOKE" };
        let mut reported = Vec::new();
        for request in requests {
            let comment = pull_requests::comment(self.aws, request, &result).await?;
            let is_set = approves && pull_requests::set_approval(self.aws, request, state).await?;
            let (pull_request, execution) = (request.id.clone(), result.run.id.clone());
            let approval = is_set.then_some(state);
            reported.push(Reported { pull_request, execution, comment, approval });
        }
        Ok(ReportOutcome::Reported(reported))
    }
}
