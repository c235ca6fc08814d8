//! Archives one commit into the key that the pipeline reads.

use super::deadline::Deadline;
use crate::commit_info;
use crate::config::Config;
use crate::error::StepError;
use crate::pipeline::Target;
use crate::plan::Job;
use crate::step::{Clock, Step};
use crate::storage::free_bytes;
use crate::upload::{self, Stored, Upload, UploadError};
use bstr::ByteSlice;
use codecommit::aws::Aws;
use codecommit::open::{self, Options};
use codecommit::source::{Checkout, SourceOptions};
use codecommit::write::{self, Output, Written};
use git_archive::object::Commit;

/// The largest number of warnings in an answer. A repository may have one warning for each file.
const WARNINGS_MAX: usize = 50;
/// The largest size of a warning in bytes.
const WARNING_BYTES: usize = 512;

/// An archive written by this delivery.
pub(super) struct Archived {
    pub(super) stored: Stored,
    pub(super) summary: Written,
    pub(super) warnings: Vec<String>,
}

/// The inputs of an archive and its destination.
pub(super) struct Archiving<'a> {
    pub(super) job: &'a Job,
    pub(super) config: &'a Config,
    pub(super) aws: &'a Aws,
    pub(super) target: &'a Target,
    /// The name of the hold on the delivery's record.
    pub(super) holder: &'a str,
    pub(super) deadline: Deadline,
}

impl Archiving<'_> {
    /// Archives the commit into the target's key, or leaves the key as it was.
    pub(super) async fn run(
        self,
        checkout: Checkout,
        commit: Commit,
        clock: &mut Clock,
    ) -> Result<Archived, StepError> {
        let metadata = upload::metadata(self.job, self.holder, &subject(&commit));
        let options = self.options(&commit);
        let opening = async {
            let opened = open::open(checkout, commit, &options).await;
            opened.map_err(|error| StepError::open(self.job, error))
        };
        let opened = self.deadline.before(Step::List, Box::pin(opening)).await?;
        clock.lap(Step::List);
        let mut upload = Upload::open(self.aws, self.target, metadata);
        let writing = async {
            let summary = write::write(opened.contents, &mut upload, &|_, _| ()).await;
            let summary = summary.map_err(|error| StepError::archive(self.job, error))?;
            clock.lap(Step::Archive);
            let stored = upload.finish().await.map_err(|error| StepError::upload(self.target, error))?;
            clock.lap(Step::Upload);
            Ok((stored, summary))
        };
        let written = self.deadline.before(Step::Archive, Box::pin(writing)).await;
        if written.is_err() {
            self.deadline.clean_up(upload.abort()).await;
        }
        let (stored, summary) = written?;
        Ok(Archived { warnings: bounded(opened.warnings, &summary.warnings), stored, summary })
    }

    fn options(&self, commit: &Commit) -> Options {
        let Config { source, cache, reuse_deflate, size_limit, commit_info, refuse_names, .. } = self.config;
        let storage = source.storage.min(free_bytes(&source.folder));
        Options {
            budget: self.config.budget(),
            source: SourceOptions { storage, ..source.clone() },
            tagged: *cache,
            reuse_deflate: *reuse_deflate,
            limit: *size_limit,
            refuse_names: *refuse_names,
            extra: commit_info.iter().map(|path| commit_info::file(path, self.job, commit)).collect(),
            ..Options::default()
        }
    }
}

/// Limits the number and the size of the warnings, because paths may be long.
fn bounded(names: Vec<String>, contents: &[String]) -> Vec<String> {
    let mut warnings: Vec<String> = names.into_iter().chain(contents.iter().cloned()).collect();
    if warnings.len() > WARNINGS_MAX {
        let more = warnings.split_off(WARNINGS_MAX).len();
        warnings.push(format!("and {more} more"));
    }
    warnings.iter().map(|warning| crate::text::cut(warning, WARNING_BYTES)).collect()
}

/// Returns the first paragraph of the message on one line, as git's `%s` does.
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
