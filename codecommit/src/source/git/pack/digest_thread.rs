//! The thread that digests contents while the scan inflates the next ones: hashing takes about as long as inflate.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::Scope;

use git_archive::object::hash::CollisionAttack;

use super::digest::Digest;
use super::error::PackError;
use super::recent::Batch;
use super::table::PackedObject;

/// The number of batches that may wait for the thread. It bounds the memory if inflate is faster.
const WAITING: usize = 2;

/// The digests of one batch, with the indexes of their objects.
type Digests = Vec<(usize, Result<Digest, CollisionAttack>)>;

/// The thread. It ends when this is dropped.
pub(super) struct DigestThread {
    batches: SyncSender<Arc<Batch>>,
    digests: Receiver<Digests>,
}

impl DigestThread {
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>) -> Self {
        let (batches, waiting) = mpsc::sync_channel::<Arc<Batch>>(WAITING);
        let (done, digests) = mpsc::channel();
        scope.spawn(move || {
            for batch in waiting {
                let contents = batch.contents();
                let digests = contents.map(|(index, kind, content)| (index, Digest::of(kind, content)));
                if done.send(digests.collect()).is_err() {
                    return;
                }
            }
        });
        Self { batches, digests }
    }

    /// Hands a batch over, and records the digests that are ready.
    pub(super) fn digest(&self, batch: Arc<Batch>, objects: &mut [PackedObject]) -> Result<(), PackError> {
        // The thread ends before the sender only if it panics, and then the scope panics, too.
        self.batches.send(batch).ok();
        self.digests.try_iter().try_for_each(|digests| record(digests, objects))
    }

    /// Waits for all digests, and records them.
    pub(super) fn finish(self, objects: &mut [PackedObject]) -> Result<(), PackError> {
        drop(self.batches);
        self.digests.iter().try_for_each(|digests| record(digests, objects))
    }
}

fn record(digests: Digests, objects: &mut [PackedObject]) -> Result<(), PackError> {
    digests.into_iter().try_for_each(|(index, digest)| objects[index].record(digest))
}
