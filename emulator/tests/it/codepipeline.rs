//! CodePipeline with the AWS SDK for Rust, with executions that a test holds in progress.

use aws_sdk_codepipeline::Client;
use aws_sdk_codepipeline::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_codepipeline::operation::start_pipeline_execution::StartPipelineExecutionError;
use aws_sdk_codepipeline::types::{PipelineExecutionStatus, SourceRevisionOverride, SourceRevisionType};
use emulator::codepipeline::Status;
use emulator::{ACCESS_KEY, Emulator, Options, REGION, SECRET_KEY};

#[tokio::test]
async fn a_start_without_an_object_fails_at_its_source_action() {
    let (emulator, codepipeline) = start();
    let started = codepipeline.start_pipeline_execution().name("dev").send().await;
    started.expect("the execution starts");
    let [execution] = &emulator.codepipeline().executions("dev")[..] else {
        panic!("there is one execution");
    };
    assert_eq!(execution.status, Status::Failed);
    assert_eq!(execution.status_summary, None, "as recorded, a failed action is no summary");
    let [source] = &execution.actions[..] else { panic!("{:?}", execution.actions) };
    assert!(source.action == "Source" && source.error.as_deref().is_some_and(|error| error.contains("S3 object")));
}

#[tokio::test]
async fn held_executions_count_against_the_limit() {
    let (emulator, codepipeline) = start();
    put_object(&emulator).await;
    emulator.codepipeline().hold_executions(true);
    emulator.codepipeline().limit_executions(2);
    for _ in 0..2 {
        let start = codepipeline.start_pipeline_execution().name("dev").send().await;
        start.expect("there is room");
    }
    let refused = codepipeline.start_pipeline_execution().name("dev").send().await;
    let error = refused.expect_err("there is no room").into_service_error();
    assert!(
        matches!(error, StartPipelineExecutionError::ConcurrentPipelineExecutionsLimitExceededException(_)),
        "{error:?}"
    );
    let list = codepipeline.list_pipeline_executions().pipeline_name("dev").send().await;
    let listed = list.expect("the executions are listed");
    let statuses = listed.pipeline_execution_summaries().iter().map(|it| it.status());
    assert!(statuses.eq([Some(&PipelineExecutionStatus::InProgress); 2]));

    emulator.codepipeline().hold_executions(false);
    let executions = emulator.codepipeline().executions("dev");
    assert!(executions.iter().all(|execution| execution.status == Status::Succeeded));
    codepipeline.start_pipeline_execution().name("dev").send().await.expect("there is room again");
}

#[tokio::test]
async fn a_repeated_token_answers_even_when_there_is_no_room() {
    let (emulator, codepipeline) = start();
    let version = put_object(&emulator).await;
    emulator.codepipeline().hold_executions(true);
    emulator.codepipeline().limit_executions(1);
    let revision = SourceRevisionOverride::builder()
        .action_name("Source")
        .revision_type(SourceRevisionType::S3ObjectVersionId)
        .revision_value(&version)
        .build()
        .expect("all members are given");
    let start = codepipeline.start_pipeline_execution().name("dev").source_revisions(revision);
    let start = start.client_request_token("event-1");
    let first = start.clone().send().await.expect("there is room");
    let again = start.send().await.expect("it is the same execution");
    assert_eq!(first.pipeline_execution_id(), again.pipeline_execution_id());
    let [execution] = &emulator.codepipeline().executions("dev")[..] else {
        panic!("there is one execution");
    };
    assert_eq!(execution.token.as_deref(), Some("event-1"));
    assert_eq!(execution.revisions[0].id, version);
}

/// Starts an emulator with the pipeline `dev`, which reads `source.zip` in `artifacts`.
fn start() -> (Emulator, Client) {
    let options =
        Options { bucket: Some("artifacts".to_owned()), pipeline: Some("dev".to_owned()), ..Options::default() };
    let emulator = Emulator::start(options).expect("a port is free");
    let config = aws_sdk_codepipeline::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "fixed"))
        .endpoint_url(emulator.endpoint())
        .region(Region::new(REGION));
    (emulator, Client::from_conf(config.build()))
}

async fn put_object(emulator: &Emulator) -> String {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::v2026_01_12())
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "fixed"))
        .endpoint_url(emulator.endpoint())
        .region(aws_sdk_s3::config::Region::new(REGION));
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    let put = s3.put_object().bucket("artifacts").key("source.zip").send().await;
    put.expect("the put succeeds").version_id.expect("the bucket is versioned")
}
