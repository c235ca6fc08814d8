//! A file whose deflate stream is at hand with the pack, and goes into the zip as it is.
//!
//! A stream of the pack itself was inflated when the pack arrived, to exactly the content that has the blob's id. So it
//! is neither inflated nor deflated again. It is read when its turn comes, and needs no bytes of the budget. A stream
//! that was made of a delta's content while the pack arrived is in memory already.

use std::ops::Range;

use bytes::Bytes;

use crate::source::git::BlobFacts;
use crate::source::{PackedBlob, SourceError};
use git_archive::attributes::PathAttributes;
use git_archive::object::Entry;
use git_archive::zip::{DataHeader, Method};
use git_archive::{PackedFile, Packer, lfs_warning};

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
    /// Returns the file. Its stream is a range of the pack.
    pub(super) fn new(
        blob: PackedBlob,
        range: Range<u64>,
        packer: &Packer,
        entry: &Entry,
        attributes: &PathAttributes,
    ) -> Self {
        let content = header(&blob.facts, range.end - range.start, packer, attributes);
        let warning = blob.facts.is_lfs_pointer.then(|| lfs_warning(entry));
        Self { blob, range, content, warning }
    }

    /// Returns the data in pieces. A pack that is in memory shares them; else they are read from its file.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Result<Bytes, SourceError>> {
        let starts = self.range.clone().step_by(usize::try_from(PIECE).unwrap_or(usize::MAX));
        starts.map(|start| self.blob.raw(start..self.range.end.min(start + PIECE)))
    }
}

/// Returns a file that was deflated while the pack arrived.
pub(super) fn deflated_early(
    facts: &BlobFacts,
    data: Bytes,
    packer: &Packer,
    entry: &Entry,
    attributes: &PathAttributes,
) -> PackedFile {
    let content = header(facts, data.len() as u64, packer, attributes);
    let warnings = facts.is_lfs_pointer.then(|| lfs_warning(entry)).into_iter().collect();
    PackedFile { content, data, copied: false, warnings }
}

fn header(facts: &BlobFacts, compressed: u64, packer: &Packer, attributes: &PathAttributes) -> DataHeader {
    DataHeader {
        method: Method::Deflated,
        crc: facts.crc,
        size: facts.size,
        compressed,
        text: packer.text_bit(attributes, if facts.has_nul { b"\0" } else { b"" }),
    }
}
