//! The contents of the latest objects, which are the bases of deltas that come next.
//!
//! They are in batches, which a second thread digests: a large pack has tens of thousands of objects, and an allocation
//! or a message for each costs more than it saves.

use std::collections::VecDeque;
use std::sync::Arc;

use super::kind::ObjectKind;

/// A batch is closed before it has more bytes than this, except for the batch of a single larger content.
const BATCH_BYTES: usize = 256 << 10;

/// Contents of objects, one after the other.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    entries: Vec<BatchEntry>,
}

#[derive(Clone, Copy)]
struct BatchEntry {
    index: usize,
    kind: ObjectKind,
    end: usize,
}

impl Batch {
    /// Returns the index, the kind and the content of each object, in ascending order of indexes.
    pub(super) fn contents(&self) -> impl Iterator<Item = (usize, ObjectKind, &[u8])> {
        let starts = std::iter::once(0).chain(self.entries.iter().map(|entry| entry.end));
        starts.zip(&self.entries).map(|(start, entry)| (entry.index, entry.kind, &self.bytes[start..entry.end]))
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        let at = self.entries.binary_search_by_key(&index, |entry| entry.index).ok()?;
        let start = at.checked_sub(1).map_or(0, |before| self.entries[before].end);
        self.bytes.get(start..self.entries[at].end)
    }

    fn last_index(&self) -> Option<usize> {
        self.entries.last().map(|entry| entry.index)
    }
}

/// Contents in the order in which they came. New batches replace the oldest.
pub(super) struct RecentContents {
    open: Batch,
    closed: VecDeque<Arc<Batch>>,
    closed_bytes: usize,
    capacity: usize,
}

impl RecentContents {
    pub(super) fn new(capacity: usize) -> Self {
        Self { open: Batch::default(), closed: VecDeque::new(), closed_bytes: 0, capacity }
    }

    /// Returns the content of an object, if it is still here.
    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let at = self.closed.partition_point(|batch| batch.last_index() < Some(index));
        self.closed.get(at).map_or(&self.open, |batch| &**batch).get(index)
    }

    /// Keeps a content. Objects come in ascending order of their indexes. If the batch is full without it, that batch
    /// is closed and returned.
    pub(super) fn push(&mut self, index: usize, kind: ObjectKind, content: &[u8]) -> Option<Arc<Batch>> {
        let is_full = self.open.bytes.len() + content.len() > BATCH_BYTES;
        let closed = if is_full { self.close() } else { None };
        self.open.bytes.extend_from_slice(content);
        self.open.entries.push(BatchEntry { index, kind, end: self.open.bytes.len() });
        closed
    }

    /// Closes the batch and returns it, unless it is empty.
    pub(super) fn close(&mut self) -> Option<Arc<Batch>> {
        if self.open.entries.is_empty() {
            return None;
        }
        let room = Vec::with_capacity(BATCH_BYTES);
        let batch = Arc::new(std::mem::replace(&mut self.open, Batch { bytes: room, entries: Vec::new() }));
        self.closed_bytes += batch.bytes.len();
        self.closed.push_back(Arc::clone(&batch));
        while self.closed_bytes > self.capacity {
            let oldest = self.closed.pop_front()?;
            self.closed_bytes -= oldest.bytes.len();
        }
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_whole_or_gone_and_the_latest_are_here() {
        let capacity = 4 * BATCH_BYTES;
        let mut recent = RecentContents::new(capacity);
        let content = |index: usize| vec![u8::try_from(index % 251).expect("it is small"); index * 7919 % 60_000];
        let mut closed = Vec::new();
        for index in 0..200 {
            closed.extend(recent.push(index, ObjectKind::Blob, &content(index)));
            assert_eq!(recent.get(index), Some(&content(index)[..]), "the latest");
            let kept: Vec<usize> = (0..=index).filter(|index| recent.get(*index).is_some()).collect();
            assert!(kept.is_sorted() && kept.last() == Some(&index) && kept.len() == index + 1 - kept[0]);
            let bytes: usize = kept.iter().map(|index| content(*index).len()).sum();
            assert!(bytes <= capacity + BATCH_BYTES && (index < 60 || bytes >= capacity / 2), "{index}: {bytes}");
            for index in kept {
                assert_eq!(recent.get(index), Some(&content(index)[..]));
            }
        }
        closed.extend(recent.close());
        let indexes = closed.iter().flat_map(|batch| batch.contents());
        assert!(indexes.map(|(index, ..)| index).eq(0..200), "each content is in one batch");
        assert!(closed.iter().flat_map(|batch| batch.contents()).all(|(index, _, bytes)| bytes == content(index)));
        recent.push(200, ObjectKind::Blob, &vec![1; capacity + 1]);
        recent.push(201, ObjectKind::Blob, b"next");
        assert_eq!(recent.get(200), None, "more than the room");
    }
}
