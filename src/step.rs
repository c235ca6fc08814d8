//! The steps of a delivery and their durations.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use serde::Serialize;

/// A step of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The pipeline, the branch and the commit are read.
    Open,
    /// The commit's tree is listed.
    List,
    /// The contents are read and written into the zip.
    Archive,
    /// The last bytes of the zip are uploaded.
    Upload,
    /// The pipeline is started.
    Start,
}

impl Step {
    /// Returns the name, as written in answers, logs and errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::List => "list",
            Self::Archive => "archive",
            Self::Upload => "upload",
            Self::Start => "start",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The duration of each step and of the delivery, in milliseconds.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Milliseconds {
    /// The duration of each finished step.
    #[serde(flatten)]
    pub steps: BTreeMap<Step, u64>,
    /// The duration of the whole delivery.
    pub total: u64,
}

impl fmt::Debug for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps.iter().map(|(step, milliseconds)| (step.name(), milliseconds));
        f.debug_map().entries(steps).entry(&"total", &self.total).finish()
    }
}

/// Measures the steps.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Instant,
    lap: Instant,
    steps: BTreeMap<Step, u64>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self { began: now, lap: now, steps: BTreeMap::new() }
    }

    /// Ends a step.
    pub(crate) fn lap(&mut self, step: Step) {
        *self.steps.entry(step).or_default() += milliseconds(self.lap);
        self.lap = Instant::now();
    }

    pub(crate) fn stop(self) -> Milliseconds {
        Milliseconds { steps: self.steps, total: milliseconds(self.began) }
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
