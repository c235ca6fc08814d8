//! `GetRepository`, `ListRepositories`, `ListBranches` and `GetBranch`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::input::{Input, is_branch_name, with_token};
use crate::account::{ACCOUNT, REGION, repository_arn};
use crate::error::ServiceError;
use crate::repository::{Repositories, Repository};

pub(super) async fn get(repository: &Repository) -> Result<Value, ServiceError> {
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
    Ok(json!({ "repositoryMetadata": metadata }))
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
