//! The deadline of an invocation.

use std::time::{Duration, Instant, SystemTime};

use crate::error::StepError;
use crate::step::Step;

/// The time reserved before the deadline to abort requests in flight and to report.
const RESERVE: Duration = Duration::from_secs(3);
/// The part of the reserve that is left for the answer itself.
const ANSWER: Duration = Duration::from_millis(500);

/// The time when work stops, and the time when everything must be over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    end: Instant,
}

impl Deadline {
    pub(super) fn new(end: Instant) -> Self {
        Self { end }
    }

    /// Returns when work stops.
    pub(super) fn stop(self) -> Instant {
        self.end.checked_sub(RESERVE).unwrap_or(self.end)
    }

    /// Returns the deadline as a time of day, which other processes can compare.
    pub(super) fn wall_clock(self) -> SystemTime {
        SystemTime::now() + self.end.saturating_duration_since(Instant::now())
    }

    /// Runs a part of a step, or stops it when time is over.
    pub(super) async fn before<T>(
        self,
        step: Step,
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        let done = tokio::time::timeout_at(self.stop().into(), work).await;
        done.unwrap_or(Err(StepError::Deadline { step }))
    }

    /// Cleans up within the reserve and gives up if that takes too long.
    pub(super) async fn clean_up(self, work: impl Future<Output = ()>) {
        let end = self.end.checked_sub(ANSWER).unwrap_or(self.end);
        if tokio::time::timeout_at(end.into(), work).await.is_err() {
            tracing::warn!("the function's time ended before everything was cleaned up");
        }
    }
}
