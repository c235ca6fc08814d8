//! A commit as a listing and as the contents of its files, proved against their ids.
//!
//! Two sources, one stream: the API is best for few files, one shallow fetch over Git for many, and it is the only way to a file
//! over 6 MB, to names that are not UTF-8 and to legacy modes. `auto` begins with the API and goes over to Git where it must or
//! where it pays, and stays with the API where Git is refused.

pub mod api;
mod content;
mod error;
pub mod git;
mod previous;

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use bstr::BStr;
use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::aws::{Aws, Fault};
use crate::causes::with_causes;
use crate::memory::{Permit, Turn};
use api::Api;
use content::Packs;
use git::{Limits, Pack, Remote};
use git_archive::object::{Commit, Entry, ObjectId};

pub use content::{BlobContent, PackedBlob};
pub use error::SourceError;
pub use previous::{ObjectVersion, Previous};

/// Requests to the API that are still ahead, from which on one fetch over Git is cheaper. Measured at 15 ms a request, `CodeCommit` at its fastest:
/// of 200 small files the API takes 0.29 s and Git 0.21 s, of 800 0.53 s and 0.38 s, with two thirds of the processor time. Only where the
/// server has to look for deltas in a long history (git/git: 5,000 files, 2 s of looking) the API is sooner, by a third; but it asks 5,000
/// times, and `CodeCommit` throttles by request.
const PAYS_FROM: usize = 250;
/// A pack up to this size is kept in memory, a larger one is spooled.
const PACK_IN_MEMORY: u64 = 32 << 20;

/// Where commits are read from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// The API first, Git where it must be or where it pays.
    #[default]
    Auto,
    /// The API alone.
    Api,
    /// Git alone.
    Git,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        match value {
            "auto" => Ok(Self::Auto),
            "api" => Ok(Self::Api),
            "git" => Ok(Self::Git),
            _ => Err(format!("is {value:?}, which is none of auto, api and git")),
        }
    }
}

/// How commits are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOptions {
    /// From where.
    pub mode: Mode,
    /// What the repository's name is appended to for Git; the region's own endpoint unless set.
    pub git_url: Option<String>,
    /// Bytes of memory for each of: a pack's index, a listing, an object read as a whole.
    pub memory: u64,
    /// Bytes of `folder` that a pack may take.
    pub storage: u64,
    /// Where packs are spooled.
    pub folder: PathBuf,
}

impl Default for SourceOptions {
    fn default() -> Self {
        let folder = std::env::temp_dir();
        Self { mode: Mode::Auto, git_url: None, memory: 256 << 20, storage: u64::MAX, folder }
    }
}

/// One repository, by the ways that lead to it.
#[derive(Debug)]
pub struct Source {
    api: Api,
    git: Option<Remote>,
    mode: Mode,
    limits: Limits,
    previous: Option<Previous>,
    /// Contents that were read already.
    held: HashMap<ObjectId, Bytes>,
    /// The commit's pack, once it was fetched: then all contents come from it.
    packs: OnceCell<Arc<Packs>>,
}

/// A commit that is open: what it is, and where its contents come from.
#[derive(Debug)]
pub struct Checkout {
    /// The commit.
    pub commit: Commit,
    /// All entries of its tree in git's order, but for what is in folders that were not wanted.
    pub entries: Vec<Entry>,
    /// Where their contents come from.
    pub source: Source,
}

impl Source {
    /// A repository. Nothing is sent yet.
    pub fn new(aws: &Aws, repository: &str, settings: &SourceOptions) -> Self {
        let remote = || Remote::new(aws, repository, settings.git_url.clone());
        let (folder, working) = (settings.folder.clone(), settings.memory);
        Self {
            api: Api::new(aws.codecommit.clone(), repository),
            git: (settings.mode != Mode::Api).then(remote).flatten(),
            mode: settings.mode,
            limits: Limits { in_memory: PACK_IN_MEMORY.min(working), on_disk: settings.storage, folder, working },
            previous: None,
            held: HashMap::new(),
            packs: OnceCell::new(),
        }
    }

    /// The same source, which takes from an earlier archive what has not changed since.
    #[must_use]
    pub fn with_previous(self, previous: Option<Previous>) -> Self {
        Self { previous, ..self }
    }

    /// The same source, which has these contents at hand.
    #[must_use]
    pub fn with_held(self, held: HashMap<ObjectId, Bytes>) -> Self {
        Self { held, ..self }
    }

    /// The same source, with the pack of its commit at hand: nothing is fetched.
    #[must_use]
    pub fn with_pack(self, pack: Pack) -> Self {
        Self { mode: Mode::Git, packs: OnceCell::new_with(Some(Arc::new(Packs::new(pack)))), ..self }
    }

    /// The earlier archive.
    pub fn previous(&self) -> Option<&Previous> {
        self.previous.as_ref()
    }

    /// A content that the earlier archive has, while there is no pack that has it too.
    pub async fn known(&self, id: ObjectId, is_link: bool) -> Option<Bytes> {
        if self.packs.get().is_some() {
            return None;
        }
        self.previous()?.content(id, is_link).await
    }

    /// Where commits are read from.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The commit of this id.
    pub async fn commit(&self, id: ObjectId) -> Result<Commit, SourceError> {
        if self.mode == Mode::Git {
            return self.packs(id).await?.commit(id);
        }
        match self.api.commit(id).await {
            Err(error) if self.goes_over(&error) => match self.packs(id).await {
                Ok(packs) => packs.commit(id),
                Err(git) => Err(error.and_git(git)),
            },
            commit => commit,
        }
    }

    /// Lists the commit's tree but for the folders that `wanted` refuses.
    pub async fn open(self, commit: Commit, wanted: impl Fn(&BStr) -> bool) -> Result<Checkout, SourceError> {
        let entries = match self.mode {
            Mode::Git => self.listed_over_git(&commit).await?,
            Mode::Api => self.api.list(&commit, &wanted, self.previous(), usize::MAX).await?,
            // The commit itself has come over Git already.
            Mode::Auto if self.packs.get().is_some() => self.listed_over_git(&commit).await?,
            Mode::Auto => self.listed(&commit, &wanted).await?,
        };
        // The API's answer is UTF-8; where there is a pack, the commit is in it as it is.
        let commit = match self.packs.get() {
            Some(packs) => packs.commit(commit.id)?,
            None => commit,
        };
        Ok(Checkout { commit, entries, source: self })
    }

    /// The commit to the byte, which the API cannot show where it is not UTF-8; none where Git is not to be had.
    pub async fn exact(&self, commit: ObjectId) -> Result<Option<Commit>, SourceError> {
        if self.mode == Mode::Api {
            return Ok(None);
        }
        match self.packs(commit).await {
            Err(error) if error.is_git_refused() => Ok(None),
            packs => packs?.commit(commit).map(Some),
        }
    }

    /// The content of a blob, proved against its id, and the bytes that it holds of the budget.
    pub async fn content(
        &self,
        commit: ObjectId,
        id: ObjectId,
        turn: &Turn,
    ) -> Result<(BlobContent, Option<Permit>), SourceError> {
        if let Some(content) = self.held.get(&id) {
            return Ok((BlobContent::InMemory(content.clone()), None));
        }
        if let Some(packs) = self.packs.get() {
            return packs.content(id, turn).await;
        }
        match self.api.blob(id, turn).await {
            Err(error) if self.goes_over(&error) => match self.packs(commit).await {
                Ok(packs) => packs.content(id, turn).await,
                Err(git) => Err(error.and_git(git)),
            },
            blob => blob.map(|(content, permit)| (BlobContent::InMemory(content), permit)),
        }
    }

    /// The API's listing, or Git's where the API cannot prove its own or where too much is left to ask for.
    async fn listed(&self, commit: &Commit, wanted: &impl Fn(&BStr) -> bool) -> Result<Vec<Entry>, SourceError> {
        let error = match self.api.list(commit, wanted, self.previous(), PAYS_FROM).await {
            Err(error) if self.goes_over(&error) => error,
            listed => return listed,
        };
        match self.listed_over_git(commit).await {
            Err(git) if matches!(error, SourceError::TooManyRequests) => {
                tracing::warn!(error = with_causes(&git), "Git does not serve us: every file is asked for by itself");
                self.api.list(commit, wanted, self.previous(), usize::MAX).await
            }
            Err(git) => Err(error.and_git(git)),
            listed => listed,
        }
    }

    async fn listed_over_git(&self, commit: &Commit) -> Result<Vec<Entry>, SourceError> {
        self.packs(commit.id).await?.walk(commit.tree)
    }

    fn goes_over(&self, error: &SourceError) -> bool {
        let must = match error {
            SourceError::TreeMismatch { .. }
            | SourceError::BlobMismatch { .. }
            | SourceError::TooLargeForApi(_)
            | SourceError::TooManyRequests => true,
            SourceError::Call(call) => call.fault == Fault::Denied,
            _ => false,
        };
        must && self.mode == Mode::Auto && self.git.is_some()
    }

    /// The commit's pack; fetched once, whoever asks.
    async fn packs(&self, commit: ObjectId) -> Result<&Arc<Packs>, SourceError> {
        let fetch = || async {
            let remote = self.git.as_ref().ok_or(SourceError::NoCredentials)?;
            let pack: Pack = remote.fetch(commit, &self.limits).await?;
            Ok(Arc::new(Packs::new(pack)))
        };
        self.packs.get_or_try_init(fetch).await
    }
}
