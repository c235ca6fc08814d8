//! Reads an event: a `CodeCommit` trigger event or an `EventBridge` event, alone or inside SNS or SQS, becomes
//! changes of references.
//!
//! An `EventBridge` rule may put settings beside its event. They have the meaning of a trigger's custom data.

use aws_lambda_events::code_commit::{CodeCommitEvent, CodeCommitRecord, CodeCommitReference};
use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sns::SnsEvent;
use aws_lambda_events::sqs::SqsEvent;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::names::{Reference, RepositoryArn};
use git_archive::object::ObjectId;

/// The deepest nesting that is read: an `EventBridge` or trigger event, beside settings, inside SNS, inside SQS.
const DEEPEST: usize = 4;

/// The content of one event.
#[derive(Debug)]
pub struct Arrival {
    /// The messages in it. Only a queue sends several.
    pub messages: Vec<Message>,
    /// True if they come from a queue, which needs to know which of them failed.
    pub from_queue: bool,
    /// The schedule that sent the event, if one did. The function then checks the triggers.
    pub schedule: Option<Schedule>,
}

/// A tick of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// Of the function's own stack: it checks the repositories in the settings.
    Own,
    /// Of a project's stack: it checks the triggers with these properties, which its custom resource has as well.
    Project(Value),
}

/// One message and its changes.
#[derive(Debug)]
pub struct Message {
    /// The message's id in the queue.
    pub id: Option<String>,
    /// The changes, or the reason why the message cannot be read.
    pub changes: Result<Vec<Change>, EventError>,
}

/// One reference that was created, moved or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The id of the event. It is the same at every delivery of the event.
    pub event_id: String,
    /// The time of the change, in seconds since 1970 (UTC).
    pub time: i64,
    /// The repository.
    pub repository: RepositoryArn,
    /// The reference.
    pub reference: Reference,
    /// The new commit. For a deletion, the old commit if the event has it.
    pub commit: Option<ObjectId>,
    /// The kind of change.
    pub kind: ChangeKind,
    /// The trigger's custom data, or the settings beside the event.
    pub custom_data: Option<String>,
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The reference is new.
    Created,
    /// The reference points to another commit.
    Updated,
    /// The reference is gone.
    Deleted,
    /// Nothing changed: somebody tests the trigger.
    Tested,
}

/// The error of an event that has an unknown or invalid form. Another attempt does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event is malformed at {at}: {reason}")]
pub struct EventError {
    /// The field, as a path such as `Records[0].codecommit.references[1].commit`.
    pub at: String,
    /// The text that says what is wrong with the field.
    pub reason: String,
}

impl EventError {
    pub(crate) fn new(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { at: at.into(), reason: reason.into() }
    }
}

/// Reads an event of any supported form.
pub fn parse(event: Value) -> Result<Arrival, EventError> {
    if source(&event) == "aws:sqs" {
        let queued: SqsEvent = typed(event)?;
        let messages = queued.records.into_iter().map(|record| Message {
            id: record.message_id,
            changes: json(record.body.as_deref(), "body").and_then(|body| changes(body, 1)),
        });
        return Ok(Arrival { messages: messages.collect(), from_queue: true, schedule: None });
    }
    let schedule = (event["detail-type"] == "Scheduled Event").then(|| match &event["check"] {
        Value::Null => Schedule::Own,
        properties => Schedule::Project(properties.clone()),
    });
    let changes = if schedule.is_some() { Vec::new() } else { changes(event, 0)? };
    Ok(Arrival { messages: vec![Message { id: None, changes: Ok(changes) }], from_queue: false, schedule })
}

fn changes(mut event: Value, depth: usize) -> Result<Vec<Change>, EventError> {
    if depth >= DEEPEST {
        return Err(EventError::new("the event", "is wrapped more often than SQS and SNS do"));
    }
    if event["settings"].is_object() && event["event"].is_object() {
        let settings = event["settings"].to_string();
        let mut changes = changes(event["event"].take(), depth + 1)?;
        for change in &mut changes {
            change.custom_data = Some(settings.clone());
        }
        return Ok(changes);
    }
    match source(&event) {
        "aws:codecommit" => from_trigger(&typed(event)?),
        "aws:sns" => {
            let wrapped: SnsEvent = typed(event)?;
            let inner = wrapped
                .records
                .into_iter()
                .map(|record| changes(json(Some(&record.sns.message), "Sns.Message")?, depth + 1));
            inner.collect::<Result<Vec<_>, _>>().map(|all| all.concat())
        }
        "sns notification" => changes(json(event["Message"].as_str(), "Message")?, depth + 1),
        "aws.codecommit" => from_eventbridge(typed(event)?),
        "no records" | "no reference" => Ok(Vec::new()),
        _ => Err(EventError::new(
            "the event",
            "is neither a CodeCommit trigger's nor EventBridge's, nor one of them in SNS or SQS",
        )),
    }
}

/// Returns the source of an event. Each source has its own name for the field.
fn source(event: &Value) -> &str {
    if let Some(records) = event["Records"].as_array() {
        let Some(first) = records.first() else {
            return "no records";
        };
        // If a record has lost its source on the way, its content identifies it.
        let by_content = if first["codecommit"].is_object() { "aws:codecommit" } else { "" };
        return first["eventSource"].as_str().or(first["EventSource"].as_str()).unwrap_or(by_content);
    }
    if event["Type"] == "Notification" {
        return "sns notification";
    }
    match (event["source"].as_str(), event["detail-type"].as_str()) {
        (_, Some("CodeCommit Repository State Change")) => "aws.codecommit",
        // A broad rule also sends comments, pull requests and approvals, which have no reference.
        (Some("aws.codecommit"), Some(_)) => "no reference",
        _ => "",
    }
}

fn from_trigger(event: &CodeCommitEvent) -> Result<Vec<Change>, EventError> {
    let mut changes = Vec::new();
    for (index, record) in event.records.iter().enumerate() {
        for (number, reference) in record.code_commit.references.iter().enumerate() {
            let at = |field: &str| format!("Records[{index}].{field}");
            let in_reference = |field: &str| at(&format!("codecommit.references[{number}].{field}"));
            let kind = kind_of(record, reference);
            // A test event may name any commit, even one that does not exist.
            let id = reference.commit.as_deref().filter(|_| kind != ChangeKind::Tested);
            changes.push(Change {
                event_id: present(record.event_id.as_deref(), || at("eventId"))?.to_owned(),
                time: record.event_time.timestamp(),
                repository: repository(record.event_source_arn.as_deref(), || at("eventSourceARN"))?,
                reference: Reference(present(reference.ref_.as_deref(), || in_reference("ref"))?.to_owned()),
                commit: commit(id, || in_reference("commit"))?,
                kind,
                custom_data: record.custom_data.clone().filter(|data| !data.is_empty()),
            });
        }
    }
    Ok(changes)
}

fn kind_of(record: &CodeCommitRecord, reference: &CodeCommitReference) -> ChangeKind {
    // The crate's type has no field `deleted`. Without this line, a deletion would look like an update.
    let deleted = reference.other.get("deleted").and_then(Value::as_bool).unwrap_or(false);
    match record.event_name.as_deref() {
        Some("TriggerEventTest") => ChangeKind::Tested,
        _ if deleted => ChangeKind::Deleted,
        _ if reference.created => ChangeKind::Created,
        _ => ChangeKind::Updated,
    }
}

/// The `detail` of an `EventBridge` event. A deletion has no `commitId`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event: String,
    reference_full_name: Option<String>,
    commit_id: Option<String>,
    old_commit_id: Option<String>,
}

fn from_eventbridge(event: EventBridgeEvent) -> Result<Vec<Change>, EventError> {
    let detail: Detail =
        typed(event.detail).map_err(|error| EventError::new(format!("detail.{}", error.at), error.reason))?;
    let kind = match detail.event.as_str() {
        "referenceCreated" => ChangeKind::Created,
        "referenceUpdated" => ChangeKind::Updated,
        "referenceDeleted" => ChangeKind::Deleted,
        // CodeCommit tries a merge for a pull request: it creates a commit that no reference leads to.
        "unreferencedMergeCommitCreated" => return Ok(Vec::new()),
        other => {
            return Err(EventError::new("detail.event", format!("is {other:?}, which is no change of a reference")));
        }
    };
    let arn = event.resources.as_ref().and_then(|arns| arns.first());
    let id = detail.commit_id.or(detail.old_commit_id);
    let reference = present(detail.reference_full_name.as_deref(), || "detail.referenceFullName".to_owned())?;
    Ok(vec![Change {
        event_id: present(event.id.as_deref(), || "id".to_owned())?.to_owned(),
        time: event.time.ok_or_else(|| EventError::new("time", "is missing"))?.timestamp(),
        repository: repository(arn.map(String::as_str), || "resources[0]".to_owned())?,
        reference: Reference(reference.to_owned()),
        commit: commit(id.as_deref(), || "detail.commitId".to_owned())?,
        kind,
        custom_data: None,
    }])
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, EventError> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| EventError::new(error.path().to_string(), error.inner().to_string()))
}

fn json(text: Option<&str>, at: &str) -> Result<Value, EventError> {
    serde_json::from_str(text.unwrap_or_default()).map_err(|error| EventError::new(at, format!("is not JSON: {error}")))
}

fn present(value: Option<&str>, at: impl FnOnce() -> String) -> Result<&str, EventError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| EventError::new(at(), "is missing"))
}

fn repository(arn: Option<&str>, at: impl Fn() -> String) -> Result<RepositoryArn, EventError> {
    let arn = present(arn, &at)?;
    RepositoryArn::from_arn(arn)
        .ok_or_else(|| EventError::new(at(), format!("is {arn:?}, which is not a repository's ARN")))
}

fn commit(id: Option<&str>, at: impl FnOnce() -> String) -> Result<Option<ObjectId>, EventError> {
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    ObjectId::from_hex(id.as_bytes())
        .map(Some)
        .map_err(|_| EventError::new(at(), format!("is {id:?}, which is not a commit id")))
}
