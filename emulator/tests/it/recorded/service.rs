//! CodePipeline without HTTP, and the declarations that the recordings have.

use emulator::s3::Versioning;
use emulator::{Emulator, Options};
use serde_json::{Value, json};

pub(super) const BUCKET: &str = "artifacts";

/// An emulator with one bucket, and with the pipeline `p` unless a test declares another.
pub(super) struct Service {
    pub(super) emulator: Emulator,
}

impl Service {
    pub(super) fn start() -> Self {
        let emulator = Emulator::start(Options::default()).expect("a free port");
        emulator.store().create_bucket(BUCKET, Versioning::Enabled);
        Self { emulator }
    }

    /// A service with the pipeline `p`, which has these variables and has not been started.
    pub(super) fn with_variables(variables: Value) -> Self {
        let service = Self::start();
        let input = json!({ "pipeline": declaration("p", variables) });
        service.emulator.codepipeline().create_idle(&input).expect("the declaration is valid");
        service
    }

    pub(super) async fn call(&self, operation: &str, input: Value) -> Result<Value, (&'static str, String)> {
        let answer = self.emulator.codepipeline().call(operation, input).await;
        answer.map_err(|error| (error.code, error.message))
    }

    pub(super) async fn ok(&self, operation: &str, input: Value) -> Value {
        self.call(operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error:?}"))
    }

    pub(super) async fn refused(&self, operation: &str, input: Value) -> (&'static str, String) {
        self.call(operation, input).await.expect_err("the request is refused")
    }

    /// Starts `p` and returns the execution's ID.
    pub(super) async fn run(&self, mut input: Value) -> String {
        input["name"] = "p".into();
        let started = self.ok("StartPipelineExecution", input).await;
        started["pipelineExecutionId"].as_str().expect("an ID").to_owned()
    }

    pub(super) async fn execution(&self, id: &str) -> Value {
        let input = json!({ "pipelineName": "p", "pipelineExecutionId": id });
        self.ok("GetPipelineExecution", input).await["pipelineExecution"].take()
    }

    pub(super) async fn newest(&self) -> Value {
        let listed = self.ok("ListPipelineExecutions", json!({ "pipelineName": "p" })).await;
        listed["pipelineExecutionSummaries"].get(0).cloned().unwrap_or_default()
    }

    /// Puts an object and returns its version.
    pub(super) async fn put(&self) -> String {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .credentials_provider(aws_sdk_s3::config::Credentials::new(
                emulator::ACCESS_KEY,
                emulator::SECRET_KEY,
                None,
                None,
                "test",
            ))
            .endpoint_url(self.emulator.endpoint())
            .region(aws_sdk_s3::config::Region::new(emulator::REGION));
        let client = aws_sdk_s3::Client::from_conf(config.build());
        let put = client.put_object().bucket(BUCKET).key("source.zip").send().await;
        put.expect("the put succeeds").version_id.expect("the bucket is versioned")
    }
}

pub(super) fn declaration(name: &str, variables: Value) -> Value {
    let action = |name: &str, category: &str, provider: &str, configuration: Value| {
        json!({
            "name": name,
            "actionTypeId": { "category": category, "owner": "AWS", "provider": provider, "version": "1" },
            "configuration": configuration,
        })
    };
    let settings = json!({ "S3Bucket": BUCKET, "S3ObjectKey": "source.zip", "PollForSourceChanges": "false" });
    let mut source = action("Source", "Source", "S3", settings);
    source["outputArtifacts"] = json!([{ "name": "SourceZip" }]);
    let review = action("Review", "Approval", "Manual", json!({ "CustomData": "owned" }));
    let build = action("Build", "Build", "CodeBuild", json!({ "ProjectName": "p" }));
    let mut pipeline = json!({
        "name": name,
        "roleArn": "arn:aws:iam::123456789012:role/p",
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "artifactStore": { "type": "S3", "location": BUCKET },
        "stages": [
            { "name": "Source", "actions": [source] },
            { "name": "Gate", "actions": [review] },
            { "name": "Build", "actions": [build] },
        ],
    });
    if !variables.is_null() {
        pipeline["variables"] = variables;
    }
    pipeline
}

pub(super) fn variable(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

pub(super) fn three_variables() -> Value {
    json!([
        { "name": "Zulu", "defaultValue": "z-default", "description": "last alphabetically" },
        { "name": "Alpha", "description": "required" },
        { "name": "Middle", "defaultValue": "m-default" },
    ])
}
