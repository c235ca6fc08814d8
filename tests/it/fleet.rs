//! One function for fifty repositories, each with several pipelines, whose pushes come by triggers and by rules. No
//! event starts another repository's pipeline, whatever its settings say.

use std::collections::{BTreeMap, BTreeSet};

use codecommit_multibranch::Function;
use codecommit_multibranch::error::Error;
use emulator::Emulator;
use futures_util::stream::{self, StreamExt};
use git_archive::object::ObjectId;
use oracle::{CommitText, Repository, Tree};
use serde_json::{Value, json};

use crate::world::{BRANCH, BUCKET, PIPELINE, event, function, in_time};

/// The most events that are handled at once.
const AT_ONCE: usize = 16;
const REPOSITORIES: usize = 50;
const SETTINGS: [(&str, &str); 6] = [
    ("PIPELINE_NAME", "{repository}-dev"),
    ("PIPELINES", "{repository}-*"),
    ("REPOSITORIES", "*"),
    ("BRANCHES", "**"),
    ("SOURCE", "api"),
    ("CACHE", "off"),
];

struct Fleet {
    emulator: Emulator,
    function: Function,
    repositories: Vec<(String, Repository)>,
}

/// A run as (pipeline, repository, branch, commit).
type Started = (String, String, String, String);

impl Fleet {
    /// Makes repositories with the pipelines `dev`, `api` and `web` each. The name of every second one begins with the
    /// name of the one before.
    async fn start(count: usize, settings: &[(&str, &str)]) -> Self {
        let repositories = (0..count).map(|number| {
            let name = if number % 2 == 0 { format!("team{number}") } else { format!("team{}-x", number - 1) };
            let mut tree = Tree::default();
            tree.add("name", "100644", name.clone());
            let text = CommitText::default();
            let branches = [BRANCH, "refs/heads/fix", "refs/heads/wip/a"];
            (name, Repository::import(&branches.map(|branch| tree.commit(branch, &text)).concat()))
        });
        let repositories: Vec<(String, Repository)> = repositories.collect();
        let served = repositories.iter().map(|(name, made)| (name.clone(), made.path().to_owned())).collect();
        let (bucket, pipeline) = (Some(BUCKET.to_owned()), Some(PIPELINE.to_owned()));
        let options = emulator::Options { repository: served, bucket, pipeline, ..Default::default() };
        let emulator = Emulator::start(options).expect("loopback has a free port");
        let function = function(&emulator, settings);
        let fleet = Self { emulator, function, repositories };
        for (name, _) in &fleet.repositories {
            for kind in ["dev", "api", "web"] {
                fleet.declare(&format!("{name}-{kind}"), &format!("{name}/{kind}.zip")).await;
            }
        }
        fleet
    }

    /// Declares a pipeline that reads this key.
    async fn declare(&self, name: &str, key: &str) {
        let service = self.emulator.codepipeline();
        let mut model = service.call("GetPipeline", json!({ "name": PIPELINE })).await.expect("it is there");
        let declaration = &mut model["pipeline"];
        declaration["name"] = name.into();
        declaration["stages"][0]["actions"][0]["configuration"]["S3ObjectKey"] = key.into();
        service.create_idle(&json!({ "pipeline": declaration })).expect("it may be so");
    }

    async fn handle(&self, event: Value) -> Result<usize, Vec<&'static str>> {
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(5);
        match in_time(Box::pin(self.function.handle(event, deadline))).await {
            Ok(answer) => Ok(answer.started.len()),
            Err(Error::References { failed, .. }) => {
                assert!(failed.iter().all(|one| one.error.is_permanent()), "{failed:?}");
                Err(failed.iter().map(|one| one.error.code()).collect())
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    /// Returns every run that was started by a token, as the service shows it.
    fn runs(&self) -> BTreeSet<Started> {
        let mut all = BTreeSet::new();
        let declared =
            self.repositories.iter().flat_map(|(name, _)| ["dev", "api", "web"].map(|kind| format!("{name}-{kind}")));
        for pipeline in declared {
            for execution in self.emulator.codepipeline().executions(&pipeline) {
                let variables: BTreeMap<_, _> = execution.variables.into_iter().collect();
                let [repository, branch, commit] =
                    ["REPOSITORY_NAME", "BRANCH_NAME", "COMMIT_ID"].map(|name| variables[name].clone());
                assert!(all.insert((pipeline.clone(), repository, branch, commit)), "{pipeline}: a run more than once");
            }
        }
        all
    }
}

/// A push as EventBridge sends it.
fn bridged(id: &str, repository: &str, branch: &str, commit: ObjectId) -> Value {
    let mut event = event("eventbridge-updated.json");
    event["id"] = id.into();
    event["resources"][0] = format!("arn:aws:codecommit:eu-central-1:123456789012:{repository}").into();
    event["detail"]["repositoryName"] = repository.into();
    event["detail"]["referenceFullName"] = branch.into();
    event["detail"]["commitId"] = commit.to_string().into();
    event
}

/// A push as a trigger or a rule sends it, with or without the settings of a project.
fn sent(by_rule: bool, id: &str, repository: &str, branch: &str, commit: ObjectId, settings: Option<&Value>) -> Value {
    if by_rule {
        let event = bridged(id, repository, branch, commit);
        return settings.map_or(event.clone(), |settings| json!({ "settings": settings, "event": event }));
    }
    let mut pushed = crate::world::pushed(id, &[(branch, commit)]);
    let record = &mut pushed["Records"][0];
    record["eventSourceARN"] = format!("arn:aws:codecommit:eu-central-1:123456789012:{repository}").into();
    record["customData"] = settings.map_or(Value::Null, |settings| settings.to_string().into());
    pushed
}

/// Handles many events at once, and returns what each of them has led to.
async fn handled(fleet: &Fleet, events: Vec<Value>) -> Vec<Result<usize, Vec<&'static str>>> {
    stream::iter(events).map(|event| fleet.handle(event)).buffered(AT_ONCE).collect().await
}

#[tokio::test]
async fn fifty_repositories_run_their_own_pipelines_and_no_others() {
    let fleet = Fleet::start(REPOSITORIES, &SETTINGS).await;
    let (mut events, mut wanted) = (Vec::new(), BTreeSet::new());
    for (number, (name, repository)) in fleet.repositories.iter().enumerate() {
        for (index, branch) in [BRANCH, "refs/heads/fix", "refs/heads/wip/a"].into_iter().enumerate() {
            let short = &branch["refs/heads/".len()..];
            let commit = repository.id(branch);
            // A project with settings for two pipelines, and every third one without any.
            let (by_rule, id) = ((number + index) % 2 == 0, format!("{name} {short}"));
            if number % 3 == 0 {
                events.push(sent(by_rule, &id, name, branch, commit, None));
                wanted.insert((format!("{name}-dev"), name.clone(), short.to_owned(), commit.to_string()));
                continue;
            }
            for (kind, branches) in [("api", "**,!wip/**"), ("web", "fix")] {
                let settings = json!({ "pipeline_name": format!("{name}-{kind}"), "branches": branches });
                events.push(sent(by_rule, &id, name, branch, commit, Some(&settings)));
                if short == "fix" || (kind == "api" && !short.starts_with("wip/")) {
                    wanted.insert((format!("{name}-{kind}"), name.clone(), short.to_owned(), commit.to_string()));
                }
            }
        }
    }
    // Events are delivered at least once.
    for _ in 0..2 {
        for outcome in handled(&fleet, events.clone()).await {
            outcome.expect("every push is allowed");
        }
        assert_eq!(fleet.runs(), wanted);
    }
    // Each pipeline has the files of its own repository.
    for (name, repository) in &fleet.repositories {
        for kind in ["dev", "api", "web"] {
            let key = format!("{name}/{kind}.zip");
            for version in fleet.emulator.store().versions(BUCKET, &key) {
                let bytes = version.object.expect("no marker").bytes().expect("it is in memory").to_vec();
                oracle::zip::assert_same(&bytes, &repository.zip(&[], BRANCH));
            }
        }
    }
}

/// Whoever may change a repository's trigger or write a rule can put any settings there.
#[tokio::test]
async fn no_settings_start_another_repositorys_pipeline() {
    // Here the names alone do not protect: every pipeline may be named.
    for (pipelines, code) in [("*", "KeyRefused"), ("{repository}-*", "PipelineRefused"), ("", "PipelineRefused")] {
        let mut settings = SETTINGS;
        settings[1].1 = pipelines;
        let fleet = Fleet::start(4, &settings).await;
        let mut events = Vec::new();
        for (attacker, repository) in &fleet.repositories {
            for (victim, _) in fleet.repositories.iter().filter(|(name, _)| name != attacker) {
                for kind in ["dev", "api", "web"] {
                    for by_rule in [true, false] {
                        let settings =
                            json!({ "pipeline_name": format!("{victim}-{kind}"), "source_action": "Source" });
                        let id = format!("{attacker} {victim} {kind} {by_rule}");
                        events.push(sent(by_rule, &id, attacker, BRANCH, repository.id(BRANCH), Some(&settings)));
                    }
                }
            }
        }
        for (outcome, event) in handled(&fleet, events.clone()).await.into_iter().zip(events) {
            let codes = outcome.expect_err("it is refused");
            // `team0-*` also stands for the pipelines of team0-x: then the key protects.
            assert!(codes == [code] || codes == ["KeyRefused"], "{pipelines:?}: {codes:?} for {event}");
        }
        assert_eq!(fleet.runs(), BTreeSet::new(), "{pipelines:?}");
        assert_eq!(fleet.emulator.count("PutObject"), 0, "{pipelines:?}");
    }
}

/// The names of events are data: a glob, a placeholder or another account in them leads nowhere.
#[tokio::test]
async fn names_in_settings_are_taken_literally() {
    let fleet = Fleet::start(2, &SETTINGS).await;
    let (name, repository) = &fleet.repositories[0];
    for pipeline in ["{repository}-dev", "*", "team0-*", "../team0-dev", "team0-dev/x"] {
        let settings = json!({ "pipeline_name": pipeline });
        let event = sent(true, pipeline, name, BRANCH, repository.id(BRANCH), Some(&settings));
        assert_eq!(fleet.handle(event).await, Err(vec!["CustomDataInvalid"]), "{pipeline}");
    }
    assert_eq!(fleet.runs(), BTreeSet::new());
}

/// A pipeline whose key is no repository's runs none, and one whose key changes is read again.
#[tokio::test]
async fn the_pipelines_own_key_says_whose_it_is() {
    let fleet = Fleet::start(1, &SETTINGS).await;
    let (name, repository) = &fleet.repositories[0];
    fleet.declare("team0-flat", "team0.zip").await;
    let settings = json!({ "pipeline_name": "team0-flat" });
    let push = |id: &str| sent(false, id, name, BRANCH, repository.id(BRANCH), Some(&settings));
    assert_eq!(fleet.handle(push("one")).await, Err(vec!["KeyRefused"]));
    let service = fleet.emulator.codepipeline();
    let mut declared = service.call("GetPipeline", json!({ "name": "team0-flat" })).await.expect("it is there");
    declared["pipeline"]["stages"][0]["actions"][0]["configuration"]["S3ObjectKey"] = "team0/flat.zip".into();
    service.call("UpdatePipeline", json!({ "pipeline": declared["pipeline"] })).await.expect("it may be so");
    assert_eq!(fleet.handle(push("two")).await, Ok(1));
}
