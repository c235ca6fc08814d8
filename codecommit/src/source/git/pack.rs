//! A pack that was received whole, and the objects in it.
//!
//! It is indexed while it arrives, in bounded memory: each object that is not a delta is inflated in pieces into SHA-1, deltas
//! are resolved afterwards, their bases at hand up to 16 MiB. So every id that a [`Pack`] knows was computed from the content,
//! none was taken on trust, and what is read later is the content that was hashed.
//!
//! *Shortcoming*: a base, a delta and what they make have to fit in memory together. git makes no deltas of files over
//! `core.bigFileThreshold` (512 MiB).

mod cache;
mod delta;
mod error;
mod header;
mod index;
mod intake;
mod reader;
mod resolve;
mod spool;
mod stream;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use gix_object::Kind as ObjectKind;

use git_archive::object::ObjectId;
use index::{Object, ObjectIndex, Scanned};
use spool::Storage;

pub use error::PackError;
pub use reader::Reader;
pub use stream::Stream;

const HASH_BYTES: usize = 20;

/// How much room a pack may take, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A pack of up to this many bytes is held in memory; 32 MiB is a good choice.
    pub in_memory: u64,
    /// A larger one goes to a file, which may take this many bytes of [`folder`](Self::folder).
    pub on_disk: u64,
    /// Where that file is made: the function's ephemeral storage, `/tmp`.
    pub folder: PathBuf,
    /// The most bytes of memory for any one of these: the index, a listing, an object that is read as a whole, a delta with
    /// its base and its result.
    pub working: u64,
}

/// A pack, indexed. Threads share it, each with a [`Reader`] of its own.
pub struct Pack {
    storage: Storage,
    /// In the order of the pack.
    objects: Vec<Object>,
    /// The first bytes of each id and its index into `objects`, in the order of the ids.
    by_id: Vec<(u32, u32)>,
    /// Where the last object ends.
    end: u64,
    working: u64,
}

impl Pack {
    /// Takes a pack in as its bytes arrive, in chunks of any size; blocks while it waits for the next.
    /// The end of the chunks is the end of the pack.
    pub fn receive(chunks: impl IntoIterator<Item = Bytes>, limits: &Limits) -> Result<Self, PackError> {
        let Scanned { storage, objects, end } = index::scan(chunks.into_iter(), limits)?;
        let mut pack = Self { storage, objects, by_id: Vec::new(), end, working: limits.working };
        resolve::resolve(&mut pack)?;
        pack.by_id = by_id(&pack.objects);
        Ok(pack)
    }

    /// A reader for one thread. Bases of deltas are kept up to `cache_bytes`.
    pub fn reader(self: &Arc<Self>, cache_bytes: usize) -> Reader {
        Reader::new(Arc::clone(self), cache_bytes)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// All ids, in ascending order.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.by_id.iter().map(|(_, index)| ObjectId::Sha1(self.objects[*index as usize].id))
    }

    /// How many bytes the pack itself has.
    pub fn bytes(&self) -> u64 {
        self.end + HASH_BYTES as u64
    }

    /// What an object is, if it is in the pack.
    pub fn kind(&self, id: ObjectId) -> Option<ObjectKind> {
        self.find(id).and_then(|index| self.objects[index].kind)
    }

    /// The size of an object, if it is in the pack.
    pub fn size(&self, id: ObjectId) -> Option<u64> {
        self.find(id).map(|index| self.objects[index].size)
    }

    fn find(&self, id: ObjectId) -> Option<usize> {
        let prefix = prefix(id.as_slice());
        let start = self.by_id.partition_point(|(other, _)| *other < prefix);
        let candidates = self.by_id[start..].iter().take_while(|(other, _)| *other == prefix);
        let mut indexes = candidates.map(|(_, index)| *index as usize);
        indexes.find(|index| self.objects[*index].id[..] == *id.as_slice())
    }

    /// The place of an object that is of the kind it is taken for.
    fn find_kind(&self, id: ObjectId, wanted: ObjectKind) -> Result<usize, PackError> {
        let index = self.find(id).ok_or(PackError::MissingObject(id))?;
        match self.objects[index].kind {
            Some(found) if found != wanted => Err(PackError::WrongKind { id, found, wanted }),
            _ => Ok(index),
        }
    }

    /// Header and deflated bytes of an object.
    fn range(&self, index: usize) -> Range<u64> {
        let end = self.objects.get(index + 1).map_or(self.end, |next| next.offset);
        self.objects[index].offset..end
    }
}

/// The table that finds objects. With the first bytes in it a search stays within it, which is what the processor's caches like.
fn by_id(objects: &[Object]) -> Vec<(u32, u32)> {
    let mut table: Vec<(u32, u32)> = objects.iter().map(|object| prefix(&object.id)).zip(0..).collect();
    table.sort_unstable_by_key(|(prefix, index)| (*prefix, objects[*index as usize].id));
    table
}

fn prefix(id: &[u8]) -> u32 {
    id.iter().take(4).fold(0, |prefix, byte| prefix << 8 | u32::from(*byte))
}

/// The index of a place.
fn index_of(place: ObjectIndex) -> usize {
    place.get() as usize - 1
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut pack = f.debug_struct("Pack");
        pack.field("objects", &self.objects.len()).field("bytes", &self.bytes());
        pack.finish_non_exhaustive()
    }
}
