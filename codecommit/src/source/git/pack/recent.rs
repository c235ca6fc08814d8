//! The contents of the latest objects, which are the bases of deltas that come next.
//!
//! They are in one ring of bytes: a large pack has tens of thousands of objects, and an allocation for each costs
//! more than it saves.

use std::collections::VecDeque;

/// Contents in the order in which they came. New ones replace the oldest.
pub(super) struct RecentContents {
    ring: Vec<u8>,
    capacity: usize,
    next: usize,
    entries: VecDeque<RecentEntry>,
}

struct RecentEntry {
    index: usize,
    start: usize,
    end: usize,
}

impl RecentContents {
    pub(super) fn new(capacity: usize) -> Self {
        Self { ring: Vec::new(), capacity, next: 0, entries: VecDeque::new() }
    }

    /// Returns the content of an object, if it is still in the buffer.
    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let at = self.entries.binary_search_by_key(&index, |entry| entry.index).ok()?;
        let entry = &self.entries[at];
        self.ring.get(entry.start..entry.end)
    }

    /// Keeps a content. Objects come in ascending order of their indexes.
    pub(super) fn push(&mut self, index: usize, content: &[u8]) {
        if content.len() > self.capacity / 2 {
            return;
        }
        if self.next + content.len() > self.capacity {
            // The oldest contents start after `next`. Those before it are newer.
            self.remove(|entry, next| entry.start >= next);
            self.next = 0;
        }
        let end = self.next + content.len();
        self.remove(|entry, next| entry.start >= next && entry.start < end);
        if self.ring.len() < end {
            self.ring.resize(end, 0);
        }
        self.ring[self.next..end].copy_from_slice(content);
        self.entries.push_back(RecentEntry { index, start: self.next, end });
        self.next = end;
    }

    /// Removes the oldest contents while they are in the way.
    fn remove(&mut self, is_in_way: impl Fn(&RecentEntry, usize) -> bool) {
        while self.entries.front().is_some_and(|entry| is_in_way(entry, self.next)) {
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_whole_or_gone_and_the_latest_are_here() {
        let mut recent = RecentContents::new(100);
        let content = |index: usize| vec![u8::try_from(index).expect("they are few"); index * 7 % 31];
        for index in 0..200 {
            recent.push(index, &content(index));
            assert_eq!(recent.get(index), Some(&content(index)[..]), "the latest");
            let kept = (0..=index).filter(|index| recent.get(*index).is_some());
            let bytes: usize = kept.clone().map(|index| content(index).len()).sum();
            assert!(bytes <= 100 && (index < 10 || bytes >= 30), "{index}: {bytes}");
            for index in kept {
                assert_eq!(recent.get(index), Some(&content(index)[..]));
            }
        }
        recent.push(200, &[1; 51]);
        assert_eq!(recent.get(200), None, "more than half of the room");
    }
}
