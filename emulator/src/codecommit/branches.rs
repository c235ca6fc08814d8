//! `CreateBranch` and `DeleteBranch`.

use serde_json::{Value, json};

use super::input::{Input, is_branch_name, is_object_id};
use crate::error::ServiceError;
use crate::events::{Change, Events};
use crate::git;
use crate::repository::Repository;

const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

pub(super) async fn create(repository: &Repository, input: &Input, events: &Events) -> Result<Value, ServiceError> {
    let name = branch_name(input)?;
    let commit = input
        .text("commitId")?
        .ok_or_else(|| ServiceError::new("CommitIdRequiredException", "A commit ID was not specified."))?;
    if !is_object_id(commit) {
        let message = format!("The specified commit ID {commit} is not valid.");
        return Err(ServiceError::new("InvalidCommitIdException", message));
    }
    if repository.objects.header(commit).await?.is_none_or(|header| header.kind != "commit") {
        let message = format!("Commit {commit} does not exist");
        return Err(ServiceError::new("CommitDoesNotExistException", message));
    }
    let _alone = repository.pushing.lock().await;
    let reference = format!("refs/heads/{name}");
    if repository.objects.header(&reference).await?.is_some() {
        return Err(ServiceError::new("BranchNameExistsException", format!("Branch {name} already exists")));
    }
    let is_above = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('/'));
    let references = repository.references().await?;
    if let Some(other) = references.keys().find(|one| is_above(one, &reference) || is_above(&reference, one)) {
        let message = format!("The branch name {name} is not valid beside {other}.");
        return Err(ServiceError::new("InvalidBranchNameException", message));
    }
    git::output(&repository.git_dir, &["update-ref", &reference, commit, NO_COMMIT]).await?;
    events.fire(repository, &[Change { reference, before: None, after: Some(commit.to_owned()) }]);
    Ok(json!({}))
}

/// Deletes a branch; the deletion of an unknown branch succeeds and names no branch.
pub(super) async fn delete(repository: &Repository, input: &Input, events: &Events) -> Result<Value, ServiceError> {
    let name = branch_name(input)?;
    let _alone = repository.pushing.lock().await;
    if repository.default_branch().await?.as_deref() == Some(name) {
        let message = format!("Branch {name} is the default branch and cannot be deleted");
        return Err(ServiceError::new("DefaultBranchCannotBeDeletedException", message));
    }
    let reference = format!("refs/heads/{name}");
    let Some(tip) = repository.objects.header(&reference).await? else {
        return Ok(json!({}));
    };
    git::output(&repository.git_dir, &["update-ref", "-d", &reference, &tip.id]).await?;
    events.fire(repository, &[Change { reference, before: Some(tip.id.clone()), after: None }]);
    Ok(json!({ "deletedBranch": { "branchName": name, "commitId": tip.id } }))
}

fn branch_name(input: &Input) -> Result<&str, ServiceError> {
    let name = input
        .text("branchName")?
        .ok_or_else(|| ServiceError::new("BranchNameRequiredException", "A branch name is required."))?;
    if is_branch_name(name) {
        return Ok(name);
    }
    Err(ServiceError::new("InvalidBranchNameException", format!("The branch name {name} is not valid.")))
}
