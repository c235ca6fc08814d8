//! Where a pack's bytes are kept: in memory up to a limit, beyond it in a file without a name.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::{Limits, PackError};

/// The bytes of a pack. The file has no name, so that nothing is left behind however the process ends.
pub(super) enum Storage {
    Memory(Vec<u8>),
    File(File),
}

/// Takes a pack's bytes in as they come.
pub(super) struct Spool<'a> {
    storage: Storage,
    length: u64,
    limits: &'a Limits,
}

impl<'a> Spool<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { storage: Storage::Memory(Vec::new()), length: 0, limits }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        self.length += bytes.len() as u64;
        if self.length > self.limits.in_memory {
            self.spill()?;
        }
        match &mut self.storage {
            Storage::Memory(held) => held.extend_from_slice(bytes),
            Storage::File(file) => file.write_all(bytes).map_err(spool("write"))?,
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Storage {
        self.storage
    }

    fn spill(&mut self) -> Result<(), PackError> {
        if self.length > self.limits.on_disk {
            return Err(PackError::TooLarge { limit: self.limits.on_disk });
        }
        if let Storage::Memory(held) = &self.storage {
            let mut file = tempfile::tempfile_in(&self.limits.folder).map_err(spool("create"))?;
            file.write_all(held).map_err(spool("write"))?;
            self.storage = Storage::File(file);
        }
        Ok(())
    }
}

impl Storage {
    /// The bytes of a range, borrowed where they are in memory, else read into `buffer`.
    pub(super) fn slice<'a>(&'a self, range: Range<u64>, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], PackError> {
        let start = index(range.start)?;
        let end = index(range.end)?;
        match self {
            Self::Memory(held) => held.get(start..end).ok_or(PackError::Truncated),
            Self::File(file) => {
                buffer.resize(end.checked_sub(start).ok_or(PackError::Truncated)?, 0);
                file.read_exact_at(buffer, range.start).map_err(spool("read"))?;
                Ok(buffer)
            }
        }
    }
}

fn index(offset: u64) -> Result<usize, PackError> {
    usize::try_from(offset).map_err(|_| PackError::Truncated)
}

fn spool(action: &'static str) -> impl FnOnce(std::io::Error) -> PackError {
    move |source| PackError::Spool { action, source }
}
