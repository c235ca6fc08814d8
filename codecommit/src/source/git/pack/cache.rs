//! Contents that will be needed again, up to a number of bytes, and the buffers that reading goes through.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use libdeflater::Decompressor;

/// One thread's share of reading a pack. It belongs to one pack: contents are found by their place in it.
pub(super) struct Cache {
    limit: usize,
    held: usize,
    contents: HashMap<usize, Content>,
    order: VecDeque<usize>,
    pub(super) buffers: Buffers,
}

struct Content {
    bytes: Bytes,
    used: bool,
}

/// What inflating needs: an inflater and room for deflated bytes that lie on disk.
pub(super) struct Buffers {
    pub(super) inflater: Decompressor,
    pub(super) deflated: Vec<u8>,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            held: 0,
            contents: HashMap::new(),
            order: VecDeque::new(),
            buffers: Buffers { inflater: Decompressor::new(), deflated: Vec::new() },
        }
    }

    pub(super) fn get(&mut self, index: usize) -> Option<Bytes> {
        let content = self.contents.get_mut(&index)?;
        content.used = true;
        Some(content.bytes.clone())
    }

    /// Keeps a content, unless it would take more than half of the room.
    pub(super) fn put(&mut self, index: usize, bytes: &Bytes) {
        if bytes.len() > self.limit / 2 || self.contents.contains_key(&index) {
            return;
        }
        self.held += bytes.len();
        self.contents.insert(index, Content { bytes: bytes.clone(), used: false });
        self.order.push_back(index);
        while self.held > self.limit {
            self.evict();
        }
    }

    /// Second chance: what was used since it came to the front goes to the back once more.
    fn evict(&mut self) {
        let Some(index) = self.order.pop_front() else {
            return;
        };
        if let Some(content) = self.contents.get_mut(&index)
            && std::mem::take(&mut content.used)
        {
            self.order.push_back(index);
        } else if let Some(content) = self.contents.remove(&index) {
            self.held -= content.bytes.len();
        }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("limit", &self.limit).field("held", &self.held).finish_non_exhaustive()
    }
}
