//! Branches are created and deleted: triggers follow them, and new branches are archived and started at once, over
//! every route.

mod concurrent;
mod handed_over;
mod pushed;
mod routes;

use codecommit_multibranch::Answer;
use codecommit_multibranch::deliver::Found;
use codecommit_multibranch::plan::Reason;
use codecommit_multibranch::triggers::{self, Trigger, TriggerSettings};
use git_archive::object::ObjectId;
use serde_json::{Value, json};

use crate::triggers::custom_resource::{Inbox, properties, request};
use crate::triggers::{LIFECYCLE, UPDATES, check_invariants, foreign, others, trigger};
use crate::world::{NAME, World, event};
use oracle::{CommitText, Repository, Tree};

/// The commits for branches. They are on branches that no setting selects.
const COMMITS: usize = 3;

/// The settings of the lifecycle function.
const SETTINGS: [(&str, &str); 5] = [
    ("BRANCH_TRIGGERS", "on"),
    ("TRIGGER_PREFIX", "dev"),
    ("TRIGGER_FUNCTION_ARN", UPDATES),
    ("BRANCHES", "**,!skip/**"),
    ("SOURCE", "api"),
];

/// Makes a repository with the commits `skip/0`, `skip/1`, …, its lifecycle function, and the function that delivers.
fn world(settings: &[(&str, &str)]) -> World {
    let mut world = World::with(repository(), &[settings, &SETTINGS].concat());
    let delivers = |(name, _): &&(&str, &str)| !["BRANCH_TRIGGERS", "TRIGGER_FUNCTION_ARN"].contains(name);
    world.updates =
        Some(world.instance(&settings.iter().chain(&SETTINGS).filter(delivers).copied().collect::<Vec<_>>()));
    // Lambda gives the ARN with an alias.
    world.function.invoked_as(&format!("{LIFECYCLE}:live"));
    world
}

fn repository() -> Repository {
    let mut stream = Vec::new();
    for number in 0..COMMITS {
        let mut tree = Tree::default();
        tree.add("file", "100644", format!("content {number}\n"));
        stream.extend(tree.commit(&format!("refs/heads/skip/{number}"), &CommitText::default()));
    }
    let repository = Repository::import(&stream);
    // Each commit descends from the one before it.
    for number in 1..COMMITS {
        let (branch, parent) = (format!("refs/heads/skip/{number}"), format!("refs/heads/skip/{}", number - 1));
        crate::world::move_on(&repository, &branch, &parent, &format!("{branch}^{{tree}}"));
    }
    repository
}

fn owned() -> TriggerSettings {
    TriggerSettings { custom_data: None, ..crate::triggers::settings() }
}

impl World {
    fn known(&self, number: usize) -> ObjectId {
        self.repository.id(&format!("refs/heads/skip/{number}"))
    }

    /// Moves a branch to one of the commits.
    fn point(&self, branch: &str, number: usize) -> ObjectId {
        let commit = self.known(number);
        self.repository.run(&["update-ref", &format!("refs/heads/{branch}"), &commit.to_string()], b"");
        commit
    }

    fn delete(&self, branch: &str) {
        self.repository.run(&["update-ref", "-d", &format!("refs/heads/{branch}")], b"");
    }

    async fn triggers(&self) -> Vec<Trigger> {
        triggers::list(&self.aws.codecommit, NAME).await.expect("triggers")
    }

    async fn put(&self, list: &[Trigger]) {
        let list = list.iter().cloned().map(|one| one.try_into().expect("it is whole")).collect();
        let put = self.aws.codecommit.put_repository_triggers().repository_name(NAME).set_triggers(Some(list));
        put.send().await.expect("it is written");
    }

    /// Checks that each existing branch has one trigger, and that the triggers of others are unchanged.
    async fn assert_follows(&self, branches: &[&str], theirs: &[Trigger]) {
        let list = self.triggers().await;
        check_invariants(&list, branches.iter().copied(), &owned());
        assert_eq!(others(&list, &owned()), theirs);
    }
}

fn changed(id: &str, branch: &str, commit: ObjectId, what: &str) -> Value {
    let mut changed = event("branch-updated.json");
    let record = &mut changed["Records"][0];
    record["eventId"] = id.into();
    record["codecommit"]["references"] =
        json!([{ "ref": format!("refs/heads/{branch}"), "commit": commit.to_string(), what: true }]);
    changed
}

fn commits(answer: &Answer) -> Vec<&str> {
    answer.started.iter().map(|run| run.commit.as_str()).collect()
}

#[tokio::test]
async fn a_branchs_life() {
    let world = world(&[]);
    let theirs = [foreign(0), foreign(2), foreign(4)];
    world.put(&theirs).await;
    let first = world.point("feature/x", 0);
    let run = world.started(changed("1", "feature/x", first, "created")).await;
    assert_eq!((run.commit, run.reference), (first.to_string(), "refs/heads/feature/x".to_owned()));
    world.assert_follows(&["feature/x"], &theirs).await;
    // After the same event again, nothing is written and nothing runs again.
    let writes = world.emulator.count("PutRepositoryTriggers");
    let run = world.started(changed("1", "feature/x", first, "created")).await;
    assert_eq!((run.found, world.emulator.count("PutRepositoryTriggers")), (Some(Found::Started), writes));
    // A push is not handled by the lifecycle.
    let second = world.point("feature/x", 1);
    world.emulator.clear_requests();
    world.started(changed("2", "feature/x", second, "updated")).await;
    assert_eq!(world.counts(["GetRepositoryTriggers", "ListBranches"]), [0, 0]);
    world.delete("feature/x");
    let answer = world.handle(changed("3", "feature/x", second, "deleted")).await.unwrap();
    assert_eq!((answer.started.len(), answer.skipped[0].reason), (0, Reason::Deleted));
    world.assert_follows(&[], &theirs).await;
    assert_eq!(world.executions().len(), 2);
}

/// Somebody pushed between the event and the trigger, so no trigger reported that push.
#[tokio::test]
async fn a_branch_that_moved_before_it_had_a_trigger_runs_at_both_commits() {
    let world = world(&[]);
    let (old, new) = (world.known(0), world.point("feature/x", 1));
    let answer = world.handle(changed("1", "feature/x", old, "created")).await.unwrap();
    assert_eq!(commits(&answer), [old.to_string(), new.to_string()]);
    let answer = world.handle(changed("1", "feature/x", old, "created")).await.unwrap();
    assert_eq!((commits(&answer), world.executions().len()), (vec![&*old.to_string(), &*new.to_string()], 2));
    for run in &answer.started {
        assert_eq!(run.found, Some(Found::Started));
    }
}

#[tokio::test]
async fn a_branch_that_is_gone_again_gets_neither_a_trigger_nor_a_run() {
    let world = world(&[]);
    let answer = world.handle(changed("1", "feature/x", world.known(0), "created")).await.unwrap();
    assert_eq!((answer.started.len(), answer.skipped[0].reason), (0, Reason::Gone));
    world.assert_follows(&[], &[]).await;
}

/// A branch that is not selected gets no trigger and no run. A tag is ignored.
#[tokio::test]
async fn what_is_not_selected_is_not_followed() {
    let world = world(&[]);
    let commit = world.known(0);
    let answer = world.handle(changed("1", "skip/0", commit, "created")).await.unwrap();
    assert_eq!((answer.started.len(), answer.skipped[0].reason), (0, Reason::NotSelected));
    world.assert_follows(&[], &[]).await;
    world.emulator.clear_requests();
    let mut tag = changed("2", "x", commit, "created");
    tag["Records"][0]["codecommit"]["references"][0]["ref"] = "refs/tags/v1".into();
    let answer = world.handle(tag).await.unwrap();
    assert_eq!((answer.skipped[0].reason, world.emulator.requests().len()), (Reason::NotABranch, 0));
}

/// If it is off, no trigger is read or written.
#[tokio::test]
async fn by_default_triggers_are_left_alone() {
    let world = World::with(repository(), &[("REPOSITORIES", NAME), ("SOURCE", "api")]);
    let commit = world.point("feature/x", 0);
    world.started(changed("1", "feature/x", commit, "created")).await;
    world.handle(changed("2", "feature/x", commit, "deleted")).await.unwrap();
    world.handle(event("schedule.json")).await.unwrap();
    assert_eq!(world.counts(["GetRepositoryTriggers", "PutRepositoryTriggers", "ListBranches"]), [0, 0, 0]);
}

#[tokio::test]
async fn the_schedule_reconciles_the_repositories_of_the_settings() {
    let world = world(&[("REPOSITORIES", NAME)]);
    let theirs = [foreign(0), foreign(6)];
    world
        .put(&[&theirs[..], &[trigger("dev-7", UPDATES, &["gone"], &[triggers::Event::UpdateReference])]].concat())
        .await;
    let names: Vec<String> = (0..23).map(|number| format!("feature/{number}")).collect();
    for name in &names {
        world.point(name, 0);
    }
    let branches: Vec<&str> = names.iter().map(String::as_str).collect();
    let answer = world.handle(event("schedule.json")).await.unwrap();
    assert_eq!((answer.started.len(), answer.skipped.len()), (0, 0), "old branches do not run");
    assert_eq!(answer.broken_routes, [NAME], "pushes may have been missed");
    world.assert_follows(&branches, &theirs).await;
    let writes = world.emulator.count("PutRepositoryTriggers");
    let answer = world.handle(event("schedule.json")).await.unwrap();
    assert_eq!((world.emulator.count("PutRepositoryTriggers"), answer.broken_routes.len()), (writes, 0));
    // A missing trigger of a deleted branch does not mean a broken route.
    world.delete("feature/3");
    let answer = world.handle(event("schedule.json")).await.unwrap();
    assert_eq!((world.emulator.count("PutRepositoryTriggers"), answer.broken_routes.len()), (writes + 1, 0));
}

/// Without a trigger for each branch, one trigger covers all of them, and other tools may still overwrite it.
#[tokio::test]
async fn the_schedule_repairs_the_one_trigger_on_all_branches() {
    let world = world(&[("REPOSITORIES", NAME), ("BRANCH_TRIGGERS", "off")]);
    let whole = trigger("dev-1", UPDATES, &[], &[triggers::Event::All]);
    let narrowed = trigger("dev-1", UPDATES, &["main"], &[triggers::Event::All]);
    for lost in [vec![foreign(0)], vec![foreign(0), narrowed]] {
        world.put(&lost).await;
        let answer = world.handle(event("schedule.json")).await.unwrap();
        assert_eq!(answer.broken_routes, [NAME], "{lost:?}");
        assert_eq!(world.triggers().await, [foreign(0), whole.clone()]);
    }
    let writes = world.emulator.count("PutRepositoryTriggers");
    let answer = world.handle(event("schedule.json")).await.unwrap();
    assert_eq!((world.emulator.count("PutRepositoryTriggers"), answer.broken_routes.len()), (writes, 0));
    // A new branch is not handled by the lifecycle.
    let commit = world.point("feature/x", 0);
    world.handle(changed("1", "feature/x", commit, "created")).await.unwrap();
    assert_eq!(world.triggers().await, [foreign(0), whole]);
}

/// One function for all repositories knows no list of them: each project's stack has its trigger checked, with its
/// settings.
#[tokio::test]
async fn the_schedule_of_a_project_repairs_its_trigger_and_its_settings() {
    let world = world(&[("REPOSITORIES", "*"), ("BRANCH_TRIGGERS", "off")]);
    let check = event("schedule-project.json");
    let settings = check["check"]["CustomData"].as_str().expect("settings").to_owned();
    let whole = Trigger { custom_data: Some(settings), ..trigger("dev-1", UPDATES, &[], &[triggers::Event::All]) };
    let without_settings = Trigger { custom_data: None, ..whole.clone() };
    for lost in [vec![foreign(0)], vec![foreign(0), without_settings]] {
        world.put(&lost).await;
        let answer = world.handle(check.clone()).await.unwrap();
        assert_eq!(answer.broken_routes, [NAME], "{lost:?}");
        assert_eq!(world.triggers().await, [foreign(0), whole.clone()]);
    }
    let writes = world.emulator.count("PutRepositoryTriggers");
    // The hub's own schedule has no list to check.
    for tick in [check.clone(), event("schedule.json")] {
        let answer = world.handle(tick).await.unwrap();
        assert_eq!((world.emulator.count("PutRepositoryTriggers"), answer.broken_routes.len()), (writes, 0));
    }
    // Another stack's function, and properties that are none.
    for (property, value) in
        [("FunctionArn", json!("arn:aws:lambda:eu-central-1:1:function:x")), ("RepositoryName", json!(5))]
    {
        let mut other = check.clone();
        other["check"][property] = value;
        assert_eq!(world.handle(other).await.unwrap_err().code(), "EventMalformed", "{property}");
    }
}

#[tokio::test]
async fn a_schedule_that_fails_names_the_repository() {
    let world = world(&[("REPOSITORIES", "demo,nowhere")]);
    world.point("feature/x", 0);
    let error = world.handle(event("schedule.json")).await.unwrap_err();
    let told = codecommit::causes::with_causes(&error);
    assert!(told.contains("triggers of nowhere") && told.contains("RepositoryDoesNotExist"), "{told}");
    world.assert_follows(&["feature/x"], &[]).await;
}

/// The triggers cannot be written: the first commit still runs, and the failure is reported.
#[tokio::test]
async fn triggers_that_cannot_be_written_do_not_hold_up_the_run() {
    let world = world(&[]);
    let commit = world.point("feature/x", 0);
    world.inject("PutRepositoryTriggers:every:denied");
    let failed = world.failed(changed("1", "feature/x", commit, "created")).await;
    assert!(failed.to_string().contains("AccessDenied"), "{failed}");
    assert_eq!(world.executions().len(), 1);
    // The next delivery writes them, and does not start another run.
    world.emulator.clear_faults();
    let run = world.started(changed("1", "feature/x", commit, "created")).await;
    assert_eq!((run.found, world.executions().len()), (Some(Found::Started), 1));
    world.assert_follows(&["feature/x"], &[]).await;
}

#[tokio::test]
async fn events_of_a_repository_that_is_not_allowed_are_refused() {
    for allowed in
        ["other", "arn:aws:codecommit:eu-central-1:111111111111:demo", "arn:aws:codecommit:us-east-1:123456789012:demo"]
    {
        let world = world(&[("REPOSITORIES", allowed)]);
        let commit = world.point("feature/x", 0);
        for what in ["created", "updated", "deleted"] {
            let failed = world.failed(changed(what, "feature/x", commit, what)).await;
            assert_eq!((failed.error.code(), failed.error.is_permanent()), ("RepositoryRefused", true));
        }
        assert_eq!(world.emulator.requests().len(), 0, "{allowed}");
    }
    let world = world(&[("REPOSITORIES", "arn:aws:codecommit:eu-central-1:123456789012:demo")]);
    let commit = world.point("feature/x", 0);
    world.started(changed("1", "feature/x", commit, "created")).await;
}

/// The trigger is still made, because the next push may want a run.
#[tokio::test]
async fn a_commit_that_asks_for_no_run_gets_none() {
    for (message, runs) in [
        ("Typo [skip ci]\n", false),
        ("Typo\n\nLong text.\n[CI SKIP]\n", false),
        ("Typo [skip-ci]\n", true),
        ("Typo [skip  ci]\n", true),
    ] {
        let world = world(&[]);
        let mut tree = Tree::default();
        tree.add("file", "100644", "content\n");
        let text = CommitText { message: message.into(), ..CommitText::default() };
        world.repository.run(&["fast-import", "--quiet", "--date-format=raw"], &tree.commit("refs/heads/x", &text));
        let commit = world.repository.id("refs/heads/x");
        let answer = world.handle(changed("1", "x", commit, "created")).await.unwrap();
        assert_eq!(answer.started.len(), usize::from(runs), "{message}");
        assert_eq!(world.executions().len(), usize::from(runs), "{message}");
        let answer = serde_json::to_value(&answer).unwrap();
        assert_eq!(answer["skipped"][0]["reason"] == "skip-ci", !runs, "{answer}");
        world.assert_follows(&["x"], &[]).await;
    }
}

#[tokio::test]
async fn the_stacks_custom_resource_connects_and_disconnects() {
    let (world, inbox) = (world(&[]), Inbox::new(&[200]));
    let theirs = [foreign(0)];
    world.put(&theirs).await;
    world.point("feature/x", 0);
    world.point("feature/y", 0);
    let named = |branches: &str| {
        let mut properties = properties(NAME);
        properties["Branches"] = branches.into();
        properties
    };
    let handled = async |event: Value| {
        let answer = world.handle(event).await.expect("it is answered").custom_resource.expect("an answer");
        (answer, inbox.next().1)
    };
    let (_, created) = handled(request("Create", &inbox, &named("**,!skip/**"))).await;
    assert_eq!(created["Status"], "SUCCESS", "{created}");
    world.assert_follows(&["feature/x", "feature/y"], &theirs).await;
    let mut update = request("Update", &inbox, &named("**/x"));
    update["PhysicalResourceId"] = created["PhysicalResourceId"].clone();
    update["OldResourceProperties"] = named("**,!skip/**");
    assert_eq!(handled(update).await.1["Status"], "SUCCESS");
    world.assert_follows(&["feature/x"], &theirs).await;
    // Globs as in the settings. An invalid one is answered with its reason.
    let (answer, wrong) = handled(request("Create", &inbox, &named("!x"))).await;
    assert_eq!((&wrong["Status"], wrong["Reason"].as_str()), (&json!("FAILED"), Some(answer.reason.as_str())));
    assert!(answer.reason.contains("includes no branch"), "{}", answer.reason);
    let mut delete = request("Delete", &inbox, &named("**/x"));
    delete["PhysicalResourceId"] = created["PhysicalResourceId"].clone();
    assert_eq!(handled(delete).await.1["Status"], "SUCCESS");
    assert_eq!(world.triggers().await, theirs);
    assert!(world.executions().is_empty());
}
