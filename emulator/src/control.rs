//! The address that tests and demonstrations steer the emulator by.
//!
//! `GET`, `DELETE /_emulator/requests`; `POST`, `DELETE /_emulator/faults`; `POST /_emulator/latency`, `/_emulator/rate`,
//! `/_emulator/notify`; `GET /_emulator/dead-letters`. All bodies are JSON.

use std::time::Duration;

use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::body::{self, BoxError, Request, Response};
use crate::events::Change;
use crate::faults::Fault;
use crate::front::Front;

pub(crate) const ROOT: &str = "/_emulator/";

/// A reference that was changed without a push to the emulator.
#[derive(Deserialize)]
struct Notice {
    repository: String,
    branch: String,
    /// The commit before; without it the branch is new.
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

/// One fault, several, or one as on the command line.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wanted {
    One(Fault),
    Many(Vec<Fault>),
    Text(String),
}

pub(crate) async fn answer(front: &Front, request: Request) -> Result<Response, BoxError> {
    let (parts, content) = request.into_parts();
    let content = content.collect().await?.to_bytes();
    let path = parts.uri.path().strip_prefix(ROOT).unwrap_or_default();
    let done = match (parts.method.as_str(), path) {
        ("GET", "requests") => Ok(json!(front.log.requests())),
        ("DELETE", "requests") => {
            front.log.clear();
            Ok(Value::Null)
        }
        ("POST", "faults") => parse(&content).and_then(|wanted| set_faults(front, wanted)),
        ("DELETE", "faults") => {
            front.faults.clear();
            Ok(Value::Null)
        }
        ("POST", "latency") => parse(&content).map(|latency: Latency| {
            front.pace.set_latency(Duration::from_millis(latency.milliseconds));
            Value::Null
        }),
        ("POST", "rate") => parse(&content).map(|rate: Rate| {
            front.pace.set_rate(rate.per_second);
            Value::Null
        }),
        ("POST", "notify") => match parse(&content) {
            Ok(notice) => notify(front, notice).await,
            Err(error) => Err(error),
        },
        ("GET", "dead-letters") => Ok(json!(front.lambda.dead_letters())),
        (method, _) => {
            return Ok(body::json(404, &json!({ "error": format!("no {method} {}", parts.uri) })));
        }
    };
    Ok(match done {
        Ok(answer) => body::json(200, &answer),
        Err(error) => body::json(400, &json!({ "error": error })),
    })
}

fn set_faults(front: &Front, wanted: Wanted) -> Result<Value, String> {
    let faults = match wanted {
        Wanted::One(fault) => vec![fault],
        Wanted::Many(faults) => faults,
        Wanted::Text(text) => vec![text.parse()?],
    };
    for fault in faults {
        front.faults.add(fault);
    }
    Ok(Value::Null)
}

/// Sends what the repository's triggers say about a branch as it is now, and answers which of them did.
async fn notify(front: &Front, notice: Notice) -> Result<Value, String> {
    let Notice { repository, branch, old } = notice;
    let known = front.repositories.get(&repository).ok_or_else(|| format!("there is no repository {repository}"))?;
    let reference = format!("refs/heads/{branch}");
    let references = known.references().await.map_err(|error| error.to_string())?;
    let after = references.get(&reference).cloned();
    if after.is_none() && old.is_none() {
        return Err(format!("there is no branch {branch}; name the old commit of a deleted one"));
    }
    let changed = after != old;
    let change = Change { reference, before: old, after };
    let sent = if changed { front.events.fire(&known, &[change]) } else { Vec::new() };
    Ok(json!({ "sent": sent }))
}

fn parse<T: DeserializeOwned>(content: &[u8]) -> Result<T, String> {
    serde_json::from_slice(content).map_err(|error| error.to_string())
}
