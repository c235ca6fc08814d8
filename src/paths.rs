//! `PATHS`: a branch runs only if it has changed a matching path since it left the trunk.
//!
//! The merge base comes from `GetMergeOptions`, the changes from `GetDifferences`. Both depend on the commit and on the
//! trunk alone, so every delivery of an event gets the same answer unless the trunk moves. If AWS cannot tell, the
//! branch runs.
//!
//! Calls: one `GetRepository` unless the trunk is set, one `GetMergeOptions`, and one `GetDifferences` for each page,
//! up to the first path that matches and to [`PAGES`].

use crate::path_globs::Paths;
use crate::plan::Job;
use codecommit::aws::{Aws, CallError};

/// The number of pages of changes that are read.
const PAGES: usize = 100;

/// The result of the comparison of a commit's changes with the paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A changed path matches.
    Matches,
    /// No changed path matches.
    NoMatch,
    /// AWS cannot tell. The text is the reason.
    Unknown(String),
}

/// Compares the job's commit with its merge base. The trunk is the repository's default branch unless `trunk` names
/// another.
pub(crate) async fn examine(aws: &Aws, job: &Job, paths: &Paths, trunk: Option<&str>) -> Verdict {
    match Box::pin(matches(aws, job, paths, trunk)).await {
        Ok(true) => Verdict::Matches,
        Ok(false) => Verdict::NoMatch,
        Err(call) => {
            Verdict::Unknown(format!("the changed paths are not known, so that PATHS selects the branch: {call}"))
        }
    }
}

async fn matches(aws: &Aws, job: &Job, paths: &Paths, trunk: Option<&str>) -> Result<bool, CallError> {
    let repository = job.repository.name();
    let trunk = match trunk {
        Some(trunk) => trunk.to_owned(),
        None => default_branch(aws, repository).await?,
    };
    let commit = job.commit.to_string();
    let request = aws.codecommit.get_merge_options().repository_name(repository).source_commit_specifier(&commit);
    let sent = request.destination_commit_specifier(format!("refs/heads/{trunk}")).send().await;
    let base = sent.map_err(|error| CallError::new("GetMergeOptions", error))?.base_commit_id;
    if base.is_empty() {
        return Err(CallError::malformed("GetMergeOptions", "no merge base"));
    }
    let mut token = None;
    for _ in 0..PAGES {
        let request = aws.codecommit.get_differences().repository_name(repository).before_commit_specifier(&base);
        let sent = request.after_commit_specifier(&commit).set_next_token(token).send().await;
        let answer = sent.map_err(|error| CallError::new("GetDifferences", error))?;
        let sides = answer.differences().iter().flat_map(|change| [change.before_blob(), change.after_blob()]);
        if sides.flatten().filter_map(|blob| blob.path()).any(|path| paths.select(path)) {
            return Ok(true);
        }
        token = answer.next_token;
        if token.is_none() {
            return Ok(false);
        }
    }
    Err(CallError::malformed("GetDifferences", format!("more than {PAGES} pages of changes")))
}

async fn default_branch(aws: &Aws, repository: &str) -> Result<String, CallError> {
    let sent = aws.codecommit.get_repository().repository_name(repository).send().await;
    let answer = sent.map_err(|error| CallError::new("GetRepository", error))?;
    let branch = answer.repository_metadata.and_then(|metadata| metadata.default_branch);
    branch.ok_or_else(|| CallError::malformed("GetRepository", "no default branch"))
}
