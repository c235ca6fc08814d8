//! `CreatePullRequest`.

use serde_json::{Value, json};

use super::{Context, describe, token, token_mismatch};
use crate::codecommit::input::{Input, is_branch_name};
use crate::codecommit::merges::merge_base;
use crate::error::ServiceError;
use crate::pull_requests::PullRequest;
use crate::repository::Repository;

/// The maximum length of a title, in characters.
const MAX_TITLE: usize = 150;
/// The maximum length of a description, in characters.
const MAX_DESCRIPTION: usize = 10_240;

pub(super) async fn create(context: &Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let title = title(input)?;
    let description = input.text("description")?;
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        return Err(ServiceError::new("InvalidDescriptionException", "The description is not valid."));
    }
    let token = token(input)?;
    let target = target(input)?;
    let repository = &*context.repository(&target)?;
    let (source, source_commit) = branch(repository, target.text("sourceReference")?).await?;
    let default = repository.default_branch().await?;
    let destination = target.text("destinationReference")?.or(default.as_deref());
    let (destination, destination_commit) = branch(repository, destination).await?;
    if source == destination {
        let message = "The source branch and destination branch for the pull request are the same.";
        return Err(ServiceError::new("SourceAndDestinationAreSameException", message));
    }
    let base = merge_base(repository, &source_commit, &destination_commit).await?;
    let known = context.all().lock().iter().find(|it| it.token == token).cloned();
    if let Some(known) = known {
        let same = known.title == title && known.source == source && known.destination == destination;
        return if same { Ok(json!({ "pullRequest": describe(&known) })) } else { Err(token_mismatch()) };
    }
    let created = context.all().add(|id| PullRequest {
        description: description.map(str::to_owned),
        source,
        destination,
        source_commit,
        destination_commit,
        merge_base: base,
        ..PullRequest::new(id, title, &repository.name, token)
    });
    context.events.tell("pullRequestCreated", &created);
    Ok(json!({ "pullRequest": describe(&created) }))
}

fn title(input: &Input) -> Result<&str, ServiceError> {
    match input.text("title")? {
        None | Some("") => Err(ServiceError::new("TitleRequiredException", "A pull request title is required.")),
        Some(title) if title.chars().count() > MAX_TITLE => {
            Err(ServiceError::new("InvalidTitleException", "The title of the pull request is not valid."))
        }
        Some(title) => Ok(title),
    }
}

/// Returns the one target; the service allows no more.
fn target(input: &Input) -> Result<Input, ServiceError> {
    let targets = input.get("targets").and_then(Value::as_array).ok_or_else(|| {
        ServiceError::new("TargetsRequiredException", "An array of target objects is required, but was not provided.")
    })?;
    match &targets[..] {
        [target] => Input::new(target.clone()),
        [] => Err(ServiceError::new("TargetRequiredException", "A pull request target is required.")),
        _ => Err(ServiceError::new("InvalidTargetsException", "A pull request has one target.")),
    }
}

/// Returns the full reference and the commit of a branch that is named with or without `refs/heads/`.
async fn branch(repository: &Repository, name: Option<&str>) -> Result<(String, String), ServiceError> {
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| {
        ServiceError::new("ReferenceNameRequiredException", "A reference name is required, but none was provided.")
    })?;
    if name.starts_with("refs/tags/") {
        let message = format!("{name} is not a branch.");
        return Err(ServiceError::new("ReferenceTypeNotSupportedException", message));
    }
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
    if !is_branch_name(branch) {
        let message = format!("The reference name {name} is not valid.");
        return Err(ServiceError::new("InvalidReferenceNameException", message));
    }
    let reference = format!("refs/heads/{branch}");
    let tip = repository.objects.header(&reference).await?;
    let tip = tip.ok_or_else(|| {
        ServiceError::new("ReferenceDoesNotExistException", format!("The reference {name} does not exist."))
    })?;
    Ok((reference, tip.id))
}
