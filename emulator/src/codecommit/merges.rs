//! `GetMergeOptions`, from `git merge-base`.

use serde_json::{Value, json};

use super::input::Input;
use super::revision;
use crate::error::ServiceError;
use crate::git;
use crate::repository::Repository;

/// Only the commits and their base are modelled: whether a three-way merge would conflict is not looked at.
pub(super) async fn options(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let source = revision::commit(repository, input.text("sourceCommitSpecifier")?).await?.id;
    let destination = revision::commit(repository, input.text("destinationCommitSpecifier")?).await?.id;
    let base = git::output(&repository.git_dir, &["merge-base", &source, &destination]).await;
    let base = base.ok().map(|id| String::from_utf8_lossy(&id).trim().to_owned());
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
