//! The index of a pack: a row of 48 bytes for each object, and a table that finds rows by id.

use std::mem::size_of;
use std::num::NonZeroU32;
use std::ops::Range;

use git_archive::object::ObjectId;
use git_archive::object::hash::CollisionAttack;

use super::digest::Digest;
use super::error::PackError;
use super::header;
use super::kind::ObjectKind;

/// The longest chain of deltas. Git itself never makes a longer one (`OE_DEPTH_BITS` in its `pack-objects.h`).
const MAX_DEPTH: u16 = 4095;

/// The length of the zlib header before an object's raw deflate, and of the Adler-32 after it.
const ZLIB_HEADER: u64 = 2;
const ZLIB_TRAILER: u64 = 4;

/// The number of rows by which a search for an id first widens its range: two cache lines.
const NEAR: usize = 16;

/// The number of bytes of memory for each object in the table.
pub(super) const OBJECT_BYTES: u64 = (size_of::<PackedObject>() + size_of::<(u32, u32)>()) as u64;

/// An object's place in the pack: its index plus one, so that an `Option` of it takes no extra space.
pub(super) type Position = NonZeroU32;

/// The row of one object.
#[derive(Debug, Clone, Copy)]
pub(super) struct PackedObject {
    /// Its id. For an unresolved delta that names its base by id, the base's id.
    pub(super) id: [u8; 20],
    /// The position of its base, if it is a delta with a known base.
    pub(super) base: Option<Position>,
    /// The CRC-32 of a blob's content.
    pub(super) crc: u32,
    /// The offset of its header in the pack.
    pub(super) offset: u64,
    /// The size of its content. This is also set for a delta.
    pub(super) size: u64,
    /// Its kind. `None` for an unresolved delta.
    pub(super) kind: Option<ObjectKind>,
    marks: u8,
    /// The number of deltas between it and an object that is stored whole.
    depth: u16,
}

/// A flag of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Another object is a delta of this one.
    IsBase = 1,
    /// There is a NUL in its first 8,000 bytes.
    HasNul = 2,
    /// It is a Git LFS pointer.
    IsPointer = 4,
    /// Its raw deflate can be copied into an archive.
    IsReusable = 8,
    /// Deflate at the usual level did not make it smaller.
    IsIncompressible = 16,
}

impl PackedObject {
    pub(super) fn new(offset: u64, size: u64) -> Self {
        Self { id: [0; 20], base: None, crc: 0, offset, size, kind: None, marks: 0, depth: 0 }
    }

    pub(super) fn has(&self, mark: Mark) -> bool {
        self.marks & mark as u8 != 0
    }

    pub(super) fn set(&mut self, mark: Mark, value: bool) {
        if value {
            self.marks |= mark as u8;
        }
    }

    /// Records the digest of its content, or fails if the content is part of a collision attack.
    pub(super) fn record(&mut self, digest: Result<Digest, CollisionAttack>) -> Result<(), PackError> {
        let digest = digest.map_err(|source| PackError::Collision { offset: self.offset, source })?;
        self.set_digest(digest);
        Ok(())
    }

    /// Records the digest of its content.
    pub(super) fn set_digest(&mut self, digest: Digest) {
        self.id = digest.id;
        self.crc = digest.crc;
        self.set(Mark::HasNul, digest.has_nul);
        self.set(Mark::IsPointer, digest.is_pointer);
    }
}

/// Records that an object is a delta on another one, of which it has the kind.
pub(super) fn set_base(objects: &mut [PackedObject], delta: usize, base: usize) -> Result<(), PackError> {
    objects[base].set(Mark::IsBase, true);
    let PackedObject { kind, depth, .. } = objects[base];
    let object = &mut objects[delta];
    let place = position(base).ok_or(PackError::Corrupt { offset: object.offset, what: "it has too many objects" })?;
    if depth >= MAX_DEPTH {
        return Err(PackError::DeltaDepth { offset: object.offset, limit: MAX_DEPTH });
    }
    object.depth = depth + 1;
    object.base = Some(place);
    object.kind = kind;
    Ok(())
}

/// All objects of a pack.
pub(super) struct ObjectTable {
    /// The objects, in the order of the pack.
    pub(super) objects: Vec<PackedObject>,
    /// The offset after the last object, where the checksum begins.
    pub(super) end: u64,
    /// The first bytes of each id and its index into `objects`, sorted by id.
    by_id: Vec<(u32, u32)>,
}

impl ObjectTable {
    /// Makes a table that cannot find ids yet.
    pub(super) fn new(objects: Vec<PackedObject>, end: u64) -> Self {
        Self { objects, end, by_id: Vec::new() }
    }

    /// Makes ids searchable, after all of them are known. The prefix beside the index keeps most of a search within
    /// this table.
    pub(super) fn sort(&mut self) {
        let prefixes = self.objects.iter().map(|object| prefix(&object.id));
        let mut table: Vec<(u32, u32)> = prefixes.zip(0..).collect();
        table.sort_unstable_by_key(|(prefix, index)| (*prefix, self.objects[*index as usize].id));
        self.by_id = table;
    }

    /// Returns all ids, in ascending order.
    pub(super) fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.by_id.iter().map(|(_, index)| ObjectId::Sha1(self.objects[*index as usize].id))
    }

    /// Returns the index of an object.
    pub(super) fn find(&self, id: ObjectId) -> Option<usize> {
        let prefix = prefix(id.as_slice());
        let near = self.near(prefix);
        let start = near.start + self.by_id[near].partition_point(|(other, _)| *other < prefix);
        let candidates = self.by_id[start..].iter().take_while(|(other, _)| *other == prefix);
        let mut indexes = candidates.map(|(_, index)| *index as usize);
        indexes.find(|index| self.objects[*index].id[..] == *id.as_slice())
    }

    /// Returns a range of the table that holds the place of a prefix. Ids are spread evenly, so the prefix itself says
    /// about where it is. A hostile pack, whose ids are not, only makes the range larger.
    fn near(&self, prefix: u32) -> Range<usize> {
        let length = self.by_id.len();
        let guess = usize::try_from((u64::from(prefix) * length as u64) >> 32).unwrap_or(length);
        let (mut start, mut end, mut step) = (guess, guess, NEAR);
        while start > 0 && self.by_id[start - 1].0 >= prefix {
            start = start.saturating_sub(step);
            step *= 2;
        }
        step = NEAR;
        while end < length && self.by_id[end].0 < prefix {
            end = length.min(end + step);
            step *= 2;
        }
        start..end
    }

    /// Returns the index of an object that must have a certain kind.
    pub(super) fn find_kind(&self, id: ObjectId, wanted: ObjectKind) -> Result<usize, PackError> {
        let index = self.find(id).ok_or(PackError::MissingObject(id))?;
        match self.objects[index].kind {
            Some(found) if found != wanted => Err(PackError::WrongKind { id, found, wanted }),
            _ => Ok(index),
        }
    }

    /// Returns the range of an object in the pack, with its header.
    pub(super) fn range(&self, index: usize) -> Range<u64> {
        let end = self.objects.get(index + 1).map_or(self.end, |next| next.offset);
        self.objects[index].offset..end
    }

    /// Returns the range of the raw deflate of an object that is marked as reusable.
    pub(super) fn raw_range(&self, index: usize) -> Range<u64> {
        let range = self.range(index);
        let start = range.start + header::whole_bytes(self.objects[index].size);
        start + ZLIB_HEADER..range.end - ZLIB_TRAILER
    }
}

/// Returns the number of bytes of raw deflate in a zlib stream.
pub(super) fn raw_bytes(zlib_bytes: u64) -> u64 {
    zlib_bytes.saturating_sub(ZLIB_HEADER + ZLIB_TRAILER)
}

/// Returns the position of an index.
pub(super) fn position(index: usize) -> Option<Position> {
    u32::try_from(index + 1).ok().and_then(Position::new)
}

/// Returns the index of a position.
pub(super) fn index_of(position: Position) -> usize {
    position.get() as usize - 1
}

fn prefix(id: &[u8]) -> u32 {
    id.iter().take(4).fold(0, |prefix, byte| prefix << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(prefixes: &[u32]) -> ObjectTable {
        let objects = prefixes.iter().map(|prefix| {
            let mut object = PackedObject::new(0, 0);
            object.id[..4].copy_from_slice(&prefix.to_be_bytes());
            object
        });
        let mut table = ObjectTable::new(objects.collect(), 0);
        table.sort();
        table
    }

    #[test]
    fn every_id_is_found_and_no_other_however_they_are_spread() {
        let even: Vec<u32> = (0..5000).map(|number: u32| number.wrapping_mul(2_654_435_761)).collect();
        let low: Vec<u32> = (0..5000).map(|number| number * 2).collect();
        let high: Vec<u32> = low.iter().map(|prefix| u32::MAX - prefix).collect();
        for prefixes in [&even[..], &low, &high, &[0], &[u32::MAX], &[], &[7; 300]] {
            let table = table(prefixes);
            for prefix in prefixes.iter().flat_map(|prefix| [*prefix, prefix.wrapping_add(1)]).chain([0, u32::MAX]) {
                let mut id = [0; 20];
                id[..4].copy_from_slice(&prefix.to_be_bytes());
                let found = table.find(ObjectId::Sha1(id)).map(|index| prefixes[index]);
                assert_eq!(found, prefixes.contains(&prefix).then_some(prefix));
            }
        }
    }

    #[test]
    fn the_index_is_compact() {
        assert_eq!(OBJECT_BYTES, 56);
    }
}
