//! `PostCommentForPullRequest`, `UpdateComment` and `GetCommentsForPullRequest`.

use std::time::SystemTime;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Context, id, seconds, token, token_mismatch};
use crate::codecommit::input::{Input, is_object_id, with_token};
use crate::error::ServiceError;
use crate::pull_requests::{Comment, PullRequest};
use crate::repository::Repository;

/// The maximum length of a comment, in characters.
const MAX_CONTENT: usize = 10_240;

/// Posts a comment; a token that posted one before with the same members returns that comment.
pub(super) async fn post(context: &Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let request = context.refreshed(input).await?;
    let repository = &*associated(context, input, &request)?;
    if input.get("location").is_some() {
        return Err(ServiceError::not_modeled("comments on lines"));
    }
    let (before, after) =
        (commit(repository, input, "beforeCommitId").await?, commit(repository, input, "afterCommitId").await?);
    if before == after {
        let message = "The before commit ID and the after commit ID are the same.";
        return Err(ServiceError::new("BeforeCommitIdAndAfterCommitIdAreSameException", message));
    }
    let (text, token) = (content(input)?, token(input)?);
    let mut all = context.all().lock();
    let comments = &mut all[request.id - 1].comments;
    if let Some(known) = comments.iter().find(|comment| comment.token == token) {
        // The content was posted before even if the comment was edited since then.
        let same = known.before == before && known.after == after && known.posted(text);
        return if same { Ok(posted(&request, known)) } else { Err(token_mismatch()) };
    }
    let now = SystemTime::now();
    let comment = Comment {
        id: format!("{}:{}", Uuid::new_v4(), Uuid::new_v4()),
        original: text.to_owned(),
        content: text.to_owned(),
        before,
        after,
        token: token.to_owned(),
        created: now,
        updated: now,
    };
    let answer = posted(&request, &comment);
    comments.push(comment);
    Ok(answer)
}

pub(super) fn update(context: &Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let wanted = input.text("commentId")?.filter(|id| !id.is_empty()).ok_or_else(|| {
        ServiceError::new("CommentIdRequiredException", "The comment ID is missing or null. A comment ID is required.")
    })?;
    let text = content(input)?;
    let mut all = context.all().lock();
    let comment = all.iter_mut().flat_map(|request| &mut request.comments).find(|comment| comment.id == wanted);
    let comment = comment.ok_or_else(|| {
        ServiceError::new("CommentDoesNotExistException", format!("No comment exists with the ID {wanted}."))
    })?;
    text.clone_into(&mut comment.content);
    comment.updated = SystemTime::now();
    Ok(json!({ "comment": describe(comment) }))
}

/// Lists the comments, the oldest first, one group for each.
pub(super) async fn list(context: &Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let request = context.refreshed(input).await?;
    if input.get("repositoryName").is_some() {
        associated(context, input, &request)?;
    }
    let after = input.text("afterCommitId")?;
    let groups: Vec<Value> = request
        .comments
        .iter()
        .filter(|comment| after.is_none_or(|after| comment.after == after))
        .map(|comment| {
            let mut group = place(&request, comment);
            group["comments"] = json!([describe(comment)]);
            group
        })
        .collect();
    let size = input.number("maxResults")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(context.page_size);
    let (groups, next) = input.page("nextToken", &format!("comments of {}", id(input)?), groups, size.max(1))?;
    Ok(with_token(json!({ "commentsForPullRequestData": groups }), "nextToken", next))
}

/// Returns the repository that the request names, which must be the one of the pull request.
fn associated(
    context: &Context<'_>,
    input: &Input,
    request: &PullRequest,
) -> Result<std::sync::Arc<Repository>, ServiceError> {
    let repository = context.repository(input)?;
    if repository.name == request.repository {
        return Ok(repository);
    }
    let message = format!("Repository {} is not associated with pull request {}.", repository.name, request.id);
    Err(ServiceError::new("RepositoryNotAssociatedWithPullRequestException", message))
}

async fn commit(repository: &Repository, input: &Input, name: &str) -> Result<String, ServiceError> {
    let id = input.text(name)?.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| ServiceError::new("CommitIdRequiredException", format!("{name} is required.")))?;
    if !is_object_id(id) {
        return Err(ServiceError::new("InvalidCommitIdException", format!("The commit ID {id} is not valid.")));
    }
    match repository.objects.header(&format!("{id}^{{commit}}")).await? {
        Some(commit) => Ok(commit.id),
        None => Err(ServiceError::new("CommitDoesNotExistException", format!("Commit {id} does not exist"))),
    }
}

fn content(input: &Input) -> Result<&str, ServiceError> {
    match input.text("content")? {
        None | Some("") => {
            let message = "The comment is empty. You must provide some content for a comment.";
            Err(ServiceError::new("CommentContentRequiredException", message))
        }
        Some(content) if content.chars().count() > MAX_CONTENT => {
            let message = format!("The comment is too large. Comments are limited to {MAX_CONTENT} characters.");
            Err(ServiceError::new("CommentContentSizeLimitExceededException", message))
        }
        Some(content) => Ok(content),
    }
}

fn posted(request: &PullRequest, comment: &Comment) -> Value {
    let mut answer = place(request, comment);
    answer["comment"] = describe(comment);
    answer
}

fn place(request: &PullRequest, comment: &Comment) -> Value {
    json!({
        "repositoryName": request.repository,
        "pullRequestId": request.id.to_string(),
        "beforeCommitId": comment.before,
        "afterCommitId": comment.after,
    })
}

fn describe(comment: &Comment) -> Value {
    json!({
        "commentId": comment.id,
        "content": comment.content,
        "creationDate": seconds(comment.created),
        "lastModifiedDate": seconds(comment.updated),
        "authorArn": PullRequest::author(),
        "deleted": false,
        "clientRequestToken": comment.token,
        "callerReactions": [],
        "reactionCounts": {},
    })
}
