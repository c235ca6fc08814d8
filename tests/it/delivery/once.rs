//! One event starts one run, even after redeliveries, lost answers and kills.

use codecommit_multibranch::deliver::Found;
use codecommit_multibranch::error::Error;
use codecommit_multibranch::plan::Reason;
use serde_json::{Value, json};

use super::small;
use crate::world::{BRANCH, BUCKET, KEY, World, in_time, pushed, told};
use oracle::noise;
use oracle::{CommitText, Repository, Tree};

const OTHER: &str = "refs/heads/feature/other";
const API: [(&str, &str); 2] = [("SOURCE", "api"), ("CACHE", "off")];

/// Makes two branches with a file each.
fn two_branches() -> World {
    let mut other = Tree::default();
    other.add("other", "100644", "other content\n");
    let text = CommitText::default();
    World::over(Repository::import(&[small().commit(BRANCH, &text), other.commit(OTHER, &text)].concat()))
}

fn other(world: &World) -> Value {
    pushed("push-other", &[(OTHER, world.repository.id(OTHER))])
}

#[tokio::test]
async fn the_same_event_twice_is_one_run() {
    let mut world = two_branches();
    let first = world.started(world.push()).await;
    for restarted in [false, true] {
        if restarted {
            world.restarted(&API);
        }
        let again = world.started(world.push()).await;
        assert_eq!(again.pipeline_execution_id, first.pipeline_execution_id);
        assert_eq!((&again.version_id, again.bytes), (&first.version_id, first.bytes));
        assert_eq!((again.found, &told(&again)["entries"]), (Some(Found::Started), &Value::Null));
    }
    assert_eq!((world.archives(), world.counts(["StartPipelineExecution", "GetBlob"])), (1, [1, 1]));
    assert_eq!(world.executions().len(), 1);
}

#[tokio::test]
async fn also_when_another_branch_was_pushed_in_between() {
    let world = two_branches();
    let first = world.started(world.push()).await;
    let between = world.started(other(&world)).await;
    let again = world.started(world.push()).await;
    assert_eq!((&again.version_id, again.found), (&first.version_id, Some(Found::Started)));
    assert_eq!(again.pipeline_execution_id, first.pipeline_execution_id);
    let again = world.started(other(&world)).await;
    assert_eq!((&again.version_id, again.found), (&between.version_id, Some(Found::Started)));
    assert_eq!((world.archives(), world.executions().len()), (2, 2));
    world.assert_is_archive_of(&first.version_id, world.tip());
    world.assert_is_archive_of(&between.version_id, world.repository.id(OTHER));
}

/// Another event with the same commit is another run, because somebody pushed it again.
#[tokio::test]
async fn another_event_is_another_run() {
    let world = two_branches();
    let first = world.started(world.push()).await;
    let second = world.started(pushed("push-2", &[(BRANCH, world.tip())])).await;
    assert_ne!(first.version_id, second.version_id);
    assert_eq!(world.zip(&first.version_id), world.zip(&second.version_id), "the same commit, the same bytes");
    assert_eq!(world.executions().len(), 2);
}

#[tokio::test]
async fn a_start_that_failed_is_all_that_is_tried_again() {
    for (fault, is_permanent) in [("throttle-json", false), ("denied", true), ("status:500", false)] {
        for between in [false, true] {
            let mut world = two_branches();
            world.inject(&format!("StartPipelineExecution:every:{fault}"));
            let failed = world.failed(world.push()).await;
            assert_eq!((failed.error.code(), failed.error.is_permanent()), ("NotStarted", is_permanent), "{fault}");
            assert_eq!(world.executions().len(), 0);
            let version = world.emulator.store().versions(BUCKET, KEY)[0].id.clone();
            assert!(failed.error.to_string().contains(&version), "{failed}");
            world.emulator.clear_faults();
            if between {
                world.started(other(&world)).await;
            }
            world.restarted(&API);
            world.emulator.clear_requests();
            let archives = world.archives();
            let run = world.started(world.push()).await;
            assert_eq!((run.version_id.as_str(), run.found), (version.as_str(), Some(Found::Uploaded)), "{fault}");
            assert_eq!(
                (world.archives(), world.counts(["GetBlob", "StartPipelineExecution"])),
                (archives, [0, 1]),
                "{fault}"
            );
            let started = world.executions();
            assert_eq!(started.last().unwrap().revisions[0].id, version, "{fault}");
        }
    }
}

/// The service did the work, but its answer was lost. Neither the SDK's retry nor the next delivery may do it again.
#[tokio::test]
async fn a_lost_answer_starts_no_second_run() {
    for operation in ["PutObject", "StartPipelineExecution", "GetPipeline", "GetBlob"] {
        let world = two_branches();
        world.inject(&format!("{operation}:1:lost"));
        let run = world.started(world.push()).await;
        let again = world.started(world.push()).await;
        assert_eq!(again.pipeline_execution_id, run.pipeline_execution_id, "{operation}");
        assert_eq!(world.executions().len(), 1, "{operation}");
        world.assert_is_archive_of(&world.executions()[0].revisions[0].id, world.tip());
    }
}

#[tokio::test]
async fn answers_that_are_always_lost_start_one_run_in_the_end() {
    for operation in ["PutObject", "StartPipelineExecution"] {
        let world = two_branches();
        world.inject(&format!("{operation}:every:lost"));
        // A write is read back. A start becomes known only when the next delivery looks for it.
        match world.handle(world.push()).await {
            Ok(answer) => assert_eq!((operation, answer.started.len()), ("PutObject", 1)),
            Err(Error::References { failed, .. }) => assert!(!failed[0].error.is_permanent(), "{failed:?}"),
            Err(error) => panic!("{error:?}"),
        }
        world.emulator.clear_faults();
        let run = world.started(world.push()).await;
        assert!(run.found.is_some(), "{operation}: {run:?}");
        assert_eq!(world.executions().len(), 1, "{operation}");
    }
}

#[tokio::test]
async fn the_lost_answer_of_a_completed_upload_starts_one_run() {
    let mut tree = Tree::default();
    for name in ["a", "b"] {
        tree.add(name, "100644", [noise(4_400_000), name.as_bytes()].concat());
    }
    let world = World::of(&tree);
    world.inject("CompleteMultipartUpload:1:lost");
    let first = world.handle(world.push()).await;
    let run = world.started(world.push()).await;
    assert_eq!(world.executions().len(), 1, "{first:?} and then {run:?}");
    world.assert_is_archive_of(&run.version_id, world.tip());
    assert_eq!(world.emulator.store().open_uploads(BUCKET), 0);
    assert_eq!(world.emulator.store().versions(BUCKET, KEY).len(), 1);
}

#[tokio::test]
async fn two_pushes_at_once_are_two_objects_and_two_runs() {
    let world = two_branches();
    let (left, right) =
        in_time(async { tokio::join!(world.started(world.push()), world.started(other(&world))) }).await;
    world.assert_is_archive_of(&left.version_id, world.tip());
    world.assert_is_archive_of(&right.version_id, world.repository.id(OTHER));
    for execution in world.executions() {
        let run = if execution.id == left.pipeline_execution_id { &left } else { &right };
        assert_eq!(execution.revisions[0].id, run.version_id);
        assert!(execution.variables.contains(&("COMMIT_ID".into(), run.commit.clone())), "{execution:?}");
    }
    assert_eq!(world.executions().len(), 2);
}

/// The branch has moved on. The run still builds the event's own commit.
#[tokio::test]
async fn a_later_push_does_not_change_what_was_pushed() {
    let world = two_branches();
    let (old, event) = (world.tip(), world.push());
    crate::world::move_on(&world.repository, BRANCH, BRANCH, &format!("{OTHER}^{{tree}}"));
    let run = world.started(event).await;
    world.assert_is_archive_of(&run.version_id, old);
    let run = world.started(pushed("push-2", &[(BRANCH, world.tip())])).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
}

/// A commit that the branch does not contain starts no run for that branch, either after a force push or because an
/// event says so.
#[tokio::test]
async fn a_commit_that_the_branch_does_not_contain_is_skipped() {
    let world = two_branches();
    let (old, new) = (world.push(), world.repository.id(OTHER));
    world.repository.run(&["update-ref", "refs/heads/unrelated", &world.tip().to_string()], b"");
    world.repository.run(&["update-ref", BRANCH, &new.to_string()], b"");
    let answer = world.handle(old).await.unwrap();
    assert_eq!((answer.started.len(), answer.skipped[0].reason), (0, Reason::NotOnBranch));
    world.assert_untouched();
    let run = world.started(pushed("push-2", &[(BRANCH, world.tip())])).await;
    world.assert_is_archive_of(&run.version_id, new);
    let claimed = pushed("push-3", &[("refs/heads/unrelated", new)]);
    assert_eq!(world.handle(claimed).await.unwrap().skipped[0].reason, Reason::NotOnBranch);
}

/// A run that failed at once ran no action, and its token always returns it. The next delivery starts another one.
#[tokio::test]
async fn a_run_that_failed_at_once_does_not_block_the_next_try() {
    let world = two_branches();
    // The pipeline is cached without the variable, and changed before the start.
    world.started(other(&world)).await;
    world.change_pipeline(|pipeline| pipeline["variables"] = json!([{ "name": "STAGE" }])).await;
    let dead = world.started(world.push()).await;
    world.change_pipeline(|pipeline| pipeline["variables"] = json!([])).await;
    let run = world.started(world.push()).await;
    assert_ne!(run.pipeline_execution_id, dead.pipeline_execution_id);
    assert_eq!((run.version_id, run.found), (dead.version_id, Some(Found::Uploaded)));
    let again = world.started(world.push()).await;
    assert_eq!((again.pipeline_execution_id, again.found), (run.pipeline_execution_id, Some(Found::Started)));
    assert_eq!(world.executions().len(), 3);
}

/// Two deliveries of one event at the same time: one does the work, and the other may be retried.
#[tokio::test]
async fn two_deliveries_at_once_are_one_run() {
    let world = two_branches();
    let second = world.instance(&API);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(100);
    let both = async {
        tokio::join!(
            Box::pin(world.function.handle(world.push(), deadline)),
            Box::pin(second.handle(world.push(), deadline))
        )
    };
    let (left, right) = in_time(both).await;
    for handled in [left, right] {
        if let Err(error) = handled {
            assert_eq!(error.code(), "DeliveryInProgress");
        }
    }
    let run = world.started(world.push()).await;
    assert_eq!((run.found, world.archives(), world.executions().len()), (Some(Found::Started), 1, 1));
}

/// The record decides, even if others write to the key and many versions come in between.
#[tokio::test]
async fn what_others_do_to_the_key_decides_nothing() {
    let world = two_branches();
    let first = world.started(world.push()).await;
    let s3 = &world.aws.s3;
    for _ in 0..101 {
        let zip = aws_sdk_s3::primitives::ByteStream::from_static(b"theirs");
        s3.put_object().bucket(BUCKET).key(KEY).body(zip).send().await.expect("written");
    }
    s3.delete_object().bucket(BUCKET).key(KEY).send().await.expect("hidden");
    world.emulator.clear_requests();
    let again = world.started(world.push()).await;
    assert_eq!((again.version_id, again.found), (first.version_id, Some(Found::Started)));
    assert_eq!(world.counts(["HeadObject", "ListObjectVersions", "GetObject"]), [0, 0, 1]);
    assert_eq!(world.executions().len(), 1);
}
