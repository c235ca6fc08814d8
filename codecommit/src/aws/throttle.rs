//! Recognizes throttled answers and has them retried.
//!
//! `CodeCommit` answers in JSON, but a throttled request may get an HTTP 400 with an XML body, or a 429 without a
//! body. The SDK retries neither, because it finds no error code in them.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};

/// AWS's error codes for throttling, in JSON and XML bodies.
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

/// Returns whether an answer with this status and body says that the request was throttled.
pub fn is_throttle(status: u16, body: &[u8]) -> bool {
    match status {
        429 => true,
        400 | 403 | 503 => CODES.iter().any(|code| body.windows(code.len()).any(|window| window == *code)),
        _ => false,
    }
}

/// A retry classifier that retries every throttled request.
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

    /// Runs after the SDK's own classifiers.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
