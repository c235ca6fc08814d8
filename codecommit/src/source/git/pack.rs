//! A pack: the objects of one commit, in the form that Git sends.
//!
//! The pack is indexed while it arrives, in bounded memory. Each object is inflated once and hashed with SHA-1 and
//! CRC-32. A delta is resolved as soon as its base is known. A [`Pack`] computes every id from the content and trusts
//! no id from the server.
//!
//! A blob that the pack stores whole is already a deflate stream of its content. [`Pack::facts`] says whether an
//! archive can copy that stream unchanged. With [`Limits::early_deflate`], blobs that are deltas are deflated while the
//! pack arrives, so that their streams are at hand, too.
//!
//! *Shortcoming*: a base, a delta and their result must fit in memory together. Git makes no deltas of files over
//! `core.bigFileThreshold` (512 MiB).

mod batch;
mod blob_stream;
mod cache;
mod deflate_threads;
mod deflated;
mod delta;
mod digest;
mod error;
mod facts;
mod header;
mod intake;
mod kind;
mod limits;
mod reader;
mod recent;
mod resolve;
mod resolve_thread;
mod scan;
mod spool;
mod store;
mod table;
mod thin;
mod walk;
mod work;
mod zlib_reader;

use std::ops::Range;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;

use deflated::DeflatedBlobs;
use digest::HASH_BYTES;
use git_archive::object::ObjectId;
use store::ObjectStore;

pub use blob_stream::BlobStream;
pub use error::PackError;
pub use facts::{BlobFacts, Reuse};
pub use kind::ObjectKind;
pub use limits::{EarlyDeflate, Limits};
pub use reader::Reader;
pub use thin::ThinPack;

/// An indexed pack. Threads share it, each with a [`Reader`] of its own.
pub struct Pack(Arc<ObjectStore>);

impl Pack {
    /// Receives a pack in chunks of any size, and blocks while it waits for the next chunk. The end of the chunks is
    /// the end of the pack.
    pub fn receive(chunks: impl IntoIterator<Item = Bytes>, limits: &Limits) -> Result<Self, PackError> {
        let received = thread::scope(|scope| {
            let (mut deflating, made) = deflate_threads::start(scope, limits);
            let mut store = scan::scan(chunks.into_iter(), limits, &mut deflating)?;
            resolve::resolve(&mut store, &mut deflating)?;
            deflating.finish();
            let level = limits.early_deflate.map_or(0, |deflate| deflate.level);
            store.deflated = DeflatedBlobs::new(level, made.into_iter().collect());
            store.work.check()?;
            Ok(store)
        });
        received.map(Self::of)
    }

    /// Makes a complete pack of a thin one. A listing also has the blobs that are not in it.
    ///
    /// # Errors
    /// [`PackError::MissingBase`] if the base of a delta was not added.
    pub fn complete(thin: ThinPack) -> Result<Self, PackError> {
        thin.completed().map(Self::of)
    }

    fn of(mut store: ObjectStore) -> Self {
        store.table.sort();
        Self(Arc::new(store))
    }

    /// Returns a reader for one thread. It caches up to `cache_bytes` of delta bases.
    pub fn reader(&self, cache_bytes: usize) -> Reader {
        Reader::new(Arc::clone(&self.0), cache_bytes)
    }

    /// Returns the number of objects.
    pub fn len(&self) -> usize {
        self.0.table.objects.len()
    }

    /// Returns true if the pack has no objects.
    pub fn is_empty(&self) -> bool {
        self.0.table.objects.is_empty()
    }

    /// Returns all ids, in ascending order.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.0.table.ids()
    }

    /// Returns the size of the pack itself in bytes.
    pub fn bytes(&self) -> u64 {
        self.0.table.end + HASH_BYTES as u64
    }

    /// Returns the number of bytes of memory for the blobs that were deflated while the pack arrived.
    pub fn early_bytes(&self) -> u64 {
        self.0.deflated.memory()
    }

    /// Returns the kind of an object, if it is in the pack.
    pub fn kind(&self, id: ObjectId) -> Option<ObjectKind> {
        self.0.table.find(id).and_then(|index| self.0.table.objects[index].kind)
    }

    /// Returns the size of an object's content, if it is in the pack.
    pub fn size(&self, id: ObjectId) -> Option<u64> {
        self.0.table.find(id).map(|index| self.0.table.objects[index].size)
    }

    /// Returns the facts of a blob that an archive needs, if it is in the pack.
    pub fn facts(&self, id: ObjectId) -> Option<BlobFacts> {
        let index = self.0.table.find(id)?;
        facts::of(&self.0, index)
    }

    /// Returns bytes of the pack. If the pack is in memory they are shared with it, otherwise they are read from its
    /// file. Read a large range in pieces.
    pub fn raw(&self, range: Range<u64>) -> Result<Bytes, PackError> {
        self.0.work.check()?;
        self.0.storage.bytes(range)
    }
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut pack = f.debug_struct("Pack");
        pack.field("objects", &self.len()).field("bytes", &self.bytes());
        pack.finish_non_exhaustive()
    }
}
