//! Events of AWS services as EventBridge delivers them to the function: late, and not in order, if asked for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::account::{ACCOUNT, REGION};
use crate::lambda::Lambda;

/// The rule that sends events to the function.
pub(crate) struct EventBridge {
    lambda: Arc<Lambda>,
    lag: Mutex<Option<EventLag>>,
}

/// The time between an event and its delivery. It is random for each event, so events may arrive in another order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventLag {
    /// The shortest time.
    pub min: Duration,
    /// The longest time.
    pub max: Duration,
}

impl EventBridge {
    /// Returns a rule that sends events with this lag; without a lag it is disabled.
    pub(crate) fn new(lambda: Arc<Lambda>, lag: Option<EventLag>) -> Self {
        Self { lambda, lag: Mutex::new(lag) }
    }

    pub(crate) fn set_lag(&self, lag: Option<EventLag>) {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = lag;
    }

    /// Sends an event unless the rule is disabled.
    pub(crate) fn send(&self, source: &str, kind: &str, time: OffsetDateTime, resource: &str, detail: &Value) {
        let Some(lag) = *self.lag.lock().unwrap_or_else(PoisonError::into_inner) else {
            return;
        };
        let seconds = time.replace_nanosecond(0).unwrap_or(time);
        let event = json!({
            "version": "0",
            "id": Uuid::new_v4().to_string(),
            "detail-type": kind,
            "source": source,
            "account": ACCOUNT,
            "time": seconds.format(&Rfc3339).unwrap_or_default(),
            "region": REGION,
            "resources": [resource],
            "detail": detail,
        });
        let lambda = Arc::clone(&self.lambda);
        tokio::spawn(async move {
            tokio::time::sleep(lag.choose()).await;
            lambda.send(event);
        });
    }
}

impl EventLag {
    fn choose(self) -> Duration {
        self.min + self.max.saturating_sub(self.min).mul_f64(rand::random::<f64>())
    }
}

/// Parses `0` or `1000-12000`, in milliseconds.
impl std::str::FromStr for EventLag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let milliseconds = |text: &str| text.parse().map(Duration::from_millis);
        match (milliseconds(min), milliseconds(max)) {
            (Ok(min), Ok(max)) if min <= max => Ok(Self { min, max }),
            _ => Err(format!("{text:?} is not of the form MS or MS-MS")),
        }
    }
}
