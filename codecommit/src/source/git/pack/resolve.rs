//! Resolves the deltas that were not resolved while the pack arrived: each gets its base, its kind and its id.

use bytes::Bytes;

use super::deflate_threads::DeflateQueue;
use super::digest::Digest;
use super::error::PackError;
use super::kind::ObjectKind;
use super::store::{ObjectStore, ReadState};
use super::table::{self, PackedObject, Position, index_of, position};
use git_archive::object::ObjectId;

/// The size in bytes of the cache for bases while their deltas are resolved.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Resolves every delta that is left. A delta that is not reached from a resolved object has no base in the pack, or is
/// its own base in a circle.
pub(super) fn resolve(store: &mut ObjectStore, deflating: &mut DeflateQueue) -> Result<(), PackError> {
    resolve_known(store, deflating)?;
    match store.table.objects.iter().find(|object| object.kind.is_none()) {
        None => Ok(()),
        Some(object) => Err(missing_base(&store.table.objects, object)),
    }
}

/// Resolves the deltas whose bases are in the pack, each base before the deltas on it.
pub(super) fn resolve_known(store: &mut ObjectStore, deflating: &mut DeflateQueue) -> Result<(), PackError> {
    let deltas = PendingDeltas::of(&store.table.objects);
    if deltas.is_empty() {
        return Ok(());
    }
    let mut state = ReadState::new(CACHE_BYTES);
    let mut next = 0;
    let mut bases: Vec<usize> = Vec::new();
    while let Some(base) = bases.pop().or_else(|| following(&store.table.objects, &mut next)) {
        store.work.check()?;
        for delta in deltas.with_base(base, store.table.objects[base].id) {
            if store.table.objects[delta].kind.is_none() {
                let content = finish(store, base, delta, &mut state)?;
                let object = &store.table.objects[delta];
                if object.kind == Some(ObjectKind::Blob) {
                    deflating.push(delta, object.offset, &content);
                }
                bases.push(delta);
            }
        }
    }
    Ok(())
}

/// Returns the next resolved object in the order of the pack.
fn following(objects: &[PackedObject], next: &mut usize) -> Option<usize> {
    let skipped = objects.get(*next..)?.iter().position(|object| object.kind.is_some())?;
    let index = *next + skipped;
    *next = index + 1;
    Some(index)
}

/// Fills in the parts of a delta's row that depend on its content, and returns that.
fn finish(store: &mut ObjectStore, base: usize, delta: usize, state: &mut ReadState) -> Result<Bytes, PackError> {
    table::set_base(&mut store.table.objects, delta, base)?;
    let content = store.content(delta, state)?;
    let object = &mut store.table.objects[delta];
    if let Some(kind) = object.kind {
        object.record(Digest::of(kind, &content))?;
    }
    Ok(content)
}

fn missing_base(objects: &[PackedObject], delta: &PackedObject) -> PackError {
    let mut object = delta;
    while let Some(base) = object.base {
        object = &objects[index_of(base)];
    }
    PackError::MissingBase { offset: object.offset, base: ObjectId::Sha1(object.id) }
}

/// The unresolved deltas of a pack, by their bases.
struct PendingDeltas {
    by_position: Vec<(Position, u32)>,
    by_id: Vec<([u8; 20], u32)>,
}

impl PendingDeltas {
    fn of(objects: &[PackedObject]) -> Self {
        let mut deltas = Self { by_position: Vec::new(), by_id: Vec::new() };
        for (index, object) in (0..).zip(objects).filter(|(_, object)| object.kind.is_none()) {
            match object.base {
                Some(base) => deltas.by_position.push((base, index)),
                None => deltas.by_id.push((object.id, index)),
            }
        }
        deltas.by_position.sort_unstable();
        deltas.by_id.sort_unstable();
        deltas
    }

    fn is_empty(&self) -> bool {
        self.by_position.is_empty() && self.by_id.is_empty()
    }

    /// Returns the indexes of the pending deltas whose base is this object, given by its index and its id.
    fn with_base(&self, index: usize, id: [u8; 20]) -> impl Iterator<Item = usize> {
        let by_position = position(index).map_or(&[][..], |place| equal(&self.by_position, &place));
        let by_id = equal(&self.by_id, &id);
        let positions = by_position.iter().map(|(_, delta)| *delta);
        let ids = by_id.iter().map(|(_, delta)| *delta);
        positions.chain(ids).map(|delta| delta as usize)
    }
}

fn equal<'a, K: Ord>(sorted: &'a [(K, u32)], key: &K) -> &'a [(K, u32)] {
    let start = sorted.partition_point(|(other, _)| other < key);
    let length = sorted[start..].partition_point(|(other, _)| other == key);
    &sorted[start..start + length]
}
