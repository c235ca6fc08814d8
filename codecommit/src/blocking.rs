//! Work on tokio's threads for blocking work. Such a thread cannot be stopped from outside: its work has to check a
//! flag.

use std::sync::atomic::{AtomicUsize, Ordering};

use git_archive::work::Cancel;
use tokio_util::task::AbortOnDropHandle;

/// The number of threads of this process that are at work.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Returns the number of threads that are at work. After an archive has ended or its future was dropped, this should
/// soon be 0. A program that cannot wait longer has to end its process.
pub fn running() -> usize {
    RUNNING.load(Ordering::Acquire)
}

struct Running;

impl Running {
    fn new() -> Self {
        RUNNING.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Starts work on a thread for blocking work. Dropping the handle cancels work that has not begun, but does not stop
/// work that has.
pub(crate) fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> AbortOnDropHandle<T> {
    AbortOnDropHandle::new(tokio::task::spawn_blocking(move || {
        let _running = Running::new();
        work()
    }))
}

/// Runs work on a thread for blocking work, and waits for the result without blocking the runtime, so that a timeout
/// around it works.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Cancels the work of an archive when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct CancelOnDrop(pub(crate) Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
