//! One pass over the content of an object, which computes its id, its CRC-32 and the facts about its first bytes.

use crc32fast::Hasher as Crc32;
use git_archive::LFS_POINTER;
use git_archive::object::hash::Hasher;

use super::error::PackError;
use super::kind::ObjectKind;
use super::table::{Mark, PackedObject};

/// The length of a SHA-1 in bytes.
pub(super) const HASH_BYTES: usize = 20;

/// A content with a NUL within this many bytes is binary (`buffer_is_binary` in git's `xdiff-interface.c`).
const HEAD_BYTES: usize = 8000;

/// The digest of a content that arrives in pieces.
pub(super) struct ContentDigest {
    kind: ObjectKind,
    hash: Hasher,
    crc: Crc32,
    seen: usize,
    has_nul: bool,
    is_pointer: bool,
}

impl ContentDigest {
    pub(super) fn new(kind: ObjectKind, size: u64) -> Self {
        Self {
            kind,
            hash: Hasher::object(kind.name(), size),
            crc: Crc32::new(),
            seen: 0,
            has_nul: false,
            is_pointer: true,
        }
    }

    /// Digests the whole content of an object whose kind is known.
    pub(super) fn of(content: &[u8], object: &mut PackedObject) -> Result<(), PackError> {
        let Some(kind) = object.kind else { return Ok(()) };
        let mut digest = Self::new(kind, content.len() as u64);
        digest.update(content);
        digest.finish(object)
    }

    /// Takes the next piece.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        if self.kind != ObjectKind::Blob {
            return;
        }
        self.crc.update(bytes);
        if self.seen < HEAD_BYTES {
            let head = &bytes[..bytes.len().min(HEAD_BYTES - self.seen)];
            self.has_nul = self.has_nul || head.contains(&0);
            let expected = LFS_POINTER.get(self.seen..).unwrap_or_default();
            let compared = expected.len().min(head.len());
            self.is_pointer = self.is_pointer && head[..compared] == expected[..compared];
            self.seen += head.len();
        }
    }

    /// Writes all results into the object's row. Content that was made to collide with other content is an error.
    pub(super) fn finish(self, object: &mut PackedObject) -> Result<(), PackError> {
        let id = self.hash.finish().map_err(|source| PackError::Collision { offset: object.offset, source })?;
        object.id.copy_from_slice(id.as_slice());
        object.crc = self.crc.finalize();
        object.set(Mark::HasNul, self.has_nul);
        object.set(Mark::IsPointer, self.kind == ObjectKind::Blob && self.is_pointer && self.seen >= LFS_POINTER.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(content: &[u8], piece: usize) -> (bool, bool) {
        let mut object = PackedObject::new(0, content.len() as u64);
        let mut digest = ContentDigest::new(ObjectKind::Blob, object.size);
        content.chunks(piece).for_each(|piece| digest.update(piece));
        digest.finish(&mut object).expect("no collision");
        assert_eq!(object.crc, crc32fast::hash(content));
        (object.has(Mark::HasNul), object.has(Mark::IsPointer))
    }

    #[test]
    fn the_first_bytes_decide_in_pieces_of_any_size() {
        let pointer = [LFS_POINTER, b"v1\noid sha256:4d7a\nsize 1\n"].concat();
        let nul_at = |at: usize| [vec![b'x'; at], vec![0]].concat();
        for piece in [1, 7, 40, 4096, 10_000] {
            assert_eq!(marks(&pointer, piece), (false, true));
            assert_eq!(marks(&pointer[..LFS_POINTER.len() - 1], piece), (false, false));
            assert_eq!(marks(&[b"x", &pointer[..]].concat(), piece), (false, false));
            assert_eq!(marks(&nul_at(7999), piece), (true, false));
            assert_eq!(marks(&nul_at(8000), piece), (false, false));
        }
    }
}
