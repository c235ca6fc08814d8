//! The delivery of one job: archive the commit, upload it to the key that the pipeline reads, and start the pipeline
//! on exactly that version. The delivery's record decides which invocation does the work and which steps are left.

mod deadline;
mod run;
mod archived;

use std::sync::Arc;

use bstr::ByteSlice;

use crate::config::Config;
use crate::error::StepError;
use crate::execution::{self, Variables, Wanted};
use crate::invocation::Invocation;
use crate::pipeline::{Target, Targets};
use crate::plan::{Job, Reason};
use crate::record::{self, Claim, Claimant};
use crate::step::{Clock, Milliseconds, Step};
use crate::upload::Stored;
use archived::{Archived, Archiving};
use codecommit::aws::{Aws, CallError};
use codecommit::open::Options;
use codecommit::source::{Checkout, Mode, Previous, PreviousOptions, Source, SourceError};
use deadline::Deadline;
use git_archive::DEFAULT_LEVEL;
use git_archive::object::Commit;
pub use run::{Found, Run};

/// The outcome of one job.
#[derive(Debug)]
pub enum Outcome {
    /// The pipeline was started on the commit.
    Started(Box<Run>),
    /// The job turned out to need no run.
    Skipped(Reason),
}

/// Delivers the job before the invocation's deadline, or leaves everything as it was.
pub async fn deliver(
    job: &Job,
    config: &Config,
    aws: &Aws,
    targets: &Targets,
    invocation: &Invocation,
) -> Result<Outcome, StepError> {
    let deadline = Deadline::new(invocation.deadline);
    let delivery = Delivery { job, config, aws, targets, request: invocation.request_id.as_deref(), deadline };
    // Boxed: the combined state of all steps is large.
    Box::pin(delivery.run()).await
}

/// One job and the clients to do it with.
#[derive(Clone, Copy)]
struct Delivery<'a> {
    job: &'a Job,
    config: &'a Config,
    aws: &'a Aws,
    targets: &'a Targets,
    /// Lambda's request id. Lambda's retries of an event have the id of the first attempt.
    request: Option<&'a str>,
    deadline: Deadline,
}

/// The results of the read-only steps.
struct Opened {
    target: Arc<Target>,
    /// The commit to read, with the previous archive as a cache.
    checkout: Checkout,
    commit: Commit,
}

/// A started execution and the work done for it.
struct Done {
    execution: String,
    stored: Stored,
    archived: Option<Archived>,
    found: Option<Found>,
}

impl Delivery<'_> {
    async fn run(self) -> Result<Outcome, StepError> {
        let calls = self.aws.calls();
        let mut clock = Clock::start();
        let opened = match self.deadline.before(Step::Open, Box::pin(self.open())).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(reason)) => return Ok(Outcome::Skipped(reason)),
            Err(error) => return error.skips().map(Outcome::Skipped).ok_or(error),
        };
        let target = opened.target.clone();
        let mut claim = self.deadline.before(Step::Open, self.claim(&target)).await?;
        clock.lap(Step::Open);
        let done = match Box::pin(self.complete(opened, &mut claim, &mut clock)).await {
            Ok(done) => done,
            Err(error) => {
                self.deadline.clean_up(release(&mut claim)).await;
                return error.skips().map(Outcome::Skipped).ok_or(error);
            }
        };
        clock.lap(Step::Start);
        let mut run = self.report(&target, done);
        let calls = self.aws.calls().since(&calls);
        (run.api_calls, run.throttled, run.milliseconds) = (calls.by_operation, calls.throttled, clock.stop());
        Ok(Outcome::Started(Box::new(run)))
    }

    /// Reads the pipeline, the branch and the commit. Returns the reason if the job is skipped.
    async fn open(&self) -> Result<Result<Opened, Reason>, StepError> {
        let options = Options { budget: self.config.budget(), ..Options::default() };
        let source = Source::new(self.aws, self.job.repository.name(), &self.config.source)
            .with_early_deflate(options.early_deflate());
        let checkout = source.checkout(self.job.commit);
        let ((target, previous), peeked, left_behind) =
            tokio::try_join!(self.target(), self.peek(&checkout), self.left_behind())?;
        if let Some(reason) = left_behind {
            return Ok(Err(reason));
        }
        // Set the previous archive before the commit is read: over Git, reading the commit fetches its files too,
        // except those that the previous archive has.
        let checkout = checkout.with_previous(previous);
        let commit = match peeked {
            Some(commit) => commit,
            None => self.commit(&checkout).await?,
        };
        if !self.job.by_hand && skips_ci(&commit) {
            return Ok(Err(Reason::SkipCi));
        }
        Ok(Ok(Opened { target, checkout, commit }))
    }

    /// Reads the pipeline's target and, with `CACHE=on`, the directory of the archive at its key.
    async fn target(&self) -> Result<(Arc<Target>, Option<Previous>), StepError> {
        let target = self.targets.get(self.aws, self.job).await;
        let target = target.map_err(|error| StepError::pipeline(self.job, error))?;
        let prefix = self.config.key_prefix(self.job.repository.account(), self.job.repository.name());
        target.with_prefix(prefix).map_err(|error| {
            // Make the next delivery read it again.
            self.targets.forget(self.job);
            StepError::pipeline(self.job, error)
        })?;
        if !self.config.cache {
            return Ok((target, None));
        }
        let options = PreviousOptions {
            level: DEFAULT_LEVEL,
            reuse_deflate: self.config.reuse_deflate,
            largest_directory: self.config.budget() / 4,
        };
        let previous = Previous::open(&self.aws.s3, &target.bucket, &target.key, options).await;
        Ok((target, previous))
    }

    /// Returns the reason to skip a commit that its branch no longer needs. Returns `None` for the tip of the branch.
    /// Without `SUPERSEDE`, and for a start by hand, also returns `None` for an ancestor of the tip. If the branch is
    /// gone, returns an error that the caller turns into a skip: an event may be redelivered days later.
    async fn left_behind(&self) -> Result<Option<Reason>, StepError> {
        let failed = |call: CallError| StepError::open(self.job, SourceError::from(call));
        let (client, repository) = (&self.aws.codecommit, self.job.repository.name());
        let sent = client.get_branch().repository_name(repository).branch_name(self.job.branch()).send().await;
        let branch = sent.map_err(|error| failed(CallError::new("GetBranch", error)))?.branch;
        let commit = self.job.commit.to_string();
        let Some(tip) = branch.and_then(|branch| branch.commit_id).filter(|tip| *tip != commit) else {
            return Ok(None);
        };
        if self.config.supersede && !self.job.by_hand {
            return Ok(Some(Reason::Overtaken));
        }
        let request = client.get_merge_options().repository_name(repository).source_commit_specifier(&commit);
        let sent = request.destination_commit_specifier(tip).send().await;
        let answer = sent.map_err(|error| failed(CallError::new("GetMergeOptions", error)))?;
        Ok((answer.base_commit_id() != commit).then_some(Reason::NotOnBranch))
    }

    /// Reads the commit, at the same time as the pipeline. Returns `None` in Git mode, in which it is read later,
    /// together with its files.
    async fn peek(&self, checkout: &Checkout) -> Result<Option<Commit>, StepError> {
        if checkout.mode() == Mode::Git { Ok(None) } else { self.commit(checkout).await.map(Some) }
    }

    async fn commit(&self, checkout: &Checkout) -> Result<Commit, StepError> {
        checkout.commit().await.map_err(|error| StepError::open(self.job, error))
    }

    async fn claim(&self, target: &Target) -> Result<Claim, StepError> {
        let claimant = Claimant::new(self.request, self.deadline.wall_clock());
        let claimed = record::claim(self.aws, target, &self.job.token, claimant).await;
        claimed.map_err(|error| StepError::record(target, &self.job.token, error))
    }

    /// Does the steps that the record does not have yet: archive and start, only start, or nothing.
    async fn complete(&self, opened: Opened, claim: &mut Claim, clock: &mut Clock) -> Result<Done, StepError> {
        let Opened { target, checkout, commit } = opened;
        let recorded = |error| StepError::record(&target, &self.job.token, error);
        let stored = claim.record().stored.clone();
        if let (Some(execution), Some(stored)) = (claim.record().execution.clone(), stored.clone()) {
            if !self.deadline.before(Step::Start, self.failed_at_once(&target, claim, &execution)).await? {
                return Ok(Done { execution, stored, archived: None, found: Some(Found::Started) });
            }
            self.deadline.before(Step::Start, async { claim.start_again().await.map_err(recorded) }).await?;
        }
        let Some(stored) = stored else {
            let archived = self.archive(&target, checkout, commit.clone(), claim, clock).await?;
            let stored = archived.stored.clone();
            self.deadline.before(Step::Upload, async { claim.uploaded(&stored).await.map_err(recorded) }).await?;
            let execution = self.start(&target, &stored, &commit, claim).await?;
            return Ok(Done { execution, stored, archived: Some(archived), found: None });
        };
        if let Some(execution) = self.deadline.before(Step::Start, self.running(&target, &stored, claim)).await? {
            self.deadline.before(Step::Start, async { claim.started(&execution).await.map_err(recorded) }).await?;
            return Ok(Done { execution, stored, archived: None, found: Some(Found::Started) });
        }
        let execution = self.start(&target, &stored, &commit, claim).await?;
        Ok(Done { execution, stored, archived: None, found: Some(Found::Uploaded) })
    }

    async fn archive(
        &self,
        target: &Target,
        checkout: Checkout,
        commit: Commit,
        claim: &Claim,
        clock: &mut Clock,
    ) -> Result<Archived, StepError> {
        let Self { job, config, aws, deadline, .. } = *self;
        let archiving = Archiving { job, config, aws, target, holder: claim.holder(), deadline };
        archiving.run(checkout, commit, clock).await
    }

    /// Returns whether an execution failed before it read its source. A repeated start with its token would always
    /// return the failed execution.
    async fn failed_at_once(&self, target: &Target, claim: &Claim, execution: &str) -> Result<bool, StepError> {
        let found = execution::find(self.aws, target, Wanted::Id(execution), claim.record().since).await;
        let found = found.map_err(|error| StepError::pipeline(self.job, error))?;
        Ok(found.is_some_and(|found| found.failed_at_once))
    }

    /// Returns the execution that already runs on this version: the answer to its start may have been lost.
    async fn running(&self, target: &Target, stored: &Stored, claim: &Claim) -> Result<Option<String>, StepError> {
        let wanted = Wanted::Version(&stored.version);
        let found = execution::find(self.aws, target, wanted, claim.record().since).await;
        let found = found.map_err(|error| StepError::start(self.job, target, stored, error))?;
        Ok(found.filter(|found| !found.failed_at_once).map(|found| found.id))
    }

    async fn start(
        &self,
        target: &Target,
        stored: &Stored,
        commit: &Commit,
        claim: &mut Claim,
    ) -> Result<String, StepError> {
        let token = match claim.record().failed_starts {
            0 => self.job.token.0.clone(),
            failed => format!("{}-{failed}", self.job.token.0),
        };
        let (variables, stop) = (self.variables(commit), self.deadline.stop());
        let starting = async {
            let started = execution::start(self.aws, target, &stored.version, &variables, &token, stop).await;
            let execution = started.map_err(|error| {
                // The pipeline may have changed since it was read. Make the next delivery read it again.
                self.targets.forget(self.job);
                StepError::start(self.job, target, stored, error)
            })?;
            let recorded = claim.started(&execution).await;
            recorded.map_err(|error| StepError::record(target, &self.job.token, error))?;
            Ok(execution)
        };
        self.deadline.before(Step::Start, starting).await
    }

    fn variables(&self, commit: &Commit) -> Variables {
        let author = format!("{} <{}>", commit.author.name, commit.author.email);
        let (branch, id, repository) = (self.job.branch(), self.job.commit.to_string(), self.job.repository.name());
        Variables::new(branch, &id, repository, &author, &commit.message.to_str_lossy())
    }

    fn report(&self, target: &Target, done: Done) -> Run {
        let Done { execution, stored, archived, found } = done;
        let (summary, warnings) = archived.map(|archived| (archived.summary, archived.warnings)).unzip();
        let superseded =
            "the pipeline's execution mode is SUPERSEDED: a run that waits is superseded by another branch's";
        let superseded = target.superseded.then(|| superseded.to_owned());
        Run {
            event_id: self.job.event_id.clone(),
            repository: self.job.repository.name().to_owned(),
            reference: self.job.reference.0.clone(),
            commit: self.job.commit.to_string(),
            pipeline: target.pipeline.clone(),
            pipeline_execution_id: execution,
            bucket: target.bucket.clone(),
            key: target.key.clone(),
            version_id: stored.version,
            bytes: stored.bytes,
            entries: summary.as_ref().map(|summary| summary.entries),
            content_bytes: summary.as_ref().map(|summary| summary.content_bytes),
            reused: summary.as_ref().map(|summary| summary.reused),
            copied_bytes: summary.as_ref().map(|summary| summary.copied_bytes),
            deflated_bytes: summary.as_ref().map(|summary| summary.deflated_bytes),
            found,
            api_calls: std::collections::BTreeMap::new(),
            throttled: 0,
            milliseconds: Milliseconds::default(),
            warnings: superseded.into_iter().chain(warnings.unwrap_or_default()).collect(),
        }
    }
}

/// Releases the record, so that the next delivery need not wait.
async fn release(claim: &mut Claim) {
    if let Err(error) = claim.release().await {
        tracing::warn!(%error, "failed to release the record of the delivery: others wait until this deadline");
    }
}

/// Returns whether the commit message asks for no run, with a mark that many CI systems know.
fn skips_ci(commit: &Commit) -> bool {
    let message = commit.message.to_ascii_lowercase();
    ["[skip ci]", "[ci skip]"].iter().any(|mark| message.contains_str(mark))
}
