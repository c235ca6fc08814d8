//! `GetCommit` and `BatchGetCommits`.

use serde_json::{Value, json};

use super::input::{Input, is_object_id};
use crate::error::ServiceError;
use crate::git_objects::GitObject;
use crate::repository::Repository;

/// The maximum number of commits in one batch.
const BATCH: usize = 100;

pub(super) async fn get(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let id = input
        .text("commitId")?
        .ok_or_else(|| ServiceError::new("CommitIdRequiredException", "A commit ID was not specified."))?;
    Ok(json!({ "commit": commit(repository, id).await? }))
}

pub(super) async fn batch_get(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let ids = input.texts("commitIds")?.unwrap_or_default();
    if ids.is_empty() {
        return Err(ServiceError::new("CommitIdsListRequiredException", "A list of commit IDs is required."));
    }
    if ids.len() > BATCH {
        let message = format!("The maximum number of allowed commit IDs in a batch request is {BATCH}.");
        return Err(ServiceError::new("CommitIdsLimitExceededException", message));
    }
    let (mut commits, mut errors) = (Vec::new(), Vec::new());
    for id in ids {
        match commit(repository, id).await {
            Ok(commit) => commits.push(commit),
            Err(error) if error.status == 400 => {
                errors.push(json!({ "commitId": id, "errorCode": error.code, "errorMessage": error.message }));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(json!({ "commits": commits, "errors": errors }))
}

async fn commit(repository: &Repository, id: &str) -> Result<Value, ServiceError> {
    if !is_object_id(id) {
        return Err(ServiceError::new(
            "InvalidCommitIdException",
            format!("The specified commit ID {id} is not valid."),
        ));
    }
    let object = repository.objects.read(id).await?.filter(|object| object.kind == "commit");
    object
        .map(|object| describe(&object))
        .ok_or_else(|| ServiceError::new("CommitIdDoesNotExistException", format!("Commit {id} does not exist")))
}

/// Returns a commit object in the API's form. JSON cannot hold bytes that are not UTF-8: they become U+FFFD.
fn describe(commit: &GitObject) -> Value {
    let text = String::from_utf8_lossy(&commit.content);
    let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let fields = |name: &'static str| head.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '));
    json!({
        "commitId": commit.id,
        "treeId": fields("tree").next().unwrap_or_default(),
        "parents": fields("parent").collect::<Vec<_>>(),
        "message": message,
        "author": fields("author").next().map(user),
        "committer": fields("committer").next().map(user),
        "additionalData": "",
    })
}

/// Parses `Name <address> 1484167798 -0800`; the name can hold anything but angle brackets.
fn user(line: &str) -> Value {
    let (name, rest) = line.split_once('<').unwrap_or((line, ""));
    let (email, date) = rest.rsplit_once('>').unwrap_or((rest, ""));
    json!({ "name": name.trim(), "email": email, "date": date.trim() })
}
