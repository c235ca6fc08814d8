//! The function with real clients on the emulator, with a repository made by git.

use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use codecommit::aws::Aws;
use codecommit::open::{self, Options};
use codecommit::source::Source;
use codecommit::write;
use codecommit_multibranch::config::Config;
use codecommit_multibranch::deliver::Run;
use codecommit_multibranch::error::{Error, Failed};
use codecommit_multibranch::{Answer, Function, Invocation};
use emulator::codepipeline::Execution;
use emulator::{ACCESS_KEY, Emulator, REGION, SECRET_KEY};
use git_archive::object::ObjectId;
use serde_json::{Value, json};

pub(crate) use oracle::BRANCH;
use oracle::zip as listing;
use oracle::{CommitText, Repository, Tree};

/// The repository and the pipeline in the events of `events/`.
pub(crate) const NAME: &str = "demo";
pub(crate) const PIPELINE: &str = "demo-dev";
pub(crate) const BUCKET: &str = "demo-artifacts";
pub(crate) const KEY: &str = "source.zip";

/// Longer than any test takes on a busy machine. It ends a test that hangs.
const DEADLINE: Duration = Duration::from_secs(150);

/// Waits for work with a deadline.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("it ends in time")
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < DEADLINE, "in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) repository: Repository,
    pub(crate) aws: Aws,
    pub(crate) function: Function,
    /// The function that the other one hands pushes over to, if it does.
    pub(crate) updates: Option<Function>,
}

impl World {
    /// Makes a repository with this tree at [`BRANCH`].
    pub(crate) fn of(tree: &Tree) -> Self {
        Self::over(Repository::import(&tree.commit(BRANCH, &CommitText::default())))
    }

    /// Uses any repository, read only over the API and without the cache, so that each request has a clear reason.
    pub(crate) fn over(repository: Repository) -> Self {
        Self::with(repository, &[("SOURCE", "api"), ("CACHE", "off")])
    }

    /// Uses any repository and settings. The pipeline's name is already set.
    pub(crate) fn with(repository: Repository, settings: &[(&str, &str)]) -> Self {
        let emulator = start(&repository);
        let aws = clients(&emulator);
        let function = Function::new(configured(&emulator, settings), aws.clone());
        Self { emulator, repository, aws, function, updates: None }
    }

    /// Replaces the function with a new one on the same emulator, which has no cached state.
    pub(crate) fn restarted(&mut self, settings: &[(&str, &str)]) {
        self.function = Function::new(configured(&self.emulator, settings), self.aws.clone());
    }

    /// Makes another function with its own clients on the same emulator, as Lambda does for concurrent events.
    pub(crate) fn instance(&self, settings: &[(&str, &str)]) -> Function {
        function(&self.emulator, settings)
    }

    /// Returns clients with the pauses that the function has in production.
    pub(crate) fn patient(&self) -> Aws {
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "emulator");
        Aws::new(config(&self.emulator.endpoint(), SharedCredentialsProvider::new(credentials)))
    }

    /// Returns the tip of [`BRANCH`].
    pub(crate) fn tip(&self) -> ObjectId {
        self.repository.id(BRANCH)
    }

    /// Returns the event of a push to [`BRANCH`].
    pub(crate) fn push(&self) -> Value {
        pushed("push-1", &[(BRANCH, self.tip())])
    }

    /// Handles an event, and what the function hands over.
    pub(crate) async fn handle(&self, event: Value) -> Result<Answer, Error> {
        let deadline = Instant::now() + 2 * DEADLINE;
        let handled = in_time(Box::pin(self.function.handle(event, deadline))).await;
        let delivered = self.deliver_handed_over().await;
        let mut answer = handled?;
        for delivered in delivered {
            let delivered = delivered?;
            answer.started.extend(delivered.started);
            answer.skipped.extend(delivered.skipped);
        }
        Ok(answer)
    }

    /// Lets the other function handle the events that it was handed, each up to three times, as Lambda does.
    pub(crate) async fn deliver_handed_over(&self) -> Vec<Result<Answer, Error>> {
        let mut handled = Vec::new();
        let Some(updates) = &self.updates else { return handled };
        while let Some((id, event)) = self.emulator.take_event() {
            let mut outcome = None;
            for _ in 0..3 {
                let deadline = Instant::now() + 2 * DEADLINE;
                let invocation = Invocation { deadline, request_id: Some(id.clone()) };
                let done = in_time(Box::pin(updates.handle(event.clone(), invocation))).await;
                let ended = done.is_ok();
                outcome = Some(done);
                if ended {
                    break;
                }
            }
            self.emulator.finish_event(&id, Ok(json!({})));
            handled.extend(outcome);
        }
        handled
    }

    /// Handles an event that starts one run.
    pub(crate) async fn started(&self, event: Value) -> Run {
        let mut answer = self.handle(event).await.expect("the event is handled");
        assert_eq!((answer.started.len(), answer.skipped.len()), (1, 0), "{answer:?}");
        answer.started.remove(0)
    }

    /// Handles an event whose only reference fails.
    pub(crate) async fn failed(&self, event: Value) -> Failed {
        match self.handle(event).await {
            Err(Error::References { mut failed, of: 1 }) => failed.remove(0),
            other => panic!("one reference fails, not {other:?}"),
        }
    }

    /// Returns the number of requests for each of these operations.
    pub(crate) fn counts<const N: usize>(&self, operations: [&str; N]) -> [usize; N] {
        operations.map(|operation| self.emulator.count(operation))
    }

    pub(crate) fn executions(&self) -> Vec<Execution> {
        self.emulator.codepipeline().executions(PIPELINE)
    }

    /// Returns the number of stored versions of the archive.
    pub(crate) fn archives(&self) -> usize {
        self.emulator.store().versions(BUCKET, KEY).len()
    }

    /// Sets a fault, written as on the emulator's command line.
    pub(crate) fn inject(&self, fault: &str) {
        self.emulator.inject(fault.parse().expect("a fault"));
    }

    /// Returns the zip of one version.
    pub(crate) fn zip(&self, version: &str) -> Vec<u8> {
        let object = self.emulator.store().object(BUCKET, KEY, Some(version)).expect("the version is there");
        object.bytes().expect("it is in memory").to_vec()
    }

    /// Checks that the object of this version is `git archive` of the commit, field by field.
    #[track_caller]
    pub(crate) fn assert_is_archive_of(&self, version: &str, commit: ObjectId) {
        listing::assert_same(&self.zip(version), &self.repository.zip(&[], &commit.to_string()));
    }

    /// Checks that there is no object, no unfinished upload and no run.
    #[track_caller]
    pub(crate) fn assert_untouched(&self) {
        assert!(self.emulator.store().versions(BUCKET, KEY).is_empty(), "an object was written");
        assert_eq!(self.emulator.store().open_uploads(BUCKET), 0, "an upload was left open");
        assert!(self.executions().is_empty(), "a run was started");
    }

    /// Changes the pipeline's declaration.
    pub(crate) async fn change_pipeline(&self, change: impl FnOnce(&mut Value)) {
        let service = self.emulator.codepipeline();
        let answer = service.call("GetPipeline", json!({ "name": PIPELINE })).await.expect("it is there");
        let mut pipeline = answer["pipeline"].clone();
        change(&mut pipeline);
        service.call("UpdatePipeline", json!({ "pipeline": pipeline })).await.expect("it may be so");
    }

    /// Returns the archive of a commit, without the function.
    pub(crate) async fn archive(&self, commit: ObjectId, options: &Options) -> Vec<u8> {
        let mut settings = options.source.clone();
        settings.git_url.get_or_insert_with(|| self.emulator.git_url());
        let checkout = Source::new(&self.aws, NAME, &settings).checkout(commit);
        let commit = checkout.commit().await.expect("the commit is there");
        let opened = in_time(Box::pin(open::open(checkout, commit, options))).await.expect("it can be listed");
        let mut zip = Memory(Vec::new());
        let writing = Box::pin(write::write(opened.contents, &mut zip, &|_, _| ()));
        in_time(writing).await.expect("it can be written");
        zip.0
    }
}

/// Adds a commit with this tree to a branch.
pub(crate) fn move_on(repository: &Repository, branch: &str, parent: &str, tree: &str) -> ObjectId {
    let tree = repository.id(tree).to_string();
    let parent = repository.id(parent).to_string();
    let person = ["-c", "user.name=A", "-c", "user.email=a@b"];
    let arguments = [&person[..], &["commit-tree", "-p", &parent, "-m", "next", &tree]].concat();
    let commit = String::from_utf8(repository.run(&arguments, b"")).expect("an id");
    repository.run(&["update-ref", branch, commit.trim()], b"");
    repository.id(branch)
}

/// An output that keeps everything.
struct Memory(Vec<u8>);

impl write::Output for Memory {
    type Error = std::convert::Infallible;

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn start(repository: &Repository) -> Emulator {
    let served = vec![(NAME.to_owned(), repository.path().to_owned())];
    let (bucket, pipeline) = (Some(BUCKET.to_owned()), Some(PIPELINE.to_owned()));
    let options = emulator::Options { repository: served, bucket, pipeline, ..Default::default() };
    Emulator::start(options).expect("loopback has a free port")
}

/// Makes a function with its own clients.
pub(crate) fn function(emulator: &Emulator, settings: &[(&str, &str)]) -> Function {
    Function::new(configured(emulator, settings), clients(emulator))
}

pub(crate) fn clients(emulator: &Emulator) -> Aws {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "emulator");
    hurried(Aws::new(config(&emulator.endpoint(), SharedCredentialsProvider::new(credentials))))
}

/// Returns the configuration for an emulator.
pub(crate) fn config(endpoint: &str, credentials: SharedCredentialsProvider) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// Returns the same clients with very short pauses between attempts.
pub(crate) fn hurried(mut aws: Aws) -> Aws {
    macro_rules! hurry {
        ($service:ident, $client:expr) => {{
            let retries = $client.config().retry_config().cloned().expect("they are set");
            let builder = $client.config().to_builder().retry_config(retries.with_initial_backoff(MOMENT));
            $client = $service::Client::from_conf(builder.build());
        }};
    }
    hurry!(aws_sdk_codecommit, aws.codecommit);
    hurry!(aws_sdk_s3, aws.s3);
    hurry!(aws_sdk_codepipeline, aws.codepipeline);
    aws
}

const MOMENT: Duration = Duration::from_millis(1);

fn configured(emulator: &Emulator, settings: &[(&str, &str)]) -> Config {
    let git = emulator.git_url();
    let fixed = [("PIPELINE_NAME", PIPELINE), ("CODECOMMIT_GIT_URL", &git)];
    let found = |name: &str| settings.iter().chain(&fixed).find(|(known, _)| *known == name);
    Config::from_lookup(|name| found(name).map(|(_, value)| (*value).to_owned())).expect("the settings are right")
}

/// Returns a run as in the answer.
pub(crate) fn told(run: &Run) -> Value {
    serde_json::to_value(run).expect("a run is JSON")
}

/// Returns an event of `events/`.
pub(crate) fn event(file: &str) -> Value {
    let path = format!("{}/events/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Makes the event of a push with its own id.
pub(crate) fn pushed(id: &str, references: &[(&str, ObjectId)]) -> Value {
    let mut event = event("branch-updated.json");
    let record = &mut event["Records"][0];
    let reference = |(name, commit): &(&str, ObjectId)| json!({ "ref": name, "commit": commit.to_string() });
    record["codecommit"]["references"] = references.iter().map(reference).collect();
    record["eventId"] = id.into();
    event
}

/// Wraps events as messages of a queue.
pub(crate) fn queued(bodies: &[(&str, String)]) -> Value {
    let mut event = event("sqs-wrapped.json");
    let message = event["Records"][0].clone();
    let message = |(id, body): &(&str, String)| {
        let mut message = message.clone();
        message["messageId"] = (*id).into();
        message["body"] = body.as_str().into();
        message
    };
    event["Records"] = bodies.iter().map(message).collect();
    event
}
