//! Prepares one entry of the archive: reads its content, converts and compresses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bstr::BString;
use tokio::sync::Semaphore;

use super::contents::Contents;
use super::copied::{self, CopiedFile};
use super::early_files::EarlyFiles;
use super::entry_attributes::EntryAttributes;
use super::error::EntryError;
use super::large::Large;
use super::repeated::{Repeated, Role};
use crate::blocking;
use crate::memory::{Budget, Permit, Turn};
use crate::source::git::Reuse;
use crate::source::{BlobContent, Checkout, PackedBlob};
use git_archive::object::{Entry, Kind};
use git_archive::work::Stopped;
use git_archive::{PackedFile, Packer};

/// The largest size in bytes of a content that is compressed on the current thread. For such a small one, another
/// thread costs more than it saves.
const SMALL: u64 = 64 << 10;

/// The largest size in bytes of a stored content that is read when the archive comes to it. Most contents that deflate
/// does not make smaller have less than a hundred.
const TINY: u64 = 1 << 10;

/// The data that the preparation of all entries shares.
pub(super) struct Preparation {
    pub(super) entries: Vec<Entry>,
    pub(super) packer: Packer,
    pub(super) budget: Arc<Budget>,
    attributes: EntryAttributes,
    /// Files that were packed before their turn, and the bytes that they may take.
    pub(super) early: EarlyFiles,
    pub(super) early_bytes: u64,
    checkout: Checkout,
    repeated: Repeated,
    cores: Semaphore,
    reused: AtomicU64,
}

/// A content that is ready to be written.
pub(super) enum Ready {
    /// Its deflate stream is copied from the pack while it is written.
    Copied(CopiedFile),
    /// It is in memory, and may hold bytes of the budget.
    Held(PackedFile, Option<Permit>),
    /// The content is compressed while it is written.
    Large(Large),
}

impl Ready {
    /// Returns whether others may have deflated the content.
    pub(super) fn is_copied(&self) -> bool {
        match self {
            Self::Copied(_) => true,
            Self::Held(packed, _) => packed.copied,
            Self::Large(large) => large.is_copied(),
        }
    }
}

impl Preparation {
    /// Looks up the attributes of all entries. An error has the path at which the work was stopped.
    pub(super) fn new(contents: Contents) -> Result<Self, (BString, Stopped)> {
        let Contents { checkout, entries, packer, budget, .. } = contents;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let (checkout, early) = checkout.without_early_deflate();
        // Some room is left for files that are converted, whatever was deflated while the pack arrived.
        let early_share = if checkout.has_pack() { budget / 2 } else { 0 };
        let attributes = EntryAttributes::of(&entries, &packer)?;
        Ok(Self {
            repeated: Repeated::find(&entries, &attributes, &packer, budget / 4),
            attributes,
            early: EarlyFiles::default(),
            early_bytes: early_share.saturating_sub(early),
            budget: Budget::new(budget - early_share),
            checkout,
            entries,
            packer,
            cores: Semaphore::new(cores),
            reused: AtomicU64::new(0),
        })
    }

    /// Returns the number of entries copied from the previous archive.
    pub(super) fn reused(&self) -> u64 {
        self.reused.load(Ordering::Relaxed)
    }

    /// Returns an entry that needs no preparation: it is packed already and no other entry waits for it, or the pack
    /// has its data.
    pub(super) fn ready_now(&self, index: usize) -> Option<Result<Ready, EntryError>> {
        if let Some(packed) = self.early.take_if(index, || !self.is_repeated(index)) {
            return Some(Ok(Ready::Held(packed, None)));
        }
        let blob = self.packed(index).filter(|blob| self.is_ready(blob, index))?;
        self.in_pack(blob, index)
    }

    fn is_repeated(&self, index: usize) -> bool {
        self.repeated.has(&self.entries[index], self.attributes.get(index), &self.packer)
    }

    /// Returns whether a file of the pack needs no preparation: its deflate is at hand, or it is stored and tiny.
    pub(super) fn is_ready(&self, blob: &PackedBlob, index: usize) -> bool {
        let (entry, attributes) = (&self.entries[index], self.attributes.get(index));
        match blob.facts.reuse {
            Reuse::Deflated(_) => self.packer.may_copy(entry, attributes),
            Reuse::Incompressible => blob.facts.size <= TINY && self.packer.may_copy(entry, attributes),
            Reuse::DeflatedEarly { level, .. } => {
                level == self.packer.level && self.packer.keeps_content(entry, attributes)
            }
            Reuse::None => false,
        }
    }

    /// Returns a file of the pack that needs no preparation.
    fn in_pack(&self, blob: PackedBlob, index: usize) -> Option<Result<Ready, EntryError>> {
        let (entry, attributes) = (&self.entries[index], self.attributes.get(index));
        let ready = match blob.facts.reuse.clone() {
            Reuse::Deflated(range) => Ready::Copied(CopiedFile::new(blob, range, &self.packer, entry, attributes)),
            Reuse::DeflatedEarly { data, .. } => {
                Ready::Held(copied::deflated_early(&blob.facts, data, &self.packer, entry, attributes), None)
            }
            Reuse::Incompressible => match BlobContent::InPack(blob).read() {
                Ok(content) => Ready::Held(self.packer.store(attributes, &content), None),
                Err(error) => return Some(Err(EntryError::Read(error))),
            },
            Reuse::None => return None,
        };
        Some(Ok(ready))
    }

    /// Returns a file of the pack.
    pub(super) fn packed(&self, index: usize) -> Option<PackedBlob> {
        let entry = &self.entries[index];
        if entry.kind.is_file() { self.checkout.packed(entry.id) } else { None }
    }

    /// Returns the number of threads that convert and compress at once.
    pub(super) fn threads(&self) -> usize {
        self.cores.available_permits().max(1)
    }

    /// Prepares one entry.
    pub(super) async fn entry(self: &Arc<Self>, index: usize) -> Result<Ready, EntryError> {
        match self.repeated.role(index, &self.entries[index], self.attributes.get(index), &self.packer).await {
            Role::Copy(packed) => Ok(Ready::Held(packed, None)),
            Role::Alone => self.content(index).await,
            Role::First(first) => {
                let ready = self.content(index).await;
                first.offer(match &ready {
                    Ok(Ready::Held(packed, _)) => Some(packed),
                    _ => None,
                });
                ready
            }
        }
    }

    async fn content(self: &Arc<Self>, index: usize) -> Result<Ready, EntryError> {
        if let Some(packed) = self.early.take(index) {
            return Ok(Ready::Held(packed, None));
        }
        let entry = &self.entries[index];
        let turn = Turn::new(&self.budget, index);
        let attributes = self.attributes.get(index);
        if let Some(ready) = self.from_previous(index, &turn).await {
            return Ok(ready);
        }
        let (content, mut permit) = self.checkout.content(entry.id, &turn).await.map_err(EntryError::Read)?;
        if let Some(large) = content.large() {
            if self.packer.streams(entry, attributes, large.facts.size) {
                return Ok(Ready::Large(Large::new(large.clone(), &self.packer, entry, attributes)));
            }
            // The whole content has to be converted, so it is in memory twice for a while.
            turn.admit(2 * large.facts.size).await;
            permit = turn.take();
        }
        // A short format can expand to many bytes.
        let size = if attributes.export_subst { u64::MAX } else { content.size() };
        let packed = self.inline_or_blocking(size, move |this| this.pack(index, content)).await??;
        if let Some(permit) = &mut permit {
            permit.shrink(packed.data.len() as u64);
        }
        Ok(Ready::Held(packed, permit))
    }

    /// Copies the entry from the previous archive, if the archive has it, its hash matches, and no conversion is
    /// needed.
    async fn from_previous(self: &Arc<Self>, index: usize, turn: &Turn) -> Option<Ready> {
        let (entry, attributes) = (&self.entries[index], self.attributes.get(index));
        let previous = self.checkout.previous()?;
        let located = previous.find(entry.id, entry.kind == Kind::Link)?;
        if !self.packer.keeps_content(entry, attributes) {
            return None;
        }
        turn.admit(located.compressed + located.size).await;
        let mut permit = turn.take();
        let data = Box::pin(previous.data(located)).await?;
        let reuse =
            move |this: &Self| this.packer.reuse(&this.entries[index], this.attributes.get(index), located, data);
        let packed = self.inline_or_blocking(located.size, reuse);
        let packed = packed.await.ok()??;
        if let Some(permit) = &mut permit {
            permit.shrink(packed.data.len() as u64);
        }
        self.reused.fetch_add(1, Ordering::Relaxed);
        Some(Ready::Held(packed, permit))
    }

    /// Works on a content of this size: here if it is small, else on a thread for blocking work.
    async fn inline_or_blocking<T: Send + 'static>(
        self: &Arc<Self>,
        size: u64,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, EntryError> {
        if size <= SMALL {
            return Ok(work(self));
        }
        let _core = self.cores.acquire().await;
        let this = self.clone();
        blocking::spawn(move || work(&this)).await.map_err(|_| EntryError::Panicked)
    }

    /// Converts and compresses a content. Blocks.
    pub(super) fn pack(&self, index: usize, content: BlobContent) -> Result<PackedFile, EntryError> {
        let (entry, attributes) = (&self.entries[index], self.attributes.get(index));
        let is_stored = content.is_incompressible() && self.packer.may_copy(entry, attributes);
        let content = content.read().map_err(EntryError::Read)?;
        if is_stored {
            return Ok(self.packer.store(attributes, &content));
        }
        self.packer.pack(entry, attributes, content).map_err(EntryError::Convert)
    }
}
