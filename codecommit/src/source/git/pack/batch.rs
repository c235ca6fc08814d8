//! Inflated entries of a pack, in batches for the threads that resolve and deflate them: an allocation or a message for
//! each entry would cost more than it saves.

use std::ops::Range;

use super::kind::ObjectKind;
use super::table::Position;

/// A batch is closed before its entries and what its deltas make take more bytes than this, unless it holds only one
/// larger entry.
const BATCH_BYTES: usize = 256 << 10;

/// Consecutive entries of a pack.
#[derive(Default)]
pub(super) struct Batch {
    /// The inflated bytes of all entries, followed by the contents that their deltas make.
    bytes: Vec<u8>,
    entries: Vec<BatchEntry>,
    /// The bytes that the deltas will make.
    promised: usize,
}

/// One entry.
pub(super) struct BatchEntry {
    /// The index of its object in the pack.
    pub(super) index: usize,
    /// The offset of the entry in the pack.
    pub(super) offset: u64,
    pub(super) form: InflatedForm,
    /// The place of its inflated bytes.
    inflated: Range<usize>,
    /// The object's kind and content, once they are known.
    object: Option<(ObjectKind, Range<usize>)>,
}

/// The form of an inflated entry.
#[derive(Clone, Copy)]
pub(super) enum InflatedForm {
    /// The content of an object.
    Whole(ObjectKind),
    /// The instructions of a delta, which make `size` bytes.
    Delta { base: DeltaBase, size: usize },
}

/// The base of a delta.
#[derive(Clone, Copy)]
pub(super) enum DeltaBase {
    Position(Position),
    Id([u8; 20]),
}

impl InflatedForm {
    /// Returns the number of bytes that an entry adds to its batch when it is resolved.
    fn promised(self) -> usize {
        match self {
            Self::Whole(_) => 0,
            Self::Delta { size, .. } => size,
        }
    }
}

impl Batch {
    /// Returns whether an entry fits. Any entry fits into an empty batch.
    pub(super) fn has_room(&self, form: InflatedForm, inflated: &[u8]) -> bool {
        let entries = (self.entries.len() + 1) * size_of::<BatchEntry>();
        let bytes = self.bytes.len() + self.promised + inflated.len() + form.promised();
        entries + bytes <= BATCH_BYTES || self.entries.is_empty()
    }

    /// Adds an entry. Entries come in ascending order of their indexes.
    pub(super) fn push(&mut self, index: usize, offset: u64, form: InflatedForm, inflated: &[u8]) {
        self.promised += form.promised();
        let inflated = self.append(inflated);
        let object = match form {
            InflatedForm::Whole(kind) => Some((kind, inflated.clone())),
            InflatedForm::Delta { .. } => None,
        };
        self.entries.push(BatchEntry { index, offset, form, inflated, object });
    }

    /// Returns an empty batch with this one's memory, whose pages need not be cleared again. `None` if a large entry
    /// made it larger than usual.
    pub(super) fn emptied(mut self) -> Option<Self> {
        self.bytes.clear();
        self.entries.clear();
        self.promised = 0;
        (self.bytes.capacity() <= BATCH_BYTES).then_some(self)
    }

    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of bytes of all contents and instructions, and of what is known of them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<BatchEntry>()
    }

    /// Returns an entry, by its number in the batch.
    pub(super) fn entry(&self, number: usize) -> &BatchEntry {
        &self.entries[number]
    }

    /// Returns the inflated bytes of an entry, by its number in the batch.
    pub(super) fn inflated(&self, number: usize) -> &[u8] {
        &self.bytes[self.entries[number].inflated.clone()]
    }

    /// Keeps the object that a delta makes, by its number in the batch.
    pub(super) fn resolve(&mut self, number: usize, kind: ObjectKind, content: &[u8]) {
        let made = self.append(content);
        self.entries[number].object = Some((kind, made));
    }

    /// Returns the kind and the content of an object, by its index in the pack. `None` if it is not in the batch or not
    /// resolved.
    pub(super) fn object(&self, index: usize) -> Option<(ObjectKind, &[u8])> {
        let number = self.entries.binary_search_by_key(&index, |entry| entry.index).ok()?;
        let (kind, content) = self.entries[number].object.clone()?;
        Some((kind, &self.bytes[content]))
    }

    /// Returns the index of the last object.
    pub(super) fn last_index(&self) -> Option<usize> {
        self.entries.last().map(|entry| entry.index)
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(BATCH_BYTES.max(bytes.len()));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}
