//! Threads that deflate the blobs that deltas make, while the pack arrives: the zip can then follow its end at once.
//!
//! A delta is resolved for its id anyway. Deflated later, it would have to be inflated and applied again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, Scope};

use bytes::Bytes;

use super::batch::{Batch, InflatedForm};
use super::deflated::{DeflatedPart, ROW_BYTES};
use super::kind::ObjectKind;
use super::limits::{EarlyDeflate, Limits};
use crate::lock::Lock;

/// The size in bytes of the largest content that is deflated early. A larger one is deflated in its turn.
const LARGEST: usize = 1 << 20;

/// The number of batches that may wait for a thread. It bounds the memory if the pack arrives faster.
const WAITING: usize = 2;

/// A content counts as at least this fraction of its size, because even a content that deflates to nothing takes time.
const LEAST_FRACTION: u64 = 8;

/// Takes contents for the threads, which end when this is dropped. Without threads it takes nothing.
pub(super) struct DeflateQueue(Option<OpenQueue>);

struct OpenQueue {
    batches: SyncSender<Batch>,
    open: Batch,
    /// Empty batches that the threads give back, so that their buffers are used again.
    empty: Receiver<Batch>,
    room: Arc<Room>,
}

/// The bytes that may still be kept. It is closed when it was once too small.
struct Room(AtomicU64);

/// The work of one thread.
struct Deflater {
    deflate: EarlyDeflate,
    batches: Arc<Lock<Receiver<Batch>>>,
    empty: Sender<Batch>,
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
    let (batches, waiting) = mpsc::sync_channel(WAITING);
    let (done, empty) = mpsc::channel();
    let (waiting, room) = (Arc::new(Lock::new(waiting)), Arc::new(Room(AtomicU64::new(deflate.bytes))));
    for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
        let deflater = Deflater {
            deflate,
            batches: Arc::clone(&waiting),
            empty: done.clone(),
            parts: parts.clone(),
            room: Arc::clone(&room),
            cancelled: Arc::clone(&limits.cancelled),
        };
        scope.spawn(move || deflater.run());
    }
    (DeflateQueue(Some(OpenQueue { batches, open: Batch::default(), empty, room })), made)
}

impl DeflateQueue {
    /// Returns a queue without threads.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Adds the content of a blob, by its index and its offset in the pack. Waits if the threads are behind.
    pub(super) fn push(&mut self, index: usize, offset: u64, content: &[u8]) {
        let Some(queue) = &mut self.0 else { return };
        if content.is_empty() || content.len() > LARGEST || !queue.room.is_open() {
            return;
        }
        let form = InflatedForm::Whole(ObjectKind::Blob);
        if !queue.open.has_room(form, content) {
            queue.hand_over();
        }
        queue.open.push(index, offset, form, content);
    }

    /// Hands over the last contents.
    pub(super) fn finish(self) {
        if let Some(mut queue) = self.0 {
            queue.hand_over();
        }
    }
}

impl OpenQueue {
    fn hand_over(&mut self) {
        let next = self.empty.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.open, next);
        // The threads end before this only if all of them panic, and then the scope panics, too.
        self.batches.send(full).ok();
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
            let Ok(batch) = self.batches.lock().recv() else { return };
            if let Some(part) = self.part(&batch, &mut data) {
                self.parts.send(part).ok();
            }
            if let Some(empty) = batch.emptied() {
                self.empty.send(empty).ok();
            }
        }
    }

    /// Deflates the contents of a batch, except those that do not get smaller. Returns `None` if there is no room, or
    /// if the work is cancelled.
    fn part(&self, batch: &Batch, data: &mut Vec<u8>) -> Option<DeflatedPart> {
        data.clear();
        let (mut work, mut ends) = (0, Vec::with_capacity(batch.len()));
        for number in 0..batch.len() {
            if self.cancelled.load(Ordering::Relaxed) || !self.room.is_open() {
                return None;
            }
            let content = batch.inflated(number);
            let deflated = (self.deflate.deflate)(content, self.deflate.level);
            let size = deflated.as_ref().map_or(0, Vec::len) as u64;
            work += ROW_BYTES + size.max(content.len() as u64 / LEAST_FRACTION);
            if let Some(deflated) = deflated {
                data.extend_from_slice(&deflated);
                ends.push((batch.entry(number).index, data.len()));
            }
        }
        // Copied, so that it has no room to spare.
        self.room.take(work).then(|| DeflatedPart { data: Bytes::copy_from_slice(data), ends })
    }
}
