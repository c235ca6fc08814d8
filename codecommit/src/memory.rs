//! A budget of bytes for what is between the network and the archive.
//!
//! Many fetches run ahead of the archive, which takes them strictly in order. If those ahead could use up the whole budget, the
//! one that the archive waits for would never get in, and nothing would ever be freed. So the entry that the archive is at
//! always gets in; it may overdraw the budget by its own size, which the API limits to [`LARGEST_ANSWER`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The largest body that `GetBlob` answers: 6 MB in base64, and a little JSON.
pub const LARGEST_ANSWER: u64 = 6 * 1024 * 1024 / 3 * 4 + 1024;

/// Bytes that may be held at once by the fetches of one archive.
#[derive(Debug)]
pub struct Budget {
    ledger: Mutex<Ledger>,
    changed: Notify,
}

#[derive(Debug)]
struct Ledger {
    free: i64,
    at: usize,
}

/// Bytes taken from a [`Budget`]; dropping it gives them back.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: i64,
}

/// A turn in the order of an archive. It travels with a request as an extension; the HTTP wrapper fills it when the answer's
/// head has arrived, before the body is let in.
#[derive(Debug, Clone)]
pub struct Turn {
    budget: Arc<Budget>,
    index: usize,
    permit: Arc<Mutex<Option<Permit>>>,
}

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: u64) -> Arc<Self> {
        let free = i64::try_from(bytes).unwrap_or(i64::MAX);
        Arc::new(Self { ledger: Mutex::new(Ledger { free, at: 0 }), changed: Notify::new() })
    }

    /// Waits until `bytes` fit, or until the archive has come to `index`.
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

    /// The archive has come to `index`: everything before it is written.
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
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Gives back what is over `bytes`, once it is known that less is held.
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
    /// The turn `index` in the order of the archive that `budget` serves.
    pub fn new(budget: &Arc<Budget>, index: usize) -> Self {
        Self { budget: budget.clone(), index, permit: Arc::default() }
    }

    /// Takes `bytes` for the answer that is about to be read; what an earlier try held is given back first.
    pub async fn admit(&self, bytes: u64) {
        drop(self.take());
        let permit = self.budget.admit(self.index, bytes).await;
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
    }

    /// The permit under which the answer came in.
    pub fn take(&self) -> Option<Permit> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
