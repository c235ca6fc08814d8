//! The built function as a child process behind Lambda's Runtime API. Environment variables are its only input.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use emulator::{Emulator, FunctionError, Options};
use serde_json::{Value, json};

use super::tidy::settings;
use super::triggers::UPDATES as UPDATES_ARN;
use super::triggers::custom_resource::{Inbox, properties, request};
use super::world;
use super::world::{BRANCH, BUCKET, KEY, NAME, PIPELINE, in_time, pushed, until};
use oracle::every_kind;
use oracle::{CommitText, Repository};

const UPDATES: &str = env!("CARGO_BIN_EXE_updates");

struct Lambda {
    emulator: Emulator,
    repository: Repository,
}

impl Lambda {
    fn start(environment: &[(&str, &str)], timeout: Duration) -> Self {
        let repository = Repository::import(&every_kind().commit(BRANCH, &CommitText::default()));
        let options = Options {
            repository: vec![(NAME.to_owned(), repository.path().to_owned())],
            function: Some(PathBuf::from(UPDATES)),
            environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            bucket: Some(BUCKET.to_owned()),
            pipeline: Some(PIPELINE.to_owned()),
            timeout,
            ..Options::default()
        };
        Self { emulator: Emulator::start(options).expect("loopback has a free port"), repository }
    }

    fn push(&self) -> Value {
        pushed("push-1", &[(BRANCH, self.repository.id(BRANCH))])
    }

    async fn invoke(&self, event: Value) -> Result<Value, FunctionError> {
        in_time(self.emulator.invoke(event)).await
    }

    /// Kills the function's process when it starts the pipeline.
    async fn kill_at_its_start(&self) {
        self.emulator.inject("StartPipelineExecution:1:hang".parse().expect("a fault"));
        until("the start is asked for", || self.emulator.count("StartPipelineExecution") == 1).await;
        let process = self.process().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-9", &process]).status().expect("kill").success());
    }

    /// Returns the function's process: the one with this emulator's address.
    fn process(&self) -> Option<u32> {
        let address = self.emulator.endpoint().replace("http://", "AWS_LAMBDA_RUNTIME_API=");
        std::fs::read_dir("/proc").expect("Linux").flatten().find_map(|process| {
            let told = std::fs::read(process.path().join("environ")).ok()?;
            let is_told = told.split(|byte| *byte == 0).any(|variable| variable == address.as_bytes());
            process.file_name().to_str().filter(|_| is_told)?.parse().ok()
        })
    }
}

const LONG: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_push_becomes_a_run() {
    let lambda = Lambda::start(&[], LONG);
    let answer = lambda.invoke(lambda.push()).await.unwrap();
    let run = &answer["started"][0];
    let executions = lambda.emulator.codepipeline().executions(PIPELINE);
    assert_eq!(run["pipeline_execution_id"], executions[0].id);
    assert_eq!(run["version_id"], executions[0].revisions[0].id);
    let object = lambda.emulator.store().object(BUCKET, KEY, run["version_id"].as_str()).unwrap();
    oracle::zip::assert_same(&object.bytes().unwrap(), &lambda.repository.zip(&[], BRANCH));
    let again = lambda.invoke(lambda.push()).await.unwrap();
    assert_eq!(again["started"][0]["found"], "started");
    assert_eq!(lambda.emulator.codepipeline().executions(PIPELINE).len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_is_empty_is_unset() {
    let services = ["CODECOMMIT", "CODEPIPELINE", "S3", "STS"].map(|name| format!("AWS_ENDPOINT_URL_{name}"));
    let empty: Vec<(&str, &str)> = services.iter().map(|name| (name.as_str(), "")).collect();
    let lambda = Lambda::start(&empty, LONG);
    assert!(lambda.invoke(lambda.push()).await.unwrap()["started"][0]["version_id"].is_string());
    // Now the general endpoint is empty, and the services' own endpoints are those of the first emulator.
    let endpoint = lambda.emulator.endpoint();
    let mut own: Vec<(&str, &str)> = services.iter().map(|name| (name.as_str(), endpoint.as_str())).collect();
    own.extend([("AWS_ENDPOINT_URL", ""), ("SOURCE", "api")]);
    let other = Lambda::start(&own, LONG);
    let event = pushed("push-2", &[(BRANCH, other.repository.id(BRANCH))]);
    assert!(other.invoke(event).await.unwrap()["started"][0]["version_id"].is_string());
    assert_eq!(lambda.emulator.codepipeline().executions(PIPELINE).len(), 2);
    assert!(other.emulator.requests().iter().all(|request| request.operation == "Invoke"));
}

#[tokio::test]
async fn all_wrong_settings_are_named_in_the_error_of_the_invocation() {
    let wrong = [("PIPELINE_NAME", "a b"), ("BRANCHES", "!x"), ("SOURCE", "both"), ("CACHE", "maybe")];
    let lambda = Lambda::start(&wrong, LONG);
    for _ in 0..2 {
        let error = lambda.invoke(lambda.push()).await.unwrap_err().payload;
        assert_eq!(error["errorType"], "SettingsInvalid", "{error}");
        for (setting, _) in wrong {
            assert!(error["errorMessage"].as_str().unwrap().contains(setting), "{setting} in {error}");
        }
    }
    assert_eq!(lambda.emulator.requests().len(), 0, "nothing is done with wrong settings");
}

/// An invalid value of every setting.
const INVALID: [(&str, &str); 23] = [
    ("PIPELINE_NAME", "a b"),
    ("SOURCE_ACTION", "a b"),
    ("BRANCHES", "!wip/**"),
    ("PIPELINES", "!dev"),
    ("REPOSITORIES", "arn:aws:s3:::demo"),
    ("SOURCE_ROLE_ARN", "role"),
    ("SOURCE", "both"),
    ("CODECOMMIT_GIT_URL", "ssh://host"),
    ("CACHE", "maybe"),
    ("REUSE_DEFLATE", "maybe"),
    ("REQUESTS_AT_ONCE", "many"),
    ("GIT_FROM_REQUESTS", "many"),
    ("COMMIT_INFO", "../commit.json"),
    ("SIZE_LIMIT_MIB", "much"),
    ("WINDOWS_NAMES", "maybe"),
    ("BRANCH_TRIGGERS", "maybe"),
    ("TRIGGER_PREFIX", "a b"),
    ("TRIGGER_FUNCTION_ARN", "updates"),
    ("PATHS", "!docs/**"),
    ("TRUNK", "refs/heads/main"),
    ("SUPERSEDE", "maybe"),
    ("REPORT", "maybe"),
    ("APPROVE", "maybe"),
];

/// Sends a request to a function with these settings. Returns the answer that `CloudFormation` gets.
async fn asked(settings: &[(&str, &str)], kind: &str, id: Option<&str>) -> Value {
    let inbox = Inbox::new(&[200]);
    let lambda = Lambda::start(settings, LONG);
    let mut properties = properties(NAME);
    properties["LifecycleFunctionArn"] = "".into();
    let mut request = request(kind, &inbox, &properties);
    request["PhysicalResourceId"] = id.map_or(Value::Null, Value::from);
    lambda.invoke(request).await.expect("it is answered");
    assert_eq!(lambda.emulator.requests().len(), 0, "nothing is done");
    inbox.next().1
}

#[tokio::test]
async fn cloudformation_is_answered_under_every_invalid_setting() {
    let asked_for: BTreeSet<String> = INVALID.iter().map(|(name, _)| (*name).to_owned()).collect();
    let all = settings().into_iter().filter(|name| name != "RUST_LOG").collect();
    assert_eq!(asked_for, all, "the settings of this test on the left, src/config.rs on the right");
    for (name, value) in INVALID {
        let answer = asked(&[("TRIGGER_FUNCTION_ARN", UPDATES_ARN), (name, value)], "Create", None).await;
        assert_eq!(answer["Status"], "FAILED", "{name}: {answer}");
        assert!(answer["Reason"].as_str().unwrap().contains(name), "{name}: {answer}");
        let id = answer["PhysicalResourceId"].as_str();
        let answer = asked(&[("TRIGGER_FUNCTION_ARN", UPDATES_ARN), (name, value)], "Delete", id).await;
        assert_eq!(answer["Status"], "SUCCESS", "the rollback of a creation that was refused for {name}: {answer}");
    }
}

#[tokio::test]
async fn all_invalid_settings_fit_into_the_answer() {
    let long = "é\"\\".repeat(2_000);
    for more in ["", &*long] {
        let values = INVALID.map(|(name, invalid)| (name, format!("{invalid}{more}")));
        let settings: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let made = Some("triggers:Triggers:demo");
        for (kind, id, status) in [
            ("Create", None, "FAILED"),
            ("Update", made, "FAILED"),
            ("Delete", made, "FAILED"),
            ("Delete", Some("stack-RepositoryTrigger-1ABCDEF"), "SUCCESS"),
            ("Delete", None, "SUCCESS"),
        ] {
            let answer = asked(&settings, kind, id).await;
            assert_eq!(answer["Status"], status, "{kind} of {id:?}: {answer}");
            assert!(answer.to_string().len() < 4_096 - 1_000, "{} bytes", answer.to_string().len());
            if status == "FAILED" {
                for (name, _) in INVALID {
                    assert!(answer["Reason"].as_str().unwrap().contains(name), "{name}: {answer}");
                }
            }
        }
    }
}

/// Only the lifecycle function serves the stack. A request to the other function gets no answer at all.
#[tokio::test]
async fn the_updates_function_refuses_requests_of_cloudformation() {
    let inbox = Inbox::new(&[200]);
    for (settings, code) in [(&[][..], "CustomResourceRefused"), (&[("CACHE", "maybe")][..], "SettingsInvalid")] {
        let lambda = Lambda::start(settings, LONG);
        let error = lambda.invoke(request("Create", &inbox, &properties(NAME))).await.unwrap_err().payload;
        assert_eq!(error["errorType"], code, "{error}");
        assert_eq!(lambda.emulator.requests().len(), 0, "nothing is done");
    }
    assert!(inbox.is_empty());
}

#[tokio::test]
async fn rubbish_gets_the_coded_error() {
    let lambda = Lambda::start(&[], LONG);
    let mut malformed = lambda.push();
    malformed["Records"][0]["eventId"] = Value::Null;
    for (event, named) in [
        (json!({}), "the event"),
        (json!("text"), "the event"),
        (Value::Null, "the event"),
        (malformed, "Records[0].eventId"),
    ] {
        let error = lambda.invoke(event.clone()).await.unwrap_err().payload;
        assert_eq!(error["errorType"], "EventMalformed", "{event}: {error}");
        assert!(error["errorMessage"].as_str().unwrap().contains(named), "{event}: {error}");
    }
    // The function continues to work.
    assert!(lambda.invoke(lambda.push()).await.is_ok());
}

#[tokio::test]
async fn a_failed_step_is_told_with_code_and_causes() {
    let lambda = Lambda::start(&[], LONG);
    lambda.emulator.inject("PutObject:every:denied".parse().unwrap());
    let error = lambda.invoke(lambda.push()).await.unwrap_err().payload;
    assert_eq!(error["errorType"], "UploadDenied", "{error}");
    let told = error["errorMessage"].as_str().unwrap();
    for part in [BRANCH, "s3://demo-artifacts/source.zip", "PutObject", "AccessDenied", "permanent"] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

/// The process ends between upload and start, as if the out-of-memory killer ended it. Lambda reports that, and the
/// redelivery only starts the run.
#[tokio::test]
async fn a_kill_in_mid_run_goes_on_where_it_was() {
    let lambda = Lambda::start(&[], Duration::from_secs(12));
    let (killed, ()) = tokio::join!(lambda.invoke(lambda.push()), lambda.kill_at_its_start());
    assert_eq!(killed.unwrap_err().payload["errorType"], "Runtime.ExitError");
    assert_eq!(lambda.emulator.codepipeline().executions(PIPELINE).len(), 0);
    // The record is held until the invocation's deadline.
    let answer = loop {
        match lambda.invoke(lambda.push()).await {
            Ok(answer) => break answer,
            Err(error) => assert_eq!(error.payload["errorType"], "DeliveryInProgress", "{}", error.payload),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    assert_eq!(answer["started"][0]["found"], "uploaded", "{answer}");
    assert_eq!(lambda.emulator.store().versions(BUCKET, KEY).len(), 1);
    assert_eq!(lambda.emulator.codepipeline().executions(PIPELINE).len(), 1);
}

/// Lambda retries an asynchronous event under its request id. So the retry need not wait until the hold of the killed
/// attempt is over.
#[tokio::test]
async fn the_retry_after_a_kill_goes_on_at_once() {
    let lambda = Lambda::start(&[], LONG);
    lambda.emulator.invoke_asynchronously(lambda.push());
    lambda.kill_at_its_start().await;
    until("the event is delivered", || !lambda.emulator.deliveries().is_empty()).await;
    let delivery = lambda.emulator.deliveries().remove(0);
    assert_eq!(delivery.outcome.expect("the second attempt delivers it")["started"][0]["found"], "uploaded");
    assert_eq!(lambda.emulator.store().versions(BUCKET, KEY).len(), 1);
    assert_eq!(lambda.emulator.codepipeline().executions(PIPELINE).len(), 1);
}

/// The runtime sends the deadline, and the function stops before it.
#[tokio::test]
async fn the_deadline_of_the_invocation_is_kept() {
    let lambda = Lambda::start(&[], Duration::from_secs(9));
    lambda.emulator.inject("GetCommit:every:hang".parse().unwrap());
    let error = lambda.invoke(lambda.push()).await.unwrap_err().payload;
    assert_eq!(error["errorType"], "DeadlineNear", "{error}");
    assert!(lambda.emulator.store().versions(BUCKET, KEY).is_empty());
    lambda.emulator.clear_faults();
    assert!(lambda.invoke(world::event("branch-deleted.json")).await.is_ok(), "it was not ended");
}
