//! A file that is too large to hold in memory. It is compressed in pieces while it is written.
//!
//! The header comes first and says whether the data are deflated. Up to git's `core.bigFileThreshold`, the file is
//! therefore compressed twice: once to find the size, once for the output. Above it, git writes the sizes after the
//! data, and keeps deflate even if the file grows.

use std::io::{self, Read};

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::blocking::{self, CancelOnDrop};
use crate::source::git::{BlobFacts, Reuse};
use crate::source::{PackedBlob, SourceError};
use git_archive::attributes::PathAttributes;
use git_archive::deflate;
use git_archive::object::{Entry, Kind};
use git_archive::work::Cancel;
use git_archive::zip::{self, Method};
use git_archive::{BIG_FILE, Packer};

/// The size in bytes of the pieces in which the content is read.
const PIECE: usize = 64 << 10;
/// The number of compressed pieces that may wait for the archive.
const WAITING: usize = 8;

/// A large file, and how it is compressed.
pub(super) struct Large {
    content: PackedBlob,
    level: u8,
    text_bits: TextBits,
    /// The header, if the sender of the pack found that deflate does not make the file smaller.
    stored: Option<zip::DataHeader>,
}

/// The text bit of the file with and without a NUL in its first bytes. If attributes decide, both are the same.
#[derive(Clone, Copy)]
struct TextBits {
    no_nul: bool,
    nul: bool,
}

/// The part of the header that is known before the data.
pub(super) struct LargeHeader {
    pub(super) method: Method,
    /// The whole header, except for a file above the threshold.
    pub(super) known: Option<zip::DataHeader>,
}

/// The data of the entry, in pieces.
pub(super) struct LargePieces {
    arriving: mpsc::Receiver<Vec<u8>>,
    made: AbortOnDropHandle<Result<zip::DataHeader, SourceError>>,
}

impl Large {
    pub(super) fn new(content: PackedBlob, packer: &Packer, entry: &Entry, attributes: &PathAttributes) -> Self {
        let text_bits = TextBits { no_nul: packer.text_bit(attributes, b""), nul: packer.text_bit(attributes, b"\0") };
        let level = if entry.kind == Kind::Link { 0 } else { packer.level };
        let BlobFacts { size, crc, has_nul, .. } = content.facts;
        let is_stored = content.facts.reuse == Reuse::Incompressible && packer.may_copy(entry, attributes);
        let text = if has_nul { text_bits.nul } else { text_bits.no_nul };
        let header = zip::DataHeader { method: Method::Stored, crc, size, compressed: size, text };
        let stored = (is_stored && size <= BIG_FILE).then_some(header);
        Self { content, level, text_bits, stored }
    }

    pub(super) fn size(&self) -> u64 {
        self.content.facts.size
    }

    /// Returns whether the sender of the pack decided how the file is compressed.
    pub(super) fn is_copied(&self) -> bool {
        self.stored.is_some()
    }

    pub(super) async fn header(&self) -> Result<LargeHeader, SourceError> {
        if self.stored.is_some() {
            return Ok(LargeHeader { method: Method::Stored, known: self.stored });
        }
        let method = if self.level == 0 { Method::Stored } else { Method::Deflated };
        if self.size() > BIG_FILE {
            return Ok(LargeHeader { method, known: None });
        }
        let measured = self.compress_on_thread(method, |_| Ok(())).await?;
        let smaller = measured.compressed < measured.size;
        if method == Method::Stored || smaller {
            return Ok(LargeHeader { method, known: Some(measured) });
        }
        let stored = zip::DataHeader { method: Method::Stored, compressed: measured.size, ..measured };
        Ok(LargeHeader { method: Method::Stored, known: Some(stored) })
    }

    pub(super) fn pieces(&self, method: Method) -> LargePieces {
        let (sender, arriving) = mpsc::channel(WAITING);
        let gone = |_| io::Error::other("the archive is not written any more");
        let made = self.compress_on_thread(method, move |piece| sender.blocking_send(piece.to_vec()).map_err(gone));
        LargePieces { arriving, made: AbortOnDropHandle::new(tokio::spawn(made)) }
    }

    /// Reads and compresses the file on a thread for blocking work.
    fn compress_on_thread<S>(
        &self,
        method: Method,
        sink: S,
    ) -> impl Future<Output = Result<zip::DataHeader, SourceError>> + Send + use<S>
    where
        S: FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    {
        let (content, level, text_bits) = (self.content.clone(), self.level, self.text_bits);
        async move {
            // Cancels the reading thread when this future is dropped.
            let guard = CancelOnDrop::default();
            let cancelled = guard.0.clone();
            let making = blocking::spawn(move || {
                let stream = Cancellable { content: content.stream()?, cancelled };
                compress(stream, method, level, text_bits, sink).map_err(SourceError::Large)
            });
            making.await.unwrap_or_else(|error| Err(SourceError::Large(io::Error::other(error))))
        }
    }
}

/// A content whose reads fail after it is cancelled.
struct Cancellable<R> {
    content: R,
    cancelled: Cancel,
}

impl<R: Read> Read for Cancellable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancelled.is_cancelled() {
            return Err(io::Error::other("the archive was cancelled"));
        }
        self.content.read(buffer)
    }
}

impl LargePieces {
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        self.arriving.recv().await
    }

    /// Returns the header, after all pieces were taken.
    pub(super) async fn content(self) -> Result<zip::DataHeader, SourceError> {
        self.made.await.unwrap_or_else(|error| Err(SourceError::Large(io::Error::other(error))))
    }
}

fn compress(
    mut content: impl Read,
    method: Method,
    level: u8,
    text_bits: TextBits,
    mut sink: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<zip::DataHeader> {
    let mut crc = crc32fast::Hasher::new();
    let (mut size, mut compressed, mut text) = (0_u64, 0_u64, text_bits.no_nul);
    let mut counted = |piece: &[u8]| {
        compressed += piece.len() as u64;
        if piece.is_empty() { Ok(()) } else { sink(piece) }
    };
    let mut deflating = (method == Method::Deflated).then(|| deflate::DeflateStream::new(level));
    let mut buffer = vec![0; PIECE];
    loop {
        let count = fill(&mut content, &mut buffer)?;
        if size == 0 {
            text = if buffer[..count.min(8000)].contains(&0) { text_bits.nul } else { text_bits.no_nul };
        }
        size += count as u64;
        crc.update(&buffer[..count]);
        match &mut deflating {
            Some(stream) => stream.chunk(&buffer[..count], &mut counted)?,
            None => counted(&buffer[..count])?,
        }
        if count < PIECE {
            break;
        }
    }
    if let Some(stream) = deflating {
        stream.finish(&mut counted)?;
    }
    Ok(zip::DataHeader { method, crc: crc.finalize(), size, compressed, text })
}

/// Reads until the buffer is full or the content ends.
fn fill(content: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match content.read(&mut buffer[count..])? {
            0 => break,
            read => count += read,
        }
    }
    Ok(count)
}
