//! `REPORT` and `APPROVE`: the result of a run on the branch's pull requests, for any order and number of deliveries.

use codecommit_multibranch::report::CommentChange;
use serde_json::json;

use crate::branch::{commit, ended, held};
use crate::world::{BRANCH, PIPELINE, World, event};

const ON: [(&str, &str); 2] = [("REPORT", "on"), ("APPROVE", "on")];

/// Handles an event and returns how the comments changed.
async fn reported(world: &World, event: serde_json::Value) -> Vec<CommentChange> {
    let answer = world.handle(event).await.expect("the event is handled");
    answer.reported.iter().map(|reported| reported.comment).collect()
}

#[tokio::test]
async fn a_failure_is_told_once_and_a_fix_is_approved() {
    let world = held(&ON);
    let run = world.pushed_run("one").await;
    let request = world.open().await;
    world.end(&run, Some("Error while executing command: make test. Reason: exit status 2"));
    for delivery in 0..3 {
        let expected = if delivery == 0 { CommentChange::Posted } else { CommentChange::Unchanged };
        assert_eq!(reported(&world, ended(&run, "FAILED")).await, [expected]);
    }
    let comments = world.comments(&request).await;
    assert_eq!(comments.len(), 1);
    let lines: Vec<&str> = comments[0].lines().collect();
    assert!(lines[0].starts_with(&format!("❌ **Failed**: commit `{}`", &run.commit[..8])), "{lines:?}");
    assert!(lines[0].contains(&format!("/executions/{}/timeline", run.pipeline_execution_id)), "{lines:?}");
    assert_eq!(lines[2], "Action **Build** of stage **Build** failed: [read its log](https://example.com/log).");
    assert_eq!(lines[5], "Error while executing command: make test. Reason: exit status 2");
    assert!(!world.is_approved(&request).await);

    let fix = world.pushed_run("two").await;
    world.end(&fix, None);
    assert_eq!(reported(&world, ended(&fix, "SUCCEEDED")).await, [CommentChange::Posted]);
    assert!(world.is_approved(&request).await);
    let comments = world.comments(&request).await;
    assert_eq!(comments.len(), 2);
    assert_eq!(comments[0].lines().last(), Some("*A newer result follows.*"));
    assert!(comments[1].starts_with("✅ **Succeeded**"), "{comments:?}");
    // An old event that is delivered again changes nothing.
    assert_eq!(reported(&world, ended(&run, "FAILED")).await, []);
    assert_eq!(world.comments(&request).await, comments);
    assert!(world.is_approved(&request).await);
    // A further push has a revision of its own, which nobody has built.
    commit(&world.repository, BRANCH, "three");
    assert!(!world.is_approved(&request).await);
}

#[tokio::test]
async fn ten_deliveries_at_once_post_one_comment() {
    let world = held(&ON);
    let run = world.pushed_run("one").await;
    let request = world.open().await;
    world.end(&run, None);
    let instances: Vec<_> = (0..10).map(|_| world.instance(&ON)).collect();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(2);
    let event = ended(&run, "SUCCEEDED");
    let deliveries = instances.iter().map(|instance| instance.handle(event.clone(), deadline));
    for answer in futures_util::future::join_all(deliveries).await {
        assert_eq!(answer.expect("each is handled").reported.len(), 1);
    }
    assert_eq!(world.comments(&request).await.len(), 1);
}

/// Somebody started the same commit again. The older run ends last.
#[tokio::test]
async fn of_two_runs_of_a_commit_the_newer_one_is_told() {
    let world = held(&ON);
    let older = world.pushed_run("one").await;
    let request = world.open().await;
    let tip = world.repository.id(BRANCH);
    let newer = world.started(crate::world::pushed("again", &[(BRANCH, tip)])).await;
    assert_ne!(older.pipeline_execution_id, newer.pipeline_execution_id);
    world.end(&newer, None);
    assert_eq!(reported(&world, ended(&newer, "SUCCEEDED")).await, [CommentChange::Posted]);
    world.end(&older, Some("broken"));
    let answer = world.handle(ended(&older, "FAILED")).await.expect("it is handled");
    assert_eq!(answer.not_reported, Some("a newer run of the commit has ended"));
    assert_eq!(world.comments(&request).await.len(), 1);
    assert!(world.is_approved(&request).await);
}

#[tokio::test]
async fn a_pull_request_opened_later_gets_the_last_result() {
    let world = held(&ON);
    let run = world.pushed_run("one").await;
    let created = |id: &str| {
        let mut event = event("eventbridge-pull-request.json");
        event["detail"]["pullRequestId"] = id.into();
        event
    };
    let request = world.open().await;
    assert_eq!(reported(&world, created(&request)).await, [], "the run goes on");
    world.end(&run, Some("broken"));
    assert_eq!(reported(&world, created(&request)).await, [CommentChange::Posted]);
    assert_eq!(reported(&world, created(&request)).await, [CommentChange::Unchanged]);
    assert_eq!(reported(&world, ended(&run, "FAILED")).await, [CommentChange::Unchanged]);
    assert_eq!(world.comments(&request).await.len(), 1);
    let second = world.open().await;
    let changes = reported(&world, ended(&run, "FAILED")).await;
    assert_eq!(changes.iter().filter(|change| **change == CommentChange::Posted).count(), 1, "{changes:?}");
    assert_eq!(world.comments(&request).await.len(), 1);
    assert_eq!(world.comments(&second).await.len(), 1);
    // Settings beside the event narrow what the operator allowed, and never widen it.
    let other = |name: &str| json!({ "settings": { "pipeline_name": name }, "event": created(&request) });
    assert_eq!(reported(&world, other(PIPELINE)).await, [CommentChange::Unchanged]);
    let answer = world.handle(other("none")).await.expect("it is handled");
    assert_eq!(answer.not_reported, Some("neither PIPELINE_NAME nor PIPELINES allows the pipeline"));
}

#[tokio::test]
async fn what_is_not_the_result_of_a_branch_is_left_alone() {
    let world = held(&ON);
    let run = world.pushed_run("one").await;
    let request = world.open().await;
    assert_eq!(reported(&world, ended(&run, "STARTED")).await, []);
    let by_hand = world.emulator.codepipeline().call("StartPipelineExecution", json!({ "name": "demo-dev" })).await;
    let mut foreign = run.clone();
    foreign.pipeline_execution_id = by_hand.unwrap()["pipelineExecutionId"].as_str().unwrap().to_owned();
    world.end(&foreign, None);
    world.end(&run, None);
    assert_eq!(reported(&world, ended(&foreign, "SUCCEEDED")).await, []);
    assert_eq!(world.comments(&request).await.len(), 0);
    // With REPORT=off, no request is sent.
    let off = held(&[]);
    off.emulator.clear_requests();
    assert_eq!(reported(&off, ended(&run, "SUCCEEDED")).await, []);
    assert!(off.emulator.requests().is_empty());
    // The same is true for pipelines and repositories that the settings do not name.
    for (setting, reason) in [
        (("PIPELINE_NAME", "other"), "neither PIPELINE_NAME nor PIPELINES allows the pipeline"),
        (("REPOSITORIES", "other"), "REPOSITORIES does not name the repository"),
    ] {
        let narrowed = world.instance(&[ON[0], setting]);
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(2);
        let answer = narrowed.handle(ended(&run, "SUCCEEDED"), deadline).await.expect("it is handled");
        assert_eq!(answer.not_reported, Some(reason));
    }
}

/// Whoever starts a run chooses its variables. So they may name a repository that the pipeline does not serve.
#[tokio::test]
async fn a_run_reports_only_to_the_repository_of_its_key() {
    let world = held(&[ON[0], ON[1], ("REPOSITORIES", "*")]);
    let reads = async |key: &str| {
        let change = |pipeline: &mut serde_json::Value| {
            pipeline["stages"][0]["actions"][0]["configuration"]["S3ObjectKey"] = key.into();
        };
        world.change_pipeline(change).await;
    };
    reads("demo/source.zip").await;
    let run = world.pushed_run("one").await;
    let request = world.open().await;
    world.end(&run, None);
    for key in ["other/source.zip", "demo-x/source.zip", "source.zip"] {
        reads(key).await;
        let answer = world.handle(ended(&run, "SUCCEEDED")).await.expect("it is handled");
        assert_eq!(
            answer.not_reported,
            Some("no source key of the pipeline begins with the repository's name"),
            "{key}"
        );
    }
    assert!(!world.is_approved(&request).await);
    reads("demo/source.zip").await;
    assert_eq!(reported(&world, ended(&run, "SUCCEEDED")).await, [CommentChange::Posted]);
    assert!(world.is_approved(&request).await);
}

#[tokio::test]
async fn a_refusal_has_its_code_and_the_next_try_tells() {
    let world = held(&ON);
    let run = world.pushed_run("one").await;
    let request = world.open().await;
    world.end(&run, None);
    world.inject("PostCommentForPullRequest:1:denied");
    let error = world.handle(ended(&run, "SUCCEEDED")).await.expect_err("it is refused");
    assert_eq!(error.code(), "ReportDenied");
    assert!(!world.is_approved(&request).await, "no approval without a comment");
    // The comment is posted, but its answer is lost: the SDK or the next delivery sends the same token.
    world.inject("PostCommentForPullRequest:1:lost");
    reported(&world, ended(&run, "SUCCEEDED")).await;
    assert_eq!(world.comments(&request).await.len(), 1);
    assert!(world.is_approved(&request).await);
}
