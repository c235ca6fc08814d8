//! Starts: variables, tokens, throttling.

use emulator::codepipeline::StartRate;
use emulator::{Emulator, Options};
use serde_json::{Value, json};

use super::service::{BUCKET, Service, declaration, three_variables, variable};

#[tokio::test]
async fn a_start_without_a_required_variable_fails_at_once() {
    let service = Service::with_variables(three_variables());
    service.put().await;
    for variables in [Value::Null, json!([]), json!([variable("Zulu", "z")]), json!([variable("Unknown", "x")])] {
        let id = service.run(json!({ "variables": variables })).await;
        assert_eq!(
            service.execution(&id).await,
            json!({
                "artifactRevisions": [],
                "executionMode": "QUEUED",
                "pipelineExecutionId": id,
                "pipelineName": "p",
                "pipelineVersion": 1,
                "status": "Failed",
                "statusSummary": "Values for required variables haven't been provided: Alpha",
                "trigger": {
                    "triggerDetail": "arn:aws:iam::123456789012:user/emulator",
                    "triggerType": "StartPipelineExecution",
                },
            })
        );
        assert_eq!(service.newest().await["sourceRevisions"], json!([]));
        let actions = service.ok("ListActionExecutions", json!({ "pipelineName": "p" })).await;
        assert_eq!(actions, json!({ "actionExecutionDetails": [] }));
    }
    let required = json!([{ "name": "Zulu" }, { "name": "Alpha" }, { "name": "Middle" }]);
    service.ok("UpdatePipeline", json!({ "pipeline": declaration("p", required) })).await;
    let id = service.run(json!({})).await;
    let summary = "Values for required variables haven't been provided: Zulu,Alpha,Middle";
    assert_eq!(service.execution(&id).await["statusSummary"], summary);
}

#[tokio::test]
async fn a_token_that_started_a_failed_execution_answers_with_it_for_good() {
    let service = Service::with_variables(three_variables());
    service.put().await;
    let failed = service.run(json!({ "clientRequestToken": "t" })).await;
    service.ok("UpdatePipeline", json!({ "pipeline": declaration("p", Value::Null) })).await;
    assert_eq!(service.run(json!({ "clientRequestToken": "t" })).await, failed);
    assert_eq!(service.execution(&failed).await["status"], "Failed");
}

#[tokio::test]
async fn unknown_variables_are_ignored_and_values_are_bound_once() {
    let service = Service::with_variables(three_variables());
    service.put().await;
    let reference = "#{codepipeline.PipelineExecutionId}";
    let given = json!([variable("Middle", "m"), variable("Alpha", reference), variable("Unknown", "x")]);
    let id = service.run(json!({ "variables": given })).await;
    let bound = json!([
        { "name": "Alpha", "resolvedValue": reference },
        { "name": "Zulu", "resolvedValue": "z-default" },
        { "name": "Middle", "resolvedValue": "m" },
    ]);
    assert_eq!(service.execution(&id).await["variables"], bound);
    let updated = json!([{ "name": "Middle", "defaultValue": "x" }, { "name": "Zulu", "defaultValue": "y" }]);
    service.ok("UpdatePipeline", json!({ "pipeline": declaration("p", updated) })).await;
    let after = service.execution(&id).await;
    assert_eq!((&after["variables"], &after["pipelineVersion"]), (&bound, &json!(1)));
}

#[tokio::test]
async fn a_known_token_answers_whatever_else_is_sent() {
    let service = Service::with_variables(three_variables());
    let (older, newer) = (service.put().await, service.put().await);
    let revision = |action: &str, version: &str| json!([{ "actionName": action, "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": version }]);
    let start = |variables: Value, revisions: Value| json!({ "clientRequestToken": "572c332b-70e6-4e22-a5f4-bbd651d52e12", "variables": variables, "sourceRevisions": revisions });
    let alpha = json!([variable("Alpha", "a")]);
    let first = service.run(start(alpha.clone(), revision("Source", &older))).await;
    for variables in [json!([]), json!([variable("Alpha", "changed")]), json!([variable("Unknown", "x")])] {
        assert_eq!(service.run(start(variables, Value::Null)).await, first);
    }
    assert_eq!(service.run(start(alpha.clone(), revision("Source", &newer))).await, first);
    let gone = revision("Source", &"A".repeat(32));
    assert_eq!(service.run(start(alpha.clone(), gone)).await, first);
    let execution = service.execution(&first).await;
    assert_eq!(execution["artifactRevisions"][0]["revisionId"], older);
    assert_eq!(execution["variables"][0]["resolvedValue"], "a");

    // These are checked before the token.
    let mut wrong = [
        start(json!([variable("Alpha", "a"), variable("Alpha", "b")]), Value::Null),
        start(json!([variable("Alpha", "")]), Value::Null),
        start(json!([variable("bad.name", "x")]), Value::Null),
        start(alpha, revision("Unknown", &older)),
    ];
    let messages = [
        "Variable names must be unique. The following variable name is already in use: Alpha",
        "1 validation error detected: Value at 'variables.1.member.value' failed to satisfy constraint: Member must have length greater than or equal to 1",
        r"1 validation error detected: Value at 'variables.1.member.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9@\-_]+",
        "The action name provided in the source revision is not valid. The action must be a source action in your pipeline.",
    ];
    for (input, message) in wrong.iter_mut().zip(messages) {
        input["name"] = "p".into();
        let refused = service.refused("StartPipelineExecution", input.take()).await;
        assert_eq!(refused, ("ValidationException", message.to_owned()));
    }
}

#[tokio::test]
async fn starts_are_throttled_without_a_message() {
    let emulator = Emulator::start(Options {
        bucket: Some(BUCKET.to_owned()),
        pipeline: Some("p".to_owned()),
        start_rate: Some(StartRate { burst: 2.0, per_second: 0.0 }),
        ..Options::default()
    })
    .expect("a free port");
    let config = aws_sdk_codepipeline::Config::builder()
        .behavior_version(aws_sdk_codepipeline::config::BehaviorVersion::latest())
        .credentials_provider(aws_sdk_codepipeline::config::Credentials::new(
            emulator::ACCESS_KEY,
            emulator::SECRET_KEY,
            None,
            None,
            "test",
        ))
        .endpoint_url(emulator.endpoint())
        .region(aws_sdk_codepipeline::config::Region::new(emulator::REGION))
        .retry_config(aws_sdk_codepipeline::config::retry::RetryConfig::disabled());
    let client = aws_sdk_codepipeline::Client::from_conf(config.build());
    let start = || client.start_pipeline_execution().name("p").send();
    start().await.expect("the first start");
    start().await.expect("the second start");
    let throttled = start().await.expect_err("the third start");
    let response = throttled.raw_response().expect("a response");
    let body = response.body().bytes().expect("the body is in memory");
    assert_eq!((response.status().as_u16(), body), (400, br#"{"__type":"ThrottlingException"}"#.as_slice()));
    emulator.codepipeline().throttle_starts(None);
    start().await.expect("starts are admitted again");
}
