//! An archive of more than one part.

use codecommit_multibranch::deliver::Found;
use std::time::{Duration, Instant};

use codecommit_multibranch::error::Error;

use crate::world::{BUCKET, KEY, World, in_time};
use oracle::Tree;
use oracle::noise;

/// Makes two incompressible files, which need two parts.
fn two_parts() -> World {
    let mut tree = Tree::default();
    for name in ["a", "b"] {
        tree.add(name, "100644", [name.as_bytes(), noise(4_400_000)].concat());
    }
    World::of(&tree)
}

#[tokio::test]
async fn what_is_larger_than_a_part_is_sent_in_parts() {
    let world = two_parts();
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    let operations = ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"];
    assert_eq!(world.counts(operations), [1, 2, 1, 3], "the record is put three times");
    let object = world.emulator.store().object(BUCKET, KEY, Some(&run.version_id)).unwrap();
    assert_eq!(object.metadata()["commit"], world.tip().to_string());
    assert_eq!(world.executions()[0].revisions[0].id, run.version_id);
    // The next delivery finds it again.
    let again = world.started(world.push()).await;
    assert_eq!((again.found, again.version_id), (Some(Found::Started), run.version_id));
}

#[tokio::test]
async fn a_part_that_fails_is_sent_again() {
    for (fault, parts) in [
        ("UploadPart:2:status:500", 3),
        ("UploadPart:1x2:reset", 4),
        ("UploadPart:1:lost", 3),
        ("UploadPart:2:error:SlowDown", 3),
        ("CreateMultipartUpload:1:status:503", 2),
    ] {
        let world = two_parts();
        world.inject(fault);
        let run = world.started(world.push()).await;
        world.assert_is_archive_of(&run.version_id, world.tip());
        assert_eq!(world.emulator.count("UploadPart"), parts, "{fault}");
        assert_eq!(world.emulator.store().versions(BUCKET, KEY).len(), 1, "{fault}");
    }
}

#[tokio::test]
async fn a_failed_upload_is_aborted() {
    for (fault, code, is_permanent) in [
        ("UploadPart:every:status:500", "UploadFailed", false),
        ("UploadPart:every:denied", "UploadDenied", true),
        ("CompleteMultipartUpload:every:ok-error", "UploadFailed", false),
        ("CompleteMultipartUpload:every:denied", "UploadDenied", true),
        ("GetBlob:2x99:denied", "SourceDenied", true),
    ] {
        let world = two_parts();
        world.inject(fault);
        let failed = world.failed(world.push()).await;
        assert_eq!((failed.error.code(), failed.error.is_permanent()), (code, is_permanent), "{fault}: {failed}");
        let [created, aborted] = world.counts(["CreateMultipartUpload", "AbortMultipartUpload"]);
        assert_eq!(created, aborted, "{fault}");
        world.assert_untouched();
    }
}

#[tokio::test]
async fn complete_that_says_200_and_an_error_once_heals() {
    let world = two_parts();
    world.inject("CompleteMultipartUpload:1:ok-error");
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    assert_eq!(world.emulator.count("CompleteMultipartUpload"), 2);
}

/// A part hangs until the function's time is nearly over. The upload is aborted.
#[tokio::test]
async fn a_deadline_aborts_what_is_under_way() {
    let world = two_parts();
    world.inject("UploadPart:every:hang");
    let deadline = Instant::now() + Duration::from_secs(15);
    let handled = in_time(Box::pin(world.function.handle(world.push(), deadline))).await;
    let Err(Error::References { failed, .. }) = handled else { panic!("{handled:?}") };
    assert_eq!((failed[0].error.code(), failed[0].error.is_permanent()), ("DeadlineNear", false));
    let [created, aborted] = world.counts(["CreateMultipartUpload", "AbortMultipartUpload"]);
    assert_eq!(created, aborted);
    world.assert_untouched();
}

/// S3 does not answer at all any more. The abort is given up in time for the answer, which says what happened.
#[tokio::test]
async fn an_abort_that_hangs_keeps_the_deadline() {
    let world = two_parts();
    world.inject("UploadPart:every:hang");
    world.inject("AbortMultipartUpload:every:hang");
    let deadline = Instant::now() + Duration::from_secs(12);
    let handled = Box::pin(world.function.handle(world.push(), deadline));
    let handled = tokio::time::timeout_at(deadline.into(), handled).await.expect("it ends before the deadline");
    let Err(Error::References { failed, .. }) = handled else { panic!("{handled:?}") };
    assert_eq!((failed[0].error.code(), failed[0].error.is_permanent()), ("DeadlineNear", false));
    assert!(world.executions().is_empty());
}
