//! Reconciliation on the wire: the calls, the writes, and the effect of other writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_codecommit::Client;
use aws_sdk_codecommit::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_codecommit::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_codecommit::error::BoxError;
use codecommit_multibranch::triggers::{
    self, Event, Goal, Tip, Trigger, TriggerSettings, TriggersError, Warning, connect, disconnect, preview, reconcile,
};
use emulator::{Fault, FaultKind};

use super::world::{REPOSITORY, World, config, put};
use super::{TOPIC, UPDATES, check_invariants, foreign, others, ours, selects, settings, trigger, whole_settings};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("feature/b{number:03}")).collect()
}

fn strs(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}

#[tokio::test]
async fn connect_and_disconnect_leave_what_others_have() {
    let before = [foreign(0), foreign(2), foreign(6)];
    let elsewhere = TriggerSettings { updates_arn: format!("{UPDATES}-of-others"), ..whole_settings() };
    let world = World::new(&before).await;
    let outcome = connect(&world.client, REPOSITORY, &elsewhere, &selects).await.unwrap();
    assert_eq!((outcome.before.as_slice(), outcome.writes), (&before[..], 1));
    let triggers = world.triggers().await;
    assert_eq!((triggers.len(), &triggers[..3]), (4, &before[..]));
    assert_eq!(triggers[3].events, [Event::All]);
    assert_eq!(world.emulator.count("ListBranches"), 0, "branches do not matter to one trigger on all");
    let outcome = disconnect(&world.client, REPOSITORY, &elsewhere).await.unwrap();
    assert_eq!((outcome.after.as_slice(), world.triggers().await.as_slice()), (&before[..], &before[..]));
}

#[tokio::test]
async fn a_created_branch_is_covered_and_its_tip_told_and_a_deleted_one_left() {
    let world = World::new(&[foreign(2)]).await;
    reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    world.create(["feature/größe", "skip/1"]);
    let outcome = reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    assert_eq!(outcome.newly_covered, ["feature/größe"]);
    assert_eq!(outcome.tips, [Tip { branch: "feature/größe".into(), commit: world.commit.clone() }]);
    check_invariants(&world.triggers().await, ["main", "feature/größe"], &settings());
    world.delete(["feature/größe", "main"]);
    let outcome = reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    let left: Vec<String> = ours(&outcome.after, &settings()).into_iter().map(|t| t.name).collect();
    assert_eq!((left, outcome.tips), (vec!["dev-lifecycle".to_owned()], vec![]));
}

#[tokio::test]
async fn nothing_to_do_writes_nothing() {
    let world = World::new(&[]).await;
    reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    world.emulator.clear_requests();
    let outcome = reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    assert_eq!((outcome.writes, world.writes(), outcome.tips.len()), (0, 0, 0));
    assert!(outcome.difference().is_empty());
}

#[tokio::test]
async fn all_pages_of_branches_count_and_too_many_lead_to_one_trigger() {
    let world = World::new(&[foreign(0)]).await;
    world.create(strs(&names(79)));
    reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    check_invariants(&world.triggers().await, strs(&names(79)).chain(["main"]), &settings());
    world.create(["one-more"]);
    let outcome = reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    assert_eq!(outcome.warnings, [Warning::AllBranches { branches: 81, room: 80 }]);
    assert_eq!(outcome.newly_covered, ["one-more"]);
    check_invariants(&world.triggers().await, strs(&names(79)).chain(["main", "one-more"]), &settings());
}

#[tokio::test]
async fn a_second_route_is_refused_and_beside_ours_a_warning() {
    let route = trigger("by-hand", UPDATES, &[], &[Event::UpdateReference]);
    let world = World::new(std::slice::from_ref(&route)).await;
    let error = connect(&world.client, REPOSITORY, &settings(), &selects).await.unwrap_err();
    assert!(matches!(&error, TriggersError::SecondRoute { trigger, .. } if trigger == "by-hand"), "{error}");
    assert_eq!((error.code(), world.writes()), ("SecondRoute", 1));
    let warned = reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    assert_eq!(warned.warnings, [Warning::SecondRoute { trigger: "by-hand".into() }]);
    connect(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    assert!(world.triggers().await.contains(&route));
}

#[tokio::test]
async fn a_preview_shows_the_difference_and_writes_nothing() {
    let world = World::new(&[foreign(0)]).await;
    let (settings, writes) = (settings(), world.writes());
    let goal = Goal::connected(&settings, &selects);
    let shown = preview(&world.client, REPOSITORY, &goal).await.unwrap();
    let lines = shown.difference().to_string();
    assert!(lines.starts_with("+ dev-lifecycle: events createReference, deleteReference; on all branches"), "{lines}");
    assert!(lines.contains("+ dev-1: events updateReference; on main"), "{lines}");
    assert_eq!((world.writes(), world.triggers().await), (writes, vec![foreign(0)]));
    let done = triggers::apply(&world.client, REPOSITORY, &goal).await.unwrap();
    assert_eq!((done.difference(), done.after), (shown.difference(), shown.after));
}

#[tokio::test]
async fn former_settings_go_in_the_same_write() {
    let world = World::new(&[foreign(0)]).await;
    connect(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    let now = TriggerSettings { updates_arn: format!("{UPDATES}-new"), prefix: "ops".into(), ..whole_settings() };
    let former = settings();
    let goal = Goal::connected(&now, &selects).replacing(&former);
    let outcome = triggers::apply(&world.client, REPOSITORY, &goal).await.unwrap();
    let names: Vec<&str> = outcome.after.iter().map(|t| t.name.as_str()).collect();
    assert_eq!((names, outcome.writes), (vec!["team-0", "ops-1"], 1));
    assert_eq!(others(&outcome.after, &now), [foreign(0)]);
}

#[tokio::test]
async fn what_another_owner_adds_before_the_write_is_kept() {
    let world = World::new(&[foreign(0)]).await;
    let list = [foreign(0), foreign(2)];
    let client = meddled(&world, "GetRepositoryTriggers", 1, &list);
    let outcome = reconcile(&client, REPOSITORY, &settings(), &selects).await.unwrap();
    assert_eq!(outcome.before, [foreign(0)]);
    assert_eq!(others(&world.triggers().await, &settings()), list);
    check_invariants(&world.triggers().await, ["main"], &settings());
}

#[tokio::test]
async fn what_another_owner_overwrites_after_the_write_is_written_again() {
    let world = World::new(&[foreign(0)]).await;
    let list = [foreign(0), foreign(2)];
    let client = meddled(&world, "GetRepositoryTriggers", 2, &list);
    let outcome = reconcile(&client, REPOSITORY, &settings(), &selects).await.unwrap();
    assert_eq!((outcome.writes, outcome.newly_covered), (2, vec!["main".to_owned()]));
    assert_eq!(others(&world.triggers().await, &settings()), list);
    check_invariants(&world.triggers().await, ["main"], &settings());
}

#[tokio::test]
async fn a_place_taken_meanwhile_makes_a_new_plan() {
    let world = World::new(&[]).await;
    let code = FaultKind::Error("MaximumRepositoryTriggersExceededException".into());
    world.emulator.inject(Fault::next("PutRepositoryTriggers", 1, code));
    let outcome = reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    assert_eq!(outcome.writes, 1);
    check_invariants(&world.triggers().await, ["main"], &settings());
}

#[tokio::test]
async fn a_lost_answer_is_made_good() {
    let world = World::new(&[foreign(2)]).await;
    world.emulator.inject(Fault::next("PutRepositoryTriggers", 1, FaultKind::Lost));
    reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    check_invariants(&world.triggers().await, ["main"], &settings());
}

#[tokio::test]
async fn failures_name_the_step() {
    for (operation, code) in [
        ("ListBranches", "ListBranchesFailed"),
        ("GetRepositoryTriggers", "ReadTriggersFailed"),
        ("PutRepositoryTriggers", "WriteTriggersFailed"),
        ("GetBranch", "ReadTipFailed"),
    ] {
        let world = World::new(&[]).await;
        world.emulator.inject(Fault::every(operation, FaultKind::Denied));
        let error = reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(std::error::Error::source(&error).is_some() && !error.is_repository_missing());
    }
    let world = World::new(&[]).await;
    let error = reconcile(&world.client, "nowhere", &settings(), &selects).await.unwrap_err();
    assert!(error.is_repository_missing(), "{error:?}");
}

#[tokio::test]
async fn a_writer_that_never_gives_way_is_not_fought_for_ever() {
    let world = World::new(&[]).await;
    let list = [trigger("theirs", TOPIC, &[], &[Event::All])];
    let client = meddler(&world, "GetRepositoryTriggers", 0..usize::MAX, &list);
    let error = reconcile(&client, REPOSITORY, &settings(), &selects).await.unwrap_err();
    assert_eq!(error.code(), "TriggersContended");
}

/// Makes a client for which another owner writes first at the n-th call of an operation, counted from 0.
fn meddled(world: &World, operation: &'static str, nth: usize, list: &[Trigger]) -> Client {
    meddler(world, operation, nth..nth + 1, list)
}

fn meddler(world: &World, operation: &'static str, when: std::ops::Range<usize>, list: &[Trigger]) -> Client {
    let (other, list, seen) = (world.client.clone(), list.to_vec(), Arc::default());
    Client::from_conf(config(&world.emulator).interceptor(Meddler { other, operation, when, list, seen }).build())
}

#[derive(Debug)]
struct Meddler {
    other: Client,
    operation: &'static str,
    when: std::ops::Range<usize>,
    list: Vec<Trigger>,
    seen: Arc<AtomicUsize>,
}

impl Intercept for Meddler {
    fn name(&self) -> &'static str {
        "Meddler"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        if target.ends_with(self.operation) && self.when.contains(&self.seen.fetch_add(1, Ordering::SeqCst)) {
            let (other, list) = (self.other.clone(), self.list.clone());
            let write = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(put(&other, &list));
            };
            std::thread::spawn(write).join().expect("written");
        }
        Ok(())
    }
}
