//! The bytes of a pack: in memory up to a limit, and above it in a file without a name.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use bytes::{Bytes, BytesMut};

use super::error::PackError;
use super::limits::Limits;

/// A completely received pack. Its file has no name, so nothing remains after the process ends, even after a crash.
pub(super) enum Storage {
    Memory(Bytes),
    File(File),
}

/// A pack that is being received.
pub(super) struct Spool<'a> {
    written: WrittenPack,
    length: u64,
    limits: &'a Limits,
}

enum WrittenPack {
    Memory(Vec<u8>),
    File(File),
}

impl<'a> Spool<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { written: WrittenPack::Memory(Vec::new()), length: 0, limits }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        self.length += bytes.len() as u64;
        if self.length > self.limits.in_memory {
            self.spill()?;
        }
        match &mut self.written {
            WrittenPack::Memory(held) => held.extend_from_slice(bytes),
            WrittenPack::File(file) => file.write_all(bytes).map_err(spool("write"))?,
        }
        Ok(())
    }

    /// Returns one byte of the part that has arrived.
    pub(super) fn byte(&self, offset: u64) -> Result<u8, PackError> {
        match &self.written {
            WrittenPack::Memory(held) => held.get(index(offset)?).copied().ok_or(PackError::Truncated),
            WrittenPack::File(file) => {
                let mut byte = [0];
                file.read_exact_at(&mut byte, offset).map_err(spool("read"))?;
                Ok(byte[0])
            }
        }
    }

    pub(super) fn finish(self) -> Storage {
        match self.written {
            WrittenPack::Memory(held) => Storage::Memory(Bytes::from(held)),
            WrittenPack::File(file) => Storage::File(file),
        }
    }

    fn spill(&mut self) -> Result<(), PackError> {
        if self.length > self.limits.on_disk {
            return Err(PackError::TooLarge { limit: self.limits.on_disk });
        }
        if let WrittenPack::Memory(held) = &self.written {
            self.written = WrittenPack::File(unnamed_file(held, self.limits)?);
        }
        Ok(())
    }
}

impl Storage {
    /// Writes bytes at an offset, and forgets what was behind it.
    pub(super) fn append(&mut self, offset: u64, bytes: &[u8], limits: &Limits) -> Result<(), PackError> {
        let length = offset + bytes.len() as u64;
        if length > limits.on_disk {
            return Err(PackError::TooLarge { limit: limits.on_disk });
        }
        if let Self::Memory(held) = self
            && length > limits.in_memory
        {
            *self = Self::File(unnamed_file(held, limits)?);
        }
        match self {
            Self::Memory(held) => {
                let mut longer = BytesMut::from(std::mem::take(held));
                longer.truncate(index(offset)?);
                longer.extend_from_slice(bytes);
                *held = longer.freeze();
                Ok(())
            }
            Self::File(file) => file.write_all_at(bytes, offset).map_err(spool("write")),
        }
    }

    /// Returns the bytes of a range: borrowed if the pack is in memory, else read into `buffer`.
    pub(super) fn slice<'a>(&'a self, range: Range<u64>, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], PackError> {
        match self {
            Self::Memory(held) => held.get(index(range.start)?..index(range.end)?).ok_or(PackError::Truncated),
            Self::File(file) => {
                buffer.resize(length(&range)?, 0);
                file.read_exact_at(buffer, range.start).map_err(spool("read"))?;
                Ok(buffer)
            }
        }
    }

    /// Returns the bytes of a range: shared with the pack if it is in memory, otherwise read from its file.
    pub(super) fn bytes(&self, range: Range<u64>) -> Result<Bytes, PackError> {
        match self {
            Self::Memory(held) => {
                let part = held.get(index(range.start)?..index(range.end)?).ok_or(PackError::Truncated)?;
                Ok(held.slice_ref(part))
            }
            Self::File(file) => {
                let mut part = vec![0; length(&range)?];
                file.read_exact_at(&mut part, range.start).map_err(spool("read"))?;
                Ok(part.into())
            }
        }
    }
}

fn unnamed_file(bytes: &[u8], limits: &Limits) -> Result<File, PackError> {
    let mut file = tempfile::tempfile_in(&limits.folder).map_err(spool("create"))?;
    file.write_all(bytes).map_err(spool("write"))?;
    Ok(file)
}

fn length(range: &Range<u64>) -> Result<usize, PackError> {
    index(range.end.checked_sub(range.start).ok_or(PackError::Truncated)?)
}

fn index(offset: u64) -> Result<usize, PackError> {
    usize::try_from(offset).map_err(|_| PackError::Truncated)
}

fn spool(action: &'static str) -> impl FnOnce(std::io::Error) -> PackError {
    move |source| PackError::Spool { action, source }
}
