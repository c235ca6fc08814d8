//! `UpdatePullRequestApprovalState` and `GetPullRequestApprovalStates`.

use serde_json::{Value, json};

use super::Context;
use crate::codecommit::input::Input;
use crate::error::ServiceError;
use crate::pull_requests::PullRequest;

/// Approves the current revision, or revokes the approval.
///
/// Differs from CodeCommit: the author may approve, since every caller is the same user.
pub(super) async fn update(context: &Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let request = context.refreshed(input).await?;
    let revision = revision(input)?;
    let state = match input.text("approvalState")? {
        Some(state @ ("APPROVE" | "REVOKE")) => state,
        Some(other) => {
            let message = format!("The approval state must be APPROVE or REVOKE, not {other}");
            return Err(ServiceError::new("InvalidApprovalStateException", message));
        }
        None => return Err(ServiceError::new("ApprovalStateRequiredException", "An approval state is required.")),
    };
    if !request.open {
        let message = "The pull request is closed.";
        return Err(ServiceError::new("PullRequestAlreadyClosedException", message));
    }
    if revision != request.revision() {
        let message = "The revision ID provided in the request does not match the current revision ID.";
        return Err(ServiceError::new("RevisionNotCurrentException", message));
    }
    let approvals = &mut context.all().lock()[request.id - 1].approvals;
    approvals.retain(|(known, _)| known != revision);
    approvals.push((revision.to_owned(), state.to_owned()));
    Ok(json!({}))
}

/// Lists the approvals of a revision. Not documented: a revoked approval is not listed.
pub(super) async fn list(context: &Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let request = context.refreshed(input).await?;
    let revision = revision(input)?;
    let approved = request.approvals.iter().filter(|(known, state)| known == revision && state == "APPROVE");
    let author = PullRequest::author();
    let approvals: Vec<Value> =
        approved.map(|(_, state)| json!({ "userArn": author, "approvalState": state })).collect();
    Ok(json!({ "approvals": approvals }))
}

fn revision(input: &Input) -> Result<&str, ServiceError> {
    let revision = input.text("revisionId")?.filter(|revision| !revision.is_empty());
    let revision =
        revision.ok_or_else(|| ServiceError::new("RevisionIdRequiredException", "A revision ID is required."))?;
    if revision.len() == 64 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(revision);
    }
    Err(ServiceError::new("InvalidRevisionIdException", "The revision ID is not valid."))
}
