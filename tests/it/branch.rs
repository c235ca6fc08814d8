//! A branch beside a trunk, with pushes, executions that end on request, and pull requests.

use codecommit_multibranch::deliver::Run;
use emulator::codepipeline::{Execution, Finish};
use git_archive::object::ObjectId;
use oracle::{CommitText, Repository, Tree};
use serde_json::{Value, json};

use crate::world::{BRANCH, NAME, PIPELINE, World, pushed};

/// Returns a world whose executions stay in progress until a command ends them.
pub(crate) fn held(settings: &[(&str, &str)]) -> World {
    let mut tree = Tree::default();
    tree.add("file", "100644", "content\n");
    let repository = Repository::import(&tree.commit(BRANCH, &CommitText::default()));
    commit(&repository, "refs/heads/main", "Trunk");
    let world = World::with(repository, &[&[("SOURCE", "api"), ("CACHE", "off")], settings].concat());
    world.emulator.codepipeline().hold_executions(true);
    world
}

/// Adds a commit to a reference.
pub(crate) fn commit(repository: &Repository, reference: &str, message: &str) -> ObjectId {
    let parent = repository.output(&["rev-parse", "--quiet", "--verify", reference], b"");
    let from = if parent.status.success() { format!("from {reference}^0\n") } else { String::new() };
    let stream = format!(
        "commit {reference}\ncommitter C <c@example.com> 1700000300 +0000\ndata {}\n{message}\n{from}M 100644 inline {message}\n\
         data 1\nx\n\n",
        message.len()
    );
    repository.run(&["fast-import", "--quiet"], stream.as_bytes());
    repository.id(reference)
}

impl World {
    /// Pushes a new commit to [`BRANCH`] and starts its run.
    pub(crate) async fn pushed_run(&self, message: &str) -> Run {
        let commit = commit(&self.repository, BRANCH, message);
        self.started(pushed(&format!("event of {message}"), &[(BRANCH, commit)])).await
    }

    /// Ends an execution, with an error if there is one.
    pub(crate) fn end(&self, run: &Run, error: Option<&str>) {
        let finish = Finish {
            pipeline: PIPELINE.to_owned(),
            execution: Some(run.pipeline_execution_id.clone()),
            error: error.map(str::to_owned),
            url: Some("https://example.com/log".to_owned()),
            ..Finish::default()
        };
        self.emulator.codepipeline().finish(&finish).expect("the execution is in progress");
    }

    /// Returns the execution of a run.
    pub(crate) fn execution(&self, run: &Run) -> Execution {
        let found = self.executions().into_iter().find(|execution| execution.id == run.pipeline_execution_id);
        found.expect("the execution is there")
    }

    /// Opens a pull request from [`BRANCH`] to main and returns its id.
    pub(crate) async fn open(&self) -> String {
        let target = json!({ "repositoryName": NAME, "sourceReference": BRANCH, "destinationReference": "main" });
        let input = json!({ "title": "Log in", "targets": [target], "clientRequestToken": rand_token() });
        let answer = self.emulator.codecommit("CreatePullRequest", input).await.expect("it is created");
        answer["pullRequest"]["pullRequestId"].as_str().expect("an id").to_owned()
    }

    /// Returns the texts of a pull request's comments, the oldest first.
    pub(crate) async fn comments(&self, id: &str) -> Vec<String> {
        let input = json!({ "pullRequestId": id });
        let answer = self.emulator.codecommit("GetCommentsForPullRequest", input).await.expect("it is there");
        let groups = answer["commentsForPullRequestData"].as_array().expect("a list").clone();
        groups.iter().map(|group| group["comments"][0]["content"].as_str().expect("a text").to_owned()).collect()
    }

    /// Returns whether the current revision of a pull request is approved.
    pub(crate) async fn is_approved(&self, id: &str) -> bool {
        let request =
            self.emulator.codecommit("GetPullRequest", json!({ "pullRequestId": id })).await.expect("it is there");
        let input = json!({ "pullRequestId": id, "revisionId": request["pullRequest"]["revisionId"] });
        let answer = self.emulator.codecommit("GetPullRequestApprovalStates", input).await.expect("it is there");
        answer["approvals"].as_array().is_some_and(|approvals| !approvals.is_empty())
    }
}

/// Returns the recorded event of an execution's end, for another execution.
pub(crate) fn ended(run: &Run, state: &str) -> Value {
    let mut event = crate::world::event("eventbridge-execution-failed.json");
    event["detail"]["pipeline"] = PIPELINE.into();
    event["detail"]["execution-id"] = run.pipeline_execution_id.as_str().into();
    event["detail"]["state"] = state.into();
    event
}

/// Returns a token that no other request has.
fn rand_token() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("token-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
