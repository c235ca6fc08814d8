//! Inflates the objects of a pack while it arrives.
//!
//! It uses zlib-rs and not libdeflate, for two reasons. First, only inflate itself finds the end of an object's
//! deflated bytes, and libdeflate's binding does not report it. Second, libdeflate accepts some streams that zlib
//! refuses, so a stream that it accepts is not always safe to copy into a zip.

use std::ops::Range;

use bytes::Bytes;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::error::PackError;
use super::intake::Intake;
use super::work::WorkBudget;

/// The size of the pieces in which a large object is inflated.
const PIECE_BYTES: usize = 64 * 1024;

/// The distance from the end of the output at which inflate's fast loop stops.
const SLACK: usize = 272;

/// The largest number of deflated bytes that one step reads, even from a larger chunk. Padding therefore shows within
/// one step.
const INPUT_BYTES: usize = 16 * 1024;

/// A step that produces this many bytes less than it reads is padded: the largest block header has about 300 bytes.
const PADDING: usize = 1024;

/// An inflater for one object after another.
pub(super) struct ZlibReader<'a> {
    inflate: Inflate,
    /// One buffer for all objects, because it stays in the processor's cache.
    output: Vec<u8>,
    is_padded: bool,
    work: &'a WorkBudget,
}

/// The result of one step: the number of bytes, and whether the stream has ended.
struct Step {
    made: usize,
    is_last: bool,
}

/// The offset of an object and the number of bytes that it has to inflate to.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl<'a> ZlibReader<'a> {
    pub(super) fn new(work: &'a WorkBudget) -> Self {
        Self { inflate: Inflate::new(true, 15), output: vec![0; PIECE_BYTES], is_padded: false, work }
    }

    /// Returns true if the last stream has long parts that produce nothing, such as empty blocks. Such a stream must
    /// not be copied.
    pub(super) fn is_padded(&self) -> bool {
        self.is_padded
    }

    /// Inflates a whole object. The content stays in a buffer that only grows, so this is for objects of a limited
    /// size.
    pub(super) fn whole<I>(&mut self, intake: &mut Intake<'_, I>, expected: Expected) -> Result<&[u8], PackError>
    where
        I: Iterator<Item = Bytes>,
    {
        let size = usize::try_from(expected.size).map_err(|_| expected.corrupt("an object is larger than memory"))?;
        if self.output.len() < size + SLACK {
            self.output.resize(size + SLACK, 0);
        }
        let mut length = 0;
        self.start();
        loop {
            // With the flag `Finish`, inflate does not copy content that it makes in one step into its own window.
            let step = self.step(intake, expected, length..size + SLACK, InflateFlush::Finish)?;
            length += step.made;
            if step.is_last {
                return Ok(&self.output[..size]);
            }
        }
    }

    /// Inflates an object and passes its content on in pieces.
    pub(super) fn pieces<I>(
        &mut self,
        intake: &mut Intake<'_, I>,
        expected: Expected,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<(), PackError>
    where
        I: Iterator<Item = Bytes>,
    {
        self.start();
        loop {
            let step = self.step(intake, expected, 0..PIECE_BYTES, InflateFlush::NoFlush)?;
            sink(&self.output[..step.made]);
            if step.is_last {
                return Ok(());
            }
        }
    }

    fn start(&mut self) {
        self.inflate.reset(true);
        self.is_padded = false;
    }

    /// Inflates what has arrived into a part of the buffer.
    fn step<I>(
        &mut self,
        intake: &mut Intake<'_, I>,
        expected: Expected,
        room: Range<usize>,
        flush: InflateFlush,
    ) -> Result<Step, PackError>
    where
        I: Iterator<Item = Bytes>,
    {
        self.work.check()?;
        let (read, made) = (self.inflate.total_in(), self.inflate.total_out());
        let input = intake.available()?;
        let input = &input[..input.len().min(INPUT_BYTES)];
        let status = self.inflate.decompress(input, &mut self.output[room], flush);
        let status = status.map_err(|_| expected.corrupt("an object does not inflate"))?;
        let read = advanced(self.inflate.total_in(), read);
        let made = advanced(self.inflate.total_out(), made);
        intake.advance(read);
        self.is_padded |= read > made + PADDING;
        if self.inflate.total_out() > expected.size {
            return Err(expected.corrupt("an object is larger than its header says"));
        }
        let is_last = status == Status::StreamEnd;
        if is_last && self.inflate.total_out() < expected.size {
            return Err(expected.corrupt("an object is smaller than its header says"));
        }
        if !is_last && read == 0 && made == 0 {
            return Err(expected.corrupt("an object does not inflate"));
        }
        Ok(Step { made, is_last })
    }
}

impl Expected {
    fn corrupt(self, what: &'static str) -> PackError {
        PackError::Corrupt { offset: self.offset, what }
    }
}

/// Returns the progress of a counter within one call, which is never more than a buffer holds.
fn advanced(now: u64, before: u64) -> usize {
    usize::try_from(now - before).unwrap_or(usize::MAX)
}
