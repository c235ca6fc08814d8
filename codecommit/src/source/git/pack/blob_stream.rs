//! The content of a blob in pieces, so that its size does not affect the memory.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use zlib_rs::{Inflate, InflateFlush, Status};

use super::error::PackError;
use super::header;
use super::store::ObjectStore;

/// The size of the pieces in which deflated bytes are read.
const PIECE_BYTES: u64 = 64 * 1024;

/// The content of one blob, from its first byte to its last.
pub struct BlobStream(BlobSource);

enum BlobSource {
    Whole(Bytes),
    Deflated(Box<DeflatedBlob>),
}

struct DeflatedBlob {
    store: Arc<ObjectStore>,
    inflate: Inflate,
    /// The offset of the next piece, and the offset at which the last one ends.
    next: u64,
    end: u64,
    buffer: Vec<u8>,
    piece: Bytes,
    /// The number of bytes of content that are still to come.
    left: u64,
}

impl BlobStream {
    pub(super) fn of_content(content: Bytes) -> Self {
        Self(BlobSource::Whole(content))
    }

    pub(super) fn of_object(store: Arc<ObjectStore>, index: usize) -> Result<Self, PackError> {
        let range = store.table.range(index);
        let head = range.start..range.end.min(range.start + header::MAX_BYTES);
        let mut buffer = Vec::new();
        let entry = store.storage.slice(head, &mut buffer)?;
        let (left, behind) = header::split(entry).map_err(|what| PackError::Corrupt { offset: range.start, what })?;
        let next = range.start + (entry.len() - behind.len()) as u64;
        let inflate = Inflate::new(true, 15);
        let piece = Bytes::new();
        Ok(Self(BlobSource::Deflated(Box::new(DeflatedBlob {
            store,
            inflate,
            next,
            end: range.end,
            buffer,
            piece,
            left,
        }))))
    }
}

impl Read for BlobStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            BlobSource::Whole(content) => {
                let count = content.len().min(buffer.len());
                content.copy_to_slice(&mut buffer[..count]);
                Ok(count)
            }
            BlobSource::Deflated(deflated) => deflated.read(buffer),
        }
    }
}

impl DeflatedBlob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left > 0 && !buffer.is_empty() {
            if self.piece.is_empty() {
                self.next_piece()?;
            }
            let (read, made) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(&self.piece, buffer, InflateFlush::NoFlush).map_err(|_| corrupt())?;
            let read = self.inflate.total_in() - read;
            let made = self.inflate.total_out() - made;
            self.piece.advance(usize::try_from(read).map_err(|_| corrupt())?);
            self.left = self.left.checked_sub(made).ok_or_else(corrupt)?;
            if made > 0 {
                return usize::try_from(made).map_err(|_| corrupt());
            }
            if status == Status::StreamEnd || read == 0 {
                return Err(corrupt());
            }
        }
        Ok(0)
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let end = self.end.min(self.next + PIECE_BYTES);
        self.store.work.check().map_err(io::Error::other)?;
        let piece = self.store.storage.slice(self.next..end, &mut self.buffer).map_err(io::Error::other)?;
        self.piece = Bytes::copy_from_slice(piece);
        self.next = end;
        Ok(())
    }
}

/// Makes the error for content that was valid when the pack was indexed: the file or memory has changed since.
fn corrupt() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a blob does not inflate to its size")
}

impl std::fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let left = match &self.0 {
            BlobSource::Whole(content) => content.len() as u64,
            BlobSource::Deflated(deflated) => deflated.left,
        };
        f.debug_struct("BlobStream").field("left", &left).finish_non_exhaustive()
    }
}
