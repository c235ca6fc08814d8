//! The content of a file: in memory, or still in the pack.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::error::SourceError;
use super::git::{BlobFacts, Reuse};
use super::shared_pack::SharedPack;
use crate::memory::{Permit, Turn};
use git_archive::object::ObjectId;

/// The size in bytes of the largest content that is held as a whole. A larger one is read in pieces.
const LARGEST_HELD: u64 = 16 << 20;

/// The content of a file.
#[derive(Debug)]
pub enum BlobContent {
    /// The content is in memory.
    InMemory(Bytes),
    /// The content is in the pack and is inflated on use.
    InPack(PackedBlob),
}

/// A content in the pack.
#[derive(Debug, Clone)]
pub struct PackedBlob {
    pack: Arc<SharedPack>,
    id: ObjectId,
    /// Facts that were found while the pack arrived.
    pub facts: BlobFacts,
}

impl BlobContent {
    /// Finds a content in a pack.
    pub(super) fn in_pack(pack: &Arc<SharedPack>, id: ObjectId) -> Result<Self, SourceError> {
        PackedBlob::find(pack, id).map(Self::InPack).ok_or(SourceError::NotInPack(id))
    }

    /// Finds a content in a pack, and waits until the byte budget admits it. A large one is read in pieces and needs
    /// no budget.
    pub(super) async fn admitted(
        pack: &Arc<SharedPack>,
        id: ObjectId,
        turn: &Turn,
    ) -> Result<(Self, Option<Permit>), SourceError> {
        let content = Self::in_pack(pack, id)?;
        turn.admit(if content.large().is_some() { 0 } else { content.size() }).await;
        Ok((content, turn.take()))
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::InMemory(content) => content.len() as u64,
            Self::InPack(packed) => packed.facts.size,
        }
    }

    /// Returns whether the sender of the pack found that deflate does not make the content smaller.
    pub fn is_incompressible(&self) -> bool {
        matches!(self, Self::InPack(packed) if packed.facts.reuse == Reuse::Incompressible)
    }

    /// Returns the whole content. Blocks while it inflates.
    pub fn read(self) -> Result<Bytes, SourceError> {
        match self {
            Self::InMemory(content) => Ok(content),
            Self::InPack(packed) => packed.pack.reading(|reader| Ok(reader.blob(packed.id)?)),
        }
    }

    /// Returns the content if it is too large to be held as a whole.
    pub fn large(&self) -> Option<&PackedBlob> {
        match self {
            Self::InPack(packed) if packed.facts.size > LARGEST_HELD => Some(packed),
            _ => None,
        }
    }
}

impl PackedBlob {
    /// Finds a blob in a pack.
    pub(super) fn find(pack: &Arc<SharedPack>, id: ObjectId) -> Option<Self> {
        let facts = pack.facts(id)?;
        Some(Self { pack: pack.clone(), id, facts })
    }

    /// Returns a range of the pack's bytes, unchanged.
    pub fn raw(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.pack.raw(range)
    }

    /// Opens the content, to be read in pieces from its beginning.
    pub fn stream(&self) -> Result<impl Read + Send + use<>, SourceError> {
        self.pack.reading(|reader| Ok(reader.stream(self.id)?))
    }
}
