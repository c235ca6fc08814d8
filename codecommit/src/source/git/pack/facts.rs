//! The facts of a blob for an archive, which save a second inflate.

use std::ops::Range;

use bytes::Bytes;

use super::kind::ObjectKind;
use super::store::ObjectStore;
use super::table::Mark;

/// The facts of a blob, found while its content was verified against its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobFacts {
    /// The offset of the object in the pack. Deltas and their bases are near each other.
    pub offset: u64,
    /// The size of the content in bytes.
    pub size: u64,
    /// The CRC-32 of the content.
    pub crc: u32,
    /// True if a NUL is in the first 8,000 bytes: git then treats the content as binary.
    pub has_nul: bool,
    /// True if the content is a Git LFS pointer.
    pub is_lfs_pointer: bool,
    /// The possible use of the pack's bytes in an archive.
    pub reuse: Reuse,
}

/// The possible uses of a blob's bytes in a pack for an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reuse {
    /// This range of the pack is the raw deflate of exactly the content, and is smaller than the content.
    Deflated(Range<u64>),
    /// The sender deflated the content at git's usual level, and it did not get smaller. Store it.
    Incompressible,
    /// This is the raw deflate of the content at this level, as
    /// [`Limits::early_deflate`](super::Limits::early_deflate) makes it, and is smaller than the content.
    DeflatedEarly {
        /// The level.
        level: u8,
        /// The data.
        data: Bytes,
    },
    /// The content must be deflated: the pack has a delta that was not deflated early, or a stream that must not be
    /// copied.
    None,
}

/// Returns the facts of an object that is a blob.
pub(super) fn of(store: &ObjectStore, index: usize) -> Option<BlobFacts> {
    let table = &store.table;
    let object = table.objects.get(index).filter(|object| object.kind == Some(ObjectKind::Blob))?;
    let reuse = if object.has(Mark::IsReusable) {
        Reuse::Deflated(table.raw_range(index))
    } else if object.has(Mark::IsIncompressible) {
        Reuse::Incompressible
    } else {
        let level = store.deflated.level;
        store.deflated.get(index).map_or(Reuse::None, |data| Reuse::DeflatedEarly { level, data })
    };
    Some(BlobFacts {
        offset: object.offset,
        size: object.size,
        crc: object.crc,
        has_nul: object.has(Mark::HasNul),
        is_lfs_pointer: object.has(Mark::IsPointer),
        reuse,
    })
}
