//! The control address, by which tests and scripts read and change a running emulator. The README lists its paths.
//! Requests need the emulator's token, which a web page cannot know.

use std::time::Duration;

use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::codepipeline::{Finish, StartRate};
use crate::events::Change;
use crate::faults::Fault;
use crate::guard::{self, TOKEN_HEADER};
use crate::services::Services;
use crate::wire::{self, BoxError, HttpRequest, HttpResponse};

pub(crate) const ROOT: &str = "/_emulator/";

/// A branch that was changed without a push to the emulator.
#[derive(Deserialize)]
struct ChangedBranch {
    repository: String,
    branch: String,
    /// The previous commit; without it the branch counts as new.
    old: Option<String>,
}

#[derive(Deserialize)]
struct Latency {
    milliseconds: u64,
}

#[derive(Deserialize)]
struct Rate {
    per_second: Option<f64>,
}

/// The settings of CodePipeline that a request changes; an absent member changes nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodePipelineSettings {
    hold: Option<bool>,
    limit: Option<usize>,
    visibility_lag_milliseconds: Option<u64>,
    source_milliseconds: Option<u64>,
}

/// One fault, several, or one in the command line's form.
#[derive(Deserialize)]
#[serde(untagged)]
enum GivenFaults {
    One(Fault),
    Many(Vec<Fault>),
    Text(String),
}

pub(crate) async fn answer(services: &Services, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    if !guard::has_token(request.headers(), &services.control_token) {
        let message = format!("the control address needs the header {TOKEN_HEADER} with the token of this emulator");
        return Ok(wire::json(403, &json!({ "error": message })));
    }
    let (parts, content) = request.into_parts();
    let content = content.collect().await?.to_bytes();
    let path = parts.uri.path().strip_prefix(ROOT).unwrap_or_default();
    let done = match (parts.method.as_str(), path) {
        ("GET", "requests") => Ok(json!(services.log.requests())),
        ("DELETE", "requests") => {
            services.log.clear();
            Ok(Value::Null)
        }
        ("POST", "faults") => parse(&content).and_then(|given| set_faults(services, given)),
        ("DELETE", "faults") => {
            services.faults.clear();
            Ok(Value::Null)
        }
        ("POST", "latency") => parse(&content).map(|latency: Latency| {
            services.pace.set_latency(Duration::from_millis(latency.milliseconds));
            Value::Null
        }),
        ("POST", "rate") => parse(&content).map(|rate: Rate| {
            services.pace.set_rate(rate.per_second);
            Value::Null
        }),
        ("POST", "notify") => match parse(&content) {
            Ok(change) => notify(services, change).await,
            Err(error) => Err(error),
        },
        ("POST", "codepipeline") => parse(&content).map(|settings| set_codepipeline(services, &settings)),
        ("POST", "start-rate") => parse(&content).map(|rate: Option<StartRate>| {
            services.codepipeline.throttle_starts(rate);
            Value::Null
        }),
        ("POST", "executions") => parse(&content).and_then(|command: Finish| finish(services, &command)),
        ("GET", "dead-letters") => Ok(json!(services.lambda.dead_letters())),
        (method, _) => {
            return Ok(wire::json(
                404,
                &json!({ "error": format!("the control address has no {method} {}", parts.uri.path()) }),
            ));
        }
    };
    Ok(match done {
        Ok(answer) => wire::json(200, &answer),
        Err(error) => wire::json(400, &json!({ "error": error })),
    })
}

fn set_codepipeline(services: &Services, settings: &CodePipelineSettings) -> Value {
    let service = &services.codepipeline;
    settings.hold.into_iter().for_each(|hold| service.hold_executions(hold));
    settings.limit.into_iter().for_each(|limit| service.limit_executions(limit));
    let milliseconds = |value: Option<u64>| value.map(Duration::from_millis).into_iter();
    milliseconds(settings.visibility_lag_milliseconds).for_each(|lag| service.set_visibility_lag(lag));
    milliseconds(settings.source_milliseconds).for_each(|duration| service.set_source_duration(duration));
    Value::Null
}

/// Ends actions of an execution, and returns the execution's ID and status.
fn finish(services: &Services, command: &Finish) -> Result<Value, String> {
    let execution = services.codepipeline.finish(command)?;
    Ok(json!({ "execution": execution.id, "status": format!("{:?}", execution.status) }))
}

fn set_faults(services: &Services, given: GivenFaults) -> Result<Value, String> {
    let faults = match given {
        GivenFaults::One(fault) => vec![fault],
        GivenFaults::Many(faults) => faults,
        GivenFaults::Text(text) => vec![text.parse()?],
    };
    for fault in faults {
        services.faults.add(fault);
    }
    Ok(Value::Null)
}

/// Fires the repository's triggers for a branch as it is now, and returns the names of those that sent an event.
async fn notify(services: &Services, change: ChangedBranch) -> Result<Value, String> {
    let ChangedBranch { repository, branch, old } = change;
    let known = services
        .repositories
        .get(&repository)
        .ok_or_else(|| format!("the emulator serves no repository {repository}"))?;
    let reference = format!("refs/heads/{branch}");
    let references = known.references().await.map_err(|error| error.to_string())?;
    let after = references.get(&reference).cloned();
    if after.is_none() && old.is_none() {
        return Err(format!(
            "repository {repository} has no branch {branch}; to report a deleted branch, give its old commit"
        ));
    }
    let changed = after != old;
    let change = Change { reference, before: old, after };
    let sent = if changed { services.events.fire(&known, &[change]) } else { Vec::new() };
    Ok(json!({ "sent": sent }))
}

fn parse<T: DeserializeOwned>(content: &[u8]) -> Result<T, String> {
    serde_json::from_slice(content).map_err(|error| error.to_string())
}
