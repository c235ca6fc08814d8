//! The thread that digests objects, and makes those that are deltas, while the scan inflates the next entries. That
//! takes about as long as inflate, so the index of a pack needs two cores half as long as one.
//!
//! A delta is resolved at once if its base came shortly before, which is git's usual order. CodeCommit's packs name
//! bases by id, so this thread, which computes the ids, is the one that can find them.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::Scope;

use super::batch::{Batch, BatchEntry, InflatedForm};
use super::deflate_threads::DeflateQueue;
use super::delta::Delta;
use super::digest::Digest;
use super::error::PackError;
use super::kind::ObjectKind;
use super::recent::RecentObjects;
use super::table::{self, PackedObject};

/// The number of batches that may wait for the thread. It bounds the memory if inflate is faster.
const WAITING: usize = 2;

/// An object whose content is known.
struct ResolvedObject {
    index: usize,
    kind: ObjectKind,
    /// The index of its base, if it is a delta.
    base: Option<usize>,
    digest: Digest,
}

/// The result of one batch.
struct ResolvedBatch {
    /// The objects that are known.
    objects: Vec<ResolvedObject>,
    /// An empty batch that can be filled again.
    empty: Option<Batch>,
}

/// The answer to a batch, or the reason why one of its objects is refused.
type Answer = Result<ResolvedBatch, PackError>;

/// The thread, and the batch that is filled for it. It ends when this is dropped.
pub(super) struct ResolveThread {
    batches: SyncSender<Batch>,
    answers: Receiver<Answer>,
    open: Batch,
    /// Empty batches, which the thread has given back.
    empty: Vec<Batch>,
}

impl ResolveThread {
    /// Starts the thread, which keeps `recent` bytes of objects as bases. The blobs that deltas make go to `deflating`.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        recent: usize,
        deflating: &'scope mut DeflateQueue,
    ) -> Self {
        let (batches, waiting) = mpsc::sync_channel::<Batch>(WAITING);
        let (done, answers) = mpsc::channel();
        scope.spawn(move || {
            let mut resolver = Resolver { recent: RecentObjects::new(recent), made: Vec::new(), deflating };
            for batch in waiting {
                let answer = resolver.resolve(batch);
                let failed = answer.is_err();
                if done.send(answer).is_err() || failed {
                    return;
                }
            }
        });
        Self { batches, answers, open: Batch::default(), empty: Vec::new() }
    }

    /// Adds the next object of the pack to those that the thread resolves. Records what is known by now.
    pub(super) fn push(
        &mut self,
        objects: &mut [PackedObject],
        offset: u64,
        form: InflatedForm,
        inflated: &[u8],
    ) -> Result<(), PackError> {
        if !self.open.has_room(form, inflated) {
            let next = self.empty.pop().unwrap_or_default();
            let full = std::mem::replace(&mut self.open, next);
            // If the thread has ended, its last answer says why. After a panic, the scope panics, too.
            self.batches.send(full).ok();
            for answer in self.answers.try_iter() {
                self.empty.extend(record(answer, objects)?);
            }
        }
        self.open.push(objects.len(), offset, form, inflated);
        Ok(())
    }

    /// Waits for all batches, and records what is known of them.
    pub(super) fn finish(self, objects: &mut [PackedObject]) -> Result<(), PackError> {
        self.batches.send(self.open).ok();
        drop(self.batches);
        self.answers.iter().try_for_each(|answer| record(answer, objects).map(drop))
    }
}

struct Resolver<'a> {
    recent: RecentObjects,
    /// The result of the last delta.
    made: Vec<u8>,
    deflating: &'a mut DeflateQueue,
}

impl Resolver<'_> {
    fn resolve(&mut self, batch: Batch) -> Answer {
        let count = batch.len();
        let dropped = self.recent.push(batch);
        let mut objects = Vec::with_capacity(count);
        for number in 0..count {
            objects.extend(self.entry(number)?);
        }
        Ok(ResolvedBatch { objects, empty: dropped.and_then(Batch::emptied) })
    }

    /// Resolves an entry of the latest batch. Returns `None` for a delta whose base is not here.
    fn entry(&mut self, number: usize) -> Result<Option<ResolvedObject>, PackError> {
        let Some(batch) = self.recent.latest() else { return Ok(None) };
        let BatchEntry { index, offset, form, .. } = *batch.entry(number);
        let refused = |source| PackError::Collision { offset, source };
        let resolved = match form {
            InflatedForm::Whole(kind) => {
                let digest = Digest::of(kind, batch.inflated(number)).map_err(refused)?;
                ResolvedObject { index, kind, base: None, digest }
            }
            InflatedForm::Delta { base, .. } => {
                let Some(base) = self.recent.find(base) else { return Ok(None) };
                let made = self.make(number, base).map_err(|what| PackError::Corrupt { offset, what })?;
                let Some(kind) = made else { return Ok(None) };
                self.recent.resolve(number, kind, &self.made);
                let digest = Digest::of(kind, &self.made).map_err(refused)?;
                if kind == ObjectKind::Blob {
                    self.deflating.push(index, offset, &self.made);
                }
                ResolvedObject { index, kind, base: Some(base), digest }
            }
        };
        self.recent.record_id(resolved.digest.id, index);
        Ok(Some(resolved))
    }

    /// Makes the object of a delta of the latest batch in the buffer, and returns its kind.
    fn make(&mut self, number: usize, base: usize) -> Result<Option<ObjectKind>, &'static str> {
        let Some((kind, content)) = self.recent.get(base) else { return Ok(None) };
        let Some(batch) = self.recent.latest() else { return Ok(None) };
        Delta::new(batch.inflated(number))?.apply_into(content, &mut self.made)?;
        Ok(Some(kind))
    }
}

/// Records the objects of an answer, and returns the empty batch.
fn record(answer: Answer, objects: &mut [PackedObject]) -> Result<Option<Batch>, PackError> {
    let answer = answer?;
    for ResolvedObject { index, kind, base, digest } in answer.objects {
        if let Some(base) = base {
            table::set_base(objects, index, base)?;
        }
        objects[index].kind = Some(kind);
        objects[index].set_digest(digest);
    }
    Ok(answer.empty)
}
