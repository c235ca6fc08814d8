//! `GetRepositoryTriggers`, `PutRepositoryTriggers`, `TestRepositoryTriggers`, with the service's limits.

use std::collections::HashSet;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::input::{Input, is_branch_name};
use crate::credentials::REGION;
use crate::error::ServiceError;
use crate::events::{Events, function_arn};
use crate::repository::Repository;

/// How many triggers a repository, and how many branches a trigger may have.
const TRIGGERS: usize = 10;
const BRANCHES: usize = 10;
const CUSTOM_DATA: usize = 1000;
const NAME: usize = 100;

/// What a repository has been told, under the id of its last change.
pub(crate) struct Triggers {
    pub(crate) configuration_id: String,
    pub(crate) list: Vec<Trigger>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) destination_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_data: Option<String>,
    pub(crate) branches: Vec<String>,
    pub(crate) events: Vec<String>,
}

impl Default for Triggers {
    fn default() -> Self {
        Self { configuration_id: Uuid::new_v4().to_string(), list: Vec::new() }
    }
}

impl Trigger {
    /// Whether a change of this reference is told to this trigger; no branches means all branches and tags.
    pub(crate) fn wants(&self, reference: &str, event: &str) -> bool {
        let branch = reference.strip_prefix("refs/heads/");
        let branch = self.branches.is_empty() || branch.is_some_and(|name| self.branches.iter().any(|b| b == name));
        branch && self.events.iter().any(|wanted| wanted == "all" || wanted == event)
    }
}

pub(super) fn get(repository: &Repository) -> Value {
    let triggers = repository.triggers.lock().unwrap_or_else(PoisonError::into_inner);
    json!({ "configurationId": triggers.configuration_id, "triggers": triggers.list })
}

pub(super) fn put(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let triggers = Triggers { list: list(input)?, ..Triggers::default() };
    let answer = json!({ "configurationId": triggers.configuration_id });
    *repository.triggers.lock().unwrap_or_else(PoisonError::into_inner) = triggers;
    Ok(answer)
}

pub(super) async fn test(repository: &Repository, input: &Input, events: &Events) -> Result<Value, ServiceError> {
    let triggers = list(input)?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for trigger in &triggers {
        if trigger.destination_arn == function_arn() {
            events.test(repository, trigger).await?;
            successful.push(&trigger.name);
        } else {
            let message = format!("could not invoke {}", trigger.destination_arn);
            failed.push(json!({ "trigger": trigger.name, "failureMessage": message }));
        }
    }
    Ok(json!({ "successfulExecutions": successful, "failedExecutions": failed }))
}

fn list(input: &Input) -> Result<Vec<Trigger>, ServiceError> {
    let list = input.get("triggers").ok_or_else(|| required("RepositoryTriggersListRequiredException", "triggers"))?;
    let list = list.as_array().ok_or_else(|| ServiceError::new("SerializationException", "triggers must be a list"))?;
    if list.len() > TRIGGERS {
        let message = format!("A repository can have at most {TRIGGERS} triggers.");
        return Err(ServiceError::new("MaximumRepositoryTriggersExceededException", message));
    }
    let triggers: Vec<Trigger> = list.iter().map(trigger).collect::<Result<_, _>>()?;
    let mut names = HashSet::new();
    match triggers.iter().find(|trigger| !names.insert(&trigger.name)) {
        Some(twice) => Err(invalid("InvalidRepositoryTriggerNameException", &twice.name)),
        None => Ok(triggers),
    }
}

fn trigger(value: &Value) -> Result<Trigger, ServiceError> {
    let input = &Input::new(value.clone())?;
    Ok(Trigger {
        name: name(input)?,
        destination_arn: destination(input)?,
        custom_data: custom_data(input)?,
        branches: branches(input)?,
        events: events(input)?,
    })
}

fn name(input: &Input) -> Result<String, ServiceError> {
    let name = input.text("name")?.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| required("RepositoryTriggerNameRequiredException", "name"))?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.len() > NAME || !name.chars().all(allowed) {
        return Err(invalid("InvalidRepositoryTriggerNameException", name));
    }
    Ok(name.to_owned())
}

fn destination(input: &Input) -> Result<String, ServiceError> {
    let arn = input.text("destinationArn")?.filter(|arn| !arn.is_empty());
    let arn = arn.ok_or_else(|| required("RepositoryTriggerDestinationArnRequiredException", "destinationArn"))?;
    let ["arn", "aws", service, region, account, resource] = arn.splitn(6, ':').collect::<Vec<_>>()[..] else {
        return Err(invalid("InvalidRepositoryTriggerDestinationArnException", arn));
    };
    let is_target = match service {
        "lambda" => resource.starts_with("function:"),
        "sns" => !resource.is_empty(),
        _ => false,
    };
    if !is_target || account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid("InvalidRepositoryTriggerDestinationArnException", arn));
    }
    if region != REGION {
        return Err(invalid("InvalidRepositoryTriggerRegionException", region));
    }
    Ok(arn.to_owned())
}

fn custom_data(input: &Input) -> Result<Option<String>, ServiceError> {
    let data = input.text("customData")?;
    if data.is_some_and(|data| data.chars().count() > CUSTOM_DATA) {
        return Err(invalid("InvalidRepositoryTriggerCustomDataException", "longer than 1,000 characters"));
    }
    Ok(data.map(str::to_owned))
}

fn branches(input: &Input) -> Result<Vec<String>, ServiceError> {
    let branches = input.texts("branches")?;
    let branches = branches.ok_or_else(|| required("RepositoryTriggerBranchNameListRequiredException", "branches"))?;
    if branches.len() > BRANCHES {
        let message = format!("A trigger can have at most {BRANCHES} branches.");
        return Err(ServiceError::new("MaximumBranchesExceededException", message));
    }
    match branches.iter().find(|branch| !is_branch_name(branch)) {
        Some(branch) => Err(invalid("InvalidRepositoryTriggerBranchNameException", branch)),
        None => Ok(branches.into_iter().map(str::to_owned).collect()),
    }
}

fn events(input: &Input) -> Result<Vec<String>, ServiceError> {
    let events = input.texts("events")?.unwrap_or_default();
    if events.is_empty() {
        return Err(required("RepositoryTriggerEventsListRequiredException", "events"));
    }
    let known = |event: &&str| matches!(*event, "all" | "createReference" | "updateReference" | "deleteReference");
    if !events.iter().all(known) || events.contains(&"all") && events.len() > 1 {
        return Err(invalid("InvalidRepositoryTriggerEventsException", &events.join(", ")));
    }
    Ok(events.into_iter().map(str::to_owned).collect())
}

fn required(code: &'static str, member: &str) -> ServiceError {
    ServiceError::new(code, format!("{member} is required, but was not specified."))
}

fn invalid(code: &'static str, value: &str) -> ServiceError {
    ServiceError::new(code, format!("not valid for a trigger: {value}"))
}
