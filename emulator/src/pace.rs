//! The latency of every request, and the rate limit.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) struct Pace(Mutex<Limits>);

struct Limits {
    latency: Duration,
    rate: Option<TokenBucket>,
}

struct TokenBucket {
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

impl Pace {
    pub(crate) fn new(latency: Duration, rate: Option<f64>) -> Self {
        Self(Mutex::new(Limits { latency, rate: rate.map(TokenBucket::full) }))
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.limits().latency = latency;
    }

    /// Admits at most `per_second` requests a second, and as many at once; `None` admits all.
    pub(crate) fn set_rate(&self, per_second: Option<f64>) {
        self.limits().rate = per_second.map(TokenBucket::full);
    }

    pub(crate) fn latency(&self) -> Duration {
        self.limits().latency
    }

    /// Takes a token for one request; false if there is none left.
    pub(crate) fn admits(&self) -> bool {
        self.limits().rate.as_mut().is_none_or(TokenBucket::take)
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenBucket {
    fn full(per_second: f64) -> Self {
        Self { per_second, tokens: per_second.max(1.0), filled: Instant::now() }
    }

    fn take(&mut self) -> bool {
        let tokens = self.tokens + self.per_second * self.filled.elapsed().as_secs_f64();
        self.tokens = tokens.min(self.per_second.max(1.0));
        self.filled = Instant::now();
        let admits = self.tokens >= 1.0;
        if admits {
            self.tokens -= 1.0;
        }
        admits
    }
}
