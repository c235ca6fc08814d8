//! A cache of contents, limited in bytes.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

/// The overhead of a cached content in bytes.
const OVERHEAD: usize = 128;

/// Contents of objects of one pack, found by their index in it.
pub(super) struct ContentCache {
    limit: usize,
    held: usize,
    contents: HashMap<usize, CachedObject>,
    order: VecDeque<usize>,
}

struct CachedObject {
    content: Bytes,
    is_used: bool,
}

impl ContentCache {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, held: 0, contents: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&mut self, index: usize) -> Option<Bytes> {
        let cached = self.contents.get_mut(&index)?;
        cached.is_used = true;
        Some(cached.content.clone())
    }

    /// Keeps a content, unless it would take more than half of the space.
    pub(super) fn put(&mut self, index: usize, content: Bytes) {
        if content.len() > self.limit / 2 || self.contents.contains_key(&index) {
            return;
        }
        self.held += content.len() + OVERHEAD;
        self.contents.insert(index, CachedObject { content, is_used: false });
        self.order.push_back(index);
        while self.held > self.limit {
            self.evict();
        }
    }

    /// Removes the oldest content. A content that was used since its last turn gets another turn instead.
    fn evict(&mut self) {
        let Some(index) = self.order.pop_front() else { return };
        if let Some(cached) = self.contents.get_mut(&index)
            && std::mem::take(&mut cached.is_used)
        {
            self.order.push_back(index);
        } else if let Some(cached) = self.contents.remove(&index) {
            self.held -= cached.content.len() + OVERHEAD;
        }
    }
}
