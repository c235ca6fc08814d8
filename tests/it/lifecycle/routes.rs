//! The trigger's event and `EventBridge`'s, each alone, in SNS, in SQS, and in SNS in SQS. Each has the same effect,
//! once.

use codecommit_multibranch::deliver::Found;
use codecommit_multibranch::plan::Reason;
use git_archive::object::ObjectId;
use serde_json::Value;

use super::{changed, commits, world};
use crate::world::{event, queued};

const BRANCH: &str = "feature/login";

/// Wraps an event for a route.
fn wrapped(route: &str, inner: &Value) -> Value {
    let mut notification = event("sns-wrapped.json");
    notification["Records"][0]["Sns"]["Message"] = inner.to_string().into();
    match route {
        "plain" => inner.clone(),
        "sns" => notification,
        "sqs" => queued(&[("m-1", inner.to_string())]),
        "sns in sqs" => queued(&[("m-1", notification["Records"][0]["Sns"].to_string())]),
        route => panic!("{route} is no route"),
    }
}

fn from_trigger(id: &str, what: &str, commit: ObjectId) -> Value {
    changed(id, BRANCH, commit, what)
}

fn from_eventbridge(id: &str, what: &str, commit: ObjectId) -> Value {
    let mut bridged = event(&format!("eventbridge-{what}.json"));
    bridged["id"] = id.into();
    let field = if what == "deleted" { "oldCommitId" } else { "commitId" };
    bridged["detail"][field] = commit.to_string().into();
    bridged
}

/// Plays the life of a branch, with each event delivered twice.
async fn check(route: &str, told: fn(&str, &str, ObjectId) -> Value) {
    let world = world(&[]);
    let first = world.point(BRANCH, 0);
    for (what, commit) in [("created", first), ("updated", world.known(1))] {
        world.point(BRANCH, usize::from(what == "updated"));
        for found in [None, Some(Found::Started)] {
            let answer = world.handle(wrapped(route, &told(what, what, commit))).await.expect("the event is taken");
            assert_eq!(
                (commits(&answer), answer.started[0].found),
                (vec![&*commit.to_string()], found),
                "{route} {what}"
            );
            assert_eq!(answer.batch_item_failures.map(|failures| failures.len()), route.ends_with("sqs").then_some(0));
            assert!(world.zip(&answer.started[0].version_id).ends_with(commit.to_string().as_bytes()));
        }
        world.assert_follows(&[BRANCH], &[]).await;
    }
    world.delete(BRANCH);
    for _ in 0..2 {
        let answer =
            world.handle(wrapped(route, &told("deleted", "deleted", first))).await.expect("the event is taken");
        assert_eq!((answer.started.len(), answer.skipped[0].reason), (0, Reason::Deleted), "{route}");
        world.assert_follows(&[], &[]).await;
    }
    assert_eq!(world.executions().len(), 2, "{route}: each once");
}

#[tokio::test]
async fn triggers_events_by_every_route() {
    for route in ["plain", "sns", "sqs", "sns in sqs"] {
        check(route, from_trigger).await;
    }
}

#[tokio::test]
async fn eventbridges_events_by_every_route() {
    for route in ["plain", "sns", "sqs", "sns in sqs"] {
        check(route, from_eventbridge).await;
    }
}

/// In a queue, each message is handled separately: only a failed one is reported and redelivered.
#[tokio::test]
async fn a_queue_of_created_branches() {
    let world = world(&[]);
    let commit = world.point("one", 0);
    world.point("two", 0);
    let messages = [
        ("m-1", changed("1", "one", commit, "created").to_string()),
        ("m-2", "{".to_owned()),
        ("m-3", changed("3", "two", commit, "created").to_string()),
    ];
    let answer = world.handle(queued(&messages)).await.expect("the event is taken");
    let failed: Vec<_> = answer.batch_item_failures.unwrap().into_iter().map(|one| one.item_identifier).collect();
    assert_eq!((failed, answer.started.len()), (vec!["m-2".to_owned()], 2));
    world.assert_follows(&["one", "two"], &[]).await;
}
