//! A pack that several threads read at once.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::error::SourceError;
use super::git::{BlobFacts, Pack, Reader};
use crate::lock::Lock;
use git_archive::object::{Commit, Entry, ObjectId};

/// The number of bytes of delta bases that each reader keeps. There is a reader for each thread that reads.
const CACHE: usize = 8 << 20;

/// A pack, and its readers that are free.
pub(super) struct SharedPack {
    pack: Arc<Pack>,
    free: Lock<Vec<Reader>>,
}

impl std::fmt::Debug for SharedPack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedPack({} objects)", self.pack.len())
    }
}

impl SharedPack {
    pub(super) fn new(pack: Pack) -> Self {
        Self { pack: Arc::new(pack), free: Lock::default() }
    }

    pub(super) fn commit(&self, id: ObjectId) -> Result<Commit, SourceError> {
        self.reading(|reader| Ok(reader.commit(id)?))
    }

    pub(super) fn walk(&self, tree: ObjectId) -> Result<Vec<Entry>, SourceError> {
        self.reading(|reader| Ok(reader.walk(tree)?))
    }

    /// Returns what an archive needs to know of a blob, if it is in the pack.
    pub(super) fn facts(&self, id: ObjectId) -> Option<BlobFacts> {
        self.pack.facts(id)
    }

    /// Returns the number of bytes of memory for the blobs that were deflated while the pack arrived.
    pub(super) fn early_bytes(&self) -> u64 {
        self.pack.early_bytes()
    }

    /// Returns a range of the pack's bytes, unchanged.
    pub(super) fn raw(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        Ok(self.pack.raw(range)?)
    }

    /// Reads with a free reader, or with a new one if there is none.
    pub(super) fn reading<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let free = || self.free.lock();
        let taken = free().pop();
        let mut reader = taken.unwrap_or_else(|| self.pack.reader(CACHE));
        let read = read(&mut reader);
        free().push(reader);
        read
    }
}
