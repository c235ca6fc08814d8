//! The second pass: every delta gets its base, its kind and its id.

use sha1::Digest;

use super::cache::Cache;
use super::index::{self, Object, ObjectIndex, place};
use super::{Pack, PackError};
use git_archive::object::ObjectId;

/// Bases are kept up to this many bytes while the deltas on them are resolved.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Computes the id of every delta, each base before what is made from it. Whatever is not reached from a whole object has
/// no base in the pack, or is its own base by a circle.
pub(super) fn resolve(pack: &mut Pack) -> Result<(), PackError> {
    let deltas = Deltas::of(&pack.objects);
    if deltas.is_empty() {
        return Ok(());
    }
    let mut cache = Cache::new(CACHE_BYTES);
    let whole = |object: &Object| object.kind.is_some();
    let mut bases: Vec<usize> = (0..pack.objects.len()).filter(|index| whole(&pack.objects[*index])).collect();
    bases.reverse();
    while let Some(base) = bases.pop() {
        for delta in deltas.on(base, pack.objects[base].id) {
            if !whole(&pack.objects[delta]) {
                finish(pack, base, delta, &mut cache)?;
                bases.push(delta);
            }
        }
    }
    match pack.objects.iter().find(|object| !whole(object)) {
        None => Ok(()),
        Some(object) => Err(missing_base(&pack.objects, object)),
    }
}

/// Fills in what only a delta's content tells.
fn finish(pack: &mut Pack, base: usize, delta: usize, cache: &mut Cache) -> Result<(), PackError> {
    pack.objects[base].is_base = true;
    let kind = pack.objects[base].kind;
    let object = &mut pack.objects[delta];
    object.base = place(base);
    object.kind = kind;
    let Some(kind) = kind else { return Ok(()) };
    let content = pack.content(delta, cache)?;
    let mut hash = index::hasher(kind, content.len() as u64);
    hash.update(&content);
    pack.objects[delta].id = hash.finalize().into();
    Ok(())
}

fn missing_base(objects: &[Object], delta: &Object) -> PackError {
    let mut object = delta;
    while let Some(base) = object.base {
        object = &objects[base.get() as usize - 1];
    }
    PackError::MissingBase { offset: object.offset, base: ObjectId::Sha1(object.id) }
}

/// All deltas of a pack, by what they name as their base.
struct Deltas {
    by_place: Vec<(ObjectIndex, u32)>,
    by_id: Vec<([u8; 20], u32)>,
}

impl Deltas {
    fn of(objects: &[Object]) -> Self {
        let mut deltas = Self { by_place: Vec::new(), by_id: Vec::new() };
        for (index, object) in (0..).zip(objects).filter(|(_, object)| object.kind.is_none()) {
            match object.base {
                Some(base) => deltas.by_place.push((base, index)),
                None => deltas.by_id.push((object.id, index)),
            }
        }
        deltas.by_place.sort_unstable();
        deltas.by_id.sort_unstable();
        deltas
    }

    fn is_empty(&self) -> bool {
        self.by_place.is_empty() && self.by_id.is_empty()
    }

    /// The deltas on one object.
    fn on(&self, index: usize, id: [u8; 20]) -> impl Iterator<Item = usize> {
        let by_place = place(index).map_or(&[][..], |place| equal(&self.by_place, &place));
        let by_id = equal(&self.by_id, &id);
        let places = by_place.iter().map(|(_, delta)| *delta);
        let ids = by_id.iter().map(|(_, delta)| *delta);
        places.chain(ids).map(|delta| delta as usize)
    }
}

fn equal<'a, K: Ord>(sorted: &'a [(K, u32)], key: &K) -> &'a [(K, u32)] {
    let start = sorted.partition_point(|(other, _)| other < key);
    let length = sorted[start..].partition_point(|(other, _)| other == key);
    &sorted[start..start + length]
}
