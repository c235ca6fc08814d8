//! `SUPERSEDE`: the run of a branch's tip stops the older runs of the same branch, in every order.

use codecommit_multibranch::plan::Reason;
use emulator::codepipeline::Status;

use crate::branch::{commit, held};
use crate::world::{BRANCH, pushed, until};

const ON: [(&str, &str); 1] = [("SUPERSEDE", "on")];
const OTHER: &str = "refs/heads/feature/other";

#[tokio::test]
async fn a_newer_push_stops_the_older_run_of_its_branch_alone() {
    let world = held(&ON);
    let first = world.pushed_run("one").await;
    let tip = commit(&world.repository, OTHER, "other");
    let other = world.started(pushed("other", &[(OTHER, tip)])).await;
    let foreign = world.emulator.codepipeline();
    foreign.call("StartPipelineExecution", serde_json::json!({ "name": "demo-dev" })).await.unwrap();
    let second = world.pushed_run("two").await;
    assert_eq!(second.warnings, Vec::<String>::new());
    let old = world.execution(&first);
    assert_eq!(old.status, Status::Stopping, "the action in progress goes on");
    let reason = format!("superseded by commit {} of feature/login", &second.commit[..8]);
    assert_eq!(old.stop_reason.as_deref(), Some(reason.as_str()));
    assert_eq!(world.emulator.count("StopPipelineExecution"), 1);
    for run in [&other, &second] {
        assert_eq!(world.execution(run).status, Status::InProgress);
    }
    // Delivered again, it finds the old run stopping.
    world.started(pushed("event of two", &[(BRANCH, world.tip())])).await;
    assert_eq!(world.execution(&second).status, Status::InProgress);
}

#[tokio::test]
async fn an_event_whose_branch_moved_on_is_overtaken() {
    let world = held(&ON);
    let old = commit(&world.repository, BRANCH, "one");
    let new = commit(&world.repository, BRANCH, "two");
    let answer = world.handle(pushed("late", &[(BRANCH, old)])).await.unwrap();
    assert_eq!(answer.skipped[0].reason, Reason::Overtaken);
    assert!(world.executions().is_empty());
    world.started(pushed("new", &[(BRANCH, new)])).await;
    // Without the setting every push has its run.
    let all = held(&[]);
    let old = commit(&all.repository, BRANCH, "one");
    commit(&all.repository, BRANCH, "two");
    all.started(pushed("late", &[(BRANCH, old)])).await;
    assert_eq!(all.emulator.count("StopPipelineExecution"), 0);
}

#[tokio::test]
async fn a_stop_that_fails_does_not_cost_the_new_run() {
    let world = held(&ON);
    let first = world.pushed_run("one").await;
    world.inject("StopPipelineExecution:every:denied");
    let second = world.pushed_run("two").await;
    assert!(second.warnings[0].contains(&first.pipeline_execution_id), "{:?}", second.warnings);
    assert_eq!(world.execution(&second).status, Status::InProgress);
    // The next delivery of the event stops it after all, as after a kill between the start and the stop.
    world.emulator.clear_faults();
    world.started(pushed("event of two", &[(BRANCH, world.tip())])).await;
    assert_eq!(world.execution(&first).status, Status::Stopping);
    assert_eq!(world.executions().len(), 2);
}

/// The older event was checked before the newer push. It starts its run after the newer event has searched for older
/// runs.
#[tokio::test]
async fn a_run_that_starts_late_stops_itself() {
    let world = held(&ON);
    let old = commit(&world.repository, BRANCH, "one");
    let late = world.instance(&[("SOURCE", "api"), ("CACHE", "off")]);
    let newer = world.pushed_run("two").await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(2);
    let late_event = pushed("event of one", &[(BRANCH, old)]);
    let started = Box::pin(late.handle(late_event.clone(), deadline)).await.unwrap().started.remove(0);
    assert_eq!(world.execution(&started).status, Status::InProgress, "the function was ended before it could stop it");
    // When its event is delivered again, it is overtaken, and stops the run that the first delivery left.
    let answer = world.handle(late_event).await.unwrap();
    assert_eq!(answer.skipped[0].reason, Reason::Overtaken);
    assert_eq!(world.execution(&started).status, Status::Stopping);
    assert_eq!(world.execution(&newer).status, Status::InProgress);
}

#[tokio::test]
async fn a_branch_that_moves_on_during_the_start_stops_its_own_run() {
    let world = held(&ON);
    let old = commit(&world.repository, BRANCH, "one");
    // The function waits until the list shows its run, and the branch moves on meanwhile.
    world.emulator.codepipeline().set_visibility_lag(std::time::Duration::from_secs(5));
    let moving = async {
        until("the run is started", || world.emulator.count("StartPipelineExecution") == 1).await;
        commit(&world.repository, BRANCH, "two");
    };
    let (run, ()) = tokio::join!(world.started(pushed("event of one", &[(BRANCH, old)])), moving);
    assert_eq!((world.execution(&run).status, run.warnings), (Status::Stopping, vec![]));
}

/// The tip is read after the runs: otherwise a push in between would cost its own run.
#[tokio::test]
async fn the_tip_is_read_after_the_runs() {
    let world = held(&ON);
    world.pushed_run("one").await;
    world.emulator.clear_requests();
    world.pushed_run("two").await;
    let requests = world.emulator.requests();
    let last = |name: &str| requests.iter().rposition(|request| request.operation == name).expect("it is called");
    let order = ["ListPipelineExecutions", "GetPipelineExecution", "GetBranch", "StopPipelineExecution"].map(last);
    assert!(order.is_sorted(), "{order:?}");
    // The new execution is known without a call, and so is the branch of what has ended.
    assert_eq!(world.counts(["GetPipelineExecution", "StopPipelineExecution"]), [1, 1]);
}

#[tokio::test]
async fn a_list_that_lags_is_waited_for() {
    let world = held(&ON);
    world.emulator.codepipeline().set_visibility_lag(std::time::Duration::from_millis(700));
    let first = world.pushed_run("one").await;
    let second = world.pushed_run("two").await;
    assert_eq!(world.execution(&first).status, Status::Stopping);
    assert_eq!(world.execution(&second).status, Status::InProgress);
}

/// Ten pushes whose events are handled at once: the run of the tip goes on, and every other one that started is
/// stopped.
#[tokio::test]
async fn the_tip_wins_every_race() {
    let world = held(&ON);
    let commits: Vec<_> = (0..10).map(|number| commit(&world.repository, BRANCH, &format!("push-{number}"))).collect();
    // Every event but the last was checked before the branch moved on: a function without the setting starts its run.
    for (number, commit) in commits[..9].iter().enumerate().rev() {
        let function = world.instance(&[("SOURCE", "api"), ("CACHE", "off")]);
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(2);
        Box::pin(function.handle(pushed(&format!("push {number}"), &[(BRANCH, *commit)]), deadline)).await.unwrap();
    }
    let last = world.started(pushed("push 9", &[(BRANCH, commits[9])])).await;
    let running = world.executions().into_iter().filter(|execution| execution.status == Status::InProgress);
    let running: Vec<_> = running.map(|execution| execution.id).collect();
    assert_eq!(running, [last.pipeline_execution_id]);
    assert_eq!(world.emulator.count("StopPipelineExecution"), 9);
}
