//! The byte budget: the limit on content held between the network and the archive.
//!
//! Many entries are read ahead, but the archive takes them strictly in order. An entry holds bytes of the budget from
//! the moment its body is read until the archive has written it:
//!
//! ```text
//!   entry       0        1        2        3        4        5   …
//!            written  written  writing   holds    waits    waits
//!                                 ▲      bytes      │        │
//!                     the archive is here           └────────┴──▶ admitted when bytes are free
//! ```
//!
//! If the entries ahead could use up the whole budget, the entry that the archive waits for would never be admitted,
//! nothing would be written, and nothing would ever be freed. Therefore the entry at the archive's position is always
//! admitted. It may overdraw the budget by its own size, which for the API is at most [`LARGEST_ANSWER`].
//!
//! An answer's size is known only when its head has arrived, deep inside the SDK's HTTP client. Therefore a [`Turn`],
//! the entry's place in the order, travels with the request:
//!
//! ```text
//!   Turn::new(&budget, 4) ──▶ request extension ──▶ HTTP wrapper: head of the answer, content-length
//!                                                        │ turn.admit(content-length).await
//!   Turn::take() ◀── answer, decoded ◀── body is read ◀──┘ the turn now holds the permit
//! ```
//!
//! A retried request is admitted again. It first returns the bytes that the failed attempt held.

use std::sync::{Arc, MutexGuard};

use tokio::sync::Notify;

use crate::lock::Lock;

/// The size of the largest body of a `GetBlob` answer: 6 MB in base64, and a little JSON.
pub const LARGEST_ANSWER: u64 = 6 * 1024 * 1024 / 3 * 4 + 1024;

/// The bytes that the entries of one archive may hold at once.
#[derive(Debug)]
pub struct Budget {
    ledger: Lock<Ledger>,
    changed: Notify,
}

#[derive(Debug)]
struct Ledger {
    free: i64,
    at: usize,
}

/// Bytes taken from a [`Budget`]. Dropping the permit returns them.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: i64,
}

/// An entry's place in the order of an archive, and the permit that it holds. Clones share the permit. See the
/// [module](self).
#[derive(Debug, Clone)]
pub struct Turn {
    budget: Arc<Budget>,
    index: usize,
    permit: Arc<Lock<Option<Permit>>>,
}

impl Budget {
    /// Creates a budget of `bytes`.
    pub fn new(bytes: u64) -> Arc<Self> {
        let free = i64::try_from(bytes).unwrap_or(i64::MAX);
        Arc::new(Self { ledger: Lock::new(Ledger { free, at: 0 }), changed: Notify::new() })
    }

    /// Waits until `bytes` are free, or until the entry `index` is next in the archive.
    pub async fn admit(self: &Arc<Self>, index: usize, bytes: u64) -> Permit {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        loop {
            let changed = self.changed.notified();
            if let Some(permit) = self.try_admit(index, bytes) {
                return permit;
            }
            changed.await;
        }
    }

    /// Records that the entry `index` is next in the archive: all entries before it are written.
    pub fn advance(&self, index: usize) {
        self.ledger().at = index;
        self.changed.notify_waiters();
    }

    fn try_admit(self: &Arc<Self>, index: usize, bytes: i64) -> Option<Permit> {
        let mut ledger = self.ledger();
        if ledger.free < bytes && index > ledger.at {
            return None;
        }
        ledger.free -= bytes;
        Some(Permit { budget: self.clone(), bytes })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }
}

impl Permit {
    /// Returns all bytes except `bytes` to the budget.
    pub fn shrink(&mut self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if bytes < self.bytes {
            self.budget.ledger().free += self.bytes - bytes;
            self.bytes = bytes;
            self.budget.changed.notify_waiters();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.ledger().free += self.bytes;
        self.budget.changed.notify_waiters();
    }
}

impl Turn {
    /// Creates the turn of the entry `index` in the archive of `budget`.
    pub fn new(budget: &Arc<Budget>, index: usize) -> Self {
        Self { budget: budget.clone(), index, permit: Arc::default() }
    }

    /// Waits for `bytes` of the budget. Bytes that the turn already holds are returned first.
    pub async fn admit(&self, bytes: u64) {
        drop(self.take());
        let permit = self.budget.admit(self.index, bytes).await;
        *self.permit.lock() = Some(permit);
    }

    /// Returns all bytes that the turn holds, except `bytes`, to the budget.
    pub fn shrink(&self, bytes: u64) {
        if let Some(permit) = &mut *self.permit.lock() {
            permit.shrink(bytes);
        }
    }

    /// Takes the permit that the turn holds.
    pub fn take(&self) -> Option<Permit> {
        self.permit.lock().take()
    }
}
