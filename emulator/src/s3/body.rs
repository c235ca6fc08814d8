//! The bytes of objects: up to a limit in memory, the rest in unlinked temporary files.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The memory limit of all bodies of one store, in bytes.
const MEMORY_BYTES: usize = 64 * 1024 * 1024;
/// The size of the pieces in which bodies are received and sent.
pub(super) const PIECE_BYTES: usize = 256 * 1024;

/// A piece up to this size goes into the file that the whole store shares. With a file for each, thousands of small
/// objects would take all descriptors of the process.
const SMALL_BYTES: usize = 64 * 1024;

/// The memory that the bodies of one store share, and their file for small pieces, which lasts as long as the store.
#[derive(Clone)]
pub(super) struct Memory {
    permits: Arc<Semaphore>,
    small: LazySpool,
}

impl Default for Memory {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(MEMORY_BYTES)), small: LazySpool::default() }
    }
}

/// The storage for one object, or for all parts of one upload: memory up to the limit, then a file.
#[derive(Clone)]
pub(super) struct Space {
    memory: Memory,
    spool: LazySpool,
}

impl Space {
    pub(super) fn new(memory: &Memory) -> Self {
        Self { memory: memory.clone(), spool: LazySpool::default() }
    }

    /// Stores a piece; blocks on writes to the file.
    pub(super) fn keep(&self, bytes: Bytes) -> io::Result<Segment> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        match Arc::clone(&self.memory.permits).try_acquire_many_owned(length) {
            Ok(permit) => Ok(Segment::Memory(Arc::new(HeldBytes { bytes, _permit: permit }))),
            Err(_) if bytes.len() <= SMALL_BYTES => self.memory.small.get()?.append(&bytes),
            Err(_) => self.spool.get()?.append(&bytes),
        }
    }
}

/// A file that is created for the first piece that needs it.
#[derive(Clone, Default)]
struct LazySpool(Arc<Mutex<Option<Arc<Spool>>>>);

impl LazySpool {
    fn get(&self) -> io::Result<Arc<Spool>> {
        let mut spool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spool) = &*spool {
            return Ok(Arc::clone(spool));
        }
        let new = Arc::new(Spool { file: tempfile::tempfile()?, end: AtomicU64::new(0) });
        Ok(Arc::clone(spool.insert(new)))
    }
}

/// A temporary file without a name. The system frees its space when nothing uses it any more, even after a kill.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    end: AtomicU64,
}

impl Spool {
    fn append(self: &Arc<Self>, bytes: &[u8]) -> io::Result<Segment> {
        let length = bytes.len() as u64;
        let offset = self.end.fetch_add(length, Ordering::Relaxed);
        self.file.write_all_at(bytes, offset)?;
        Ok(Segment::File { spool: Arc::clone(self), offset, length })
    }
}

#[derive(Debug)]
pub(super) struct HeldBytes {
    bytes: Bytes,
    /// Returns the memory to the store on drop.
    _permit: OwnedSemaphorePermit,
}

/// A contiguous part of a body.
#[derive(Debug, Clone)]
pub(super) enum Segment {
    Memory(Arc<HeldBytes>),
    File { spool: Arc<Spool>, offset: u64, length: u64 },
}

impl Segment {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(kept) => kept.bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// Returns a range of this segment in pieces that are small enough to read at once.
    fn pieces(&self, range: Range<u64>) -> Vec<Piece> {
        match self {
            Self::Memory(kept) => {
                let range = index(range.start)..index(range.end);
                vec![Piece::Memory(kept.bytes.slice(range))]
            }
            Self::File { spool, offset, .. } => range
                .clone()
                .step_by(PIECE_BYTES)
                .map(|start| Piece::File {
                    spool: Arc::clone(spool),
                    offset: offset + start,
                    length: index((range.end - start).min(PIECE_BYTES as u64)),
                })
                .collect(),
        }
    }
}

enum Piece {
    Memory(Bytes),
    File { spool: Arc<Spool>, offset: u64, length: usize },
}

impl Piece {
    fn read(self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes),
            Self::File { spool, offset, length } => {
                let mut bytes = vec![0; length];
                spool.file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes.into())
            }
        }
    }
}

/// The bytes of an object, in segments that clones share.
#[derive(Debug, Clone, Default)]
pub struct Body {
    segments: Vec<Segment>,
    length: u64,
}

impl Body {
    /// Returns the number of bytes.
    #[expect(clippy::len_without_is_empty, reason = "no caller asks for empty objects")]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Returns all bytes. Blocks, and is for objects that fit into memory.
    pub fn bytes(&self) -> io::Result<Bytes> {
        let mut all = Vec::with_capacity(index(self.length));
        for piece in self.pieces(0..self.length) {
            all.extend_from_slice(&piece.read()?);
        }
        Ok(all.into())
    }

    /// Returns the bytes of `range`, which must be within the body.
    pub(super) fn stream(&self, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static {
        stream::iter(self.pieces(range)).then(|piece| async move {
            match piece {
                Piece::Memory(bytes) => Ok(bytes),
                piece @ Piece::File { .. } => {
                    tokio::task::spawn_blocking(|| piece.read()).await.map_err(io::Error::other)?
                }
            }
        })
    }

    /// Appends a segment.
    pub(super) fn push(&mut self, segment: Segment) {
        self.length += segment.len();
        if let (
            Some(Segment::File { spool, offset, length }),
            Segment::File { spool: next, offset: start, length: more },
        ) = (self.segments.last_mut(), &segment)
            && Arc::ptr_eq(spool, next)
            && *offset + *length == *start
        {
            *length += more;
            return;
        }
        self.segments.push(segment);
    }

    /// Appends the bytes of `part`.
    pub(super) fn append(&mut self, part: &Body) {
        for segment in &part.segments {
            self.push(segment.clone());
        }
    }

    fn pieces(&self, range: Range<u64>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut start = 0;
        for segment in &self.segments {
            let end = start + segment.len();
            let from = range.start.max(start);
            let to = range.end.min(end);
            if from < to {
                pieces.extend(segment.pieces(from - start..to - start));
            }
            start = end;
        }
        pieces
    }
}

fn index(position: u64) -> usize {
    usize::try_from(position).expect("the emulator runs on 64-bit machines")
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    fn piece_byte(number: usize) -> u8 {
        u8::try_from(number % 251).expect("the value is below 251")
    }

    /// Returns a body of different pieces that exceeds the memory limit.
    fn large_body(memory: &Memory) -> (Body, usize) {
        let space = Space::new(memory);
        let mut body = Body::default();
        let pieces = MEMORY_BYTES / PIECE_BYTES + 40;
        for number in 0..pieces {
            let piece = vec![piece_byte(number); PIECE_BYTES];
            body.push(space.keep(piece.into()).expect("the disk has space"));
        }
        (body, pieces * PIECE_BYTES)
    }

    #[tokio::test]
    async fn a_range_reads_across_memory_and_file() {
        let (body, length) = large_body(&Memory::default());
        assert_eq!(body.len(), length as u64);
        for range in
            [MEMORY_BYTES - 3..MEMORY_BYTES + 3, length - 22..length, PIECE_BYTES - 1..3 * PIECE_BYTES + 1, 7..7]
        {
            let wanted: Vec<u8> = range.clone().map(|position| piece_byte(position / PIECE_BYTES)).collect();
            let stream = body.stream(range.start as u64..range.end as u64);
            let pieces: Vec<Bytes> = stream.try_collect().await.expect("the file can be read");
            assert!(pieces.concat() == wanted, "{range:?}");
        }
    }

    #[test]
    fn the_last_body_returns_its_memory() {
        let memory = Memory::default();
        let (body, _) = large_body(&memory);
        let shared = body.clone();
        drop(body);
        assert_eq!(memory.permits.available_permits(), 0);
        drop(shared);
        assert_eq!(memory.permits.available_permits(), MEMORY_BYTES);
    }

    #[test]
    fn adjacent_ranges_of_a_file_become_one_segment() {
        let (body, _) = large_body(&Memory::default());
        assert_eq!(body.segments.len(), MEMORY_BYTES / PIECE_BYTES + 1);
    }

    #[test]
    fn small_pieces_share_one_file_and_large_ones_have_their_own() {
        let memory = Memory::default();
        let all = u32::try_from(MEMORY_BYTES).expect("it is small");
        let _all = memory.permits.try_acquire_many(all).expect("it is free");
        let file = |size: usize| match Space::new(&memory).keep(vec![1; size].into()).expect("a file") {
            Segment::File { spool, .. } => spool,
            Segment::Memory(_) => panic!("there is no memory"),
        };
        assert!(Arc::ptr_eq(&file(10), &file(SMALL_BYTES)));
        assert!(!Arc::ptr_eq(&file(SMALL_BYTES + 1), &file(SMALL_BYTES + 1)));
    }
}
