//! One pass over the content of an object, which computes its id, its CRC-32 and the facts about its first bytes.

use crc32fast::Hasher as Crc32;
use git_archive::LFS_POINTER;
use git_archive::object::hash::{CollisionAttack, Hasher};

use super::kind::ObjectKind;

/// The length of a SHA-1 in bytes.
pub(super) const HASH_BYTES: usize = 20;

/// A content with a NUL within this many bytes is binary (`buffer_is_binary` in git's `xdiff-interface.c`).
const HEAD_BYTES: usize = 8000;

/// The results for one content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) id: [u8; HASH_BYTES],
    /// The CRC-32, for blobs only.
    pub(super) crc: u32,
    /// True if there is a NUL in the first 8,000 bytes of a blob.
    pub(super) has_nul: bool,
    /// True if it is a Git LFS pointer.
    pub(super) is_pointer: bool,
}

impl Digest {
    /// Digests a whole content. Content that was made to collide with other content is an error.
    pub(super) fn of(kind: ObjectKind, content: &[u8]) -> Result<Self, CollisionAttack> {
        let mut digest = ContentDigest::new(kind, content.len() as u64);
        digest.update(content);
        digest.finish()
    }
}

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

    /// Returns the results, or an error if the content was made to collide with other content.
    pub(super) fn finish(self) -> Result<Digest, CollisionAttack> {
        let mut id = [0; HASH_BYTES];
        id.copy_from_slice(self.hash.finish()?.as_slice());
        let is_pointer = self.kind == ObjectKind::Blob && self.is_pointer && self.seen >= LFS_POINTER.len();
        Ok(Digest { id, crc: self.crc.finalize(), has_nul: self.has_nul, is_pointer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(content: &[u8], piece: usize) -> (bool, bool) {
        let mut digest = ContentDigest::new(ObjectKind::Blob, content.len() as u64);
        content.chunks(piece).for_each(|piece| digest.update(piece));
        let digest = digest.finish().expect("no collision");
        assert_eq!(digest, Digest::of(ObjectKind::Blob, content).expect("no collision"));
        assert_eq!(digest.crc, crc32fast::hash(content));
        (digest.has_nul, digest.is_pointer)
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
