//! Many branches at once, with an invocation for each event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use codecommit_multibranch::{Answer, Function, error::Error};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::task::{JoinSet, block_in_place};

use super::{SETTINGS, changed, world};
use crate::triggers::{LIFECYCLE, foreign};
use crate::world::{NAME, World, event, in_time};

/// Lambda's number: an event that failed is tried twice more.
const TRIES: usize = 3;

async fn as_lambda_would(function: &Function, event: Value) -> Result<Answer, Error> {
    let handle = || Box::pin(function.handle(event.clone(), Instant::now() + Duration::from_mins(5)));
    let mut done = handle().await;
    for _ in 1..TRIES {
        if done.is_err() {
            done = handle().await;
        }
    }
    done
}

#[tokio::test]
async fn many_created_and_deleted_at_once() {
    let world = world(&[]);
    let theirs = [foreign(0), foreign(1), foreign(3), foreign(6)];
    world.put(&theirs).await;
    let old: Vec<String> = (0..9).map(|number| format!("old/{number}")).collect();
    let new: Vec<String> = (0..18).map(|number| format!("new/{number}")).collect();
    for name in &old {
        let commit = world.point(name, 0);
        world.started(changed(name, name, commit, "created")).await;
    }
    assert_eq!(world.executions().len(), old.len());
    let created = new.iter().enumerate().map(|(number, name)| {
        let commit = world.point(name, number % 2);
        changed(name, name, commit, "created")
    });
    let mut events: Vec<Value> = created.collect();
    for name in &old {
        world.delete(name);
        events.push(changed(&format!("{name} gone"), name, world.known(0), "deleted"));
    }
    let done = join_all(events.into_iter().map(|event| as_lambda_would(&world.function, event))).await;
    for answer in done {
        assert!(answer.expect("it is done in three tries").started.is_empty());
    }
    let answers = delivered(&world).await;
    assert_eq!(answers.iter().map(|answer| answer.started.len()).sum::<usize>(), new.len());
    world.assert_follows(&new.iter().map(String::as_str).collect::<Vec<_>>(), &theirs).await;
    let executions = world.executions();
    assert_eq!(executions.len(), old.len() + new.len(), "each once");
    for (number, name) in new.iter().enumerate() {
        let run = answers.iter().flat_map(|answer| &answer.started).find(|run| run.reference.ends_with(&**name));
        let run = run.expect("it was started");
        assert_eq!(run.commit, world.known(number % 2).to_string(), "{name}");
        let execution = executions.iter().find(|execution| execution.id == run.pipeline_execution_id);
        assert_eq!(execution.expect("it runs").revisions[0].id, run.version_id);
    }
}

/// Returns the answers of the function that delivers.
async fn delivered(world: &World) -> Vec<Answer> {
    let all = world.deliver_handed_over().await.into_iter();
    all.map(|answer| answer.expect("it is done in three tries")).collect()
}

/// The faults: throttles in each form, failures, and a write whose answer is lost.
const FAULTS: [&str; 14] = [
    "PutRepositoryTriggers:2x3:status:503",
    "PutRepositoryTriggers:8:lost",
    "GetRepositoryTriggers:20x10:throttle-xml",
    "GetRepositoryTriggers:60x5:throttle-json",
    "ListBranches:15x8:throttle-empty",
    "GetBranch:10x5:status:500",
    "GetBranch:30x3:reset",
    "GetCommit:5x5:throttle-xml",
    "PutObject:7x2:status:503",
    "StartPipelineExecution:9x2:throttle-json",
    "Invoke:3x2:status:503",
    "Invoke:8x2:lost",
    "Invoke:15x3:throttle-json",
    "Invoke:25:reset",
];

fn names(of: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{of}/{number}")).collect()
}

/// Handles one event in its own instance, as Lambda does.
async fn told(world: Arc<World>, branch: String, number: usize, what: &'static str) {
    let instance = world.instance(&SETTINGS);
    instance.invoked_as(LIFECYCLE);
    let event = changed(&format!("{what} {branch}"), &branch, world.known(number), what);
    as_lambda_would(&instance, event).await.expect("it is done in three tries");
}

/// Sixty branches are created and forty deleted at once, and twenty of those are new. Each event has its own
/// instance, others have triggers too, and calls sometimes fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_events_in_a_hundred_instances() {
    let world = Arc::new(world(&[("REPOSITORIES", NAME)]));
    let theirs = [foreign(0), foreign(6)];
    world.put(&theirs).await;
    let (old, new, brief) = (names("old", 20), names("new", 40), names("brief", 20));
    for name in &old {
        world.point(name, 0);
    }
    world.handle(event("schedule.json")).await.expect("the old branches are followed");
    for fault in FAULTS {
        world.inject(fault);
    }
    let mut events = JoinSet::new();
    for (number, branch) in new.iter().cloned().enumerate() {
        let world = Arc::clone(&world);
        events.spawn(async move {
            block_in_place(|| world.point(&branch, number % 2));
            told(world, branch, number % 2, "created").await;
        });
    }
    for branch in old {
        let world = Arc::clone(&world);
        events.spawn(async move {
            block_in_place(|| world.delete(&branch));
            told(world, branch, 0, "deleted").await;
        });
    }
    for branch in brief.iter().cloned() {
        let (world, created) = (Arc::clone(&world), branch.clone());
        block_in_place(|| world.point(&branch, 0));
        events.spawn(told(Arc::clone(&world), created, 0, "created"));
        events.spawn(async move {
            block_in_place(|| world.delete(&branch));
            told(world, branch, 0, "deleted").await;
        });
    }
    in_time(events.join_all()).await;
    // An event whose hand-over seemed to fail arrives twice, and is one run.
    let mut runs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for answer in delivered(&world).await {
        for run in answer.started {
            runs.entry(run.reference).or_default().insert(run.pipeline_execution_id);
        }
    }
    world.emulator.clear_faults();
    world.assert_follows(&new.iter().map(String::as_str).collect::<Vec<_>>(), &theirs).await;
    for branch in &new {
        assert_eq!(runs[&format!("refs/heads/{branch}")].len(), 1, "{branch} runs once");
    }
    assert!(runs.len() <= new.len() + brief.len());
    assert_eq!(world.executions().len(), runs.values().map(BTreeSet::len).sum::<usize>(), "nothing runs unseen");
}
