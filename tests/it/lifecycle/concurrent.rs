//! Many branches at once, each event with an invocation of its own.

use codecommit_multibranch::{Answer, error::Error};
use futures_util::future::join_all;
use serde_json::Value;

use super::{changed, world};
use crate::triggers::foreign;
use crate::world::World;

/// Lambda's: an event that failed is tried twice more.
const TRIES: usize = 3;

async fn as_lambda_would(world: &World, event: Value) -> Result<Answer, Error> {
    let mut done = world.handle(event.clone()).await;
    for _ in 1..TRIES {
        if done.is_err() {
            done = world.handle(event.clone()).await;
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
    let done = join_all(events.into_iter().map(|event| as_lambda_would(&world, event))).await;
    let answers: Vec<Answer> = done.into_iter().map(|done| done.expect("it is done in three tries")).collect();
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
