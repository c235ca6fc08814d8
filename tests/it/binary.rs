//! The built function as a child behind Lambda's Runtime API, with nothing but environment variables.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use emulator::{Emulator, FunctionError, Options};
use serde_json::{Value, json};

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

    /// The function's process: the one that was told this emulator's address.
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
    // And it goes on.
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

/// Ended between upload and start, as by the out-of-memory killer: Lambda tells so, and the redelivery only starts.
#[tokio::test]
async fn a_kill_in_mid_run_goes_on_where_it_was() {
    let lambda = Lambda::start(&[], Duration::from_secs(12));
    lambda.emulator.inject("StartPipelineExecution:1:hang".parse().unwrap());
    let killing = async {
        until("the start is asked for", || lambda.emulator.count("StartPipelineExecution") == 1).await;
        let process = lambda.process().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-9", &process]).status().expect("kill").success());
    };
    let (killed, ()) = tokio::join!(lambda.invoke(lambda.push()), killing);
    assert_eq!(killed.unwrap_err().payload["errorType"], "Runtime.ExitError");
    assert_eq!(lambda.emulator.codepipeline().executions(PIPELINE).len(), 0);
    // The record is held until the invocation would have ended.
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

/// The runtime says when time is over: the function ends before.
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
