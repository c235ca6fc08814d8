//! Reads the objects of a pack as commits, trees and blobs.

use std::sync::Arc;

use bstr::BString;
use bytes::Bytes;

use super::blob_stream::BlobStream;
use super::error::PackError;
use super::kind::ObjectKind;
use super::store::{ObjectStore, ReadState};
use super::walk;
use git_archive::object::{Commit, Entry, ObjectId};

/// A reader of a pack for one thread, with its own share of memory.
pub struct Reader {
    store: Arc<ObjectStore>,
    state: ReadState,
}

impl Reader {
    pub(super) fn new(store: Arc<ObjectStore>, cache_bytes: usize) -> Self {
        Self { store, state: ReadState::new(cache_bytes) }
    }

    /// Reads a commit.
    pub fn commit(&mut self, id: ObjectId) -> Result<Commit, PackError> {
        let content = self.object(id, ObjectKind::Commit)?;
        Commit::parse(id, &content).map_err(|source| PackError::Commit { id, source })
    }

    /// Reads a whole blob. For a blob that may be large, check its size first and use a [`BlobStream`].
    pub fn blob(&mut self, id: ObjectId) -> Result<Bytes, PackError> {
        self.object(id, ObjectKind::Blob)
    }

    /// Opens a blob, to be read in pieces. It can be opened any number of times.
    pub fn stream(&mut self, id: ObjectId) -> Result<BlobStream, PackError> {
        let index = self.store.table.find_kind(id, ObjectKind::Blob)?;
        if self.store.table.objects[index].base.is_some() {
            return self.store.content(index, &mut self.state).map(BlobStream::of_content);
        }
        BlobStream::of_object(Arc::clone(&self.store), index)
    }

    /// Returns the entries of one tree, in git's order. Their paths are only names.
    pub fn tree(&mut self, id: ObjectId) -> Result<Vec<Entry>, PackError> {
        walk::entries(&self.store, &mut self.state, id, &BString::default())
    }

    /// Returns everything in a tree and its subtrees, in the order of `git archive`: each folder before its content,
    /// otherwise git's order. Every blob and tree is in the pack and has the kind that its mode says.
    pub fn walk(&mut self, root: ObjectId) -> Result<Vec<Entry>, PackError> {
        walk::walk(&self.store, &mut self.state, root)
    }

    fn object(&mut self, id: ObjectId, kind: ObjectKind) -> Result<Bytes, PackError> {
        let index = self.store.table.find_kind(id, kind)?;
        self.store.content(index, &mut self.state)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let objects = self.store.table.objects.len();
        f.debug_struct("Reader").field("objects", &objects).finish_non_exhaustive()
    }
}
