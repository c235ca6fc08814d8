//! A file that is copied from the pack: its deflate stream goes into the zip as it is.
//!
//! The stream was inflated when the pack arrived, to exactly the content that has the blob's id. So it is neither
//! inflated nor deflated again. It is read when its turn comes, and needs no bytes of the budget.

use std::ops::Range;

use bytes::Bytes;

use crate::source::git::Reuse;
use crate::source::{PackedBlob, SourceError};
use git_archive::attributes::PathAttributes;
use git_archive::object::Entry;
use git_archive::zip::{DataHeader, Method};
use git_archive::{Packer, lfs_warning};

/// The bytes that are read from the pack at once.
const PIECE: u64 = 256 << 10;

/// A file whose data are a range of the pack.
pub(super) struct CopiedFile {
    blob: PackedBlob,
    range: Range<u64>,
    pub(super) content: DataHeader,
    pub(super) warning: Option<String>,
}

impl CopiedFile {
    /// Returns the file if its stream may be copied.
    pub(super) fn new(blob: PackedBlob, packer: &Packer, entry: &Entry, attributes: &PathAttributes) -> Option<Self> {
        let Reuse::Deflated(range) = blob.facts.reuse.clone() else { return None };
        if !packer.may_copy(entry, attributes) {
            return None;
        }
        let content = DataHeader {
            method: Method::Deflated,
            crc: blob.facts.crc,
            size: blob.facts.size,
            compressed: range.end - range.start,
            text: packer.text_bit(attributes, if blob.facts.has_nul { b"\0" } else { b"" }),
        };
        let warning = blob.facts.is_lfs_pointer.then(|| lfs_warning(entry));
        Some(Self { blob, range, content, warning })
    }

    /// Returns the data in pieces. A pack that is in memory shares them; else they are read from its file.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Result<Bytes, SourceError>> {
        let starts = self.range.clone().step_by(usize::try_from(PIECE).unwrap_or(usize::MAX));
        starts.map(|start| self.blob.raw(start..self.range.end.min(start + PIECE)))
    }
}
