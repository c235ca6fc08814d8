//! The events of pushed references; the test acts as the function.

use aws_sdk_codecommit::types::{RepositoryTrigger, RepositoryTriggerEventEnum as Event};
use emulator::Emulator;
use serde_json::{Value, json};

use crate::support::{World, control, git, git_command, http};

const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:updates";

fn trigger(name: &str, branches: &[&str], events: &[Event]) -> RepositoryTrigger {
    RepositoryTrigger::builder()
        .name(name)
        .destination_arn(FUNCTION)
        .set_branches(Some(branches.iter().map(|&branch| branch.to_owned()).collect()))
        .set_events(Some(events.to_vec()))
        .custom_data(format!("data of {name}"))
        .build()
        .expect("all members are there")
}

async fn put(world: &World, triggers: Vec<RepositoryTrigger>) -> String {
    let put = world.client().put_repository_triggers().repository_name("fixture").set_triggers(Some(triggers));
    put.send().await.expect("good triggers").configuration_id().expect("an id").to_owned()
}

/// Takes the next event as a runtime, and answers it.
fn next(emulator: &Emulator) -> Value {
    let next = http(emulator, "GET", "/2018-06-01/runtime/invocation/next", "", "");
    let id = next.header("lambda-runtime-aws-request-id").expect("an event");
    http(emulator, "POST", &format!("/2018-06-01/runtime/invocation/{id}/response"), "", "null");
    next.json()
}

/// Checks that no event is waiting: an event of the test's own comes first.
fn nothing_waits(emulator: &Emulator) {
    let headers = "X-Amz-Invocation-Type: Event\r\n";
    http(emulator, "POST", "/2015-03-31/functions/updates/invocations", headers, r#""last""#);
    assert_eq!(next(emulator), json!("last"));
}

/// Returns a clone with one new commit.
fn working_copy(world: &World) -> std::path::PathBuf {
    git(world.folder.path(), &["clone", "--quiet", &world.emulator.clone_url("fixture"), "copy"]);
    let copy = world.path("copy");
    git(&copy, &["commit", "--quiet", "--allow-empty", "--message=New"]);
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_sends_the_event_of_codecommit() {
    let world = World::new();
    let configuration = put(&world, vec![trigger("all", &[], &[Event::All])]).await;
    let copy = working_copy(&world);
    git(&copy, &["push", "--quiet", "origin", "HEAD:main"]);
    let mut event = next(&world.emulator);
    let record = &mut event["Records"][0];
    assert!(record["eventTime"].as_str().unwrap().ends_with("+0000"));
    assert_eq!(record["eventId"].as_str().unwrap().len(), 36);
    record["eventTime"] = Value::Null;
    record["eventId"] = Value::Null;
    assert_eq!(
        *record,
        json!({
            "awsRegion": "eu-central-1",
            "codecommit": { "references": [{ "commit": git(&copy, &["rev-parse", "HEAD"]), "ref": "refs/heads/main" }] },
            "customData": "data of all",
            "eventId": null,
            "eventName": "ReferenceChanges",
            "eventPartNumber": 1,
            "eventSource": "aws:codecommit",
            "eventSourceARN": "arn:aws:codecommit:eu-central-1:123456789012:fixture",
            "eventTime": null,
            "eventTotalParts": 1,
            "eventTriggerConfigId": configuration,
            "eventTriggerName": "all",
            "eventVersion": "1.0",
            "userIdentityARN": "arn:aws:iam::123456789012:user/emulator",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn created_deleted_and_updated_references_come_together() {
    let world = World::new();
    put(&world, vec![trigger("all", &[], &[Event::All])]).await;
    let old = world.git(&["rev-parse", "feature/a/b"]);
    let copy = working_copy(&world);
    let new = git(&copy, &["rev-parse", "HEAD"]);
    git(&copy, &["tag", "v2"]);
    git(&copy, &["push", "--quiet", "origin", "HEAD:main", "HEAD:refs/heads/x/y", ":feature/a/b", "v2"]);
    assert_eq!(
        next(&world.emulator)["Records"][0]["codecommit"]["references"],
        json!([
            { "commit": old, "deleted": true, "ref": "refs/heads/feature/a/b" },
            { "commit": new, "ref": "refs/heads/main" },
            { "commit": new, "created": true, "ref": "refs/heads/x/y" },
            { "commit": new, "created": true, "ref": "refs/tags/v2" },
        ])
    );
    nothing_waits(&world.emulator);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_trigger_gets_what_it_asked_for() {
    let world = World::new();
    let elsewhere = trigger("elsewhere", &[], &[Event::All]);
    let elsewhere = RepositoryTrigger::builder()
        .name(elsewhere.name())
        .destination_arn("arn:aws:sns:eu-central-1:123456789012:topic")
        .set_branches(Some(vec![]))
        .events(Event::All)
        .build()
        .unwrap();
    let triggers = vec![
        elsewhere,
        trigger("new", &[], &[Event::CreateReference]),
        trigger("main", &["main"], &[Event::UpdateReference, Event::DeleteReference]),
        trigger("other", &["other"], &[Event::All]),
    ];
    put(&world, triggers).await;
    let copy = working_copy(&world);
    git(&copy, &["push", "--quiet", "origin", "HEAD:main", "HEAD:refs/heads/new"]);
    let mut names = [next(&world.emulator), next(&world.emulator)].map(|event| {
        let record = &event["Records"][0];
        let reference = record["codecommit"]["references"][0]["ref"].as_str().unwrap();
        format!("{} {reference}", record["eventTriggerName"].as_str().unwrap())
    });
    names.sort();
    assert_eq!(names, ["main refs/heads/main", "new refs/heads/new"]);
    nothing_waits(&world.emulator);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_push_sends_nothing() {
    let world = World::new();
    put(&world, vec![trigger("all", &[], &[Event::All])]).await;
    let copy = working_copy(&world);
    world.git(&["config", "receive.denyNonFastForwards", "true"]);
    git(&copy, &["reset", "--quiet", "--hard", "HEAD~2"]);
    git(&copy, &["commit", "--quiet", "--allow-empty", "--message=Aside"]);
    let push = ["push", "--quiet", "--force", "origin", "HEAD:main"];
    let push = git_command(&copy, &push).output().unwrap();
    let said = String::from_utf8_lossy(&push.stderr);
    assert!(said.contains("[remote rejected]"), "{said}");
    assert!(!push.status.success());
    nothing_waits(&world.emulator);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_sends_the_last_commit() {
    let world = World::new();
    let test = world.client().test_repository_triggers().repository_name("fixture");
    let answer = test.triggers(trigger("try", &[], &[Event::All])).send().await.unwrap();
    assert_eq!(answer.successful_executions(), ["try"]);
    let record = &next(&world.emulator)["Records"][0];
    assert_eq!(record["eventName"], "TriggerEventTest");
    assert_eq!(
        record["codecommit"]["references"],
        json!([{ "commit": world.git(&["rev-parse", "main"]), "ref": "refs/heads/main" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_other_means_can_be_told() {
    let world = World::new();
    put(&world, vec![trigger("all", &[], &[Event::All])]).await;
    let notify = |branch: &str, old: Option<&str>| {
        let notice = json!({ "repository": "fixture", "branch": branch, "old": old }).to_string();
        control(&world.emulator, "POST", "notify", &notice)
    };
    let reference = || next(&world.emulator)["Records"][0]["codecommit"]["references"][0].clone();
    let [main, first] = ["main", "first"].map(|name| world.git(&["rev-parse", name]));
    assert_eq!(notify("main", Some(&first)).json(), json!({ "sent": ["all"] }));
    assert_eq!(reference(), json!({ "commit": main, "ref": "refs/heads/main" }));
    notify("main", None);
    assert_eq!(reference(), json!({ "commit": main, "created": true, "ref": "refs/heads/main" }));
    notify("gone", Some(&first));
    assert_eq!(reference(), json!({ "commit": first, "deleted": true, "ref": "refs/heads/gone" }));
    assert_eq!(notify("main", Some(&main)).json(), json!({ "sent": [] }));
    assert_eq!(notify("absent", None).status(), 400);
    nothing_waits(&world.emulator);
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_made_and_deleted_by_the_api_send_events() {
    let world = World::new();
    put(&world, vec![trigger("all", &[], &[Event::All])]).await;
    let (client, main) = (world.client(), world.git(&["rev-parse", "main"]));
    let reference = || next(&world.emulator)["Records"][0]["codecommit"]["references"][0].clone();
    let create = client.create_branch().repository_name("fixture").branch_name("made").commit_id(&main);
    create.send().await.expect("the branch is new");
    assert_eq!(reference(), json!({ "commit": main, "created": true, "ref": "refs/heads/made" }));
    let delete = client.delete_branch().repository_name("fixture").branch_name("made");
    delete.clone().send().await.expect("the branch is deleted");
    assert_eq!(reference(), json!({ "commit": main, "deleted": true, "ref": "refs/heads/made" }));
    delete.send().await.expect("the deletion of an unknown branch succeeds");
    nothing_waits(&world.emulator);
}
