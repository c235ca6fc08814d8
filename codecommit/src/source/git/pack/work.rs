//! The budget of work that a pack may cause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::PackError;
use super::limits::Limits;

/// The number of bytes that the deltas of one pack may still produce, shared by all its readers, and its cancel flag.
pub(super) struct WorkBudget {
    left: AtomicU64,
    limit: u64,
    cancelled: Arc<AtomicBool>,
}

impl WorkBudget {
    pub(super) fn new(limits: &Limits) -> Self {
        let limit = limits.delta_bytes;
        Self { left: AtomicU64::new(limit), limit, cancelled: Arc::clone(&limits.cancelled) }
    }

    /// Fails once the work is cancelled.
    pub(super) fn check(&self) -> Result<(), PackError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(PackError::Cancelled) } else { Ok(()) }
    }

    /// Takes `bytes` of delta work before it is done.
    pub(super) fn spend(&self, bytes: u64) -> Result<(), PackError> {
        self.check()?;
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(drop).map_err(|_| PackError::DeltaWork { limit: self.limit })
    }
}
