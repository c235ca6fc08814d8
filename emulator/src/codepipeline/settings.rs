//! The behavior of CodePipeline that tests change.

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use crate::token_bucket::TokenBucket;

/// CodePipeline's quota of concurrent executions in the modes QUEUED and PARALLEL.
const CONCURRENT_EXECUTIONS: usize = 50;

pub(super) struct Settings {
    /// Keeps executions in progress after their source actions.
    pub(super) hold: bool,
    /// The maximum number of concurrent executions of a pipeline.
    pub(super) limit: usize,
    /// The time from a start until the execution can be read.
    pub(super) visibility_lag: Duration,
    /// The duration of source actions.
    pub(super) source_duration: Duration,
    /// The rate limit of starts.
    pub(super) starts: Option<TokenBucket>,
}

/// A rate limit of `StartPipelineExecution`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRate {
    /// The number of starts in a row that succeed.
    pub burst: f64,
    /// The number of further starts per second.
    #[serde(default)]
    pub per_second: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hold: false,
            limit: CONCURRENT_EXECUTIONS,
            visibility_lag: Duration::ZERO,
            source_duration: Duration::ZERO,
            starts: None,
        }
    }
}

/// Parses `5` (five starts) or `5:0.4` (five starts, and 0.4 more per second).
impl FromStr for StartRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (burst, per_second) = text.split_once(':').unwrap_or((text, "0"));
        let number = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        match (number(burst), number(per_second)) {
            (Some(burst), Some(per_second)) => Ok(Self { burst, per_second }),
            _ => Err(format!("{text:?} is not of the form BURST or BURST:PER_SECOND")),
        }
    }
}

impl Settings {
    pub(super) fn throttle_starts(&mut self, rate: Option<StartRate>) {
        self.starts = rate.map(|rate| TokenBucket::new(rate.burst, rate.per_second));
    }
}
