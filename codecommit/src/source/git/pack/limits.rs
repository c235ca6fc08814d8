//! The resources that one pack may use.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use git_archive::deflate::Deflate;

/// A pack up to this size is kept in memory.
const IN_MEMORY: u64 = 32 << 20;
/// The default of [`Limits::delta_bytes`] is this many times [`Limits::working`]. A checkout of a few gigabytes stays
/// below it.
const DELTA_FACTOR: u64 = 64;
/// The default of [`Limits::entries`]. The largest public repositories list about half as many.
const ENTRIES: u64 = 1_000_000;

/// Limits on the memory, disk and work that a pack may use, and the flag that cancels it.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest pack, in bytes, that is held in memory. A larger pack goes to a file.
    pub in_memory: u64,
    /// The largest pack, in bytes, that is written to a file.
    pub on_disk: u64,
    /// The folder of that file. In the function, it is the ephemeral storage, `/tmp`.
    pub folder: PathBuf,
    /// The largest number of bytes of memory for each of these: the index, a listing, an object that is read as a
    /// whole, a delta with its base and its result.
    pub working: u64,
    /// The largest number of bytes that all deltas of the pack may produce in total. A delta counts each time it is
    /// resolved, and a base each time it is inflated again.
    pub delta_bytes: u64,
    /// The largest number of entries in the tree of a commit.
    pub entries: u64,
    /// The way to deflate what deltas make while the pack arrives. `None` to leave that for later.
    pub early_deflate: Option<EarlyDeflate>,
    /// The flag that cancels all work on the pack. Every loop checks it.
    pub cancelled: Arc<AtomicBool>,
}

/// The way to deflate blobs while the pack arrives: the one in which an archive would deflate them later.
#[derive(Debug, Clone, Copy)]
pub struct EarlyDeflate {
    /// The deflate implementation.
    pub deflate: Deflate,
    /// The level, from 1 to 9.
    pub level: u8,
    /// The largest number of bytes that are kept. What does not fit is deflated later.
    pub bytes: u64,
}

impl Limits {
    /// Computes limits from the available memory and disk space.
    pub fn new(working: u64, on_disk: u64, folder: PathBuf) -> Self {
        Self {
            in_memory: IN_MEMORY.min(working),
            on_disk,
            folder,
            working,
            delta_bytes: working.saturating_mul(DELTA_FACTOR),
            entries: ENTRIES,
            early_deflate: None,
            cancelled: Arc::default(),
        }
    }
}
