//! `GetMergeOptions`, from `git merge-base`.

use serde_json::{Value, json};

use super::input::Input;
use super::revision;
use crate::error::ServiceError;
use crate::git;
use crate::repository::Repository;

/// Returns both commits and their merge base. Not documented: the error for commits without a common ancestor.
///
/// Differs from CodeCommit: only the options that need no comparison of contents are told apart.
pub(super) async fn get(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let detail = input.text("conflictDetailLevel")?;
    if detail.is_some_and(|level| !["FILE_LEVEL", "LINE_LEVEL"].contains(&level)) {
        return Err(ServiceError::new(
            "InvalidConflictDetailLevelException",
            "The conflict detail level is not valid.",
        ));
    }
    let source = revision::commit(repository, Some(specifier(input, "sourceCommitSpecifier")?)).await?.id;
    let destination = revision::commit(repository, Some(specifier(input, "destinationCommitSpecifier")?)).await?.id;
    let base = merge_base(repository, &source, &destination).await?.ok_or_else(|| {
        let message = "The divergence between the tips of the provided commit specifiers is too great.";
        ServiceError::new("TipsDivergenceExceededException", message)
    })?;
    let mut options = vec!["SQUASH_MERGE", "THREE_WAY_MERGE"];
    if base == destination {
        options.insert(0, "FAST_FORWARD_MERGE");
    }
    Ok(json!({
        "mergeOptions": options,
        "sourceCommitId": source,
        "destinationCommitId": destination,
        "baseCommitId": base,
    }))
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

fn specifier<'a>(input: &'a Input, name: &str) -> Result<&'a str, ServiceError> {
    let given = input.text(name)?.filter(|specifier| !specifier.is_empty());
    given.ok_or_else(|| ServiceError::new("CommitRequiredException", "A commit was not specified."))
}
