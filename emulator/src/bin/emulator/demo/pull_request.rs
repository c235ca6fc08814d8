//! The pull request of the story, over CodeCommit's API.

use std::io;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::stage::Stage;

/// An open pull request.
pub(super) struct DemoPullRequest {
    /// Its number in the account.
    pub(super) id: String,
}

impl DemoPullRequest {
    /// Opens a pull request from one branch to another.
    pub(super) fn open(stage: &Stage, runtime: &Runtime, source: &str, destination: &str) -> io::Result<Self> {
        let target = json!({
            "repositoryName": stage.name,
            "sourceReference": source,
            "destinationReference": destination,
        });
        let input = json!({ "title": "Take notes", "targets": [target], "clientRequestToken": "demo" });
        let answer = call(stage, runtime, "CreatePullRequest", input)?;
        let id = answer["pullRequest"]["pullRequestId"].as_str().unwrap_or_default();
        Ok(Self { id: id.to_owned() })
    }

    /// Returns the texts of the comments, the oldest first.
    pub(super) fn comments(&self, stage: &Stage, runtime: &Runtime) -> io::Result<Vec<String>> {
        let input = json!({ "pullRequestId": self.id });
        let answer = call(stage, runtime, "GetCommentsForPullRequest", input)?;
        let groups = answer["commentsForPullRequestData"].as_array().cloned().unwrap_or_default();
        let comments = groups.iter().flat_map(|group| group["comments"].as_array().cloned().unwrap_or_default());
        Ok(comments.filter_map(|comment| comment["content"].as_str().map(str::to_owned)).collect())
    }

    /// Returns whether the revision that the pull request has now is approved.
    pub(super) fn is_approved(&self, stage: &Stage, runtime: &Runtime) -> io::Result<bool> {
        let request = call(stage, runtime, "GetPullRequest", json!({ "pullRequestId": self.id }))?;
        let revision = &request["pullRequest"]["revisionId"];
        let input = json!({ "pullRequestId": self.id, "revisionId": revision });
        let answer = call(stage, runtime, "GetPullRequestApprovalStates", input)?;
        Ok(answer["approvals"].as_array().is_some_and(|approvals| !approvals.is_empty()))
    }
}

fn call(stage: &Stage, runtime: &Runtime, operation: &str, input: Value) -> io::Result<Value> {
    let answer = runtime.block_on(stage.emulator.codecommit(operation, input));
    answer.map_err(|error| io::Error::other(format!("{operation}: {error}")))
}
