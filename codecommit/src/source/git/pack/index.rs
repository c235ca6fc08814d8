//! The pass over a pack as it arrives: where each object is, and the id of each that is not a delta.

use std::mem::size_of;

use bytes::Bytes;
use gix_object::Kind;
use sha1::{Digest, Sha1};
use zlib_rs::{Inflate, InflateFlush, Status};

use super::delta::{self, Delta};
use super::header::{Form, Header};
use super::intake::Intake;
use super::spool::Storage;
use super::{HASH_BYTES, Limits, PackError};

/// What is kept of each object of a pack, in the order of the pack: 48 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object {
    /// Its id, or that of its base as long as it is a delta that is not resolved.
    pub(super) id: [u8; HASH_BYTES],
    /// The place of its base among the objects, if it is a delta whose base is known.
    pub(super) base: Option<ObjectIndex>,
    /// Where its header starts.
    pub(super) offset: u64,
    /// The size of the object itself, also for a delta.
    pub(super) size: u64,
    /// What it is; unknown as long as it is a delta that is not resolved.
    pub(super) kind: Option<Kind>,
    /// Some delta is made from it.
    pub(super) is_base: bool,
}

/// An object's place in the pack, one more than its index, so that an option of it takes no room.
pub(super) type ObjectIndex = std::num::NonZeroU32;

/// A pack whose deltas are not resolved yet.
pub(super) struct Scanned {
    pub(super) storage: Storage,
    pub(super) objects: Vec<Object>,
    /// Where the last object ends and the checksum begins.
    pub(super) end: u64,
}

/// Index and identifier tables take this many bytes an object.
const OBJECT_BYTES: u64 = (size_of::<Object>() + size_of::<(u32, u32)>()) as u64;

/// Large enough that most files are inflated in one call.
const WINDOW_BYTES: usize = 64 * 1024;

/// Reads a whole pack: every object is inflated once, and hashed if it is not a delta.
pub(super) fn scan(chunks: impl Iterator<Item = Bytes>, limits: &Limits) -> Result<Scanned, PackError> {
    let mut scan =
        Scan { intake: Intake::new(chunks, limits), inflate: Inflate::new(true, 15), window: vec![0; WINDOW_BYTES] };
    let count = scan.count(limits)?;
    let mut objects = Vec::new();
    for _ in 0..count {
        let object = scan.object(&objects)?;
        objects.push(object);
    }
    let end = scan.intake.offset();
    let storage = scan.intake.finish()?;
    Ok(Scanned { storage, objects, end })
}

/// The SHA-1 that an object of this kind and size begins with.
pub(super) fn hasher(kind: Kind, size: u64) -> Sha1 {
    let mut hash = Sha1::new();
    hash.update(format!("{kind} {size}\0"));
    hash
}

struct Scan<'a, I> {
    intake: Intake<'a, I>,
    inflate: Inflate,
    window: Vec<u8>,
}

impl<I: Iterator<Item = Bytes>> Scan<'_, I> {
    /// Reads what a pack begins with: `PACK`, a version, the number of objects.
    fn count(&mut self, limits: &Limits) -> Result<u32, PackError> {
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
        if bytes > limits.working {
            return Err(PackError::Memory { what: "the index of the pack", bytes, limit: limits.working });
        }
        Ok(count)
    }

    fn object(&mut self, before: &[Object]) -> Result<Object, PackError> {
        let offset = self.intake.offset();
        let corrupt = |what| PackError::Corrupt { offset, what };
        let header = Header::read(|| self.intake.byte())?.map_err(corrupt)?;
        let mut object =
            Object { id: [0; HASH_BYTES], base: None, offset, size: header.size, kind: None, is_base: false };
        match header.form {
            Form::Whole(kind) => {
                let mut hash = hasher(kind, header.size);
                self.inflate(offset, header.size, |bytes| hash.update(bytes))?;
                object.id = hash.finalize().into();
                object.kind = Some(kind);
                return Ok(object);
            }
            Form::OffsetDelta(distance) => {
                let base = offset.checked_sub(distance).and_then(|base| place_at(before, base));
                object.base = Some(base.ok_or(corrupt("a delta's base does not start where it says"))?);
            }
            Form::IdDelta(id) => object.id = id,
        }
        let mut sizes = Vec::with_capacity(delta::MAX_SIZES);
        self.inflate(offset, header.size, |bytes| {
            let missing = delta::MAX_SIZES - sizes.len();
            sizes.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        })?;
        object.size = Delta::new(&sizes).map_err(corrupt)?.result_size;
        Ok(object)
    }

    /// Inflates one object's bytes, in pieces, and checks that they are as many as its header says.
    fn inflate(&mut self, offset: u64, size: u64, mut sink: impl FnMut(&[u8])) -> Result<(), PackError> {
        let corrupt = |what| PackError::Corrupt { offset, what };
        self.inflate.reset(true);
        loop {
            let (read, made) = (self.inflate.total_in(), self.inflate.total_out());
            let input = self.intake.available()?;
            let status = self
                .inflate
                .decompress(input, &mut self.window, InflateFlush::NoFlush)
                .map_err(|_| corrupt("an object does not inflate"))?;
            let read = advanced(self.inflate.total_in(), read);
            let made = advanced(self.inflate.total_out(), made);
            self.intake.advance(read);
            if self.inflate.total_out() > size {
                return Err(corrupt("an object is larger than its header says"));
            }
            sink(&self.window[..made]);
            match status {
                Status::StreamEnd if self.inflate.total_out() == size => return Ok(()),
                Status::StreamEnd => {
                    return Err(corrupt("an object is smaller than its header says"));
                }
                Status::Ok | Status::BufError if read == 0 && made == 0 => {
                    return Err(corrupt("an object does not inflate"));
                }
                Status::Ok | Status::BufError => {}
            }
        }
    }
}

/// The place of the object that starts at an offset.
fn place_at(objects: &[Object], offset: u64) -> Option<ObjectIndex> {
    let index = objects.binary_search_by_key(&offset, |object| object.offset).ok()?;
    place(index)
}

/// The place of an index.
pub(super) fn place(index: usize) -> Option<ObjectIndex> {
    u32::try_from(index + 1).ok().and_then(ObjectIndex::new)
}

/// How far a counter moved within one call, which is never more than a buffer holds.
fn advanced(now: u64, before: u64) -> usize {
    usize::try_from(now - before).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_compact() {
        assert_eq!(OBJECT_BYTES, 56);
    }
}
