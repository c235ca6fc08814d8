//! A file's content, here already or still in the pack.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::SourceError;
use super::git::{Pack, Reader};
use crate::memory::{Permit, Turn};
use git_archive::object::{Commit, Entry, ObjectId};

/// Bases of deltas that each reader keeps. There are as many readers as threads that read at once.
const CACHE: usize = 8 << 20;
/// Contents of more than this many bytes are never held as a whole; they take the room of one piece.
const LARGE: u64 = 16 << 20;

/// A file's content.
#[derive(Debug)]
pub enum BlobContent {
    /// It came over the API.
    InMemory(Bytes),
    /// It is in the pack, and inflated where it is used.
    InPack(PackedBlob),
}

/// A content in the pack.
#[derive(Debug, Clone)]
pub struct PackedBlob {
    packs: Arc<Packs>,
    id: ObjectId,
    /// Its size in bytes.
    pub size: u64,
}

impl BlobContent {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::InMemory(content) => content.len() as u64,
            Self::InPack(packed) => packed.size,
        }
    }

    /// The whole of it. Blocks while it inflates.
    pub fn read(self) -> Result<Bytes, SourceError> {
        match self {
            Self::InMemory(content) => Ok(content),
            Self::InPack(packed) => packed.packs.reading(|reader| Ok(reader.blob(packed.id)?)),
        }
    }

    /// The content, if it is too large to be held as a whole.
    pub fn large(&self) -> Option<&PackedBlob> {
        match self {
            Self::InPack(packed) if packed.size > LARGE => Some(packed),
            _ => None,
        }
    }
}

impl PackedBlob {
    /// The content in pieces, from its beginning each time.
    pub fn stream(&self) -> Result<impl Read + Send + use<>, SourceError> {
        self.packs.reading(|reader| Ok(reader.stream(self.id)?))
    }
}

/// A pack, and the readers of it that are free.
pub(super) struct Packs {
    pack: Arc<Pack>,
    free: Mutex<Vec<Reader>>,
}

impl std::fmt::Debug for Packs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packs({} objects)", self.pack.len())
    }
}

impl Packs {
    pub(super) fn new(pack: Pack) -> Self {
        Self { pack: Arc::new(pack), free: Mutex::default() }
    }

    pub(super) fn commit(&self, id: ObjectId) -> Result<Commit, SourceError> {
        self.reading(|reader| Ok(reader.commit(id)?))
    }

    pub(super) fn walk(&self, tree: ObjectId) -> Result<Vec<Entry>, SourceError> {
        self.reading(|reader| Ok(reader.walk(tree)?))
    }

    /// Where a content is in the pack, with room for it in the budget.
    pub(super) async fn content(
        self: &Arc<Self>,
        id: ObjectId,
        turn: &Turn,
    ) -> Result<(BlobContent, Option<Permit>), SourceError> {
        let size = self.pack.size(id).ok_or(SourceError::NotInPack(id))?;
        turn.admit(if size > LARGE { 0 } else { size }).await;
        Ok((BlobContent::InPack(PackedBlob { packs: self.clone(), id, size }), turn.take()))
    }

    fn reading<T>(&self, read: impl FnOnce(&mut Reader) -> Result<T, SourceError>) -> Result<T, SourceError> {
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = free().pop();
        let mut reader = taken.unwrap_or_else(|| self.pack.reader(CACHE));
        let read = read(&mut reader);
        free().push(reader);
        read
    }
}
