//! One commit that is being read: its listing and the contents of its files, verified against their ids.
//!
//! In `auto` mode, the API is tried first. The commit's pack is fetched over Git if the API cannot answer (files over
//! 6 MB, names that are not UTF-8, legacy modes) or would need too many requests. After that, everything is read from
//! the pack.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bstr::BStr;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::content::{BlobContent, PackedBlob};
use super::difference;
use super::error::SourceError;
use super::git::{Pack, PackError};
use super::listing::{self, ListingLimits};
use super::options::Mode;
use super::previous::Previous;
use super::repository::Source;
use super::shared_pack::SharedPack;
use crate::blocking::{self, CancelOnDrop};
use crate::causes::with_causes;
use crate::memory::{Permit, Turn};
use git_archive::object::{Commit, Entry, Kind, ObjectId};
use git_archive::work::Cancel;

/// One commit that is being read.
#[derive(Debug)]
pub struct Checkout {
    source: Source,
    id: ObjectId,
    /// Cancels the work for this checkout on other threads when it is dropped.
    cancel: CancelOnDrop,
    previous: Option<Previous>,
    /// Contents that are already read.
    held: HashMap<ObjectId, Bytes>,
    /// The objects that the previous archive's commit does not have, once they were fetched. `None` inside if the fetch
    /// is not possible, or if a base is missing.
    difference: OnceCell<Option<Arc<SharedPack>>>,
    /// The commit's whole pack, once it was fetched.
    pack: OnceCell<Arc<SharedPack>>,
}

impl Source {
    /// Begins to read one commit. Nothing is sent yet.
    pub fn checkout(&self, id: ObjectId) -> Checkout {
        let cancel = CancelOnDrop::default();
        let mut source = self.clone();
        source.limits.cancelled = cancel.0.flag();
        Checkout {
            source,
            id,
            cancel,
            previous: None,
            held: HashMap::new(),
            difference: OnceCell::new(),
            pack: OnceCell::new(),
        }
    }
}

impl Checkout {
    /// Returns the checkout with an earlier archive, from which unchanged contents are copied.
    #[must_use]
    pub fn with_previous(self, previous: Option<Previous>) -> Self {
        Self { previous, ..self }
    }

    /// Returns the checkout with contents that are already read.
    #[must_use]
    pub fn with_held(self, held: HashMap<ObjectId, Bytes>) -> Self {
        Self { held, ..self }
    }

    /// Returns the checkout with an existing pack, from which everything is read, without a network.
    #[must_use]
    pub fn with_pack(self, pack: Pack) -> Self {
        Self { pack: OnceCell::new_with(Some(Arc::new(SharedPack::new(pack)))), ..self }
    }

    /// Returns the commit's id.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Returns the transport that the commit is read over.
    pub fn mode(&self) -> Mode {
        self.source.mode()
    }

    /// Returns the number of bytes of the contents that are already read.
    pub fn held_bytes(&self) -> u64 {
        self.held.values().map(|content| content.len() as u64).sum()
    }

    /// Returns the flag that cancels the work for this checkout on other threads.
    pub fn cancel(&self) -> Cancel {
        self.cancel.0.clone()
    }

    /// Returns the size of all these contents, if it is known before they are read.
    pub fn known_bytes(&self, entries: &[Entry]) -> Option<u64> {
        let pack = self.pack.get()?;
        let sizes = entries
            .iter()
            .filter(|entry| entry.kind.has_content())
            .map(|entry| pack.facts(entry.id).map(|facts| facts.size));
        sizes.sum()
    }

    /// Returns the earlier archive.
    pub fn previous(&self) -> Option<&Previous> {
        self.previous.as_ref()
    }

    /// Reads the commit itself.
    pub async fn commit(&self) -> Result<Commit, SourceError> {
        if let Some(pack) = self.pack_if_first().await? {
            return pack.commit(self.id);
        }
        match self.source.api.commit(self.id).await {
            Err(error) => self.pack_after(error).await?.commit(self.id),
            commit => commit,
        }
    }

    /// Lists the commit's tree in git's order, without the contents of folders that `wanted` refuses. Also returns
    /// the commit: from a pack it is exact, but the API replaces invalid UTF-8.
    pub async fn list(
        &self,
        commit: Commit,
        wanted: impl Fn(&BStr) -> bool,
    ) -> Result<(Commit, Vec<Entry>), SourceError> {
        let entries = match (self.pack_if_first().await?, self.mode()) {
            (Some(_), _) => self.list_over_git(&commit).await?,
            (None, Mode::Auto) => self.list_or_fetch(&commit, &wanted).await?,
            (None, _) => self.list_over_api(&commit, &wanted, usize::MAX).await?,
        };
        let commit = match self.packs().next() {
            Some(pack) => pack.commit(self.id)?,
            None => commit,
        };
        Ok((commit, entries))
    }

    /// Reads the commit byte for byte over Git, because the API replaces invalid UTF-8 with U+FFFD. Returns `None` in
    /// API mode, or if Git refuses access.
    pub async fn exact_commit(&self) -> Result<Option<Commit>, SourceError> {
        if self.mode() == Mode::Api {
            return Ok(None);
        }
        match self.pack().await {
            Err(error) if error.is_git_refused() => Ok(None),
            pack => pack?.commit(self.id).map(Some),
        }
    }

    /// Returns whether a pack was fetched.
    pub fn has_pack(&self) -> bool {
        self.packs().next().is_some()
    }

    /// Returns the checkout for an archive that is being written. From now on, nothing is deflated while a pack
    /// arrives, because the budget is in use. Also returns the bytes of memory for what was deflated before.
    pub(crate) fn without_early_deflate(mut self) -> (Self, u64) {
        self.source.limits.early_deflate = None;
        let bytes = self.packs().map(|pack| pack.early_bytes()).sum();
        (self, bytes)
    }

    /// Returns a blob of the commit's pack, once that was fetched.
    pub fn packed(&self, id: ObjectId) -> Option<PackedBlob> {
        self.packs().find_map(|pack| PackedBlob::find(pack, id))
    }

    /// Reads a content after the byte budget admits it, and verifies it against its id. Also returns the permit for
    /// the bytes that it holds.
    pub async fn content(&self, id: ObjectId, turn: &Turn) -> Result<(BlobContent, Option<Permit>), SourceError> {
        if let Some(content) = self.held.get(&id) {
            return Ok((BlobContent::InMemory(content.clone()), None));
        }
        if let Some(pack) = Box::pin(self.pack_with(id)).await? {
            return BlobContent::admitted(pack, id, turn).await;
        }
        // Boxed: otherwise the task of every entry would contain the large future of a request, even if it sends none.
        match Box::pin(self.source.api.blob(id, Some(turn))).await {
            Err(error) => BlobContent::admitted(Box::pin(self.pack_after(error)).await?, id, turn).await,
            Ok(content) => Ok((BlobContent::InMemory(content), turn.take())),
        }
    }

    /// Reads a content before the archive begins, and so outside its order. Returns `None` if it is larger than
    /// `most` bytes.
    pub async fn content_now(&self, id: ObjectId, is_link: bool, most: u64) -> Result<Option<Bytes>, SourceError> {
        let read = |content: BlobContent| (content.size() <= most).then(|| content.read()).transpose();
        if let Some(packed) = self.packed(id) {
            return read(BlobContent::InPack(packed));
        }
        if let Some(previous) = &self.previous
            && previous.find(id, is_link).is_some_and(|located| located.size <= most)
            && let Some(content) = previous.content(id, is_link).await
        {
            return Ok(Some(content));
        }
        if let Some(pack) = self.pack_with(id).await? {
            return read(BlobContent::in_pack(pack, id)?);
        }
        match self.source.api.blob(id, None).await {
            Err(error) => read(BlobContent::in_pack(self.pack_after(error).await?, id)?),
            Ok(content) => read(BlobContent::InMemory(content)),
        }
    }

    /// Lists over the API, or over Git if the API cannot give verified answers or would need too many requests.
    async fn list_or_fetch(&self, commit: &Commit, wanted: &impl Fn(&BStr) -> bool) -> Result<Vec<Entry>, SourceError> {
        let error = match self.list_over_api(commit, wanted, self.source.git_from_requests).await {
            Err(error) => error,
            listed => return listed,
        };
        let is_only_slow = matches!(error, SourceError::TooManyRequests);
        if is_only_slow
            && self.source.falls_back_to_git(&error)
            && let Some(difference) = self.difference().await
            && let Some(entries) = Self::list_difference(difference, commit).await?
        {
            return Ok(entries);
        }
        match self.pack_after(error).await {
            Err(error) if is_only_slow => {
                tracing::warn!(error = with_causes(&error), "Git refuses us: every file is requested by itself");
                self.list_over_api(commit, wanted, usize::MAX).await
            }
            pack => Self::list_pack(pack?, commit).await,
        }
    }

    async fn list_over_api(
        &self,
        commit: &Commit,
        wanted: &impl Fn(&BStr) -> bool,
        requests: usize,
    ) -> Result<Vec<Entry>, SourceError> {
        let limits = ListingLimits { requests, entries: self.source.entry_limit, memory: self.source.limits.working };
        listing::list(&self.source.api, commit, wanted, self.previous(), limits).await
    }

    /// Fetches the whole commit if only the difference was fetched, and too many of these entries are neither in it nor
    /// in the previous archive. If only a few are missing, they are later requested over the API.
    pub async fn complete(&self, entries: &[Entry]) -> Result<(), SourceError> {
        let Some(Some(difference)) = self.difference.get() else { return Ok(()) };
        let is_missing = |entry: &&Entry| {
            let is_old = || self.previous().is_some_and(|old| old.find(entry.id, entry.kind == Kind::Link).is_some());
            entry.kind.has_content() && difference.facts(entry.id).is_none() && !is_old()
        };
        let missing: HashSet<ObjectId> = entries.iter().filter(is_missing).map(|entry| entry.id).collect();
        let most = if self.mode() == Mode::Git { 0 } else { self.source.git_from_requests };
        if missing.len() > most { self.pack().await.map(drop) } else { Ok(()) }
    }

    async fn list_over_git(&self, commit: &Commit) -> Result<Vec<Entry>, SourceError> {
        if let Some(Some(difference)) = self.difference.get()
            && let Some(entries) = Self::list_difference(difference, commit).await?
        {
            return Ok(entries);
        }
        Self::list_pack(self.pack().await?, commit).await
    }

    /// Lists the commit from the difference. Returns `None` if a folder is missing in it.
    async fn list_difference(difference: &Arc<SharedPack>, commit: &Commit) -> Result<Option<Vec<Entry>>, SourceError> {
        match Self::list_pack(difference, commit).await {
            Err(SourceError::Pack(PackError::MissingObject(_))) => Ok(None),
            entries => entries.map(Some),
        }
    }

    async fn list_pack(pack: &Arc<SharedPack>, commit: &Commit) -> Result<Vec<Entry>, SourceError> {
        let (pack, tree) = (Arc::clone(pack), commit.tree);
        match blocking::run(move || pack.walk(tree)).await {
            Err(SourceError::Pack(PackError::TooManyEntries { limit, .. })) => {
                Err(SourceError::TreeTooLarge { what: "entries", limit })
            }
            entries => entries,
        }
    }

    /// Returns a pack with the commit if Git is the first choice: in Git mode, or if a pack was fetched already.
    async fn pack_if_first(&self) -> Result<Option<&Arc<SharedPack>>, SourceError> {
        if self.mode() != Mode::Git || self.packs().next().is_some() {
            return Ok(self.packs().next());
        }
        match self.difference().await {
            None => self.pack().await.map(Some),
            difference => Ok(difference),
        }
    }

    /// Returns the packs that were fetched. The whole one comes first, because it has everything.
    fn packs(&self) -> impl Iterator<Item = &Arc<SharedPack>> {
        self.pack.get().into_iter().chain(self.difference.get().into_iter().flatten())
    }

    /// Returns the pack to read a content from, or `None` if the content has to come from the API.
    async fn pack_with(&self, id: ObjectId) -> Result<Option<&Arc<SharedPack>>, SourceError> {
        match self.packs().find(|pack| pack.facts(id).is_some()).or(self.pack.get()) {
            None if self.mode() == Mode::Git => self.pack().await.map(Some),
            pack => Ok(pack),
        }
    }

    /// Returns the difference to the previous archive, which is fetched once.
    async fn difference(&self) -> Option<&Arc<SharedPack>> {
        let fetch = || async {
            let pack = Box::pin(difference::fetch(&self.source, self.previous.as_ref()?, self.id)).await?;
            Some(Arc::new(SharedPack::new(pack)))
        };
        self.difference.get_or_init(fetch).await.as_ref()
    }

    /// Returns the pack as the fallback after an API failure, or returns the failure if Git cannot help.
    async fn pack_after(&self, error: SourceError) -> Result<&Arc<SharedPack>, SourceError> {
        if !self.source.falls_back_to_git(&error) {
            return Err(error);
        }
        self.pack().await.map_err(|git| error.and_git(git))
    }

    /// Returns the commit's pack, and fetches it on the first call.
    async fn pack(&self) -> Result<&Arc<SharedPack>, SourceError> {
        let fetch = || async {
            let remote = self.source.git.as_ref().ok_or(SourceError::NoCredentials)?;
            let pack = remote.fetch(self.id, &self.source.limits).await?;
            Ok(Arc::new(SharedPack::new(pack)))
        };
        self.pack.get_or_try_init(fetch).await
    }
}
