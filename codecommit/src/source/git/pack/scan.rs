//! The pass over a pack as it arrives: inflates each entry once, and records everything that the archive needs.
//!
//! A second thread ([`resolve_thread`](super::resolve_thread)) computes the ids and resolves deltas at the same time,
//! and others ([`deflate_threads`](super::deflate_threads)) deflate what those make. Deltas whose base is too far away,
//! or comes later, wait for the end of the pack.

use std::thread;

use bytes::Bytes;

use super::batch::{DeltaBase, InflatedForm};
use super::deflate_threads::DeflateQueue;
use super::deflated::DeflatedBlobs;
use super::delta::{self, Delta};
use super::digest::ContentDigest;
use super::error::PackError;
use super::header::{self, EntryForm, EntryHeader};
use super::intake::Intake;
use super::kind::ObjectKind;
use super::limits::Limits;
use super::resolve_thread::ResolveThread;
use super::store::ObjectStore;
use super::table::{self, Mark, OBJECT_BYTES, ObjectTable, PackedObject, Position, position};
use super::work::WorkBudget;
use super::zlib_reader::{Expected, ZlibReader};

/// The number of bytes of recent objects to keep. They are the bases of deltas that come next. So few stay in the
/// processor's cache: with 16 MB, git/git took a tenth more time, although fewer deltas waited for the end.
const RECENT_BYTES: u64 = 2 << 20;
/// The size of the largest object that is kept. A larger one is inflated in pieces.
const HELD_BYTES: u64 = 2 << 20;
/// The level "default" in the header of a zlib stream (RFC 1950). The level "maximum" is 3.
const DEFAULT_LEVEL: u8 = 2;

/// Reads a whole pack. Some of its deltas may still be unresolved afterwards.
pub(super) fn scan(
    chunks: impl Iterator<Item = Bytes>,
    limits: &Limits,
    deflating: &mut DeflateQueue,
) -> Result<ObjectStore, PackError> {
    let (working, work) = (limits.working, WorkBudget::new(limits));
    let recent = usize::try_from(RECENT_BYTES.min(working / 4)).unwrap_or(usize::MAX);
    let (table, intake) = thread::scope(|scope| {
        let scan = PackScan {
            intake: Intake::new(chunks, limits),
            zlib: ZlibReader::new(&work),
            objects: Vec::new(),
            resolving: ResolveThread::start(scope, recent, deflating),
            held: HELD_BYTES.min(working / 4),
            working,
            work: &work,
        };
        scan.objects()
    })?;
    let storage = intake.finish()?;
    let (deflated, entries) = (DeflatedBlobs::default(), limits.entries);
    Ok(ObjectStore { storage, table, deflated, working, entries, lacks_blobs: false, work })
}

struct PackScan<'a, I> {
    intake: Intake<'a, I>,
    zlib: ZlibReader<'a>,
    objects: Vec<PackedObject>,
    resolving: ResolveThread,
    /// The size of the largest object that is inflated as a whole.
    held: u64,
    working: u64,
    work: &'a WorkBudget,
}

impl<'a, I: Iterator<Item = Bytes>> PackScan<'a, I> {
    /// Reads all objects, up to the checksum behind them.
    fn objects(mut self) -> Result<(ObjectTable, Intake<'a, I>), PackError> {
        for _ in 0..self.count()? {
            let object = self.entry()?;
            self.objects.push(object);
        }
        self.resolving.finish(&mut self.objects)?;
        let end = self.intake.offset();
        Ok((ObjectTable::new(self.objects, end), self.intake))
    }

    /// Reads the beginning of a pack: `PACK`, a version, the number of objects.
    fn count(&mut self) -> Result<u32, PackError> {
        let mut words = [[0; 4]; 3];
        for byte in words.as_flattened_mut() {
            *byte = self.intake.byte()?;
        }
        if words[0] != *b"PACK" {
            return Err(PackError::Corrupt { offset: 0, what: "it does not begin as a pack" });
        }
        if !matches!(u32::from_be_bytes(words[1]), 2 | 3) {
            return Err(PackError::Corrupt { offset: 4, what: "its version is neither 2 nor 3" });
        }
        let count = u32::from_be_bytes(words[2]);
        let bytes = u64::from(count) * OBJECT_BYTES;
        if bytes > self.working {
            return Err(PackError::Memory { what: "the index of the pack", bytes, limit: self.working });
        }
        Ok(count)
    }

    fn entry(&mut self) -> Result<PackedObject, PackError> {
        let offset = self.intake.offset();
        let corrupt = |what| PackError::Corrupt { offset, what };
        let header = EntryHeader::read(|| self.intake.byte())?.map_err(corrupt)?;
        let mut object = PackedObject::new(offset, header.size);
        let base = match header.form {
            EntryForm::Whole(kind) => return self.whole(kind, object),
            EntryForm::OffsetDelta(distance) => {
                let base = offset.checked_sub(distance).and_then(|base| self.starting_at(base));
                let base = base.ok_or(corrupt("a delta's base does not start where it says"))?;
                object.base = Some(base);
                DeltaBase::Position(base)
            }
            EntryForm::IdDelta(id) => {
                object.id = id;
                DeltaBase::Id(id)
            }
        };
        self.delta(base, object, header.size)
    }

    fn whole(&mut self, kind: ObjectKind, mut object: PackedObject) -> Result<PackedObject, PackError> {
        let start = self.intake.offset();
        let expected = Expected { offset: object.offset, size: object.size };
        object.kind = Some(kind);
        if object.size <= self.held {
            let content = self.zlib.whole(&mut self.intake, expected)?;
            self.resolving.push(&mut self.objects, object.offset, InflatedForm::Whole(kind), content)?;
        } else {
            let mut digest = ContentDigest::new(kind, object.size);
            self.zlib.pieces(&mut self.intake, expected, |piece| digest.update(piece))?;
            object.record(digest.finish())?;
        }
        if kind == ObjectKind::Blob && start == object.offset + header::whole_bytes(object.size) {
            self.mark_reusable(&mut object, start)?;
        }
        Ok(object)
    }

    /// Records whether the archive can copy the deflated bytes from `start` to here. They inflate to exactly the
    /// content, and our inflate refuses preset dictionaries and windows over 32 KiB. Padding that is too short to be
    /// noticed cannot make them longer than the content.
    fn mark_reusable(&self, object: &mut PackedObject, start: u64) -> Result<(), PackError> {
        if self.zlib.is_padded() {
            return Ok(());
        }
        let is_smaller = table::raw_bytes(self.intake.offset() - start) < object.size;
        object.set(Mark::IsReusable, is_smaller);
        if !is_smaller {
            let level = self.intake.byte_at(start + 1)? >> 6;
            object.set(Mark::IsIncompressible, level >= DEFAULT_LEVEL);
        }
        Ok(())
    }

    /// Reads a delta of `size` bytes of instructions.
    fn delta(&mut self, base: DeltaBase, mut object: PackedObject, size: u64) -> Result<PackedObject, PackError> {
        let expected = Expected { offset: object.offset, size };
        let mut sizes = Vec::with_capacity(delta::MAX_SIZES);
        let instructions = if size <= self.held {
            self.zlib.whole(&mut self.intake, expected)?
        } else {
            self.zlib.pieces(&mut self.intake, expected, |piece| {
                let missing = delta::MAX_SIZES - sizes.len();
                sizes.extend_from_slice(&piece[..missing.min(piece.len())]);
            })?;
            &sizes
        };
        let delta = Delta::new(instructions);
        object.size = delta.map_err(|what| PackError::Corrupt { offset: expected.offset, what })?.result_size;
        if object.size > self.working {
            return Err(PackError::Memory { what: "a delta's result", bytes: object.size, limit: self.working });
        }
        self.work.spend(size.saturating_add(object.size))?;
        if size.max(object.size) <= self.held
            && let Ok(size) = usize::try_from(object.size)
        {
            let form = InflatedForm::Delta { base, size };
            self.resolving.push(&mut self.objects, object.offset, form, instructions)?;
        }
        Ok(object)
    }

    /// Returns the position of the object that starts at an offset.
    fn starting_at(&self, offset: u64) -> Option<Position> {
        position(self.objects.binary_search_by_key(&offset, |object| object.offset).ok()?)
    }
}
