//! The facts of a blob that an archive needs, so that it need not inflate the blob again.

use std::ops::Range;

use super::kind::ObjectKind;
use super::table::{Mark, ObjectTable};

/// Facts of a blob, found while its content was proved against its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobFacts {
    /// The size of the content in bytes.
    pub size: u64,
    /// The CRC-32 of the content.
    pub crc: u32,
    /// There is a NUL in the first 8,000 bytes, so git takes the content for binary.
    pub has_nul: bool,
    /// The content is a Git LFS pointer.
    pub is_lfs_pointer: bool,
    /// The way in which an archive can use the bytes of the pack.
    pub reuse: Reuse,
}

/// The way in which an archive can use the bytes that a pack holds of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reuse {
    /// This range of the pack is the raw deflate of exactly the content, and smaller than it.
    Deflated(Range<u64>),
    /// The sender deflated the content at git's usual level, which did not make it smaller: it is best stored.
    Incompressible,
    /// The content has to be deflated: it is a delta in the pack, or its stream is not to be copied.
    None,
}

/// Returns the facts of an object that is a blob.
pub(super) fn of(table: &ObjectTable, index: usize) -> Option<BlobFacts> {
    let object = table.objects.get(index).filter(|object| object.kind == Some(ObjectKind::Blob))?;
    let reuse = if object.has(Mark::IsReusable) {
        Reuse::Deflated(table.raw_range(index))
    } else if object.has(Mark::IsIncompressible) {
        Reuse::Incompressible
    } else {
        Reuse::None
    };
    Some(BlobFacts {
        size: object.size,
        crc: object.crc,
        has_nul: object.has(Mark::HasNul),
        is_lfs_pointer: object.has(Mark::IsPointer),
        reuse,
    })
}
