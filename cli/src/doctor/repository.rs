//! Checks of the repository: a commit can be read over the API and over Git, and its triggers can be read.

use codecommit::aws::{Aws, CallError, Fault};
use codecommit::causes::with_causes;
use codecommit::source::git::{GitError, Remote};
use codecommit_multibranch::triggers::{self, Trigger};
use git_archive::object::ObjectId;

use super::described;
use super::report::Report;

/// Checks the repository, and returns its triggers.
pub(super) async fn check(aws: &Aws, name: &str, git_url: Option<String>, report: &mut Report) -> Option<Vec<Trigger>> {
    let sent = aws.codecommit.get_repository().repository_name(name).send().await;
    let metadata = match sent.map_err(|error| CallError::new("GetRepository", error)) {
        Ok(answer) => answer.repository_metadata,
        Err(call) => {
            report.fail("repository", described(&call));
            return None;
        }
    };
    report.ok("repository", format!("{name} can be read"));
    match metadata.and_then(|metadata| metadata.default_branch) {
        Some(branch) => {
            if let Some(commit) = contents(aws, name, &branch, report).await {
                over_git(aws, name, git_url, commit, report).await;
            }
        }
        None => report.warn(
            "contents",
            "not checked, since the repository has no default branch: GetBranch, GetCommit, GetFolder, GetBlob and \
             GitPull",
        ),
    }
    match triggers::list(&aws.codecommit, name).await {
        Ok(triggers) => Some(triggers),
        Err(error) => {
            report.fail("triggers", with_causes(&error));
            None
        }
    }
}

async fn contents(aws: &Aws, name: &str, branch: &str, report: &mut Report) -> Option<ObjectId> {
    match read(aws, name, branch).await {
        Ok((commit, entries)) => {
            report.ok("contents", format!("branch {branch} can be read; entries in its root: {entries}"));
            Some(commit)
        }
        Err(call) => {
            report.fail("contents", described(&call));
            None
        }
    }
}

/// Makes the calls that an archive begins with, and asks for the content of a blob that does not exist: only a caller
/// who may read blobs learns that.
async fn read(aws: &Aws, name: &str, branch: &str) -> Result<(ObjectId, usize), CallError> {
    let client = &aws.codecommit;
    let sent = client.get_branch().repository_name(name).branch_name(branch).send().await;
    let branch = sent.map_err(|error| CallError::new("GetBranch", error))?.branch;
    let id = branch.and_then(|branch| branch.commit_id).unwrap_or_default();
    let commit =
        ObjectId::from_hex(id.as_bytes()).map_err(|_| CallError::malformed("GetBranch", format!("commit {id:?}")))?;
    let sent = client.get_commit().repository_name(name).commit_id(&id).send().await;
    sent.map_err(|error| CallError::new("GetCommit", error))?;
    let sent = client.get_folder().repository_name(name).commit_specifier(&id).folder_path("/").send().await;
    let folder = sent.map_err(|error| CallError::new("GetFolder", error))?;
    let sent = client.get_blob().repository_name(name).blob_id(&id).send().await;
    match sent.map_err(|error| CallError::new("GetBlob", error)) {
        Err(call) if call.fault != Fault::Missing => return Err(call),
        _ => {}
    }
    let files = folder.files().len() + folder.symbolic_links().len();
    Ok((commit, files + folder.sub_folders().len() + folder.sub_modules().len()))
}

/// Asks Git's endpoint for its references, signed as a fetch is. Nothing is fetched.
async fn over_git(aws: &Aws, name: &str, git_url: Option<String>, commit: ObjectId, report: &mut Report) {
    let Some(remote) = Remote::new(aws, name, git_url) else {
        return report.fail("git", "not signed: there are no credentials");
    };
    match remote.check_access(commit).await {
        Ok(()) => report.ok("git", "the Git endpoint accepts the signature (GitPull)"),
        Err(error @ GitError::AccessDenied { .. }) => {
            let lost = "without GitPull, files over 6 MB cannot be read, and many files take many calls";
            report.fail("git", format!("{}; {lost}", with_causes(&error)));
        }
        Err(error) => report.fail("git", with_causes(&error)),
    }
}
