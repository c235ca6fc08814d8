//! Real pushes with git to the emulator's Git endpoint, its triggers, and the built function behind them.

use std::path::PathBuf;
use std::time::Duration;

use codecommit_multibranch::triggers::{self, Trigger};
use emulator::codepipeline::Execution;
use emulator::{Emulator, Options};
use serde_json::Value;

use super::repository;
use crate::triggers::trigger;
use crate::world::{BUCKET, KEY, NAME, PIPELINE, event, in_time, until};
use oracle::Repository;

struct Pushed {
    emulator: Emulator,
    /// The local repository that pushes.
    here: Repository,
    _there: Repository,
}

impl Pushed {
    /// Starts with an empty emulated repository. One function does both parts, and the schedule creates its triggers.
    async fn start(theirs: &[Trigger]) -> Self {
        let there = Repository::import(b"");
        let variables = [
            ("BRANCH_TRIGGERS", "on"),
            ("TRIGGER_PREFIX", "dev"),
            ("REPOSITORIES", NAME),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ];
        let options = Options {
            repository: vec![(NAME.to_owned(), there.path().to_owned())],
            function: Some(PathBuf::from(env!("CARGO_BIN_EXE_updates"))),
            environment: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            quiet: true,
            bucket: Some(BUCKET.to_owned()),
            pipeline: Some(PIPELINE.to_owned()),
            timeout: Duration::from_secs(100),
            ..Options::default()
        };
        let emulator = Emulator::start(options).expect("loopback has a free port");
        let list: Vec<Value> = theirs.iter().map(declared).collect();
        let input = serde_json::json!({ "repositoryName": NAME, "triggers": list });
        emulator.codecommit("PutRepositoryTriggers", input).await.expect("it is written");
        in_time(emulator.invoke(event("schedule.json"))).await.expect("the triggers are brought there");
        Self { emulator, here: repository(), _there: there }
    }

    /// Pushes each of these lists of refspecs, and waits until this many events are handled.
    async fn push(&self, refspecs: &[&[&str]], events: usize) {
        let before = self.emulator.deliveries().len();
        let url = self.emulator.clone_url(NAME);
        for refspecs in refspecs {
            let here = &self.here;
            let arguments = [&["push", "--quiet", "--force", &url], *refspecs].concat();
            tokio::task::block_in_place(|| here.run(&arguments, b""));
        }
        until("the events of the push", || self.emulator.deliveries().len() >= before + events).await;
        let deliveries = self.emulator.deliveries();
        let failed: Vec<_> = deliveries.iter().filter_map(|delivery| delivery.outcome.as_ref().err()).collect();
        assert!(failed.is_empty(), "{failed:?}");
    }

    /// Returns the commits of the runs, from the comments of their archives, with the oldest run first.
    fn runs(&self) -> Vec<String> {
        self.emulator.codepipeline().executions(PIPELINE).iter().map(|execution| self.commit_of(execution)).collect()
    }

    /// Returns the commits of one branch's runs. Runs of other branches may still follow.
    fn runs_of(&self, branch: &str) -> Vec<String> {
        let executions = self.emulator.codepipeline().executions(PIPELINE);
        let told = ("BRANCH_NAME".to_owned(), branch.to_owned());
        let of_branch = executions.iter().filter(|execution| execution.variables.contains(&told));
        of_branch.map(|execution| self.commit_of(execution)).collect()
    }

    fn commit_of(&self, execution: &Execution) -> String {
        let version = &execution.revisions[0].id;
        let object = self.emulator.store().object(BUCKET, KEY, Some(version)).expect("it is stored");
        let bytes = object.bytes().expect("it is readable");
        String::from_utf8(bytes[bytes.len() - 40..].to_vec()).expect("the comment")
    }

    fn commit(&self, number: usize) -> String {
        self.here.id(&format!("refs/heads/skip/{number}")).to_string()
    }

    /// Returns the branches whose pushes have a trigger.
    async fn followed(&self) -> Vec<String> {
        let mut branches: Vec<String> = self.triggers().await.into_iter().flat_map(|one| one.1).collect();
        branches.sort();
        branches
    }

    async fn triggers(&self) -> Vec<(String, Vec<String>)> {
        let input = serde_json::json!({ "repositoryName": NAME });
        let answer = self.emulator.codecommit("GetRepositoryTriggers", input).await.expect("they are read");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let named =
            |one: &Value| (text(&one["name"]), one["branches"].as_array().into_iter().flatten().map(text).collect());
        answer["triggers"].as_array().into_iter().flatten().map(named).collect()
    }
}

fn declared(trigger: &Trigger) -> Value {
    let events: Vec<&str> = trigger.events.iter().map(triggers::Event::as_str).collect();
    serde_json::json!({
        "name": trigger.name, "destinationArn": trigger.destination_arn, "branches": trigger.branches, "events": events,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_are_created_pushed_and_deleted() {
    let theirs = trigger("team", crate::triggers::LIFECYCLE, &["feature/a"], &[triggers::Event::All]);
    let pushed = Pushed::start(std::slice::from_ref(&theirs)).await;
    let [first, second, third] = [0, 1, 2].map(|number| pushed.commit(number));
    pushed.push(&[&["skip/0:refs/heads/feature/a"]], 1).await;
    assert_eq!(pushed.runs(), std::slice::from_ref(&first));
    pushed.push(&[&["skip/1:refs/heads/feature/a"]], 1).await;
    assert_eq!(pushed.runs(), [first.clone(), second.clone()]);
    // Two pushes at once, one of them of a new branch. The tag and the trunk have no effect.
    let both = ["skip/2:refs/heads/feature/a", "skip/1:refs/heads/b", "skip/0:refs/heads/main", "skip/0:refs/tags/v1"];
    pushed.push(&[&both], 2).await;
    let mut runs = pushed.runs().split_off(2);
    runs.sort();
    let mut expected = [second.clone(), third.clone()];
    expected.sort();
    assert_eq!(runs, expected);
    assert_eq!(pushed.followed().await, ["b", "feature/a", "feature/a"]);
    pushed.push(&[&[":refs/heads/feature/a"]], 1).await;
    assert_eq!((pushed.followed().await, pushed.runs().len()), (vec!["b".to_owned(), "feature/a".to_owned()], 4));
    assert_eq!(pushed.triggers().await[0], ("team".to_owned(), vec!["feature/a".to_owned()]));
    // The branch is created again with the same name.
    pushed.push(&[&["skip/0:refs/heads/feature/a"]], 1).await;
    assert_eq!(pushed.runs()[4..], [first]);
}

/// The second push may come before the branch has its trigger, and then the tip is read. If it comes later, there is
/// an event.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_right_behind_the_creation_is_not_lost() {
    let pushed = Pushed::start(&[]).await;
    let both = [pushed.commit(0), pushed.commit(1)];
    for branch in ["a", "b", "c"] {
        let [create, push] = ["skip/0", "skip/1"].map(|commit| format!("{commit}:refs/heads/{branch}"));
        pushed.push(&[&[&create], &[&push]], 1).await;
        until("both commits run", || {
            let runs = pushed.runs_of(branch);
            both.iter().all(|commit| runs.contains(commit))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_branches_in_one_push() {
    let pushed = Pushed::start(&[]).await;
    let names: Vec<String> = (0..12).map(|number| format!("many/{number:02}")).collect();
    let create: Vec<String> = names.iter().map(|name| format!("skip/0:refs/heads/{name}")).collect();
    pushed.push(&[&create.iter().map(String::as_str).collect::<Vec<_>>()], 1).await;
    assert_eq!((pushed.runs().len(), pushed.followed().await), (12, names.clone()));
    let delete: Vec<String> = names[..7].iter().map(|name| format!(":refs/heads/{name}")).collect();
    pushed.push(&[&delete.iter().map(String::as_str).collect::<Vec<_>>()], 1).await;
    assert_eq!((pushed.runs().len(), pushed.followed().await), (12, names[7..].to_vec()));
}
