//! The properties of one invocation that are not in its event.

use std::time::Instant;

/// One invocation: its deadline and its id.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The end of the function's time.
    pub deadline: Instant,
    /// Lambda's request id. The retries of an asynchronous event have the id of its first attempt.
    pub request_id: Option<String>,
}

impl From<Instant> for Invocation {
    fn from(deadline: Instant) -> Self {
        Self { deadline, request_id: None }
    }
}
