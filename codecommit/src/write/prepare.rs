//! One entry of the archive: its content read, converted and compressed, ready to be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use super::contents::Contents;
use super::error::EntryError;
use super::large::Large;
use super::repeated::{Repeated, Role};
use crate::blocking;
use crate::memory::{Budget, Permit, Turn};
use crate::source::{BlobContent, Checkout};
use git_archive::attributes::PathAttributes;
use git_archive::object::{Entry, Kind};
use git_archive::{PackedFile, Packer};

/// The size in bytes up to which a content is compressed where it arrives: a hop to another thread costs more than it
/// saves.
const SMALL: u64 = 64 << 10;

/// What the preparation of all entries shares.
pub(super) struct Preparation {
    pub(super) entries: Vec<Entry>,
    pub(super) packer: Packer,
    pub(super) budget: Arc<Budget>,
    checkout: Checkout,
    repeated: Repeated,
    cores: Semaphore,
    reused: AtomicU64,
}

/// A content that is ready to be written.
pub(super) enum Ready {
    /// It is in memory, and holds bytes of the budget.
    Held(PackedFile, Option<Permit>),
    /// It is compressed while it is written.
    Large(Large),
}

impl Preparation {
    pub(super) fn new(contents: Contents) -> Self {
        let Contents { checkout, entries, packer, budget, .. } = contents;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            repeated: Repeated::find(&entries, &packer, budget / 4),
            budget: Budget::new(budget),
            checkout,
            entries,
            packer,
            cores: Semaphore::new(cores),
            reused: AtomicU64::new(0),
        }
    }

    /// Returns the number of entries whose data were taken from the previous archive.
    pub(super) fn reused(&self) -> u64 {
        self.reused.load(Ordering::Relaxed)
    }

    /// Prepares one entry.
    pub(super) async fn entry(self: &Arc<Self>, index: usize) -> Result<Ready, EntryError> {
        match self.repeated.role(index, &self.entries[index], &self.packer).await {
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
        let entry = &self.entries[index];
        let turn = Turn::new(&self.budget, index);
        let attributes = self.packer.attributes_of(entry).map_err(|stopped| EntryError::Convert(stopped.into()))?;
        if let Some(ready) = self.from_previous(index, &attributes, &turn).await {
            return Ok(ready);
        }
        let (content, mut permit) = self.checkout.content(entry.id, &turn).await.map_err(EntryError::Read)?;
        if let Some(large) = content.large() {
            if self.packer.streams(entry, &attributes, large.size) {
                return Ok(Ready::Large(Large::new(large.clone(), &self.packer, entry, &attributes)));
            }
            // The whole content has to be converted, so it is in memory twice for a while.
            turn.admit(2 * large.size).await;
            permit = turn.take();
        }
        // A few bytes of formats can make many.
        let size = if attributes.export_subst { u64::MAX } else { content.size() };
        let packed = self.on_a_core(size, move |this| this.pack(index, &attributes, content)).await??;
        if let Some(permit) = &mut permit {
            permit.shrink(packed.data.len() as u64);
        }
        Ok(Ready::Held(packed, permit))
    }

    /// Takes the entry from the previous archive, if that has it, it proves to be the same, and nothing converts it.
    async fn from_previous(self: &Arc<Self>, index: usize, attributes: &PathAttributes, turn: &Turn) -> Option<Ready> {
        let entry = &self.entries[index];
        let previous = self.checkout.previous()?;
        let located = previous.find(entry.id, entry.kind == Kind::Link)?;
        if !self.packer.keeps_content(entry, attributes) {
            return None;
        }
        turn.admit(located.compressed + located.size).await;
        let mut permit = turn.take();
        let data = previous.data(located).await?;
        let attributes = attributes.clone();
        let reuse = move |this: &Self| this.packer.reuse(&this.entries[index], &attributes, located, data);
        let packed = self.on_a_core(located.size, reuse);
        let packed = packed.await.ok()??;
        if let Some(permit) = &mut permit {
            permit.shrink(packed.data.len() as u64);
        }
        self.reused.fetch_add(1, Ordering::Relaxed);
        Some(Ready::Held(packed, permit))
    }

    /// Works on a content of this size, here or on a thread for blocking work.
    async fn on_a_core<T: Send + 'static>(
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

    fn pack(&self, index: usize, attributes: &PathAttributes, content: BlobContent) -> Result<PackedFile, EntryError> {
        let content = content.read().map_err(EntryError::Read)?;
        self.packer.pack(&self.entries[index], attributes, content).map_err(EntryError::Convert)
    }
}
