//! The latest objects of a pack, which are the bases of the deltas that come next.

use std::collections::{HashMap, VecDeque};

use super::batch::{Batch, DeltaBase};
use super::kind::ObjectKind;
use super::table::index_of;

/// Batches in the order in which they came. New ones replace the oldest.
pub(super) struct RecentObjects {
    batches: VecDeque<Batch>,
    /// The bytes of all batches except the latest.
    bytes: usize,
    capacity: usize,
    /// The indexes of objects by their ids. Objects that are gone may be in it.
    by_id: HashMap<[u8; 20], usize>,
}

impl RecentObjects {
    pub(super) fn new(capacity: usize) -> Self {
        Self { batches: VecDeque::new(), bytes: 0, capacity, by_id: HashMap::new() }
    }

    /// Adds a batch, and drops the oldest ones if there is no room for them. Returns one of those that were dropped.
    pub(super) fn push(&mut self, batch: Batch) -> Option<Batch> {
        let mut dropped = None;
        self.bytes += self.batches.back().map_or(0, Batch::bytes);
        self.batches.push_back(batch);
        while self.bytes > self.capacity
            && let Some(oldest) = self.batches.pop_front()
        {
            self.bytes -= oldest.bytes();
            // Most deltas are near their bases: an id that is not searched for any more would only take memory.
            if self.by_id.len() > self.most_ids() {
                let first = oldest.last_index();
                self.by_id.retain(|_, index| Some(*index) > first);
            }
            dropped = Some(oldest);
        }
        dropped
    }

    /// Returns the latest batch.
    pub(super) fn latest(&self) -> Option<&Batch> {
        self.batches.back()
    }

    /// Keeps the object that a delta of the latest batch makes, by its number in the batch.
    pub(super) fn resolve(&mut self, number: usize, kind: ObjectKind, content: &[u8]) {
        if let Some(batch) = self.batches.back_mut() {
            batch.resolve(number, kind, content);
        }
    }

    /// Records the id of an object.
    pub(super) fn record_id(&mut self, id: [u8; 20], index: usize) {
        self.by_id.insert(id, index);
    }

    /// Returns the index of a delta's base, if it can still be read.
    pub(super) fn find(&self, base: DeltaBase) -> Option<usize> {
        match base {
            DeltaBase::Position(position) => Some(index_of(position)),
            DeltaBase::Id(id) => self.by_id.get(&id).copied(),
        }
    }

    /// Returns the kind and the content of an object, if it is still here and resolved.
    pub(super) fn get(&self, index: usize) -> Option<(ObjectKind, &[u8])> {
        let at = self.batches.partition_point(|batch| batch.last_index() < Some(index));
        self.batches.get(at)?.object(index)
    }

    /// The number of ids above which those of objects that are gone are removed.
    fn most_ids(&self) -> usize {
        2 * self.batches.iter().map(Batch::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::InflatedForm;
    use super::*;

    const CAPACITY: usize = 1 << 20;

    fn content(index: usize) -> Vec<u8> {
        vec![u8::try_from(index % 251).expect("it is small"); index * 7919 % 60_000]
    }

    fn id(index: usize) -> [u8; 20] {
        let mut id = [0; 20];
        id[..8].copy_from_slice(&index.to_be_bytes());
        id
    }

    #[test]
    fn objects_without_content_take_room_too() {
        let mut open = Batch::default();
        let form = InflatedForm::Whole(ObjectKind::Blob);
        let count = (0..1_000_000).take_while(|index| {
            let has_room = open.has_room(form, b"");
            open.push(*index, 0, form, b"");
            has_room
        });
        assert!((1000..10_000).contains(&count.count()));
        assert!(open.bytes() >= 250 << 10);
    }

    #[test]
    fn an_object_is_whole_or_gone_and_the_latest_are_here() {
        let mut recent = RecentObjects::new(CAPACITY);
        let mut open = Batch::default();
        let mut next = 0;
        for index in 0..400 {
            let (form, content_of) = (InflatedForm::Whole(ObjectKind::Blob), content(index));
            if open.has_room(form, &content_of) {
                open.push(index, 0, form, &content_of);
                continue;
            }
            let dropped = recent.push(open);
            open = dropped.and_then(Batch::emptied).unwrap_or_default();
            open.push(index, 0, form, &content_of);
            (next..index).for_each(|index| recent.record_id(id(index), index));
            next = index;
            let kept: Vec<usize> = (0..index).filter(|index| recent.get(*index).is_some()).collect();
            assert!(kept.is_sorted() && kept.last() == Some(&(index - 1)) && kept.len() == index - kept[0]);
            let bytes: usize = kept.iter().map(|index| content(*index).len()).sum();
            assert!(bytes <= CAPACITY + (512 << 10) && (index < 60 || bytes >= CAPACITY / 2), "{index}: {bytes}");
            assert!(recent.by_id.len() <= 2 * recent.most_ids() + 100, "{} ids", recent.by_id.len());
            for index in kept {
                assert_eq!(recent.get(index), Some((ObjectKind::Blob, &content(index)[..])));
                assert_eq!(recent.find(DeltaBase::Id(id(index))), Some(index));
            }
        }
        assert!(next > 300);
    }
}
