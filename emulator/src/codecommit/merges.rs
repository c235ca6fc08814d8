//! `GetMergeOptions`, from `git merge-base`.

use serde_json::{Value, json};

use super::input::Input;
use super::revision;
use crate::error::ServiceError;
use crate::git;
use crate::repository::Repository;

/// Returns the commits and their base. Does not check whether a three-way merge would conflict.
pub(super) async fn options(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let source = revision::commit(repository, input.text("sourceCommitSpecifier")?).await?.id;
    let destination = revision::commit(repository, input.text("destinationCommitSpecifier")?).await?.id;
    let base = merge_base(repository, &source, &destination).await?;
    let mut options = vec!["SQUASH_MERGE", "THREE_WAY_MERGE"];
    if base.as_ref() == Some(&destination) {
        options.insert(0, "FAST_FORWARD_MERGE");
    }
    let mut answer = json!({ "mergeOptions": options, "sourceCommitId": source, "destinationCommitId": destination });
    if let Some(base) = base {
        answer["baseCommitId"] = base.into();
    }
    Ok(answer)
}

/// Returns the best common ancestor of two commits, if they have one.
pub(super) async fn merge_base(repository: &Repository, a: &str, b: &str) -> Result<Option<String>, ServiceError> {
    let output = git::git(&repository.git_dir).args(["merge-base", a, b]).output().await?;
    match output.status.code() {
        Some(0) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
        Some(1) => Ok(None),
        _ => Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()).into()),
    }
}
