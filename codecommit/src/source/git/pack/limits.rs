//! The resources that one pack may use.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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
    /// The folder of that file: in the function its ephemeral storage, `/tmp`.
    pub folder: PathBuf,
    /// The most bytes of memory for each of these: the index, a listing, an object that is read as a whole, a delta
    /// with its base and its result.
    pub working: u64,
    /// The most bytes that all deltas of the pack together may make, counted again each time they are made, bases that
    /// have to be inflated again included.
    pub delta_bytes: u64,
    /// The most entries that the tree of a commit may list.
    pub entries: u64,
    /// Cancels everything that works on the pack, once it is set: each loop looks at it.
    pub cancelled: Arc<AtomicBool>,
}

impl Limits {
    /// Limits relative to the memory and the disk that are at hand.
    pub fn new(working: u64, on_disk: u64, folder: PathBuf) -> Self {
        Self {
            in_memory: IN_MEMORY.min(working),
            on_disk,
            folder,
            working,
            delta_bytes: working.saturating_mul(DELTA_FACTOR),
            entries: ENTRIES,
            cancelled: Arc::default(),
        }
    }
}
