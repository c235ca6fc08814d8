//! Many branches are created and deleted at once, with a call for each: no trigger of others is lost, and none of
//! ours remains.

use std::sync::Arc;
use std::time::Duration;

use codecommit_multibranch::triggers::{Applied, TriggersError, connect, reconcile};
use tokio::task::JoinSet;

use super::world::{REPOSITORY, World};
use super::{check_invariants, foreign, others, selects, settings};

const DEADLINE: Duration = Duration::from_mins(2);
/// Lambda's number: an event that failed is tried twice more.
const TRIES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_branches_at_once_beside_triggers_of_others() {
    tokio::time::timeout(DEADLINE, many_branches()).await.expect("done in time");
}

async fn many_branches() {
    let theirs = [foreign(0), foreign(2), foreign(4), foreign(6)];
    let world = Arc::new(World::new(&theirs).await);
    let names: Vec<String> = (0..40).map(|number| format!("feature/{number}")).collect();
    let old: Vec<String> = (0..20).map(|number| format!("old/{number}")).collect();
    world.create(old.iter().map(String::as_str));
    let first = reconcile(&world.client, REPOSITORY, &settings(), &selects).await;
    first.expect("old branches are covered");

    let mut events = JoinSet::new();
    for number in 0..40 {
        if number % 2 == 0 {
            world.delete([old[number / 2].as_str()]);
        }
        world.create([names[number].as_str()]);
        let world = Arc::clone(&world);
        events.spawn(async move { as_lambda_would(&world).await });
    }
    let mut reported = Vec::new();
    while let Some(outcome) = events.join_next().await {
        reported.extend(outcome.expect("no panic").expect("done").newly_covered);
    }

    let triggers = world.triggers().await;
    assert_eq!(others(&triggers, &settings()), theirs);
    check_invariants(&triggers, names.iter().map(String::as_str).chain(["main"]), &settings());
    assert!(names.iter().all(|name| reported.contains(name)), "somebody reads the tip of each: {reported:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_projects_that_share_a_repository() {
    let world = Arc::new(World::new(&[foreign(0)]).await);
    let second = codecommit_multibranch::triggers::TriggerSettings {
        prefix: "dev-2".into(),
        updates_arn: "arn:aws:lambda:eu-central-1:123456789012:function:second".into(),
        lifecycle_arn: None,
        custom_data: None,
    };
    for _ in 0..5 {
        connect(&world.client, REPOSITORY, &second, &selects).await.unwrap();
        reconcile(&world.client, REPOSITORY, &settings(), &selects).await.unwrap();
    }
    let names: Vec<String> = world.triggers().await.into_iter().map(|trigger| trigger.name).collect();
    assert_eq!(names, ["team-0", "dev-2-1", "dev-lifecycle", "dev-1"]);
}

async fn as_lambda_would(world: &World) -> Result<Applied, TriggersError> {
    let mut outcome = reconcile(&world.client, REPOSITORY, &settings(), &selects).await;
    for _ in 1..TRIES {
        if outcome.is_err() {
            outcome = reconcile(&world.client, REPOSITORY, &settings(), &selects).await;
        }
    }
    outcome
}
