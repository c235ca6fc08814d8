//! The end of the function's time.

use std::time::{Duration, Instant, SystemTime};

use crate::error::StepError;
use crate::step::Step;

/// Kept back at the end of the function's time, to abort what is in flight and to report.
const RESERVE: Duration = Duration::from_secs(3);
/// Kept back of the reserve, for the answer itself.
const ANSWER: Duration = Duration::from_millis(500);

/// When work stops, and when everything must have ended.
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

    /// Returns the end as a time of day, which other processes know too.
    pub(super) fn wall_clock(self) -> SystemTime {
        SystemTime::now() + self.end.saturating_duration_since(Instant::now())
    }

    /// Does a part of a step, or stops in time.
    pub(super) async fn before<T>(
        self,
        step: Step,
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        let done = tokio::time::timeout_at(self.stop().into(), work).await;
        done.unwrap_or(Err(StepError::Deadline { step }))
    }

    /// Cleans up within the reserve. What does not end in time is left.
    pub(super) async fn clean_up(self, work: impl Future<Output = ()>) {
        let end = self.end.checked_sub(ANSWER).unwrap_or(self.end);
        if tokio::time::timeout_at(end.into(), work).await.is_err() {
            tracing::warn!("the function's time ended before everything was cleaned up");
        }
    }
}
