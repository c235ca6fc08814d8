//! Hands jobs over to the function that the triggers invoke. The lifecycle function archives nothing, so that changes
//! of triggers never wait behind archives, and its role needs neither the bucket nor the pipeline.
//!
//! The other function receives an event of a trigger with the id of the event that arrived here. The delivery's token
//! is therefore the same at every attempt, on either side: however often a job is handed over, it is one run.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Failed, StepError};
use crate::event::{Change, ChangeKind};
use crate::plan::Job;
use codecommit::aws::{Aws, CallError, SignedRequest, SignedService};

/// The largest size of an event in bytes. Lambda has taken 256 KB since its beginning, and up to 1 MB since 2025.
const EVENT_BYTES: usize = 200 << 10;

/// A branch that another function delivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HandedOver {
    /// The id of the event.
    pub event_id: String,
    /// The repository's name.
    pub repository: String,
    /// The full reference.
    pub reference: String,
    /// The commit.
    pub commit: String,
    /// The function's ARN.
    pub function: String,
}

/// Invokes a function asynchronously with these jobs of an event. Returns those that Lambda accepted, and the others.
pub(crate) async fn hand_over(
    aws: &Aws,
    function: &str,
    jobs: &[Job],
    changes: &[Change],
) -> (Vec<HandedOver>, Vec<Failed>) {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (jobs, records) in events(jobs, changes) {
        let sent = invoke(aws, function, &json!({ "Records": records })).await;
        for job in jobs {
            match &sent {
                Ok(()) => done.push(accepted(job, function)),
                Err(source) => {
                    let (commit, function) = (job.commit.to_string(), function.to_owned());
                    let error = StepError::HandOver { commit, function, source: source.clone() };
                    failed.push(Failed::new(&job.repository, &job.reference, error));
                }
            }
        }
    }
    (done, failed)
}

fn accepted(job: &Job, function: &str) -> HandedOver {
    HandedOver {
        event_id: job.event_id.clone(),
        repository: job.repository.name().to_owned(),
        reference: job.reference.0.clone(),
        commit: job.commit.to_string(),
        function: function.to_owned(),
    }
}

async fn invoke(aws: &Aws, function: &str, event: &Value) -> Result<(), CallError> {
    let request = SignedRequest {
        service: SignedService::Lambda,
        operation: "Invoke",
        method: "POST",
        path: format!("/2015-03-31/functions/{}/invocations", SignedRequest::encoded(function)),
        headers: vec![("content-type", "application/json"), ("x-amz-invocation-type", "Event")],
        body: event.to_string().into_bytes(),
    };
    aws.signed(request).await.map(drop)
}

/// Returns the jobs with their records in as few events as Lambda takes.
fn events<'a>(jobs: &'a [Job], changes: &[Change]) -> Vec<(Vec<&'a Job>, Vec<Value>)> {
    let mut events: Vec<(Vec<&Job>, Vec<Value>)> = Vec::new();
    let mut bytes = EVENT_BYTES;
    for job in jobs {
        let record = record(job, changes);
        bytes += record.to_string().len();
        if bytes > EVENT_BYTES {
            events.push((Vec::new(), Vec::new()));
            bytes = record.to_string().len();
        }
        if let Some((jobs, records)) = events.last_mut() {
            jobs.push(job);
            records.push(record);
        }
    }
    events
}

/// Returns a record as a trigger sends it.
fn record(job: &Job, changes: &[Change]) -> Value {
    let is_of = |change: &&Change| {
        change.event_id == job.event_id && change.repository == job.repository && change.reference == job.reference
    };
    let change = changes.iter().find(is_of);
    let time = DateTime::from_secs(change.map_or(0, |change| change.time));
    let mut reference = json!({ "ref": job.reference.0, "commit": job.commit.to_string() });
    if change.is_some_and(|change| change.kind == ChangeKind::Created && change.commit == Some(job.commit)) {
        reference["created"] = true.into();
    }
    json!({
        "codecommit": { "references": [reference] },
        "customData": job.custom_data,
        "eventId": job.event_id,
        "eventName": "ReferenceChanges",
        "eventPartNumber": 1,
        "eventSource": "aws:codecommit",
        "eventSourceARN": job.repository.arn,
        "eventTime": time.fmt(Format::DateTime).unwrap_or_default(),
        "eventTotalParts": 1,
        "eventVersion": "1.0",
    })
}
