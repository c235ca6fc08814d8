//! A budget with a planted bug, which the check must find: it looks for free bytes before it listens for changes.

use std::sync::Arc;

use tokio::sync::Notify;

use super::budget_check::{Account, Held};
use super::lock::Lock;

/// The free bytes, and the position of the archive.
pub(crate) struct Deaf {
    ledger: Lock<(i64, usize)>,
    changed: Notify,
}

pub(crate) struct DeafPermit(Arc<Deaf>, i64);

impl Account for Deaf {
    type Permit = DeafPermit;

    fn of(bytes: u64) -> Arc<Self> {
        Arc::new(Self { ledger: Lock::new((i64::try_from(bytes).expect("few"), 0)), changed: Notify::new() })
    }

    async fn admit(self: Arc<Self>, index: usize, bytes: u64) -> DeafPermit {
        let bytes = i64::try_from(bytes).expect("few");
        loop {
            if self.take(index, bytes) {
                return DeafPermit(self, bytes);
            }
            // Between the look and this line, another thread may have returned bytes.
            super::lockstep::point();
            self.changed.notified().await;
        }
    }

    fn advance(&self, index: usize) {
        self.ledger.lock().1 = index;
        self.changed.notify_waiters();
    }
}

impl Deaf {
    fn take(&self, index: usize, bytes: i64) -> bool {
        let mut ledger = self.ledger.lock();
        let is_admitted = ledger.0 >= bytes || index <= ledger.1;
        if is_admitted {
            ledger.0 -= bytes;
        }
        is_admitted
    }
}

impl Held for DeafPermit {
    fn shrink(&mut self, bytes: u64) {
        let bytes = i64::try_from(bytes).expect("few");
        self.0.ledger.lock().0 += self.1 - bytes;
        self.1 = bytes;
        self.0.changed.notify_waiters();
    }
}

impl Drop for DeafPermit {
    fn drop(&mut self) {
        self.0.ledger.lock().0 += self.1;
        self.0.changed.notify_waiters();
    }
}
