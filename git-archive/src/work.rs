//! Limits on time: a flag that cancels, and the number of steps that one archive may take.
//!
//! Trees, attributes, patterns and formats come from anyone who may push. Every loop over them counts steps. A
//! hostile input therefore ends with an error instead of keeping a thread busy, and a cancelled one ends early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::wildmatch::TooManySteps;

/// The default number of steps for one archive: a few seconds of one core, far more than any real repository needs.
pub const DEFAULT_STEPS: u64 = 2_000_000_000;

/// The reason why work ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The caller cancelled the work.
    #[error("the work was cancelled")]
    Cancelled,
    /// The input needs more steps than are allowed. Another attempt fails, too.
    #[error("the attributes, patterns and formats cost more work than one archive may take")]
    TooMuchWork,
}

impl From<TooManySteps> for Stopped {
    fn from(_: TooManySteps) -> Self {
        Self::TooMuchWork
    }
}

/// A flag that ends work on other threads. Clones share the flag.
///
/// ```
/// use git_archive::work::{Cancel, Stopped};
///
/// let cancel = Cancel::default();
/// let on_another_thread = cancel.clone();
/// assert_eq!(on_another_thread.check(), Ok(()));
/// cancel.cancel();
/// assert_eq!(on_another_thread.check(), Err(Stopped::Cancelled));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Cancels the work of all clones.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the work is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns the flag itself, for work that has its own errors.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Fails once the work is cancelled.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_cancelled() { Err(Stopped::Cancelled) } else { Ok(()) }
    }
}

/// The steps of one archive. Clones share the count and the flag.
#[derive(Debug, Clone)]
pub struct Work {
    cancel: Cancel,
    spent: Arc<AtomicU64>,
    limit: u64,
}

impl Default for Work {
    fn default() -> Self {
        Self::new(Cancel::default(), DEFAULT_STEPS)
    }
}

impl Work {
    /// Starts a count of up to `limit` steps.
    pub fn new(cancel: Cancel, limit: u64) -> Self {
        Self { cancel, spent: Arc::default(), limit }
    }

    /// Returns the number of steps counted so far.
    pub fn spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    /// Counts steps that were taken. Fails if there are too many, or if the work is cancelled.
    pub fn spend(&self, steps: u64) -> Result<(), Stopped> {
        self.cancel.check()?;
        let before = self.spent.fetch_add(steps, Ordering::Relaxed);
        if before.saturating_add(steps) > self.limit { Err(Stopped::TooMuchWork) } else { Ok(()) }
    }

    /// Runs `work` with a limit of steps, and counts the steps that it took.
    pub(crate) fn metered<T, E>(&self, steps: u64, work: impl FnOnce(&mut u64) -> Result<T, E>) -> Result<T, Stopped>
    where
        Stopped: From<E>,
    {
        self.spend(0)?;
        let mut left = steps;
        let result = work(&mut left);
        self.spend(steps - left)?;
        Ok(result?)
    }
}
