//! Timestamps of the JSON protocol.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// Returns a time in seconds since the epoch, with milliseconds.
pub(super) fn epoch_seconds(time: SystemTime) -> Value {
    let milliseconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    #[expect(clippy::cast_precision_loss, reason = "the milliseconds of the next thousands of years are exact")]
    let seconds = milliseconds as f64 / 1000.0;
    seconds.into()
}
