//! What "too fast" looks like, and that it is worth another try.
//!
//! `CodeCommit` speaks JSON, but its throttle may be an HTTP 400 with an XML body, or a 429 without a body. The SDK retries
//! neither: it finds no error code in them.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};

/// Error codes of AWS that mean "slow down", as they stand in JSON and in XML bodies alike.
const CODES: [&[u8]; 9] = [
    b"Throttling", // also ThrottlingException, ThrottlingError
    b"Throttled",  // also ThrottledException, RequestThrottled
    b"TooManyRequests",
    b"RequestLimitExceeded",
    b"BandwidthLimitExceeded",
    b"LimitExceededException: Rate",
    b"SlowDown",
    b"PriorRequestNotComplete",
    b"Rate exceeded",
];

/// Whether an answer with this status and body is a throttle.
pub fn is_throttle(status: u16, body: &[u8]) -> bool {
    match status {
        429 => true,
        400 | 403 | 503 => CODES.iter().any(|code| body.windows(code.len()).any(|window| window == *code)),
        _ => false,
    }
}

/// Retries every throttle, whatever it is written in.
#[derive(Debug)]
pub struct RetryThrottles;

impl ClassifyRetry for RetryThrottles {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let throttled = context
            .response()
            .is_some_and(|answer| is_throttle(answer.status().as_u16(), answer.body().bytes().unwrap_or_default()));
        if throttled { RetryAction::throttling_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "RetryThrottles"
    }

    /// After the SDK's own, which have the last word on what they know.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
