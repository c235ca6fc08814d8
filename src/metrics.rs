//! Metrics in `CloudWatch`'s embedded metric format: one line of JSON on standard output for each reference. Lambda's log is the way
//! to `CloudWatch`, so they cost no call and no permission.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::deliver::{Found, Run};
use crate::step::Step;

const NAMESPACE: &str = "CodeCommitMultibranch";

/// A branch was archived and its pipeline started.
pub fn started(run: &Run) {
    let mut metrics = vec![
        ("Archives", "Count", u64::from(run.found.is_none())),
        ("Starts", "Count", u64::from(run.found != Some(Found::Started))),
        ("ArchiveBytes", "Bytes", run.bytes),
        ("ApiCalls", "Count", run.api_calls.values().sum()),
        ("Throttles", "Count", run.throttled),
    ];
    let name = |step| match step {
        Step::Open => "OpenMilliseconds",
        Step::List => "ListMilliseconds",
        Step::Archive => "ArchiveMilliseconds",
        Step::Upload => "UploadMilliseconds",
        Step::Start => "StartMilliseconds",
    };
    let steps = run.milliseconds.steps.iter().map(|(step, taken)| (name(*step), "Milliseconds", *taken));
    metrics.push(("TotalMilliseconds", "Milliseconds", run.milliseconds.total));
    metrics.extend(steps);
    emit(&run.repository, &metrics, &[("Reference", &run.reference), ("Commit", &run.commit)]);
}

/// A reference was left alone.
pub fn skipped(repository: &str, reference: &str) {
    emit(repository, &[("Skips", "Count", 1)], &[("Reference", reference)]);
}

/// A reference failed.
pub fn failed(repository: &str, reference: &str, code: &str) {
    emit(repository, &[("Failures", "Count", 1)], &[("Reference", reference), ("Code", code)]);
}

/// The one place that writes to standard output: the format needs a line of its own, not one within the log's.
#[expect(clippy::print_stdout, reason = "the embedded metric format is a line on standard output")]
fn emit(repository: &str, metrics: &[(&str, &str, u64)], properties: &[(&str, &str)]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let definitions: Vec<Value> = metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": u64::try_from(now).unwrap_or(0),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["Repository"]], "Metrics": definitions}],
        }),
    );
    line.insert("Repository".to_owned(), repository.into());
    line.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    line.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), Value::from(*value))));
    println!("{}", Value::Object(line));
}
