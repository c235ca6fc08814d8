//! One job done: its commit archived, uploaded to the key that the pipeline reads, and the pipeline started on exactly that version.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bstr::ByteSlice;
use serde::Serialize;

use crate::commit_info;
use crate::config::Config;
use crate::error::StepError;
use crate::pipeline::{self, Target, Targets, Variables};
use crate::plan::{Job, Reason};
use crate::upload::{self, Stored, Upload, UploadError};
use codecommit::aws::{Aws, CallError};
use codecommit::open::{self, Options};
use codecommit::source::{Mode, Previous, Source, SourceError};
use codecommit::write::{self, Output, Written};
use git_archive::DEFAULT_LEVEL;
use git_archive::object::Commit;

/// Kept back at the end of the function's time, for aborting what is under way and for reporting.
const RESERVE: Duration = Duration::from_secs(3);

/// Warnings in an answer: a repository may have one for each of its files.
const MOST_WARNINGS: usize = 50;

/// What became of one job.
#[derive(Debug)]
pub enum Outcome {
    /// The pipeline runs on its commit.
    Started(Box<Run>),
    /// There was nothing to do after all.
    Skipped(Reason),
}

/// One run of the dev pipeline, and what it took.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The id of the event.
    pub event_id: String,
    /// The repository's name.
    pub repository: String,
    /// The full reference.
    pub reference: String,
    /// The commit that the run is pinned to.
    pub commit: String,
    /// The pipeline.
    pub pipeline: String,
    /// Its execution.
    pub pipeline_execution_id: String,
    /// The bucket of the archive.
    pub bucket: String,
    /// The key of the archive.
    pub key: String,
    /// The version of the archive that the run is pinned to.
    pub version_id: String,
    /// The size of the archive.
    pub bytes: u64,
    /// Entries in the archive; absent where an earlier delivery of the event had uploaded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// The size of all contents; absent likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_bytes: Option<u64>,
    /// Entries taken over from the previous archive; absent likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused: Option<u64>,
    /// Whether an earlier delivery of the same event had uploaded (`uploaded`) or even started it (`started`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<&'static str>,
    /// Requests sent, by operation; tries count.
    pub api_calls: BTreeMap<String, u64>,
    /// Answers that said "too fast".
    pub throttled: u64,
    /// Milliseconds by step.
    pub milliseconds: BTreeMap<&'static str, u64>,
    /// What is worth telling.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Does the job before `deadline`, or leaves everything as it was.
pub async fn deliver(
    job: &Job,
    config: &Config,
    aws: &Aws,
    targets: &Targets,
    deadline: Instant,
) -> Result<Outcome, StepError> {
    let deadline = deadline.checked_sub(RESERVE).unwrap_or(deadline);
    let delivery = Delivery { job, config, aws, targets, deadline };
    // Boxed, since it holds the state of every step.
    Box::pin(delivery.run()).await
}

/// One job, and what it is done with.
#[derive(Clone, Copy)]
struct Delivery<'a> {
    job: &'a Job,
    config: &'a Config,
    aws: &'a Aws,
    targets: &'a Targets,
    deadline: Instant,
}

/// Where the archive goes, and what is there already.
struct Destination {
    target: Arc<Target>,
    /// What an earlier delivery of this event has uploaded.
    delivered: Option<Stored>,
    /// The archive of another commit, to take over what has not changed.
    previous: Option<Previous>,
}

/// An archive that was written now.
struct Archived {
    stored: Stored,
    summary: Written,
    warnings: Vec<String>,
}

impl Delivery<'_> {
    async fn run(self) -> Result<Outcome, StepError> {
        let calls = self.aws.calls();
        let mut clock = Clock::start();
        let source = Source::new(self.aws, self.job.repository.name(), &self.config.source);
        let opening = async {
            let (destination, peeked, tip) =
                tokio::try_join!(self.destination(), self.peek(&source), self.branch_tip())?;
            let commit = match peeked {
                Some(commit) => commit,
                None => self.commit(&source).await?,
            };
            Ok((destination, commit, tip))
        };
        let opened = self.before("open", Box::pin(opening)).await;
        let (destination, commit, tip) = match opened {
            Err(error) if error.is_gone() => return Ok(Outcome::Skipped(Reason::Gone)),
            opened => opened?,
        };
        if self.config.supersede && !self.job.by_hand && tip.is_some_and(|tip| tip != self.job.commit.to_string()) {
            return Ok(Outcome::Skipped(Reason::Overtaken));
        }
        if !self.job.by_hand && skips_ci(&commit) {
            return Ok(Outcome::Skipped(Reason::SkipCi));
        }
        clock.lap("open");
        let Destination { target, delivered, previous } = destination;
        let (stored, archived) = if let Some(stored) = delivered {
            (stored, None)
        } else {
            let source = source.with_previous(previous);
            let archived = self.archive(&target, source, commit.clone(), &mut clock).await?;
            (archived.stored.clone(), Some(archived))
        };
        let already = match &archived {
            None => self.before("start", self.running(&target, &stored)).await?,
            Some(_) => None,
        };
        let found = archived.is_none().then_some(if already.is_some() { "started" } else { "uploaded" });
        let execution = match already {
            Some(execution) => execution,
            None => self.before("start", self.start(&target, &stored, &commit)).await?,
        };
        clock.lap("start");
        let run = self.report(&target, stored, archived, execution);
        let calls = self.aws.calls().since(&calls);
        let (api_calls, throttled) = (calls.by_operation, calls.throttled);
        Ok(Outcome::Started(Box::new(Run { found, api_calls, throttled, milliseconds: clock.laps(), ..run })))
    }

    /// What the pipeline reads, and what is at its key now.
    async fn destination(&self) -> Result<Destination, StepError> {
        let target = self.targets.get(self.aws, self.job).await;
        let target = target.map_err(|error| StepError::pipeline(self.job, error))?;
        let failed = |error| StepError::upload(&target, error);
        let current = upload::current(self.aws, &target).await.map_err(failed)?;
        let delivered = upload::delivered(self.aws, &target, self.job, current.as_ref()).await.map_err(failed)?;
        let previous = match current.filter(|_| self.config.cache && delivered.is_none()) {
            Some(current) => Previous::open(current.object(self.aws, &target), DEFAULT_LEVEL).await,
            None => None,
        };
        Ok(Destination { target, delivered, previous })
    }

    /// Returns the branch's commit. A branch that is gone gets no run, though its commit is still there: an event may be delivered
    /// again after days.
    async fn branch_tip(&self) -> Result<Option<String>, StepError> {
        let request = self.aws.codecommit.get_branch().repository_name(self.job.repository.name());
        let sent = request.branch_name(self.job.branch()).send().await;
        let found = sent.map_err(|error| SourceError::from(CallError::new("GetBranch", error)));
        let answer = found.map_err(|error| StepError::open(self.job, error))?;
        Ok(answer.branch.and_then(|branch| branch.commit_id))
    }

    /// The commit, where it costs no more than a call: it comes beside what the pipeline says.
    async fn peek(&self, source: &Source) -> Result<Option<Commit>, StepError> {
        if source.mode() == Mode::Git { Ok(None) } else { self.commit(source).await.map(Some) }
    }

    async fn commit(&self, source: &Source) -> Result<Commit, StepError> {
        source.commit(self.job.commit).await.map_err(|error| StepError::open(self.job, error))
    }

    /// Archives the commit into the target's key, or leaves the key as it was.
    async fn archive(
        &self,
        target: &Target,
        source: Source,
        commit: Commit,
        clock: &mut Clock,
    ) -> Result<Archived, StepError> {
        let metadata = upload::metadata(self.job, &subject(&commit));
        let options = self.options(&commit);
        let opening = async {
            let opened = open::open(source, commit, &options).await;
            opened.map_err(|error| StepError::open(self.job, error))
        };
        let opened = self.before("list", Box::pin(opening)).await?;
        clock.lap("list");
        let mut upload = Upload::open(self.aws, target, metadata);
        let writing = async {
            let summary = write::write(opened.contents, &mut upload, &|_, _| ()).await;
            let summary = summary.map_err(|error| StepError::archive(self.job, error))?;
            clock.lap("archive");
            let stored = upload.finish().await.map_err(|error| StepError::upload(target, error))?;
            clock.lap("upload");
            Ok((stored, summary))
        };
        let written = self.before("archive", Box::pin(writing)).await;
        if written.is_err() {
            upload.abort().await;
        }
        let (stored, summary) = written?;
        Ok(Archived { warnings: few(opened.warnings, &summary.warnings), stored, summary })
    }

    fn options(&self, commit: &Commit) -> Options {
        let Config { source, cache, size_limit, commit_info, .. } = self.config;
        Options {
            budget: self.config.budget(),
            source: source.clone(),
            tagged: *cache,
            limit: *size_limit,
            extra: commit_info.iter().map(|path| commit_info::file(path, self.job, commit)).collect(),
            ..Options::default()
        }
    }

    async fn running(&self, target: &Target, stored: &Stored) -> Result<Option<String>, StepError> {
        let running = pipeline::running_on(self.aws, target, &stored.version).await;
        running.map_err(|error| StepError::start(self.job, target, stored, error))
    }

    async fn start(&self, target: &Target, stored: &Stored, commit: &Commit) -> Result<String, StepError> {
        let author = format!("{} <{}>", commit.author.name, commit.author.email);
        let variables = Variables::new(
            self.job.branch(),
            &self.job.commit.to_string(),
            self.job.repository.name(),
            &author,
            &commit.message.to_str_lossy(),
        );
        let started = pipeline::start(self.aws, target, &stored.version, &variables, &self.job.token).await;
        started.map_err(|error| {
            // What the pipeline said of itself may have changed since: the next delivery reads it again.
            self.targets.forget(self.job);
            StepError::start(self.job, target, stored, error)
        })
    }

    fn report(&self, target: &Target, stored: Stored, archived: Option<Archived>, execution: String) -> Run {
        let (summary, warnings) =
            archived.map_or_else(Default::default, |archived| (Some(archived.summary), archived.warnings));
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
            found: None,
            api_calls: BTreeMap::new(),
            throttled: 0,
            milliseconds: BTreeMap::new(),
            warnings: superseded(target).chain(warnings).collect(),
        }
    }

    async fn before<T>(
        &self,
        step: &'static str,
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        let done = tokio::time::timeout_at(self.deadline.into(), work).await;
        done.unwrap_or(Err(StepError::Deadline { step }))
    }
}

fn superseded(target: &Target) -> impl Iterator<Item = String> {
    let warning = "the pipeline's execution mode is SUPERSEDED: a waiting run of one branch is overtaken by another's";
    target.superseded.then(|| warning.to_owned()).into_iter()
}

fn few(names: Vec<String>, contents: &[String]) -> Vec<String> {
    let mut warnings: Vec<String> = names.into_iter().chain(contents.iter().cloned()).collect();
    if warnings.len() > MOST_WARNINGS {
        let more = warnings.split_off(MOST_WARNINGS).len();
        warnings.push(format!("and {more} more"));
    }
    warnings
}

/// Whether the message asks for no run, as many systems take it.
fn skips_ci(commit: &Commit) -> bool {
    let message = commit.message.to_ascii_lowercase();
    ["[skip ci]", "[ci skip]"].iter().any(|mark| message.contains_str(mark))
}

/// The first paragraph of the message on one line, as `%s` gives it.
fn subject(commit: &Commit) -> String {
    let message = commit.message.to_str_lossy();
    let lines = message.trim_start_matches('\n').lines().map(str::trim).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

impl Output for Upload {
    type Error = UploadError;

    async fn write(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        self.write(bytes).await
    }
}

/// Milliseconds by step.
struct Clock {
    began: Instant,
    lap: Instant,
    laps: BTreeMap<&'static str, u64>,
}

impl Clock {
    fn start() -> Self {
        let now = Instant::now();
        Self { began: now, lap: now, laps: BTreeMap::new() }
    }

    fn lap(&mut self, step: &'static str) {
        self.laps.insert(step, milliseconds(self.lap));
        self.lap = Instant::now();
    }

    fn laps(mut self) -> BTreeMap<&'static str, u64> {
        self.laps.insert("total", milliseconds(self.began));
        self.laps
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
