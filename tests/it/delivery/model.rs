//! Random sequences of pushes, redeliveries, concurrent deliveries, kills and faults, compared with a model: each
//! push has one run.
//!
//! A seed makes a sequence. `MODEL_SEED` runs a single one, and `MODEL_HISTORIES` sets their number.

use std::time::{Duration, Instant};

use codecommit_multibranch::Invocation;
use codecommit_multibranch::error::Error;
use emulator::codepipeline::Execution;
use git_archive::object::ObjectId;
use serde_json::Value;

use super::small;
use crate::world::{BRANCH, BUCKET, KEY, World, in_time, move_on, pushed};
use oracle::{CommitText, Repository};

const OTHER: &str = "refs/heads/feature/other";
const API: [(&str, &str); 2] = [("SOURCE", "api"), ("CACHE", "off")];
/// The operations that may fail.
const OPERATIONS: [&str; 7] = [
    "PutObject",
    "StartPipelineExecution",
    "GetObject",
    "ListPipelineExecutions",
    "GetBranch",
    "GetBlob",
    "GetPipeline",
];
const KINDS: [&str; 5] = ["lost", "reset", "status:500", "throttle-json", "denied"];

/// A small generator of pseudo-random numbers (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % below as u64).expect("it is small")
    }
}

/// The state of the model: the pushes, each with its event, branch and commit.
struct Model {
    world: World,
    pushes: Vec<(Value, &'static str, ObjectId)>,
    chance: Chance,
    log: Vec<String>,
}

impl Model {
    fn new(seed: u64) -> Self {
        let text = CommitText::default();
        let commits = [small().commit(BRANCH, &text), small().commit(OTHER, &text)].concat();
        let world = World::over(Repository::import(&commits));
        Self { world, pushes: Vec::new(), chance: Chance(seed), log: Vec::new() }
    }

    /// Adds a commit to a branch, and delivers the event.
    async fn push(&mut self) {
        let branch = [BRANCH, OTHER][self.chance.next(2)];
        let commit = move_on(&self.world.repository, branch, branch, &format!("{branch}^{{tree}}"));
        let event = pushed(&format!("push-{}", self.pushes.len()), &[(branch, commit)]);
        self.pushes.push((event.clone(), branch, commit));
        self.deliver(event).await;
    }

    fn any_event(&mut self) -> Option<Value> {
        let count = self.pushes.len();
        (count > 0).then(|| self.pushes[self.chance.next(count)].0.clone())
    }

    async fn deliver(&mut self, event: Value) {
        let handled = self.world.handle(event).await;
        self.log.push(format!("delivered: {:?}", handled.map(|answer| answer.started.len()).map_err(|e| e.code())));
    }

    /// Several instances handle the same event at once.
    async fn at_once(&mut self) {
        let Some(event) = self.any_event() else { return };
        let functions: Vec<_> = (0..3).map(|_| self.world.instance(&API)).collect();
        // Lambda's own queue may deliver an event twice: under one request id, or under several.
        let ids = [self.new_request(), self.new_request(), self.new_request()];
        let same = self.chance.next(2) == 0;
        let handling = functions.iter().zip(&ids).map(|(function, id)| {
            let invocation = invocation(if same { &ids[0] } else { id });
            Box::pin(function.handle(event.clone(), invocation))
        });
        let handled = in_time(futures_util::future::join_all(handling)).await;
        self.log.push(format!("at once: {:?}", handled.iter().map(Result::is_ok).collect::<Vec<_>>()));
    }

    /// The instance ends at a random moment, with requests in flight. Its deadline passes later.
    async fn kill(&mut self) {
        let Some(event) = self.any_event() else { return };
        let function = self.world.instance(&API);
        let after = Duration::from_micros(self.chance.next(40_000) as u64);
        let request = self.new_request();
        let handling = Box::pin(function.handle(event.clone(), invocation(&request)));
        let ended = tokio::time::timeout(after, handling).await;
        self.log.push(format!("killed after {after:?}: {}", ended.is_err()));
        if ended.is_err() && self.chance.next(2) == 0 {
            // Lambda's retry has the same request id, so it need not wait for anything.
            let function = self.world.instance(&API);
            let retried = in_time(Box::pin(function.handle(event, invocation(&request)))).await;
            self.log.push(format!("retried: {:?}", retried.as_ref().map(|_| ()).map_err(Error::code)));
            assert!(retried.is_ok(), "the retry goes on: {:#?}", self.log);
        } else {
            self.time_passes().await;
        }
    }

    fn new_request(&mut self) -> String {
        format!("request-{}", self.chance.next(usize::MAX))
    }

    /// The holds of all records end, as they do when the deadline of their invocations is over.
    async fn time_passes(&self) {
        let s3 = &self.world.aws.s3;
        let keys = self.world.emulator.store().keys(BUCKET);
        for key in keys.iter().filter(|key| key.starts_with(&format!("{KEY}.deliveries/"))) {
            let read = s3.get_object().bucket(BUCKET).key(key).send().await.expect("a record");
            let body = read.body.collect().await.expect("its body").into_bytes();
            let mut record: Value = serde_json::from_slice(&body).expect("JSON");
            record["until"] = 0.into();
            let body = aws_sdk_s3::primitives::ByteStream::from(record.to_string().into_bytes());
            s3.put_object().bucket(BUCKET).key(key).body(body).send().await.expect("written");
        }
    }

    /// One call fails. It is retried, or it fails the delivery.
    async fn fault(&mut self) {
        let Some(event) = self.any_event() else { return };
        let operation = OPERATIONS[self.chance.next(OPERATIONS.len())];
        let (nth, count, kind) =
            (1 + self.chance.next(4), 1 + self.chance.next(9), KINDS[self.chance.next(KINDS.len())]);
        let fault = format!("{operation}:{nth}x{count}:{kind}");
        self.world.inject(&fault);
        self.log.push(fault);
        if self.chance.next(2) == 0 {
            self.push().await;
        } else {
            self.deliver(event).await;
        }
        self.world.emulator.clear_faults();
    }

    /// Other writers put an object at the key, or hide the object there.
    async fn others(&mut self) {
        let s3 = &self.world.aws.s3;
        if self.chance.next(2) == 0 {
            s3.delete_object().bucket(BUCKET).key(KEY).send().await.expect("hidden");
        } else {
            let versions = self.world.emulator.store().versions(BUCKET, KEY);
            let Some(object) =
                versions.first().and_then(|first| self.world.emulator.store().object(BUCKET, KEY, Some(&first.id)))
            else {
                return;
            };
            let body = aws_sdk_s3::primitives::ByteStream::from(object.bytes().expect("it is in memory").to_vec());
            let request = s3.put_object().bucket(BUCKET).key(KEY).body(body);
            let metadata = object.metadata().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            request.set_metadata(Some(metadata)).send().await.expect("copied");
        }
    }

    async fn step(&mut self) {
        match self.chance.next(10) {
            0..3 => self.push().await,
            3 => {
                if let Some(event) = self.any_event() {
                    self.deliver(event).await;
                }
            }
            4 => self.at_once().await,
            5..7 => self.kill().await,
            7..9 => self.fault().await,
            _ => self.others().await,
        }
    }

    /// Checks the end of any sequence: after the last redelivery, each push has one run, on an archive of its own
    /// commit.
    async fn check(&mut self) {
        self.world.emulator.clear_faults();
        self.time_passes().await;
        for (event, ..) in self.pushes.clone() {
            let run = self.world.started(event).await;
            let executions = self.world.executions();
            let of_version = |execution: &&Execution| execution.revisions.iter().any(|it| it.id == run.version_id);
            assert_eq!(executions.iter().filter(of_version).count(), 1);
        }
        let executions = self.world.executions();
        assert_eq!(executions.len(), self.pushes.len(), "one run a push");
        for (_, branch, commit) in &self.pushes {
            // Two branches with the same changes have the same commit, but a run each.
            let id = ("COMMIT_ID".to_owned(), commit.to_string());
            let name = ("BRANCH_NAME".to_owned(), branch.trim_start_matches("refs/heads/").to_owned());
            let of_push = |execution: &&Execution| [&id, &name].iter().all(|it| execution.variables.contains(it));
            let mut runs = executions.iter().filter(of_push);
            let run = runs.next().expect("a run of the commit");
            assert!(runs.next().is_none(), "a second run of {commit}");
            self.world.assert_is_archive_of(&run.revisions[0].id, *commit);
        }
    }
}

fn invocation(request: &str) -> Invocation {
    Invocation { deadline: Instant::now() + Duration::from_secs(100), request_id: Some(request.to_owned()) }
}

async fn history(seed: u64) {
    let mut model = Model::new(seed);
    for _ in 0..14 {
        model.step().await;
    }
    let log = model.log.clone();
    let checked = tokio::spawn(async move { model.check().await }).await;
    assert!(checked.is_ok(), "MODEL_SEED={seed} fails after {log:#?}");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_history_has_one_run_for_each_push() {
    if let Some(seed) = number("MODEL_SEED") {
        return history(seed).await;
    }
    for seed in 0..number("MODEL_HISTORIES").unwrap_or(12) {
        history(seed).await;
    }
}
