//! The operations on pull requests. Most name a pull request by its ID alone, without a repository.

mod approvals;
mod comments;
mod create;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::input::{Input, with_token};
use super::merges::merge_base;
use crate::error::ServiceError;
use crate::events::Events;
use crate::pull_requests::{PullRequest, PullRequests};
use crate::repository::{Repositories, Repository};

/// The operations on pull requests.
pub(super) const OPERATIONS: [&str; 9] = [
    "CreatePullRequest",
    "GetCommentsForPullRequest",
    "GetPullRequest",
    "GetPullRequestApprovalStates",
    "ListPullRequests",
    "PostCommentForPullRequest",
    "UpdateComment",
    "UpdatePullRequestApprovalState",
    "UpdatePullRequestStatus",
];

/// The state that the operations work on.
pub(super) struct Context<'a> {
    pub(super) repositories: &'a Repositories,
    pub(super) events: &'a Events,
    pub(super) page_size: usize,
}

impl Context<'_> {
    pub(super) async fn call(&self, operation: &str, input: &Input) -> Result<Value, ServiceError> {
        match operation {
            "CreatePullRequest" => create::create(self, input).await,
            "GetPullRequest" => Ok(json!({ "pullRequest": describe(&self.refreshed(input).await?) })),
            "ListPullRequests" => self.list(input),
            "UpdatePullRequestStatus" => self.update_status(input).await,
            "PostCommentForPullRequest" => comments::post(self, input).await,
            "UpdateComment" => comments::update(self, input),
            "GetCommentsForPullRequest" => comments::list(self, input).await,
            "UpdatePullRequestApprovalState" => approvals::update(self, input).await,
            "GetPullRequestApprovalStates" => approvals::list(self, input).await,
            _ => Err(ServiceError::not_modeled(format!("CodeCommit's {operation}"))),
        }
    }

    fn all(&self) -> &PullRequests {
        self.events.pull_requests()
    }

    /// Returns the pull request that the request names, with its branches as they are now.
    async fn refreshed(&self, input: &Input) -> Result<PullRequest, ServiceError> {
        let id = id(input)?;
        let known = self.all().lock().get(id.wrapping_sub(1)).cloned();
        let known = known.ok_or_else(|| {
            ServiceError::new("PullRequestDoesNotExistException", format!("Pull request {id} does not exist"))
        })?;
        let Some(repository) = self.repositories.get(&known.repository).filter(|_| known.open) else {
            return Ok(known);
        };
        for reference in [&known.source, &known.destination] {
            let tip = repository.objects.header(reference).await?.map(|header| header.id);
            self.all().follow(&known.repository, reference, tip.as_deref());
        }
        let destination = repository.objects.header(&known.destination).await?.map(|header| header.id);
        let mut request = self.all().lock()[id - 1].clone();
        request.destination_commit = destination.unwrap_or(request.destination_commit);
        request.merge_base = merge_base(&repository, &request.source_commit, &request.destination_commit).await?;
        self.all().lock()[id - 1].destination_commit.clone_from(&request.destination_commit);
        self.all().lock()[id - 1].merge_base.clone_from(&request.merge_base);
        Ok(request)
    }

    fn list(&self, input: &Input) -> Result<Value, ServiceError> {
        let repository = self.repository(input)?;
        let open = match input.text("pullRequestStatus")? {
            None => None,
            Some("OPEN") => Some(true),
            Some("CLOSED") => Some(false),
            Some(other) => return Err(invalid_status(other)),
        };
        let size = match input.number("maxResults")? {
            None => self.page_size,
            Some(limit) => usize::try_from(limit).ok().filter(|&limit| limit > 0).ok_or_else(|| {
                ServiceError::new("InvalidMaxResultsException", format!("maxResults must be positive, not {limit}"))
            })?,
        };
        let all = self.all().lock();
        let wanted = |it: &&PullRequest| it.repository == repository.name && open.is_none_or(|open| it.open == open);
        let ids = all.iter().rev().filter(wanted).map(|it| it.id.to_string()).collect();
        let (ids, next) = input.page("nextToken", &format!("pull requests {}", repository.name), ids, size)?;
        Ok(with_token(json!({ "pullRequestIds": ids }), "nextToken", next))
    }

    async fn update_status(&self, input: &Input) -> Result<Value, ServiceError> {
        let request = self.refreshed(input).await?;
        match input.text("pullRequestStatus")? {
            Some("CLOSED") => {}
            Some("OPEN") if request.open => {}
            Some("OPEN") => {
                let message = "A closed pull request cannot be reopened.";
                return Err(ServiceError::new("InvalidPullRequestStatusUpdateException", message));
            }
            Some(other) => return Err(invalid_status(other)),
            None => {
                let message = "A pull request status is required, but none was provided.";
                return Err(ServiceError::new("PullRequestStatusRequiredException", message));
            }
        }
        if input.text("pullRequestStatus")? == Some("CLOSED") && request.open {
            let closed = {
                let mut all = self.all().lock();
                all[request.id - 1].close();
                all[request.id - 1].clone()
            };
            self.events.tell("pullRequestStatusChanged", &closed);
            return Ok(json!({ "pullRequest": describe(&closed) }));
        }
        Ok(json!({ "pullRequest": describe(&request) }))
    }

    fn repository(&self, input: &Input) -> Result<Arc<Repository>, ServiceError> {
        super::repository(self.repositories, input)
    }
}

fn id(input: &Input) -> Result<usize, ServiceError> {
    let id = input.text("pullRequestId")?.filter(|id| !id.is_empty()).ok_or_else(|| {
        ServiceError::new("PullRequestIdRequiredException", "A pull request ID is required, but none was provided.")
    })?;
    id.parse().map_err(|_| {
        ServiceError::new("InvalidPullRequestIdException", format!("The pull request ID {id} is not valid."))
    })
}

fn token(input: &Input) -> Result<&str, ServiceError> {
    let token = input.text("clientRequestToken")?.filter(|token| !token.is_empty());
    token.ok_or_else(|| ServiceError::new("ClientRequestTokenRequiredException", "A client request token is required."))
}

fn token_mismatch() -> ServiceError {
    let message = "The client request token was used before with other parameters.";
    ServiceError::new("IdempotencyParameterMismatchException", message)
}

fn invalid_status(status: &str) -> ServiceError {
    ServiceError::new("InvalidPullRequestStatusException", format!("The status must be OPEN or CLOSED, not {status}"))
}

fn describe(request: &PullRequest) -> Value {
    let mut target = json!({
        "repositoryName": request.repository,
        "sourceReference": request.source,
        "destinationReference": request.destination,
        "sourceCommit": request.source_commit,
        "destinationCommit": request.destination_commit,
        "mergeMetadata": { "isMerged": false },
    });
    if let Some(base) = &request.merge_base {
        target["mergeBase"] = base.as_str().into();
    }
    let mut described = json!({
        "pullRequestId": request.id.to_string(),
        "title": request.title,
        "lastActivityDate": seconds(request.updated),
        "creationDate": seconds(request.created),
        "pullRequestStatus": if request.open { "OPEN" } else { "CLOSED" },
        "authorArn": PullRequest::author(),
        "pullRequestTargets": [target],
        "clientRequestToken": request.token,
        "revisionId": request.revision(),
        "approvalRules": [],
    });
    if let Some(description) = &request.description {
        described["description"] = description.as_str().into();
    }
    described
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
