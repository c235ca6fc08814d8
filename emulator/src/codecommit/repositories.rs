//! `GetRepository`, `ListRepositories`, `CreateRepository`, `DeleteRepository`, `ListBranches` and `GetBranch`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::input::{Input, is_branch_name, with_token};
use crate::account::{ACCOUNT, REGION, repository_arn};
use crate::error::ServiceError;
use crate::repository::{Repositories, Repository};

/// The maximum length of a repository's description, in characters.
const MAX_DESCRIPTION: usize = 1000;

pub(super) async fn get(repository: &Repository) -> Result<Value, ServiceError> {
    Ok(json!({ "repositoryMetadata": metadata(repository).await? }))
}

/// Creates a bare repository in the folder of repositories.
pub(super) async fn create(repositories: &Repositories, input: &Input, name: &str) -> Result<Value, ServiceError> {
    let description = input.text("repositoryDescription")?;
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        let message = format!("The repository description must have at most {MAX_DESCRIPTION} characters.");
        return Err(ServiceError::new("InvalidRepositoryDescriptionException", message));
    }
    if input.get("kmsKeyId").is_some() {
        return Err(ServiceError::not_modeled("encryption keys of repositories"));
    }
    if input.get("tags").and_then(Value::as_object).is_some_and(|tags| !tags.is_empty()) {
        return Err(ServiceError::not_modeled("tags of repositories"));
    }
    let created = repositories.create(name, description).await?;
    let repository = created.ok_or_else(|| {
        ServiceError::new("RepositoryNameExistsException", format!("Repository named {name} already exists"))
    })?;
    Ok(json!({ "repositoryMetadata": metadata(&repository).await? }))
}

/// Deletes a repository that the emulator created; the deletion of an unknown repository succeeds and names no ID.
pub(super) fn delete(repositories: &Repositories, name: &str) -> Result<Value, ServiceError> {
    if repositories.get(name).is_none() {
        return Ok(json!({}));
    }
    if repositories.delete(name)? {
        return Ok(json!({ "repositoryId": id(name) }));
    }
    Err(ServiceError::not_modeled(format!("the deletion of {name}, a repository that it did not create")))
}

async fn metadata(repository: &Repository) -> Result<Value, ServiceError> {
    let name = &repository.name;
    let modified = modified(repository);
    let mut metadata = json!({
        "accountId": ACCOUNT,
        "repositoryId": id(name),
        "repositoryName": name,
        "lastModifiedDate": modified,
        "creationDate": modified,
        "cloneUrlHttp": format!("https://git-codecommit.{REGION}.amazonaws.com/v1/repos/{name}"),
        "cloneUrlSsh": format!("ssh://git-codecommit.{REGION}.amazonaws.com/v1/repos/{name}"),
        "Arn": repository_arn(name),
    });
    if let Some(branch) = repository.default_branch().await? {
        metadata["defaultBranch"] = branch.into();
    }
    if let Some(description) = repository.description() {
        metadata["repositoryDescription"] = description.into();
    }
    Ok(metadata)
}

pub(super) fn list(repositories: &Repositories, input: &Input, page_size: usize) -> Result<Value, ServiceError> {
    let sort_by = input.text("sortBy")?.unwrap_or("repositoryName");
    let order = input.text("order")?.unwrap_or("ascending");
    let mut names = repositories.names();
    match sort_by {
        "repositoryName" => {}
        "lastModifiedDate" => names.sort_by(|a, b| {
            let time = |name: &str| repositories.get(name).map(|repository| modified(&repository));
            time(a).partial_cmp(&time(b)).unwrap_or(std::cmp::Ordering::Equal)
        }),
        other => {
            return Err(ServiceError::new(
                "InvalidSortByException",
                format!("sortBy must be repositoryName or lastModifiedDate, not {other}"),
            ));
        }
    }
    match order {
        "ascending" => {}
        "descending" => names.reverse(),
        other => {
            return Err(ServiceError::new(
                "InvalidOrderException",
                format!("order must be ascending or descending, not {other}"),
            ));
        }
    }
    let of = format!("repositories {sort_by} {order}");
    let (names, next) = input.page("nextToken", &of, names, page_size)?;
    let list: Vec<Value> =
        names.iter().map(|name| json!({ "repositoryName": name, "repositoryId": id(name) })).collect();
    Ok(with_token(json!({ "repositories": list }), "nextToken", next))
}

pub(super) async fn list_branches(
    repository: &Repository,
    input: &Input,
    page_size: usize,
) -> Result<Value, ServiceError> {
    let references = repository.references().await?;
    let mut branches: Vec<&str> = references.keys().filter_map(|name| name.strip_prefix("refs/heads/")).collect();
    branches.sort_unstable();
    let (branches, next) = input.page("nextToken", "branches", branches, page_size)?;
    Ok(with_token(json!({ "branches": branches }), "nextToken", next))
}

pub(super) async fn get_branch(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let name = input
        .text("branchName")?
        .ok_or_else(|| ServiceError::new("BranchNameRequiredException", "A branch name is required."))?;
    if !is_branch_name(name) {
        return Err(ServiceError::new("InvalidBranchNameException", format!("The branch name {name} is not valid.")));
    }
    match repository.objects.header(&format!("refs/heads/{name}")).await? {
        Some(tip) => Ok(json!({ "branch": { "branchName": name, "commitId": tip.id } })),
        None => Err(ServiceError::new("BranchDoesNotExistException", format!("Branch {name} does not exist"))),
    }
}

/// Returns an ID in the form of a UUID that depends only on the name.
fn id(name: &str) -> String {
    let hash = hex::encode(Sha256::digest(name));
    [&hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32]].join("-")
}

fn modified(repository: &Repository) -> f64 {
    let time = repository.git_dir.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
