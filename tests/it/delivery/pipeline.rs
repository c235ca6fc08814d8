//! The pipeline's declaration, and its unusable forms.

use codecommit::causes::with_causes;
use codecommit_multibranch::deliver::Found;
use emulator::s3::Versioning;
use serde_json::{Value, json};

use std::time::{Duration, Instant};

use super::small;
use crate::world::{BUCKET, PIPELINE, World, in_time};
use codecommit_multibranch::error::Error;

/// Returns the pipeline's source action.
fn source(pipeline: &mut Value) -> &mut Value {
    &mut pipeline["stages"][0]["actions"][0]
}

/// Checks the failure of a push after the pipeline is changed: it is permanent, and nothing is archived before.
async fn refused(what: &str, change: impl FnOnce(&mut Value), code: &str, told: &str) {
    let world = World::of(&small());
    world.change_pipeline(change).await;
    let failed = world.failed(world.push()).await;
    assert_eq!((failed.error.code(), failed.error.is_permanent()), (code, true), "{what}: {failed}");
    assert!(with_causes(&failed.error).contains(told), "{what}: {failed}");
    assert_eq!(world.counts(["GetFolder", "PutObject", "StartPipelineExecution"]), [0, 0, 0], "{what}");
    world.assert_untouched();
}

#[tokio::test]
async fn a_pipeline_that_polls_is_refused() {
    for polls in [json!("true"), json!("True"), Value::Null] {
        let change = |pipeline: &mut Value| {
            let configuration = source(pipeline)["configuration"].as_object_mut().unwrap();
            configuration.remove("PollForSourceChanges");
            if !polls.is_null() {
                configuration.insert("PollForSourceChanges".to_owned(), polls.clone());
            }
        };
        refused(&polls.to_string(), change, "PipelinePolls", "PollForSourceChanges").await;
    }
}

#[tokio::test]
async fn a_pipeline_without_an_s3_source_is_refused() {
    let codecommit = |pipeline: &mut Value| {
        let source = source(pipeline);
        source["actionTypeId"]["provider"] = "CodeCommit".into();
        source["configuration"] = json!({ "RepositoryName": "demo", "BranchName": "main" });
    };
    refused("CodeCommit", codecommit, "PipelineSource", "no S3 source action").await;
}

#[tokio::test]
async fn of_several_s3_sources_one_must_be_named() {
    let two = |pipeline: &mut Value| {
        let mut second = source(pipeline).clone();
        second["name"] = "Second".into();
        second["outputArtifacts"][0]["name"] = "Second".into();
        second["configuration"]["S3ObjectKey"] = "second.zip".into();
        pipeline["stages"][0]["actions"].as_array_mut().unwrap().push(second);
    };
    refused("two", two, "PipelineSource", "Source, Second").await;
    let mut world = World::of(&small());
    world.change_pipeline(two).await;
    let settings = |action| [("SOURCE", "api"), ("CACHE", "off"), ("SOURCE_ACTION", action)];
    world.restarted(&settings("Third"));
    assert_eq!(world.failed(world.push()).await.error.code(), "PipelineSource");
    world.restarted(&settings("Second"));
    let run = world.started(world.push()).await;
    assert_eq!(run.key, "second.zip");
}

#[tokio::test]
async fn a_bucket_without_versions_is_refused() {
    for versioning in [Versioning::Unversioned, Versioning::Suspended] {
        let world = World::of(&small());
        world.emulator.store().create_bucket(BUCKET, versioning);
        let failed = world.failed(world.push()).await;
        assert_eq!((failed.error.code(), failed.error.is_permanent()), ("BucketUnversioned", true));
        assert!(with_causes(&failed.error).contains(BUCKET), "{failed}");
        world.assert_untouched();
        // After the fix, the failure is not cached.
        world.emulator.store().create_bucket(BUCKET, Versioning::Enabled);
        world.started(world.push()).await;
    }
}

#[tokio::test]
async fn a_pipeline_or_bucket_that_is_missing_is_permanent() {
    let world = World::of(&small());
    world.emulator.codepipeline().call("DeletePipeline", json!({ "name": PIPELINE })).await.unwrap();
    let failed = world.failed(world.push()).await;
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("PipelineMissing", true));
    assert!(with_causes(&failed.error).contains(PIPELINE), "{failed}");
    let bucket = |pipeline: &mut Value| source(pipeline)["configuration"]["S3Bucket"] = "no-such-bucket".into();
    refused("bucket", bucket, "PipelineMissing", "GetBucketVersioning").await;
}

#[tokio::test]
async fn a_source_without_bucket_or_key_is_refused() {
    let world = World::of(&small());
    let mut answer = world.emulator.codepipeline().call("GetPipeline", json!({ "name": PIPELINE })).await.unwrap();
    let pipeline = &mut answer["pipeline"];
    source(pipeline)["configuration"].as_object_mut().unwrap().remove("S3ObjectKey");
    // The real CodePipeline may refuse this declaration, which does not matter here.
    if world.emulator.codepipeline().call("UpdatePipeline", json!({ "pipeline": pipeline.take() })).await.is_ok() {
        let failed = world.failed(world.push()).await;
        assert_eq!((failed.error.code(), failed.error.is_permanent()), ("PipelineSource", true));
    }
}

/// Too many runs at once: the archive stays, and the next delivery starts the pipeline.
#[tokio::test]
async fn a_limit_of_runs_passes() {
    let world = World::of(&small());
    world.emulator.codepipeline().limit_executions(0);
    let soon = Instant::now() + Duration::from_secs(8);
    let handled = in_time(Box::pin(world.function.handle(world.push(), soon))).await;
    let Err(Error::References { failed, .. }) = handled else { panic!("{handled:?}") };
    let failed = &failed[0];
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("NotStarted", false), "{failed}");
    assert!(world.emulator.count("StartPipelineExecution") > 1, "it waits as long as it may");
    world.emulator.codepipeline().limit_executions(50);
    let run = world.started(world.push()).await;
    assert_eq!((run.found, world.archives()), (Some(Found::Uploaded), 1));
}

/// The pipeline changed after it was read. The failed start removes it from the cache, and the next delivery reads it
/// again.
#[tokio::test]
async fn what_a_pipeline_said_is_read_again_after_a_failed_start() {
    let world = World::of(&small());
    world.started(world.push()).await;
    world.change_pipeline(|pipeline| source(pipeline)["name"] = "Renamed".into()).await;
    let event = crate::world::pushed("push-2", &[(crate::world::BRANCH, world.tip())]);
    let failed = world.failed(event.clone()).await;
    assert_eq!(failed.error.code(), "NotStarted", "{failed}");
    let run = world.started(event).await;
    assert_eq!((run.found, world.executions().len()), (Some(Found::Uploaded), 2));
    assert_eq!(world.executions()[1].revisions[0].action, "Renamed");
}

/// The delivery waits, and starts the run when another run ends.
#[tokio::test]
async fn a_start_waits_for_a_run_to_end() {
    let world = World::of(&small());
    world.emulator.codepipeline().limit_executions(0);
    let freed = async {
        crate::world::until("a start is refused", || world.emulator.count("StartPipelineExecution") == 1).await;
        world.emulator.codepipeline().limit_executions(50);
    };
    let (run, ()) = tokio::join!(world.started(world.push()), freed);
    assert_eq!((run.found, world.executions().len()), (None, 1));
}

/// `CodePipeline` would accept the start, and the execution would fail at once.
#[tokio::test]
async fn a_variable_that_no_run_gets_is_refused() {
    let required = |pipeline: &mut Value| {
        let variables = pipeline["variables"].as_array_mut().expect("the demo pipeline has variables");
        variables.push(json!({ "name": "STAGE" }));
    };
    refused("required", required, "PipelineVariable", "STAGE").await;
    // A variable that the function sets needs no default.
    let world = World::of(&small());
    world.change_pipeline(|pipeline| pipeline["variables"] = json!([{ "name": "BRANCH_NAME" }])).await;
    world.started(world.push()).await;
}
