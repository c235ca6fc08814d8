//! A token bucket, which limits how often something happens.

use std::time::Instant;

pub(crate) struct TokenBucket {
    burst: f64,
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

impl TokenBucket {
    /// Returns a bucket with `burst` tokens that gains `per_second` tokens a second, up to `burst`.
    pub(crate) fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second, tokens: burst, filled: Instant::now() }
    }

    /// Takes a token; returns false if there is none.
    pub(crate) fn take(&mut self) -> bool {
        let gained = self.per_second * self.filled.elapsed().as_secs_f64();
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled = Instant::now();
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}
