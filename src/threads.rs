//! Threads that still work for an invocation after its answer.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The time that threads have to notice that their invocation has ended.
const GRACE: Duration = Duration::from_secs(1);
/// The time between two looks at the threads.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until no thread works any more. `running` returns the number of threads that are at work.
///
/// # Errors
/// Returns the number of threads that still work after a second. A thread cannot be stopped from outside: only the end
/// of the process ends it.
pub async fn wait_until_idle(running: impl Fn() -> usize) -> Result<(), usize> {
    let end = Instant::now() + GRACE;
    loop {
        match running() {
            0 => return Ok(()),
            threads if Instant::now() >= end => return Err(threads),
            _ => sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_thread_that_goes_on_is_told() {
        let begin = Instant::now();
        assert_eq!(wait_until_idle(|| 2).await, Err(2));
        assert!(begin.elapsed() >= GRACE);
    }

    #[tokio::test]
    async fn a_thread_that_ends_in_time_is_waited_for() {
        let running = Cell::new(1);
        assert_eq!(wait_until_idle(|| running.take()).await, Ok(()));
    }
}
