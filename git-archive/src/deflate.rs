//! Raw deflate: libdeflate for content in memory, zlib-rs for streams.

use std::cell::RefCell;
use std::io;

use libdeflater::{CompressionLvl, Compressor};
use zlib_rs::{DeflateError, DeflateFlush, Inflate, InflateFlush, Status};

/// A function that deflates content at a level from 1 to 9. It returns `None` if the content does not get smaller.
pub type Deflate = fn(content: &[u8], level: u8) -> Option<Vec<u8>>;

/// The output buffer of a thread keeps at most this many bytes between two contents.
const KEPT_BYTES: usize = 1 << 20;

/// The compressor of a thread, and the buffer for its output. A new compressor clears several hundred kilobytes, and a
/// new buffer is as long as the content, while the output is mostly much shorter.
struct Deflater {
    level: u8,
    compressor: Compressor,
    out: Vec<u8>,
}

impl Deflater {
    fn new(level: u8) -> Self {
        let compressor = Compressor::new(CompressionLvl::new(i32::from(level)).unwrap_or_default());
        Self { level, compressor, out: Vec::new() }
    }

    fn deflate(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        // The room is one byte less than the content. If the output does not fit, git stores the content.
        let room = content.len().saturating_sub(1);
        if self.out.len() < room {
            self.out.resize(room, 0);
        }
        let size = self.compressor.deflate_compress(content, &mut self.out[..room]);
        let made = size.ok().map(|size| self.out[..size].to_vec());
        if self.out.len() > KEPT_BYTES {
            self.out = Vec::new();
        }
        made
    }
}

/// Deflates content with libdeflate, at about twice zlib's speed and a slightly smaller size.
pub fn deflate(content: &[u8], level: u8) -> Option<Vec<u8>> {
    thread_local! {
        static KEPT: RefCell<Option<Deflater>> = const { RefCell::new(None) };
    }
    KEPT.with_borrow_mut(|kept| {
        if kept.as_ref().is_none_or(|deflater| deflater.level != level) {
            *kept = Some(Deflater::new(level));
        }
        kept.as_mut()?.deflate(content)
    })
}

/// Inflates content of exactly `size` bytes. Returns `None` for any other data, and for data with anything after it.
pub fn inflate(data: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut content = vec![0; size];
    let mut state = Inflate::new(false, 15);
    let status = state.decompress(data, &mut content, InflateFlush::Finish).ok()?;
    let whole = state.total_in() == data.len() as u64 && state.total_out() == size as u64;
    (status == Status::StreamEnd && whole).then_some(content)
}

/// A stream that deflates chunks, for files that are not held in memory.
pub struct DeflateStream {
    state: zlib_rs::Deflate,
    out: Vec<u8>,
}

impl DeflateStream {
    /// Starts a stream at a level from 1 to 9.
    pub fn new(level: u8) -> Self {
        Self { state: zlib_rs::Deflate::new(i32::from(level), false, 15), out: vec![0; 64 << 10] }
    }

    /// Deflates the next chunk, and passes the output to `sink`.
    pub fn chunk(&mut self, mut input: &[u8], sink: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        while !input.is_empty() {
            let (used, _) = self.step(input, DeflateFlush::NoFlush, sink)?;
            input = &input[used..];
        }
        Ok(())
    }

    /// Ends the stream, and passes the rest of the output to `sink`.
    pub fn finish(mut self, sink: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        while self.step(&[], DeflateFlush::Finish, sink)?.1 != Status::StreamEnd {}
        Ok(())
    }

    fn step(
        &mut self,
        input: &[u8],
        flush: DeflateFlush,
        sink: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<(usize, Status)> {
        let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
        let status = self
            .state
            .compress(input, &mut self.out, flush)
            .map_err(|error: DeflateError| io::Error::other(format!("deflate failed: {error:?}")))?;
        let made = usize::try_from(self.state.total_out() - before_out).expect("no more than the buffer");
        sink(&self.out[..made])?;
        Ok((usize::try_from(self.state.total_in() - before_in).expect("no more than the input"), status))
    }
}
