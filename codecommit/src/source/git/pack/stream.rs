//! A blob in pieces, so that its size does not matter.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use zlib_rs::{Inflate, InflateFlush, Status};

use super::reader::split_header;
use super::{Pack, PackError, header};

/// Deflated bytes are read in pieces of this size.
const PIECE_BYTES: u64 = 64 * 1024;

/// The content of one blob, from its first byte to its last.
pub struct Stream(Source);

enum Source {
    Content(Bytes),
    Deflated(Box<Deflated>),
}

struct Deflated {
    pack: Arc<Pack>,
    inflate: Inflate,
    /// Where the next piece starts, and where the last one ends.
    next: u64,
    end: u64,
    buffer: Vec<u8>,
    piece: Bytes,
    /// How many bytes of content are still to come.
    left: u64,
}

impl Stream {
    pub(super) fn of_content(content: Bytes) -> Self {
        Self(Source::Content(content))
    }

    pub(super) fn of_object(pack: Arc<Pack>, index: usize) -> Result<Self, PackError> {
        let range = pack.range(index);
        let head = range.start..range.end.min(range.start + header::MAX_BYTES);
        let mut buffer = Vec::new();
        let entry = pack.storage.slice(head, &mut buffer)?;
        let (left, behind) = split_header(entry).map_err(|what| PackError::Corrupt { offset: range.start, what })?;
        let next = range.start + (entry.len() - behind.len()) as u64;
        let inflate = Inflate::new(true, 15);
        let piece = Bytes::new();
        Ok(Self(Source::Deflated(Box::new(Deflated { pack, inflate, next, end: range.end, buffer, piece, left }))))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Source::Content(content) => {
                let count = content.len().min(buffer.len());
                content.copy_to_slice(&mut buffer[..count]);
                Ok(count)
            }
            Source::Deflated(deflated) => deflated.read(buffer),
        }
    }
}

impl Deflated {
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
        let piece = self.pack.storage.slice(self.next..end, &mut self.buffer).map_err(io::Error::other)?;
        self.piece = Bytes::copy_from_slice(piece);
        self.next = end;
        Ok(())
    }
}

/// The content was whole when the pack was indexed: what holds it has changed since.
fn corrupt() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a blob does not inflate to its size")
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let left = match &self.0 {
            Source::Content(content) => content.len() as u64,
            Source::Deflated(deflated) => deflated.left,
        };
        f.debug_struct("Stream").field("left", &left).finish_non_exhaustive()
    }
}
