//! An event in flight while the function is upgraded or rolled back: its next attempt has other code and settings.

use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;

use super::small;
use crate::world::{BUCKET, World};
use codecommit_multibranch::record;

const NEW: [(&str, &str); 3] = [("SOURCE", "git"), ("COMMIT_INFO", "commit.json"), ("REUSE_DEFLATE", "off")];

/// The first attempt ends before its start. The second has new settings, and starts the version that the first one
/// made.
#[tokio::test]
async fn an_event_in_flight_goes_on_where_the_old_function_stopped() {
    let mut world = World::of(&small());
    world.inject("StartPipelineExecution:1:denied");
    let failed = world.failed(world.push()).await;
    assert_eq!((failed.error.code(), world.archives()), ("NotStarted", 1));
    world.restarted(&NEW);
    let run = world.started(world.push()).await;
    assert_eq!((world.archives(), world.executions().len()), (1, 1), "one version, one run");
    world.assert_is_archive_of(&run.version_id, world.tip());
    // Back to the old settings: another delivery of the event finds the run.
    world.restarted(&[("SOURCE", "api"), ("CACHE", "off")]);
    let again = world.started(world.push()).await;
    assert_eq!((again.pipeline_execution_id, world.executions().len()), (run.pipeline_execution_id, 1));
}

/// The records of a version with fields that this one does not know, and those without the fields that came later.
#[tokio::test]
async fn records_of_newer_and_older_versions_are_read() {
    let mut world = World::of(&small());
    let run = world.started(world.push()).await;
    let keys = world.emulator.store().keys(BUCKET);
    let key = keys.iter().find(|key| key.contains(".deliveries/")).expect("a record");
    let stored = json!({ "version": run.version_id, "bytes": run.bytes });
    let newer = json!({
        "holder": "newer", "until": 0, "since": 1, "stored": stored, "execution": run.pipeline_execution_id,
        "failed_starts": 0, "field_of_a_newer_version": { "a": 1 },
    });
    let older =
        json!({ "holder": "older", "until": 0, "since": 1, "stored": stored, "execution": run.pipeline_execution_id });
    for record in [newer, older] {
        assert!(serde_json::from_value::<record::Record>(record.clone()).is_ok(), "{record}");
        let body = ByteStream::from(record.to_string().into_bytes());
        world.aws.s3.put_object().bucket(BUCKET).key(key).body(body).send().await.expect("it is written");
        world.restarted(&NEW);
        let again = world.started(world.push()).await;
        assert_eq!(again.pipeline_execution_id, run.pipeline_execution_id);
        assert_eq!((world.executions().len(), world.archives()), (1, 1));
    }
}
