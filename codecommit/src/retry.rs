//! The retry policy of API calls and Git: the number of attempts and the pauses between them.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The number of attempts, with exponential backoff and full jitter between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The number of attempts in all.
    pub attempts: u32,
    /// The longest pause before the second attempt. It doubles with each further one.
    pub initial_backoff: Duration,
    /// The longest pause before any attempt.
    pub max_backoff: Duration,
}

impl RetryPolicy {
    /// The policy for API calls. Eight attempts, because a burst of throttled calls lasts longer than the SDK's
    /// default of three.
    pub const API: Self =
        Self { attempts: 8, initial_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(10) };
    /// The policy for requests to the Git endpoint, each of which may transfer a whole pack.
    pub const GIT: Self =
        Self { attempts: 3, initial_backoff: Duration::from_millis(500), max_backoff: Duration::from_secs(10) };

    /// Returns the pause after the failed attempt `attempt`, counted from 1: a random part of the longest pause.
    pub fn backoff(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        jitter(self.initial_backoff.saturating_mul(doubled).min(self.max_backoff))
    }

    /// Retries until an attempt succeeds, fails with an error that is not `is_transient`, or is the last one.
    pub async fn retry<T, E, F>(
        &self,
        is_transient: impl Fn(&E) -> bool,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, E>
    where
        E: std::fmt::Display,
        F: Future<Output = Result<T, E>>,
    {
        let mut tries = 1;
        loop {
            match attempt().await {
                Err(error) if tries < self.attempts && is_transient(&error) => {
                    tracing::debug!(tries, %error, "retrying");
                    tokio::time::sleep(self.backoff(tries)).await;
                    tries += 1;
                }
                done => return done,
            }
        }
    }
}

/// Returns a random duration of up to `longest`, so that clients throttled together do not retry together.
pub fn jitter(longest: Duration) -> Duration {
    // The system seeds a `RandomState`. A few pauses need no better generator.
    let random = RandomState::new().hash_one(()) % 1024;
    longest / 1024 * u32::try_from(random).unwrap_or(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy =
            RetryPolicy { attempts: 9, initial_backoff: Duration::from_secs(1), max_backoff: Duration::from_secs(5) };
        for (attempt, longest) in [(1, 1), (2, 2), (3, 4), (4, 5), (40, 5)] {
            let pauses: Vec<_> = (0..100).map(|_| policy.backoff(attempt)).collect();
            assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(longest)), "{attempt}: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{attempt}: no jitter");
        }
    }
}
