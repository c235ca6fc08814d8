//! `GetRepositoryTriggers`, `PutRepositoryTriggers` and `TestRepositoryTriggers`, with the service's limits.

use std::collections::HashSet;
use std::sync::PoisonError;

use serde_json::{Value, json};

use super::input::{Input, is_branch_name};
use crate::account::{REGION, function_arn};
use crate::error::ServiceError;
use crate::events::Events;
use crate::repository::Repository;
use crate::trigger::{Trigger, Triggers};

/// The maximum number of triggers of a repository.
const MAX_TRIGGERS: usize = 10;
/// The maximum number of branches of a trigger.
const MAX_BRANCHES: usize = 10;
/// The maximum length of custom data, in characters.
const MAX_CUSTOM_DATA: usize = 1000;
/// The maximum length of a trigger's name, in characters.
const MAX_NAME: usize = 100;

pub(super) fn get(repository: &Repository) -> Value {
    let triggers = repository.triggers.lock().unwrap_or_else(PoisonError::into_inner);
    json!({ "configurationId": triggers.configuration_id, "triggers": triggers.list })
}

pub(super) fn put(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let triggers = Triggers::new(list(input)?);
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
            let message = format!("the emulator cannot invoke {}", trigger.destination_arn);
            failed.push(json!({ "trigger": trigger.name, "failureMessage": message }));
        }
    }
    Ok(json!({ "successfulExecutions": successful, "failedExecutions": failed }))
}

fn list(input: &Input) -> Result<Vec<Trigger>, ServiceError> {
    let list = input.get("triggers").ok_or_else(|| required("RepositoryTriggersListRequiredException", "triggers"))?;
    let list = list.as_array().ok_or_else(|| ServiceError::new("SerializationException", "triggers must be a list"))?;
    if list.len() > MAX_TRIGGERS {
        let message = format!("A repository can have at most {MAX_TRIGGERS} triggers.");
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
    if name.len() > MAX_NAME || !name.chars().all(allowed) {
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
    if data.is_some_and(|data| data.chars().count() > MAX_CUSTOM_DATA) {
        return Err(invalid("InvalidRepositoryTriggerCustomDataException", "longer than 1,000 characters"));
    }
    Ok(data.map(str::to_owned))
}

fn branches(input: &Input) -> Result<Vec<String>, ServiceError> {
    let branches = input.texts("branches")?;
    let branches = branches.ok_or_else(|| required("RepositoryTriggerBranchNameListRequiredException", "branches"))?;
    if branches.len() > MAX_BRANCHES {
        let message = format!("A trigger can have at most {MAX_BRANCHES} branches.");
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
    ServiceError::new(code, format!("a trigger cannot have the value {value}"))
}
