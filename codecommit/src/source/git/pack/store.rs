//! A pack with its index, and the whole contents of its objects.

use bytes::Bytes;
use libdeflater::Decompressor;

use super::cache::ContentCache;
use super::deflated::DeflatedBlobs;
use super::delta::Delta;
use super::error::PackError;
use super::header;
use super::spool::Storage;
use super::table::{Mark, ObjectTable, index_of};
use super::work::WorkBudget;

/// The size of the largest buffer that is kept from one object to the next.
const KEPT_BYTES: usize = 1 << 20;

/// Everything known about one pack. Threads share it.
pub(super) struct ObjectStore {
    pub(super) storage: Storage,
    pub(super) table: ObjectTable,
    /// The deflate streams, made while the pack arrived, of blobs that the pack stores as deltas.
    pub(super) deflated: DeflatedBlobs,
    /// The largest number of bytes of memory for an object, or for a delta with its base and its result.
    pub(super) working: u64,
    /// The largest number of entries in a listing.
    pub(super) entries: u64,
    /// True if blobs may be missing, because they did not change since the commit that we have.
    pub(super) lacks_blobs: bool,
    pub(super) work: WorkBudget,
}

/// The state with which one thread reads contents: recent contents, an inflater, and a buffer for deflated bytes from
/// disk.
pub(super) struct ReadState {
    cache: ContentCache,
    inflater: Decompressor,
    deflated: Vec<u8>,
}

impl ReadState {
    pub(super) fn new(cache_bytes: usize) -> Self {
        Self { cache: ContentCache::new(cache_bytes), inflater: Decompressor::new(), deflated: Vec::new() }
    }
}

impl ObjectStore {
    /// Returns an object's content. Follows the bases of a delta down to one that is whole or cached, then applies
    /// the deltas on the way back.
    pub(super) fn content(&self, index: usize, state: &mut ReadState) -> Result<Bytes, PackError> {
        let mut deltas = Vec::new();
        let mut at = index;
        let mut content = loop {
            self.work.check()?;
            if let Some(content) = state.cache.get(at) {
                break content;
            }
            let Some(base) = self.table.objects[at].base else {
                break self.whole(at, !deltas.is_empty(), state)?;
            };
            deltas.push(at);
            at = index_of(base);
        };
        while let Some(delta) = deltas.pop() {
            content = self.apply(delta, &content, state)?;
        }
        Ok(content)
    }

    /// Fails if the data needs more memory than is allowed.
    pub(super) fn check_memory(&self, what: &'static str, bytes: u64) -> Result<(), PackError> {
        if bytes > self.working {
            return Err(PackError::Memory { what, bytes, limit: self.working });
        }
        Ok(())
    }

    fn whole(&self, index: usize, is_for_delta: bool, state: &mut ReadState) -> Result<Bytes, PackError> {
        if is_for_delta {
            self.work.spend(self.table.objects[index].size)?;
        }
        let content = Bytes::from(self.inflate(index, 0, state)?);
        self.keep(index, &content, state);
        Ok(content)
    }

    fn apply(&self, index: usize, base: &Bytes, state: &mut ReadState) -> Result<Bytes, PackError> {
        let object = &self.table.objects[index];
        let corrupt = |what| PackError::Corrupt { offset: object.offset, what };
        self.work.spend(object.size)?;
        let others = (base.len() as u64).saturating_add(object.size);
        let instructions = self.inflate(index, others, state)?;
        let delta = Delta::new(&instructions).map_err(corrupt)?;
        let content = Bytes::from(delta.apply(base).map_err(corrupt)?);
        self.keep(index, &content, state);
        Ok(content)
    }

    fn keep(&self, index: usize, content: &Bytes, state: &mut ReadState) {
        if self.table.objects[index].has(Mark::IsBase) {
            state.cache.put(index, content.clone());
        }
    }

    /// Inflates the object, or the instructions of a delta. `others` is the number of bytes that are in memory at the
    /// same time.
    fn inflate(&self, index: usize, others: u64, state: &mut ReadState) -> Result<Vec<u8>, PackError> {
        let range = self.table.range(index);
        let corrupt = |what| PackError::Corrupt { offset: range.start, what };
        self.check_memory("an object of the pack", range.end - range.start)?;
        let bytes = self.storage.slice(range.clone(), &mut state.deflated)?;
        let (size, deflated) = header::split(bytes).map_err(corrupt)?;
        self.check_memory("an object of the pack", size.saturating_add(others))?;
        let length = usize::try_from(size).map_err(|_| corrupt("an object is larger than memory has addresses"))?;
        let mut content = vec![0; length];
        if length > 0 {
            let made = state.inflater.zlib_decompress(deflated, &mut content);
            if made.ok() != Some(length) {
                return Err(corrupt("an object does not inflate to the size that its header says"));
            }
        }
        state.deflated.truncate(KEPT_BYTES);
        state.deflated.shrink_to(KEPT_BYTES);
        Ok(content)
    }
}
