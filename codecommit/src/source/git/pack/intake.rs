//! Takes a pack as it arrives: stores, counts and hashes every byte once before it is read.

use bytes::{Buf, Bytes};
use git_archive::object::hash::Hasher;

use super::digest::HASH_BYTES;
use super::error::PackError;
use super::limits::Limits;
use super::spool::{Spool, Storage};

/// Chunks of any size, as one stream. A chunk is stored as a whole when it is taken, so the storage may be ahead of
/// `offset`.
pub(super) struct Intake<'a, I> {
    chunks: I,
    chunk: Bytes,
    offset: u64,
    spool: Spool<'a>,
    checksum: Checksum,
}

/// The SHA-1 of all bytes so far except the last twenty, and those twenty bytes, which may be the checksum itself.
struct Checksum {
    hash: Hasher,
    last: Vec<u8>,
}

impl<'a, I: Iterator<Item = Bytes>> Intake<'a, I> {
    pub(super) fn new(chunks: I, limits: &'a Limits) -> Self {
        Self {
            chunks,
            chunk: Bytes::new(),
            offset: 0,
            spool: Spool::new(limits),
            checksum: Checksum { hash: Hasher::of_bytes(), last: Vec::new() },
        }
    }

    /// Returns the number of bytes read so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the bytes that can be read without waiting: at least one.
    pub(super) fn available(&mut self) -> Result<&[u8], PackError> {
        while self.chunk.is_empty() {
            if !self.next_chunk()? {
                return Err(PackError::Truncated);
            }
        }
        Ok(&self.chunk)
    }

    /// Marks bytes from `available` as read.
    pub(super) fn advance(&mut self, count: usize) {
        self.chunk.advance(count);
        self.offset += count as u64;
    }

    pub(super) fn byte(&mut self) -> Result<u8, PackError> {
        let byte = self.available()?[0];
        self.advance(1);
        Ok(byte)
    }

    /// Returns a byte that was read before.
    pub(super) fn byte_at(&self, offset: u64) -> Result<u8, PackError> {
        self.spool.byte(offset)
    }

    /// Reads the checksum at the end of the pack, and nothing after it.
    pub(super) fn finish(mut self) -> Result<Storage, PackError> {
        let mut left = self.chunk.len();
        self.chunk.clear();
        while self.next_chunk()? {
            left += self.chunk.len();
            if left > HASH_BYTES {
                break;
            }
        }
        match left {
            0..HASH_BYTES => Err(PackError::Truncated),
            HASH_BYTES if self.checksum.matches() => Ok(self.spool.finish()),
            HASH_BYTES => Err(PackError::Checksum),
            _ => Err(PackError::Corrupt {
                offset: self.offset,
                what: "there is more than a checksum behind the last object",
            }),
        }
    }

    fn next_chunk(&mut self) -> Result<bool, PackError> {
        let Some(chunk) = self.chunks.next() else {
            return Ok(false);
        };
        self.spool.append(&chunk)?;
        self.checksum.update(&chunk);
        self.chunk = chunk;
        Ok(true)
    }
}

impl Checksum {
    fn update(&mut self, bytes: &[u8]) {
        let excess = (self.last.len() + bytes.len()).saturating_sub(HASH_BYTES);
        let from_last = excess.min(self.last.len());
        self.hash.update(&self.last[..from_last]);
        self.last.drain(..from_last);
        let (hashed, kept) = bytes.split_at(excess - from_last);
        self.hash.update(hashed);
        self.last.extend_from_slice(kept);
    }

    fn matches(self) -> bool {
        self.hash.finish().is_ok_and(|checksum| checksum.as_slice() == self.last)
    }
}
