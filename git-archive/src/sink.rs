//! A buffer for converted content that grows up to a limit and stops when the work is cancelled.

use crate::convert::error::ConvertError;
use crate::work::Work;

/// The number of bytes written per step.
const BYTES_PER_STEP: u64 = 16;
/// The number of steps to count here before they are reported to the work.
const BATCH: u64 = 4096;

/// The limits for converting one file.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'w> {
    /// The largest number of bytes that one step of the conversion may produce. The results of two steps are in
    /// memory at once.
    pub limit: u64,
    /// The work of the archive.
    pub work: &'w Work,
}

/// A growing buffer of at most `limit` bytes.
pub(crate) struct Sink<'w> {
    bytes: Vec<u8>,
    bounds: Bounds<'w>,
    pending: u64,
    /// The shortest length since the last call of [`Sink::mark`]. The bytes before it have not changed since.
    unchanged: usize,
}

impl<'w> Sink<'w> {
    pub(crate) fn new(bounds: Bounds<'w>) -> Self {
        Self { bytes: Vec::new(), bounds, pending: 0, unchanged: 0 }
    }

    /// Returns an empty sink with the limits of this one.
    pub(crate) fn sibling(&self) -> Self {
        Self::new(self.bounds)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Counts steps, and reports them to the work in batches.
    pub(crate) fn spend(&mut self, steps: u64) -> Result<(), ConvertError> {
        self.pending += steps;
        if self.pending >= BATCH {
            self.bounds.work.spend(std::mem::take(&mut self.pending))?;
        }
        Ok(())
    }

    /// Counts the steps of reading this many bytes.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) -> Result<(), ConvertError> {
        self.spend(1 + bytes as u64 / BYTES_PER_STEP)
    }

    pub(crate) fn push(&mut self, byte: u8) -> Result<(), ConvertError> {
        self.extend(&[byte])
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) -> Result<(), ConvertError> {
        self.make_room(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds a byte this many times.
    pub(crate) fn fill(&mut self, byte: u8, count: usize) -> Result<(), ConvertError> {
        self.make_room(count)?;
        self.bytes.resize(self.bytes.len() + count, byte);
        Ok(())
    }

    /// Inserts a byte at the position `at`.
    pub(crate) fn insert(&mut self, at: usize, byte: u8) -> Result<(), ConvertError> {
        self.make_room(1)?;
        self.spend_bytes(self.len() - at)?;
        self.bytes.insert(at, byte);
        self.unchanged = self.unchanged.min(at);
        Ok(())
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.unchanged = self.unchanged.min(self.bytes.len());
    }

    /// Removes and returns the bytes from `at` on.
    pub(crate) fn split_off(&mut self, at: usize) -> Vec<u8> {
        self.unchanged = self.unchanged.min(at);
        self.bytes.split_off(at)
    }

    /// Returns the length of the part that has not changed since the last call.
    pub(crate) fn mark(&mut self) -> usize {
        std::mem::replace(&mut self.unchanged, self.bytes.len())
    }

    /// Ends the writing, and reports the last steps to the work.
    pub(crate) fn finish(self) -> Result<Vec<u8>, ConvertError> {
        self.bounds.work.spend(self.pending)?;
        Ok(self.bytes)
    }

    fn make_room(&mut self, count: usize) -> Result<(), ConvertError> {
        self.spend_bytes(count)?;
        let length = self.bytes.len().saturating_add(count);
        if length as u64 > self.bounds.limit {
            return Err(ConvertError::TooLarge { limit: self.bounds.limit });
        }
        if length > self.bytes.capacity() {
            let limit = usize::try_from(self.bounds.limit).unwrap_or(usize::MAX);
            let capacity = length.max(self.bytes.capacity().saturating_mul(2)).min(limit);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        Ok(())
    }
}
