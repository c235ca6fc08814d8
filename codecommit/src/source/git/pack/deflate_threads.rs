//! Threads that deflate the blobs that deltas make, while the pack arrives: the zip can then follow its end at once.
//!
//! A delta is resolved for its id anyway. Deflated later, it would have to be inflated and applied again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, Scope};

use bytes::Bytes;

use super::deflated::{DeflatedPart, ROW_BYTES};
use super::limits::{EarlyDeflate, Limits};
use crate::lock::Lock;

/// Contents are handed to a thread once they have this many bytes together.
const JOB_BYTES: usize = 256 << 10;

/// The size in bytes of the largest content that is deflated early. A larger one is deflated in its turn.
const LARGEST: usize = 1 << 20;

/// The number of jobs that may wait for a thread. It bounds the memory if the pack arrives faster.
const WAITING: usize = 2;

/// A content counts as at least this fraction of its size, because even a content that deflates to nothing takes time.
const LEAST_FRACTION: u64 = 8;

/// Contents that one thread deflates, in the order of the pack.
#[derive(Default)]
struct Job {
    bytes: Vec<u8>,
    /// The index of each object in the pack, and the end of its content in `bytes`.
    contents: Vec<(usize, usize)>,
}

/// Takes contents for the threads, which end when this is dropped. Without threads it takes nothing.
pub(super) struct DeflateQueue(Option<OpenQueue>);

struct OpenQueue {
    jobs: SyncSender<Job>,
    open: Job,
    /// Emptied jobs that the threads give back, so that their buffers are used again.
    empty: Receiver<Job>,
    room: Arc<Room>,
}

/// The bytes that may still be kept. It is closed when it was once too small.
struct Room(AtomicU64);

/// The work of one thread.
struct Deflater {
    deflate: EarlyDeflate,
    jobs: Arc<Lock<Receiver<Job>>>,
    empty: Sender<Job>,
    parts: Sender<DeflatedPart>,
    room: Arc<Room>,
    cancelled: Arc<AtomicBool>,
}

/// Starts a thread for each core. What they make can be received until all have ended.
pub(super) fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    limits: &Limits,
) -> (DeflateQueue, Receiver<DeflatedPart>) {
    let (parts, made) = mpsc::channel();
    let Some(deflate) = limits.early_deflate else { return (DeflateQueue::none(), made) };
    let (jobs, waiting) = mpsc::sync_channel(WAITING);
    let (done, empty) = mpsc::channel();
    let (waiting, room) = (Arc::new(Lock::new(waiting)), Arc::new(Room(AtomicU64::new(deflate.bytes))));
    for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
        let deflater = Deflater {
            deflate,
            jobs: Arc::clone(&waiting),
            empty: done.clone(),
            parts: parts.clone(),
            room: Arc::clone(&room),
            cancelled: Arc::clone(&limits.cancelled),
        };
        scope.spawn(move || deflater.run());
    }
    (DeflateQueue(Some(OpenQueue { jobs, open: Job::default(), empty, room })), made)
}

impl DeflateQueue {
    /// Returns a queue without threads.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Adds the content of a blob, by its index in the pack. Waits if the threads are behind.
    pub(super) fn push(&mut self, index: usize, content: &[u8]) {
        let Some(queue) = &mut self.0 else { return };
        if content.is_empty() || content.len() > LARGEST || !queue.room.is_open() {
            return;
        }
        if !queue.open.has_room(content) {
            queue.hand_over();
        }
        queue.open.push(index, content);
    }

    /// Hands over the last contents.
    pub(super) fn finish(self) {
        if let Some(mut queue) = self.0 {
            queue.hand_over();
        }
    }
}

impl Job {
    /// Returns whether a content fits. Any content fits into an empty job.
    fn has_room(&self, content: &[u8]) -> bool {
        let contents = (self.contents.len() + 1) * size_of::<(usize, usize)>();
        self.contents.is_empty() || contents + self.bytes.len() + content.len() <= JOB_BYTES
    }

    fn push(&mut self, index: usize, content: &[u8]) {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(JOB_BYTES.max(content.len()));
        }
        self.bytes.extend_from_slice(content);
        self.contents.push((index, self.bytes.len()));
    }

    /// Returns an empty job with this one's memory. `None` if a large content made it larger than usual.
    fn emptied(mut self) -> Option<Self> {
        self.bytes.clear();
        self.contents.clear();
        (self.bytes.capacity() <= JOB_BYTES).then_some(self)
    }
}

impl OpenQueue {
    fn hand_over(&mut self) {
        let next = self.empty.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.open, next);
        // The threads end before this only if all of them panic, and then the scope panics, too.
        self.jobs.send(full).ok();
    }
}

impl Room {
    fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Takes bytes. Returns false and closes if there are not so many.
    fn take(&self, bytes: u64) -> bool {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        if taken.is_err() {
            self.0.store(0, Ordering::Relaxed);
        }
        taken.is_ok()
    }
}

impl Deflater {
    fn run(self) {
        let mut data = Vec::new();
        loop {
            let Ok(job) = self.jobs.lock().recv() else { return };
            if let Some(part) = self.part(&job, &mut data) {
                self.parts.send(part).ok();
            }
            if let Some(empty) = job.emptied() {
                self.empty.send(empty).ok();
            }
        }
    }

    /// Deflates the contents of a job, except those that do not get smaller. Returns `None` if there is no room, or if
    /// the work is cancelled.
    fn part(&self, job: &Job, data: &mut Vec<u8>) -> Option<DeflatedPart> {
        data.clear();
        let (mut start, mut work, mut ends) = (0, 0, Vec::with_capacity(job.contents.len()));
        for &(index, end) in &job.contents {
            if self.cancelled.load(Ordering::Relaxed) || !self.room.is_open() {
                return None;
            }
            let content = &job.bytes[start..end];
            start = end;
            let deflated = (self.deflate.deflate)(content, self.deflate.level);
            let size = deflated.as_ref().map_or(0, Vec::len) as u64;
            work += ROW_BYTES + size.max(content.len() as u64 / LEAST_FRACTION);
            if let Some(deflated) = deflated {
                data.extend_from_slice(&deflated);
                ends.push((index, data.len()));
            }
        }
        // Copied, so that it has no room to spare.
        self.room.take(work).then(|| DeflatedPart { data: Bytes::copy_from_slice(data), ends })
    }
}
