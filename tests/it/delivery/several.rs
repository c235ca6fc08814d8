//! Events with several references and messages, some of which fail, and deadlines.

use codecommit_multibranch::deliver::Found;
use std::time::{Duration, Instant};

use codecommit::causes::with_causes;
use codecommit_multibranch::error::Error;
use git_archive::object::ObjectId;

use super::small;
use crate::world::{BRANCH, World, event, in_time, pushed, queued};
use oracle::every_kind;

const BRANCHES: [&str; 3] = ["refs/heads/a", "refs/heads/b", "refs/heads/c"];

/// Makes the event of a push of three branches to one commit.
fn three(world: &World) -> serde_json::Value {
    let tip = world.tip();
    for branch in BRANCHES {
        world.repository.run(&["update-ref", branch, &tip.to_string()], b"");
    }
    pushed("three", &BRANCHES.map(|branch| (branch, tip)))
}

#[tokio::test]
async fn all_references_are_attempted_and_all_failures_named() {
    let world = World::of(&small());
    // The sixth PutObject is the second branch's archive: the first delivery writes an archive and its record three
    // times, and the second writes its record first.
    world.inject("PutObject:6x1:denied");
    let Err(Error::References { failed, of }) = world.handle(three(&world)).await else { panic!("one fails") };
    assert_eq!((failed.len(), of, failed[0].reference.as_str()), (1, 3, BRANCHES[1]));
    assert_eq!(world.executions().len(), 2);
    // The next delivery does the rest.
    let answer = world.handle(three(&world)).await.unwrap();
    let found: Vec<_> = answer.started.iter().map(|run| run.found).collect();
    assert_eq!(found, [Some(Found::Started), None, Some(Found::Started)]);
    assert_eq!((world.executions().len(), world.archives()), (3, 3));
}

#[tokio::test]
async fn several_failures_are_one_message() {
    let world = World::of(&small());
    world.inject("PutObject:1:denied");
    world.inject("StartPipelineExecution:2:denied");
    let error = world.handle(three(&world)).await.unwrap_err();
    assert_eq!(error.code(), "SeveralFailed");
    let told = with_causes(&error);
    for part in
        ["2 of 3 references failed", "refs/heads/a of demo", "refs/heads/c of demo", "UploadDenied", "NotStarted"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("refs/heads/b"), "{told}");
    assert_eq!(world.executions().len(), 1);
}

#[tokio::test]
async fn a_queue_is_told_which_messages_failed() {
    let world = World::of(&small());
    let good = world.push().to_string();
    let missing = pushed("missing", &[("refs/heads/x", ObjectId::Sha1([7; 20]))]).to_string();
    let mut elsewhere = world.push();
    elsewhere["Records"][0]["eventSourceARN"] = "arn:aws:codecommit:eu-central-1:123456789012:gone".into();
    let event = queued(&[
        ("m-1", "rubbish".to_owned()),
        ("m-2", good),
        ("m-3", elsewhere.to_string()),
        ("m-4", missing),
        ("m-5", event("sns-wrapped.json").to_string()),
    ]);
    let answer = world.handle(event).await.unwrap();
    let failed: Vec<_> =
        answer.batch_item_failures.iter().flatten().map(|item| item.item_identifier.as_str()).collect();
    assert_eq!(failed, ["m-1", "m-3"]);
    assert_eq!((answer.started.len(), answer.skipped.len()), (1, 2));
    assert_eq!(answer.started[0].reference, BRANCH);
    let json = serde_json::to_value(queue_answer(&world).await).unwrap();
    assert_eq!(json["batchItemFailures"], serde_json::json!([]), "all done is told as well");
}

async fn queue_answer(world: &World) -> codecommit_multibranch::Answer {
    world.handle(queued(&[("m-1", world.push().to_string())])).await.expect("it is handled")
}

/// One second is left before the reserve, and each request takes half a second. No work is finished, and nothing
/// remains.
#[tokio::test]
async fn a_deadline_that_is_near_leaves_all_as_it_was() {
    let world = World::of(&every_kind());
    world.emulator.set_latency(Duration::from_millis(600));
    let deadline = Instant::now() + Duration::from_secs(4);
    let handled = in_time(Box::pin(world.function.handle(world.push(), deadline))).await;
    let Err(Error::References { failed, .. }) = handled else { panic!("{handled:?}") };
    assert_eq!((failed[0].error.code(), failed[0].error.is_permanent()), ("DeadlineNear", false), "{}", failed[0]);
    world.assert_untouched();
    world.emulator.set_latency(Duration::ZERO);
    world.started(world.push()).await;
}

#[tokio::test]
async fn a_deadline_that_is_over_fails_every_reference() {
    let world = World::of(&small());
    world.emulator.set_latency(Duration::from_millis(5));
    let handled = in_time(Box::pin(world.function.handle(three(&world), Instant::now()))).await;
    let Err(error @ Error::References { .. }) = handled else { panic!("{handled:?}") };
    assert_eq!(error.code(), "DeadlineNear");
    assert!(with_causes(&error).contains("3 of 3"), "{error}");
    world.assert_untouched();
}
