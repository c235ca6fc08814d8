//! The triggers as a `CloudFormation` custom resource. `CloudFormation` itself can only add triggers to a repository
//! that it creates.
//!
//! `CloudFormation` waits up to an hour for an answer. Every request that has a response URL is therefore answered,
//! also after invalid settings, a failure, a panic or a missed deadline. Only the lifecycle function serves requests.
//! [`Stack`] says which repositories and functions they may name.
//!
//! The physical id contains the repository. If the repository changes, `CloudFormation` sends a `Delete` for the old
//! id. If a request is refused before any work, its id says so, and the `Delete` of that id succeeds: a failed
//! creation must not block the rollback. Two resources with the same prefix, functions and repository share their
//! triggers, and deleting one resource removes the triggers of both.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_sdk_codecommit::Client;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::config::ConfigError;
use crate::event::EventError;
use crate::triggers::{Applied, Goal, TriggerSettings, TriggersError, apply, disconnect};
use codecommit::causes::with_causes;

mod properties;
mod response;
mod stack;
mod text;

pub use stack::Stack;

use properties::Properties;
use response::put;
use text::{cut, faults};

/// The time reserved before the deadline to send the answer.
const ANSWER_RESERVE: Duration = Duration::from_secs(10);

/// IAM is eventually consistent: keep retrying `AccessDenied` for this long.
const IAM_PROPAGATION: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_secs(2);
/// The prefix of the physical id after the function has tried to write triggers.
const ATTEMPTED_ID_PREFIX: &str = "triggers:";
/// The prefix of the physical id if the creation was refused.
const REFUSED_ID_PREFIX: &str = "not-made:";

/// The clients and settings that a request needs.
pub struct Context<'a> {
    /// The client of the repository.
    pub client: &'a Client,
    /// The HTTP client that sends the answer.
    pub http: &'a SharedHttpClient,
    /// The repositories and functions that requests may name. With invalid settings every request fails, except a
    /// `Delete` that has nothing to remove.
    pub stack: Result<Stack<'a>, &'a ConfigError>,
    /// True if the answer may also go to this machine, as an emulator needs.
    pub loopback: bool,
    /// The time by which the answer must be sent.
    pub deadline: Instant,
}

/// The answer that was sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    /// The status: success if the request was carried out.
    pub status: Status,
    /// The reason of a failure, or a note.
    pub reason: String,
    /// The physical id of the resource: the repository and the logical id.
    pub physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    data: Value,
    /// The changes to the triggers, for the log.
    #[serde(skip)]
    pub outcome: Option<Applied>,
}

/// The status of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The request was carried out.
    Success,
    /// The request was not carried out.
    Failed,
}

/// The reason why a request could not be answered. Every other failure is sent to `CloudFormation` as an answer.
#[derive(Debug, Error)]
pub enum CustomResourceError {
    /// The request has no response URL, or lacks the ids that an answer needs.
    #[error("not a request for a custom resource")]
    Malformed(#[source] serde_json::Error),
    /// This function serves no requests.
    #[error("only the stack's lifecycle function, which has TRIGGER_FUNCTION_ARN, serves requests of CloudFormation")]
    NotServed,
    /// The response URL does not belong to `CloudFormation`.
    #[error("ResponseURL leads to {0:?}, which is not an https address of S3")]
    ForeignAddress(String),
    /// The answer was refused or did not arrive.
    #[error("failed to answer the request for {logical_resource_id}")]
    Unanswered {
        /// The resource's logical id in its stack.
        logical_resource_id: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CustomResourceError {
    /// Returns the stable code, which alarms may rely on.
    pub fn code(&self) -> &'static str {
        match self {
            CustomResourceError::Malformed(_) => "MalformedCustomResourceRequest",
            CustomResourceError::NotServed | CustomResourceError::ForeignAddress(_) => "CustomResourceRefused",
            CustomResourceError::Unanswered { .. } => "CustomResourceUnanswered",
        }
    }
}

/// Returns whether an event is a request for a custom resource.
pub fn is_request(event: &Value) -> bool {
    ["RequestType", "ResponseURL", "LogicalResourceId"].iter().all(|key| event.get(key).is_some_and(Value::is_string))
}

/// Reads the properties of a project's triggers, which its schedule sends to have them checked: the repository and the
/// settings of its triggers.
pub(crate) fn checked(properties: &Value, stack: &Stack<'_>) -> Result<(String, TriggerSettings), EventError> {
    let properties =
        Properties::deserialize(properties).map_err(|error| EventError::new("check", error.to_string()))?;
    match stack.foreign(&properties) {
        Some((property, value)) => {
            Err(EventError::new(format!("check.{property}"), format!("is {value:?}, which is not this stack's")))
        }
        None => Ok((properties.repository_name.clone(), properties.settings())),
    }
}

/// Carries out a request and answers it.
pub async fn handle(event: &Value, context: &Context<'_>) -> Result<Response, CustomResourceError> {
    let request = Request::deserialize(event).map_err(CustomResourceError::Malformed)?;
    if let Some(host) = response::foreign_host(&request.response_url, context.loopback) {
        return Err(CustomResourceError::ForeignAddress(cut(host)));
    }
    let left = context.deadline.saturating_duration_since(Instant::now());
    let until = context.deadline - ANSWER_RESERVE.min(left / 2);
    let work = AssertUnwindSafe(carry_out(&request, context)).catch_unwind();
    let result = match timeout_at(until, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Failure::Panicked),
        Err(_) => Err(Failure::Late),
    };
    let response = request.response(result);
    let body = serde_json::to_vec(&response).map_err(CustomResourceError::Malformed)?;
    put(context.http, &request.response_url, body, context.deadline).await.map_err(|source| {
        CustomResourceError::Unanswered { logical_resource_id: request.logical_resource_id, source }
    })?;
    Ok(response)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "they are CloudFormation's")]
struct Request {
    request_type: String,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    #[serde(default)]
    resource_properties: Value,
    #[serde(default)]
    old_resource_properties: Value,
}

/// The reason why a request was not carried out.
#[derive(Debug, Error)]
enum Failure {
    #[error("{}", faults(.0))]
    Settings(ConfigError),
    #[error("unknown request type {0:?}")]
    RequestType(String),
    #[error("the resource's properties are wrong")]
    Properties(#[source] serde_json::Error),
    #[error("property {property} is {value:?}, which is not this stack's")]
    Foreign { property: &'static str, value: String },
    #[error("property Branches is wrong: {0}")]
    Branches(String),
    #[error(transparent)]
    Triggers(#[from] TriggersError),
    #[error("not done before the deadline")]
    Late,
    #[error("the function panicked, see its log")]
    Panicked,
}

impl Failure {
    /// Returns whether nothing was attempted.
    fn is_refusal(&self) -> bool {
        !matches!(self, Self::Triggers(_) | Self::Late | Self::Panicked)
    }
}

async fn carry_out(request: &Request, context: &Context<'_>) -> Result<Option<Applied>, Failure> {
    let deletes = request.request_type == "Delete";
    if deletes && request.physical_resource_id.as_deref().is_some_and(|id| id.starts_with(REFUSED_ID_PREFIX)) {
        return Ok(None);
    }
    match (request.request_type.as_str(), request.accepted(context)) {
        ("Create" | "Update", accepted) => {
            let (properties, stack) = accepted?;
            connect(request, &properties, &stack, context).await.map(Some)
        }
        ("Delete", Ok((properties, _))) => Ok(remove(&properties, context.client).await?),
        // The resource never had triggers, so there is nothing to remove.
        ("Delete", Err(Failure::Properties(_))) => Ok(None),
        ("Delete", Err(failure)) if request.was_made() => Err(failure),
        ("Delete", Err(_)) => Ok(None),
        (other, _) => Err(Failure::RequestType(other.to_owned())),
    }
}

async fn connect(
    request: &Request,
    properties: &Properties,
    stack: &Stack<'_>,
    context: &Context<'_>,
) -> Result<Applied, Failure> {
    let branches = match properties.branches.as_str() {
        "" => stack.branches.clone(),
        globs => globs.parse().map_err(Failure::Branches)?,
    };
    let selects = |branch: &str| branches.select(branch);
    let settings = properties.settings();
    // Old triggers that do not belong to this stack are not ours to remove.
    let former = Properties::deserialize(&request.old_resource_properties).ok();
    let former = former.filter(|former| stack.foreign(former).is_none());
    let (same, moved) = match former {
        Some(former) if former.repository_name == properties.repository_name => (Some(former.settings()), None),
        former => (None, former),
    };
    let goal = Goal::connected(&settings, &selects);
    let goal = same.as_ref().map_or(goal, |former| goal.replacing(former));
    let outcome = apply_when_allowed(context, &properties.repository_name, &goal).await?;
    // Undo a move that failed: the physical id never named the new repository, so no `Delete` for it will come.
    if let Some(former) = moved
        && request.physical_resource_id.as_ref() != Some(&request.physical_id(&former.repository_name))
    {
        remove(&former, context.client).await?;
    }
    Ok(outcome)
}

/// Retries `AccessDenied` for a minute, or for a quarter of the time that is left. A stack often creates or changes
/// the role just before this call.
async fn apply_when_allowed(
    context: &Context<'_>,
    repository: &str,
    goal: &Goal<'_>,
) -> Result<Applied, TriggersError> {
    let left = context.deadline.saturating_duration_since(Instant::now());
    let until = Instant::now() + IAM_PROPAGATION.min(left / 4);
    loop {
        match apply(context.client, repository, goal).await {
            Err(error) if error.is_denied() && Instant::now() + PAUSE < until => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
}

async fn remove(properties: &Properties, client: &Client) -> Result<Option<Applied>, TriggersError> {
    match disconnect(client, &properties.repository_name, &properties.settings()).await {
        Ok(outcome) => Ok(Some(outcome)),
        Err(error) if error.is_repository_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Request {
    /// Returns the properties and the stack that they belong to.
    fn accepted<'a>(&self, context: &Context<'a>) -> Result<(Properties, Stack<'a>), Failure> {
        let stack = context.stack.clone().map_err(|error| Failure::Settings(error.clone()))?;
        let properties = Properties::deserialize(&self.resource_properties).map_err(Failure::Properties)?;
        match stack.foreign(&properties) {
            Some((property, value)) => Err(Failure::Foreign { property, value: value.to_owned() }),
            None => Ok((properties, stack)),
        }
    }

    /// Returns whether the resource may have triggers.
    fn was_made(&self) -> bool {
        self.physical_resource_id.as_deref().is_some_and(|id| id.starts_with(ATTEMPTED_ID_PREFIX))
    }

    fn physical_id(&self, repository: &str) -> String {
        format!("{ATTEMPTED_ID_PREFIX}{}:{repository}", self.logical_resource_id)
    }

    /// Returns the id for the answer. A resource keeps its id in failures and in `Delete`. With another id,
    /// `CloudFormation` would take the resource for replaced.
    fn answered_id(&self, result: &Result<Option<Applied>, Failure>) -> String {
        let had = self.physical_resource_id.clone().filter(|_| result.is_err() || self.request_type == "Delete");
        let repository = self.resource_properties.get("RepositoryName").and_then(Value::as_str);
        had.unwrap_or_else(|| match result {
            Err(failure) if failure.is_refusal() => format!("{REFUSED_ID_PREFIX}{}", self.logical_resource_id),
            _ => self.physical_id(repository.unwrap_or("none")),
        })
    }

    fn response(&self, result: Result<Option<Applied>, Failure>) -> Response {
        let physical_resource_id = cut(&self.answered_id(&result));
        let (status, reason, outcome) = match result {
            Ok(outcome) => (Status::Success, notes(outcome.as_ref()), outcome),
            Err(failure) => (Status::Failed, cut(&with_causes(&failure)), None),
        };
        let triggers = outcome.as_ref().map_or(0, |outcome| outcome.after.len());
        Response {
            status,
            physical_resource_id,
            data: json!({ "Triggers": triggers.to_string(), "Warnings": notes(outcome.as_ref()) }),
            reason,
            stack_id: self.stack_id.clone(),
            request_id: self.request_id.clone(),
            logical_resource_id: self.logical_resource_id.clone(),
            outcome,
        }
    }
}

fn notes(outcome: Option<&Applied>) -> String {
    let warnings = outcome.map(|outcome| outcome.warnings.as_slice()).unwrap_or_default();
    cut(&warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}
