//! A repository and the transports it is read over.

use super::api::Api;
use super::error::SourceError;
use super::git::{EarlyDeflate, Limits, Remote};
use super::options::{Mode, SourceOptions};
use crate::aws::{Aws, Fault};

/// A repository and the transports it is read over. A [`Checkout`](super::Checkout) reads one commit of it.
#[derive(Debug, Clone)]
pub struct Source {
    pub(super) api: Api,
    pub(super) git: Option<Remote>,
    pub(super) limits: Limits,
    pub(super) git_from_requests: usize,
    pub(super) entry_limit: u64,
    mode: Mode,
}

impl Source {
    /// Creates the source of a repository. Nothing is sent yet.
    pub fn new(aws: &Aws, repository: &str, options: &SourceOptions) -> Self {
        let remote = || Remote::new(aws, repository, options.git_url.clone());
        let limits = Limits::new(options.memory, options.storage, options.folder.clone());
        Self {
            api: Api::new(aws.codecommit.clone(), repository),
            git: (options.mode != Mode::Api).then(remote).flatten(),
            limits: Limits { entries: options.entry_limit, ..limits },
            git_from_requests: options.git_from_requests,
            entry_limit: options.entry_limit,
            mode: options.mode,
        }
    }

    /// Returns the source with a way to deflate blobs while a pack arrives. The archive must use the same deflate
    /// implementation.
    #[must_use]
    pub fn with_early_deflate(mut self, deflate: Option<EarlyDeflate>) -> Self {
        self.limits.early_deflate = deflate;
        self
    }

    /// Returns the transport that commits are read over.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns whether to fetch the commit over Git after this failure of the API.
    pub(super) fn falls_back_to_git(&self, error: &SourceError) -> bool {
        let git_may_do_better = match error {
            SourceError::TreeMismatch { .. }
            | SourceError::BlobMismatch { .. }
            | SourceError::TooLargeForApi(_)
            | SourceError::TooManyRequests => true,
            SourceError::Call(call) => call.fault == Fault::Denied,
            _ => false,
        };
        git_may_do_better && self.mode == Mode::Auto && self.git.is_some()
    }
}
