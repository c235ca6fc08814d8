//! `PutFile`, `DeleteFile` and `CreateCommit`: commits on a branch's tip, made with Git's own commands.

mod change;
mod commit;

use serde_json::{Value, json};

use super::input::{Input, is_branch_name, is_object_id};
use super::revision::{self, TreeEntry};
use crate::error::ServiceError;
use crate::events::Events;
use crate::repository::Repository;
use change::{Content, FileChange};
use commit::{Author, Tip};

/// The maximum number of changed files in one commit.
const MAX_CHANGES: usize = 100;

pub(super) async fn put_file(repository: &Repository, input: &Input, events: &Events) -> Result<Value, ServiceError> {
    let _alone = repository.pushing.lock().await;
    let tip = tip(repository, input, "name").await?;
    let change = FileChange::put(input)?.stored(repository).await?;
    let before = change.replaced(repository, tip.tree()).await?;
    if before.is_some_and(|before| before.id == change.blob_id() && Some(before.mode) == change.mode(None)) {
        let message = format!("The content of {} is exactly the same as in the branch {}", change.path, tip.branch);
        return Err(ServiceError::new("SameFileContentException", message));
    }
    let made = tip.commit(repository, events, std::slice::from_ref(&change)).await?;
    Ok(json!({ "commitId": made.id, "treeId": made.tree, "blobId": change.blob_id() }))
}

pub(super) async fn delete_file(
    repository: &Repository,
    input: &Input,
    events: &Events,
) -> Result<Value, ServiceError> {
    let _alone = repository.pushing.lock().await;
    let tip = tip(repository, input, "name").await?;
    let change = FileChange::delete(input)?;
    let before = existing(repository, &tip, &change).await?;
    let made = tip.commit(repository, events, std::slice::from_ref(&change)).await?;
    Ok(json!({ "commitId": made.id, "treeId": made.tree, "blobId": before.id, "filePath": change.path }))
}

pub(super) async fn create_commit(
    repository: &Repository,
    input: &Input,
    events: &Events,
) -> Result<Value, ServiceError> {
    let _alone = repository.pushing.lock().await;
    let tip = tip(repository, input, "authorName").await?;
    let changes = changes(repository, input).await?;
    let (mut added, mut updated, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
    for change in &changes {
        let before = match change.content {
            Content::Put { .. } => change.replaced(repository, tip.tree()).await?,
            Content::Mode(_) | Content::Delete => Some(existing(repository, &tip, change).await?),
        };
        let listed = match (&change.content, &before) {
            (Content::Delete, _) => &mut deleted,
            (_, Some(_)) => &mut updated,
            (_, None) => &mut added,
        };
        listed.push(change.described(before.as_ref()));
    }
    let made = tip.commit(repository, events, &changes).await?;
    Ok(json!({
        "commitId": made.id,
        "treeId": made.tree,
        "filesAdded": added,
        "filesUpdated": updated,
        "filesDeleted": deleted,
    }))
}

/// Returns the changes of a `CreateCommit`, each to another path.
async fn changes(repository: &Repository, input: &Input) -> Result<Vec<FileChange>, ServiceError> {
    let mut changes = Vec::new();
    for entry in input.list("putFiles")? {
        if entry.get("sourceFile").is_some() {
            return Err(ServiceError::not_modeled("CreateCommit's sourceFile"));
        }
        changes.push(FileChange::put(&entry)?.stored(repository).await?);
    }
    for entry in input.list("deleteFiles")? {
        changes.push(FileChange::delete(&entry)?);
    }
    for entry in input.list("setFileModes")? {
        changes.push(FileChange::set_mode(&entry)?);
    }
    if changes.is_empty() {
        return Err(ServiceError::new("FileEntryRequiredException", "The commit must change at least one file."));
    }
    if changes.len() > MAX_CHANGES {
        let message = format!("A commit must change at most {MAX_CHANGES} files.");
        return Err(ServiceError::new("MaximumFileEntriesExceededException", message));
    }
    let mut paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    paths.sort_unstable();
    if let Some([same, _]) = paths.array_windows().find(|[one, next]| one == next) {
        let message = format!("The path {same} is in the request more than once");
        return Err(ServiceError::new("SamePathRequestException", message));
    }
    Ok(changes)
}

/// Returns the file that a change needs to exist.
async fn existing(repository: &Repository, tip: &Tip, change: &FileChange) -> Result<TreeEntry, ServiceError> {
    let entry = revision::entry(repository, tip.tree(), &change.path).await?;
    entry.filter(|entry| !entry.is_tree() && !entry.is_submodule()).ok_or_else(|| {
        let message = format!("The file {} does not exist in the branch {}", change.path, tip.branch);
        ServiceError::new("FileDoesNotExistException", message)
    })
}

/// Returns the branch's tip, which must be the request's parent commit. An empty repository has none.
async fn tip(repository: &Repository, input: &Input, name: &str) -> Result<Tip, ServiceError> {
    let branch = input
        .text("branchName")?
        .ok_or_else(|| ServiceError::new("BranchNameRequiredException", "A branch name is required."))?;
    if !is_branch_name(branch) {
        return Err(ServiceError::new("InvalidBranchNameException", format!("The branch name {branch} is not valid.")));
    }
    if input.get("keepEmptyFolders").is_some_and(|keep| keep == true) {
        return Err(ServiceError::not_modeled("keepEmptyFolders"));
    }
    let author = Author::new(input.text(name)?, input.text("email")?);
    let message = input.text("commitMessage")?.map(str::to_owned);
    let (branch, parent) = (branch.to_owned(), parent(repository, input, branch).await?);
    Ok(Tip { branch, parent, author, message })
}

async fn parent(
    repository: &Repository,
    input: &Input,
    branch: &str,
) -> Result<Option<revision::Commit>, ServiceError> {
    let given = input.text("parentCommitId")?;
    if repository.objects.header(&format!("refs/heads/{branch}")).await?.is_none() {
        if repository.references().await?.is_empty() {
            return Ok(None);
        }
        return Err(ServiceError::new("BranchDoesNotExistException", format!("Branch {branch} does not exist")));
    }
    let tip = revision::commit(repository, Some(&format!("refs/heads/{branch}"))).await?;
    let (code, message) = match given {
        None => ("ParentCommitIdRequiredException", "A parent commit ID is required.".to_owned()),
        Some(given) if *given == tip.id => return Ok(Some(tip)),
        Some(given) if !is_object_id(given) => {
            ("InvalidParentCommitIdException", format!("The parent commit ID {given} is not valid."))
        }
        Some(given) if repository.objects.header(given).await?.is_none_or(|object| object.kind != "commit") => {
            ("ParentCommitDoesNotExistException", format!("The parent commit {given} does not exist."))
        }
        Some(given) => ("ParentCommitIdOutdatedException", format!("{given} is not the tip of {branch}: {}", tip.id)),
    };
    Err(ServiceError::new(code, message))
}
