//! The latency of every request, and the rate limit.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::token_bucket::TokenBucket;

pub(crate) struct Pace(Mutex<Limits>);

struct Limits {
    latency: Duration,
    rate: Option<TokenBucket>,
}

impl Pace {
    pub(crate) fn new(latency: Duration, rate: Option<f64>) -> Self {
        Self(Mutex::new(Limits { latency, rate: rate.map(bucket) }))
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.limits().latency = latency;
    }

    /// Admits at most `per_second` requests a second, and as many at once; `None` admits all.
    pub(crate) fn set_rate(&self, per_second: Option<f64>) {
        self.limits().rate = per_second.map(bucket);
    }

    pub(crate) fn latency(&self) -> Duration {
        self.limits().latency
    }

    /// Takes a token for one request; returns false if the rate is exceeded.
    pub(crate) fn admits(&self) -> bool {
        self.limits().rate.as_mut().is_none_or(TokenBucket::take)
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bucket(per_second: f64) -> TokenBucket {
    TokenBucket::new(per_second.max(1.0), per_second)
}
