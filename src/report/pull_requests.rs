//! Pull requests over the API: those of a branch, one comment for each result, and the approval of a revision.

use aws_sdk_codecommit::types::{ApprovalState, CommentsForPullRequest, PullRequestStatusEnum};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::comment;
use super::result::RunResult;
use crate::runs::BranchRun;
use codecommit::aws::{Aws, CallError};

/// A pull request as it is now.
#[derive(Debug, Clone)]
pub(super) struct PullRequest {
    pub(super) id: String,
    pub(super) is_open: bool,
    pub(super) repository: String,
    branch: String,
    source_commit: String,
    destination_commit: String,
    revision: String,
}

/// How the comments of a pull request changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommentChange {
    /// A comment was posted.
    Posted,
    /// The comment on this execution was brought up to date, for example after a stage was retried.
    Updated,
    /// The comment was there.
    Unchanged,
    /// Source and destination are the same commit, on which no comment can be posted.
    NoPlace,
}

/// A comment of ours.
struct PostedComment {
    id: String,
    execution: String,
    content: String,
}

impl PullRequest {
    /// Returns whether the run is of this pull request's source commit. A run's variables have single quotes in place
    /// of double quotes.
    pub(super) fn is_at(&self, run: &BranchRun) -> bool {
        self.source_commit == run.commit
            && self.branch.replace('"', "'") == run.branch
            && self.repository == run.repository
    }

    /// Returns the token of the comment on an execution, in the form of a UUID, which clients usually send.
    fn token(&self, execution: &str) -> String {
        let digest = hex::encode(Sha256::digest(format!("comment {} {execution}", self.id)));
        [&digest[..8], &digest[8..12], &digest[12..16], &digest[16..20], &digest[20..32]].join("-")
    }
}

/// Returns all open pull requests of a repository, with one call for each.
pub(super) async fn open(aws: &Aws, repository: &str) -> Result<Vec<PullRequest>, CallError> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let request = aws.codecommit.list_pull_requests().repository_name(repository);
        let sent = request.pull_request_status(PullRequestStatusEnum::Open).set_next_token(token).send().await;
        let answer = sent.map_err(|error| CallError::new("ListPullRequests", error))?;
        for id in answer.pull_request_ids() {
            found.extend(read(aws, id).await?);
        }
        token = answer.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Reads a pull request. Returns `None` if the answer names no source branch.
pub(super) async fn read(aws: &Aws, id: &str) -> Result<Option<PullRequest>, CallError> {
    let sent = aws.codecommit.get_pull_request().pull_request_id(id).send().await;
    let answer = sent.map_err(|error| CallError::new("GetPullRequest", error))?;
    let Some(request) = answer.pull_request else { return Ok(None) };
    let Some(target) = request.pull_request_targets().first() else { return Ok(None) };
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let source = text(target.source_reference());
    Ok(Some(PullRequest {
        id: id.to_owned(),
        is_open: request.pull_request_status() == Some(&PullRequestStatusEnum::Open),
        repository: text(target.repository_name()),
        branch: source.strip_prefix("refs/heads/").unwrap_or(&source).to_owned(),
        source_commit: text(target.source_commit()),
        destination_commit: text(target.destination_commit()),
        revision: text(request.revision_id()),
    }))
}

/// Brings the comment on this result to the pull request, and shortens the pipeline's older ones to a line.
pub(super) async fn comment(aws: &Aws, request: &PullRequest, result: &RunResult) -> Result<CommentChange, CallError> {
    if request.source_commit == request.destination_commit {
        return Ok(CommentChange::NoPlace);
    }
    let text = comment::text(result);
    let ours = comments(aws, request, &result.pipeline).await?;
    let (own, older): (Vec<_>, Vec<_>) = ours.into_iter().partition(|comment| comment.execution == result.run.id);
    let change = match own.first() {
        // Shortened: a newer result has followed this one.
        Some(own) if comment::shortened(&text).as_ref() == Some(&own.content) => return Ok(CommentChange::Unchanged),
        Some(own) if own.content == text => CommentChange::Unchanged,
        Some(own) if update(aws, &own.id, &text).await? => CommentChange::Updated,
        _ => post(aws, request, result, &text).await?,
    };
    for older in older {
        if let Some(short) = comment::shortened(&older.content) {
            update(aws, &older.id, &short).await?;
        }
    }
    Ok(change)
}

/// Approves the revision that was built, or revokes the approval. Returns false if the pull request has another
/// revision by now.
pub(super) async fn set_approval(aws: &Aws, request: &PullRequest, state: &str) -> Result<bool, CallError> {
    let update = aws.codecommit.update_pull_request_approval_state().pull_request_id(&request.id);
    let sent = update.revision_id(&request.revision).approval_state(ApprovalState::from(state)).send().await;
    match sent.map_err(|error| CallError::new("UpdatePullRequestApprovalState", error)) {
        Ok(_) => Ok(true),
        Err(call) if call.is(&["RevisionNotCurrentException", "PullRequestAlreadyClosedException"]) => Ok(false),
        Err(call) => Err(call),
    }
}

/// Returns our comments on a pipeline's executions.
async fn comments(aws: &Aws, request: &PullRequest, pipeline: &str) -> Result<Vec<PostedComment>, CallError> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let list = aws.codecommit.get_comments_for_pull_request().pull_request_id(&request.id);
        let sent = list.set_next_token(token).send().await;
        let answer = sent.map_err(|error| CallError::new("GetCommentsForPullRequest", error))?;
        let groups = answer.comments_for_pull_request_data.unwrap_or_default();
        for comment in groups.iter().flat_map(CommentsForPullRequest::comments) {
            let (Some(id), Some(content)) = (comment.comment_id(), comment.content()) else { continue };
            if let Some(execution) = comment::execution(content, pipeline) {
                let (id, content) = (id.to_owned(), content.to_owned());
                found.push(PostedComment { id, execution: execution.to_owned(), content });
            }
        }
        token = answer.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

async fn post(aws: &Aws, request: &PullRequest, result: &RunResult, text: &str) -> Result<CommentChange, CallError> {
    let post = aws.codecommit.post_comment_for_pull_request().pull_request_id(&request.id);
    let post = post.repository_name(&request.repository).client_request_token(request.token(&result.run.id));
    let post = post.before_commit_id(&request.destination_commit).after_commit_id(&request.source_commit);
    match post.content(text).send().await.map_err(|error| CallError::new("PostCommentForPullRequest", error)) {
        Ok(_) => Ok(CommentChange::Posted),
        // Another delivery posted it meanwhile, for another tip of the destination.
        Err(call) if call.is(&["IdempotencyParameterMismatchException"]) => Ok(CommentChange::Unchanged),
        Err(call) => Err(call),
    }
}

/// Edits a comment. Returns false if another role posted it, or if a person deleted it.
async fn update(aws: &Aws, id: &str, text: &str) -> Result<bool, CallError> {
    let sent = aws.codecommit.update_comment().comment_id(id).content(text).send().await;
    match sent.map_err(|error| CallError::new("UpdateComment", error)) {
        Ok(_) => Ok(true),
        Err(call) if call.is(&["CommentNotCreatedByCallerException", "CommentDeletedException"]) => Ok(false),
        Err(call) => Err(call),
    }
}
