//! The lifecycle function archives nothing: it hands new branches over to the function that delivers. Whatever fails
//! between the two, a new branch has one run.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use codecommit_multibranch::Function;
use codecommit_multibranch::config::Config;
use codecommit_multibranch::deliver::Found;
use emulator::{Emulator, Options};
use serde_json::json;

use super::{SETTINGS, changed, repository, world};
use crate::triggers::{LIFECYCLE, UPDATES};
use crate::world::{BUCKET, NAME, PIPELINE, World, in_time, until};

#[tokio::test]
async fn the_lifecycle_function_only_hands_over() {
    let world = world(&[]);
    let commit = world.point("feature/x", 0);
    let deadline = Instant::now() + Duration::from_mins(5);
    let mut created = changed("1", "feature/x", commit, "created");
    created["Records"][0]["customData"] = r#"{"branches":"feature/**"}"#.into();
    let answer = in_time(Box::pin(world.function.handle(created, deadline))).await.unwrap();
    let told = serde_json::to_value(&answer).unwrap();
    let handed_over = json!([{
        "event_id": "1",
        "repository": NAME, "reference": "refs/heads/feature/x", "commit": commit.to_string(), "function": UPDATES,
    }]);
    assert_eq!((&told["handedOver"], &told["started"]), (&handed_over, &json!([])));
    assert_eq!(world.counts(["PutObject", "GetCommit", "GetPipeline", "GitInfoRefs"]), [0; 4], "nothing is archived");
    world.assert_untouched();
    let (_, handed) = world.emulator.take_event().expect("the other function is invoked");
    let record = &handed["Records"][0];
    assert_eq!((&record["eventId"], &record["customData"]), (&"1".into(), &r#"{"branches":"feature/**"}"#.into()));
    let reference = json!({ "ref": "refs/heads/feature/x", "commit": commit.to_string(), "created": true });
    assert_eq!(record["codecommit"]["references"], json!([reference]));
    assert!(world.emulator.take_event().is_none(), "once");
}

/// Every fault of the lifecycle function with every fault of the other one. Lambda tries each event three times.
#[tokio::test]
async fn a_new_branch_has_one_run_whatever_fails_between_the_functions() {
    let lifecycle = [
        "",
        "Invoke:1:lost",
        "Invoke:1:reset",
        "Invoke:1:throttle-json",
        "Invoke:1:denied",
        "Invoke:1:error:ServiceException",
        "PutRepositoryTriggers:1:lost",
        "GetBranch:1:denied",
    ];
    let updates = ["", "StartPipelineExecution:1:lost", "PutObject:2:lost", "GetCommit:1:denied"];
    for first in lifecycle {
        for second in updates {
            let world = world(&[]);
            let commit = world.point("feature/x", 0);
            for fault in [first, second].into_iter().filter(|fault| !fault.is_empty()) {
                world.inject(fault);
            }
            let told = changed("1", "feature/x", commit, "created");
            let mut done = world.handle(told.clone()).await;
            for _ in 0..2 {
                if done.is_err() {
                    done = world.handle(told.clone()).await;
                }
            }
            let done = done.unwrap_or_else(|error| panic!("{first} {second}: {error:?}"));
            let commit = commit.to_string();
            assert!(done.started.iter().all(|run| run.commit == commit), "{first} {second}");
            assert_eq!((world.executions().len(), done.started.is_empty()), (1, false), "{first} {second}");
            world.assert_follows(&["feature/x"], &[]).await;
        }
    }
}

/// The event fails, and Lambda sends it again.
#[tokio::test]
async fn a_function_that_cannot_be_invoked_is_a_failure_with_its_name() {
    let world = world(&[]);
    let commit = world.point("feature/x", 0);
    world.inject("Invoke:every:denied");
    let failed = world.failed(changed("1", "feature/x", commit, "created")).await;
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("NotHandedOver", true));
    let told = failed.to_string();
    assert!(told.contains("Invoke failed with AccessDeniedException") && told.contains(UPDATES), "{told}");
    world.assert_follows(&["feature/x"], &[]).await;
    world.emulator.clear_faults();
    let run = world.started(changed("1", "feature/x", commit, "created")).await;
    assert_eq!((run.found, world.executions().len()), (None, 1));
    // A function that does not exist.
    let gone = UPDATES.replace("updates", "gone");
    let world = World::with(
        repository(),
        &[("TRIGGER_FUNCTION_ARN", &gone), ("BRANCH_TRIGGERS", "on"), ("BRANCHES", "feature/**")],
    );
    world.function.invoked_as(LIFECYCLE);
    let commit = world.point("feature/x", 0);
    let failed = world.failed(changed("1", "feature/x", commit, "created")).await;
    assert!(failed.to_string().contains("ResourceNotFoundException"), "{failed}");
}

/// One push of many branches is as few invocations as Lambda's limit allows.
#[tokio::test]
async fn many_branches_are_handed_over_together() {
    let world = world(&[]);
    let commit = world.point("one", 0);
    let mut many = changed("1", "one", commit, "created");
    let references = (0..700).map(|number| {
        let name = format!("refs/heads/{}/{number}", "long".repeat(50));
        json!({ "ref": name, "commit": commit.to_string(), "created": true })
    });
    many["Records"][0]["codecommit"]["references"] = references.collect();
    let deadline = Instant::now() + Duration::from_mins(5);
    let error = in_time(Box::pin(world.function.handle(many, deadline))).await;
    // None of these branches exists, so their tips are gone. All of them are handed over all the same.
    assert!(error.is_ok(), "{error:?}");
    let mut handed = 0;
    let mut events = 0;
    while let Some((_, event)) = world.emulator.take_event() {
        assert!(event.to_string().len() < 256 << 10);
        handed += event["Records"].as_array().unwrap().len();
        events += 1;
    }
    assert_eq!((handed, events), (700, 2));
}

/// The built function takes the events.
#[tokio::test(flavor = "multi_thread")]
async fn the_built_function_delivers_what_it_is_handed() {
    let there = repository();
    let options = Options {
        repository: vec![(NAME.to_owned(), there.path().to_owned())],
        function: Some(PathBuf::from(env!("CARGO_BIN_EXE_updates"))),
        environment: vec![("BRANCHES".to_owned(), "**,!skip/**".to_owned())],
        quiet: true,
        bucket: Some(BUCKET.to_owned()),
        pipeline: Some(PIPELINE.to_owned()),
        ..Options::default()
    };
    let emulator = Emulator::start(options).expect("loopback has a free port");
    let commit = there.id("refs/heads/skip/0");
    there.run(&["update-ref", "refs/heads/feature/x", &commit.to_string()], b"");
    let settings = |name: &str| SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let config =
        Config::from_lookup(|name| if name == "PIPELINE_NAME" { Some(PIPELINE.into()) } else { settings(name) });
    let lifecycle = Function::new(config.unwrap(), crate::world::clients(&emulator));
    lifecycle.invoked_as(LIFECYCLE);
    for deliveries in 1..=2 {
        let deadline = Instant::now() + Duration::from_mins(5);
        let told = changed("1", "feature/x", commit, "created");
        in_time(Box::pin(lifecycle.handle(told, deadline))).await.unwrap();
        until("the built function is done", || emulator.deliveries().len() == deliveries).await;
        let outcome = emulator.deliveries().pop().unwrap().outcome.unwrap();
        let found = if deliveries == 1 { json!(null) } else { json!(Found::Started) };
        assert_eq!((&outcome["started"][0]["found"], &outcome["skipped"]), (&found, &json!([])), "{outcome}");
        assert_eq!(emulator.codepipeline().executions(PIPELINE).len(), 1);
    }
}
