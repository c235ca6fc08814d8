//! A thin pack: deltas in it may be on objects that it lacks, since the server knows that we have them.
//!
//! Those objects are added behind the pack's own, as `git index-pack --fix-thin` does. Then it is a pack like any
//! other, except that it lacks the blobs that did not change.

use std::collections::HashSet;

use bytes::Bytes;
use zlib_rs::{DeflateFlush, Status};

use super::deflate_threads::DeflateQueue;
use super::digest::Digest;
use super::error::PackError;
use super::header;
use super::kind::ObjectKind;
use super::limits::Limits;
use super::store::ObjectStore;
use super::table::{OBJECT_BYTES, PackedObject};
use super::{resolve, scan};
use git_archive::object::ObjectId;

/// A thin pack that was received and may lack bases of its deltas.
pub struct ThinPack {
    store: ObjectStore,
    known: HashSet<[u8; 20]>,
    limits: Limits,
}

impl ThinPack {
    /// Receives a thin pack, as [`Pack::receive`](super::Pack::receive) does a whole one. The bases of most deltas come
    /// only later, so nothing is deflated while it arrives.
    pub fn receive(chunks: impl IntoIterator<Item = Bytes>, limits: &Limits) -> Result<Self, PackError> {
        let mut store = scan::scan(chunks.into_iter(), limits, &mut DeflateQueue::none())?;
        store.lacks_blobs = true;
        Self { store, known: HashSet::new(), limits: limits.clone() }.resolved()
    }

    /// Resolves the deltas whose bases are known by now.
    pub fn resolved(mut self) -> Result<Self, PackError> {
        resolve::resolve_known(&mut self.store, &mut DeflateQueue::none())?;
        let resolved = self.store.table.objects.iter().filter(|object| object.kind.is_some());
        self.known.extend(resolved.map(|object| object.id));
        Ok(self)
    }

    /// Returns the ids of the objects that deltas are on and whose content is not known, in ascending order. Until they
    /// are resolved, that includes deltas of this pack.
    pub fn missing(&self) -> Vec<ObjectId> {
        let unresolved =
            self.store.table.objects.iter().filter(|object| object.kind.is_none() && object.base.is_none());
        let mut missing: Vec<_> = unresolved.map(|object| ObjectId::Sha1(object.id)).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|id| !self.known.contains(id.as_slice()));
        missing
    }

    /// Adds an object that the server knows us to have. Its id is computed from the content.
    pub fn add(&mut self, kind: ObjectKind, content: &[u8]) -> Result<(), PackError> {
        self.store.work.check()?;
        let table_len = self.store.table.objects.len() as u64;
        let mut object = PackedObject::new(self.store.table.end, content.len() as u64);
        object.kind = Some(kind);
        object.record(Digest::of(kind, content))?;
        if !self.known.insert(object.id) {
            return Ok(());
        }
        let mut stored = header::of_whole(kind, object.size);
        store_zlib(content, &mut stored);
        self.store.check_memory("the index of the pack", (table_len + 1) * OBJECT_BYTES)?;
        self.store.storage.append(object.offset, &stored, &self.limits)?;
        self.store.table.end = object.offset + stored.len() as u64;
        self.store.table.objects.push(object);
        Ok(())
    }

    /// Resolves the deltas that are left.
    pub(super) fn completed(mut self) -> Result<ObjectStore, PackError> {
        resolve::resolve(&mut self.store, &mut DeflateQueue::none())?;
        Ok(self.store)
    }
}

impl std::fmt::Debug for ThinPack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThinPack").field("objects", &self.store.table.objects.len()).finish_non_exhaustive()
    }
}

/// Appends a zlib stream of the content that is not compressed: it is read once or twice, and then gone.
fn store_zlib(content: &[u8], out: &mut Vec<u8>) {
    let mut deflate = zlib_rs::Deflate::new(0, true, 15);
    let mut buffer = vec![0; 64 << 10];
    let mut left = content;
    loop {
        let (read, made) = (deflate.total_in(), deflate.total_out());
        let status = deflate.compress(left, &mut buffer, DeflateFlush::Finish);
        let [read, made] = [deflate.total_in() - read, deflate.total_out() - made];
        let [read, made] = [read, made].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        out.extend_from_slice(&buffer[..made.min(buffer.len())]);
        left = &left[read.min(left.len())..];
        if !matches!(status, Ok(Status::Ok | Status::BufError)) {
            return;
        }
    }
}
