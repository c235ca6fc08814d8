//! One fault at a time: either a retry succeeds, or the event fails and everything stays unchanged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_types::timeout::TimeoutConfig;
use codecommit::aws::Aws;
use codecommit::causes::with_causes;
use codecommit_multibranch::Function;
use codecommit_multibranch::config::Config;
use emulator::{ACCESS_KEY, SECRET_KEY};

use super::small;
use crate::world::{PIPELINE, World, config, event, hurried};
use oracle::every_kind;

#[tokio::test]
async fn what_passes_heals() {
    for fault in [
        "GetCommit:1:reset",
        "GetCommit:1x3:status:500",
        "GetFolder:2:cut",
        "GetFolder:1:corrupt",
        "GetFolder:3:reset",
        "GetBlob:1:corrupt",
        "GetBlob:2x2:cut",
        "GetBlob:3:reset",
        "GetBlob:1x5:status:502",
        "GetPipeline:1x2:reset",
        "GetPipeline:1:cut",
        "GetBucketVersioning:1:status:503",
        "GetBucketVersioning:1:cut",
        "PutObject:2:reset",
        "PutObject:3:reset",
        "PutObject:4x2:status:500",
        "PutObject:1:reset",
        "PutObject:1x2:status:500",
        "PutObject:1:cut",
        "StartPipelineExecution:1:reset",
        "StartPipelineExecution:1:cut",
    ] {
        let world = World::of(&every_kind());
        world.inject(fault);
        let run = world.started(world.push()).await;
        world.assert_is_archive_of(&run.version_id, world.tip());
        assert_eq!(world.executions().len(), 1, "{fault}");
        assert_eq!(world.executions()[0].revisions[0].id, run.version_id, "{fault}");
    }
}

/// Each case has the operation that always fails, the number of attempts, and the error of the event.
#[tokio::test]
async fn what_does_not_pass_fails_and_leaves_all_as_it_was() {
    for (operation, kind, tries, code) in [
        ("GetCommit", "status:500", 8, "SourceUnavailable"),
        ("GetCommit", "throttle-xml", 8, "SourceThrottled"),
        ("GetFolder", "throttle-empty", 8, "SourceThrottled"),
        ("GetFolder", "corrupt", 2, "TreeMismatch"),
        ("GetBlob", "corrupt", 2, "BlobMismatch"),
        ("GetBlob", "throttle-json", 8, "SourceThrottled"),
        ("GetBlob", "reset", 8, "SourceUnavailable"),
        ("GetBlob", "cut", 8, "SourceUnavailable"),
        ("GetPipeline", "throttle-json", 8, "PipelineThrottled"),
        ("PutObject", "status:500", 8, "UploadFailed"),
        ("PutObject", "error:SlowDown", 8, "UploadThrottled"),
    ] {
        let world = World::of(&small());
        world.inject(&format!("{operation}:every:{kind}"));
        let failed = world.failed(world.push()).await;
        let told = (failed.error.code(), failed.error.is_permanent(), world.emulator.count(operation));
        assert_eq!(told, (code, false, tries), "{operation} {kind}: {failed}");
        world.assert_untouched();
    }
}

/// The message names the refused action. There is only one attempt.
#[tokio::test]
async fn a_refusal_is_permanent_and_not_tried_again() {
    for (operation, kind, code, is_permanent) in [
        ("GetCommit", "denied", "SourceDenied", true),
        ("GetFolder", "denied", "SourceDenied", true),
        ("GetBlob", "denied", "SourceDenied", true),
        ("GetBlob", "error:EncryptionKeyDisabledException", "SourceDenied", true),
        ("GetBlob", "error:EncryptionKeyAccessDeniedException", "SourceDenied", true),
        ("GetCommit", "error:InvalidSignatureException", "ClockSkew", false),
        ("GetPipeline", "denied", "PipelineDenied", true),
        ("GetBucketVersioning", "denied", "PipelineDenied", true),
        ("PutObject", "denied", "UploadDenied", true),
        ("PutObject", "error:KMS.DisabledException", "UploadDenied", true),
        ("PutObject", "error:NoSuchBucket", "BucketMissing", true),
        ("PutObject", "error:InvalidRequest", "UploadInvalid", true),
    ] {
        let world = World::of(&small());
        match kind.strip_prefix("error:KMS.") {
            // The command line accepts no fault with a dot in its name.
            Some(_) => world.emulator.inject(emulator::Fault::every(
                operation,
                emulator::FaultKind::Error(kind.trim_start_matches("error:").to_owned()),
            )),
            None => world.inject(&format!("{operation}:every:{kind}")),
        }
        let failed = world.failed(world.push()).await;
        let told = (failed.error.code(), failed.error.is_permanent(), world.emulator.count(operation));
        assert_eq!(told, (code, is_permanent, 1), "{operation} {kind}: {failed}");
        assert!(with_causes(&failed.error).contains(operation), "{operation} {kind}: {failed}");
        world.assert_untouched();
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_permanent() {
    let world = World::of(&small());
    let mut event = world.push();
    event["Records"][0]["eventSourceARN"] = "arn:aws:codecommit:eu-central-1:123456789012:gone".into();
    let failed = world.failed(event).await;
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("SourceMissing", true));
    assert!(with_causes(&failed.error).contains("of gone"), "{failed}");
    world.assert_untouched();
}

/// With the client's default timeouts this takes a minute. Here the timeouts are shorter.
#[tokio::test]
async fn a_connection_that_hangs_is_left() {
    for operation in ["GetCommit", "GetBlob", "PutObject", "StartPipelineExecution"] {
        let mut world = World::of(&small());
        let patience = TimeoutConfig::builder().read_timeout(Duration::from_secs(2)).build();
        let builder = world.aws.codecommit.config().to_builder().timeout_config(patience.clone());
        world.aws.codecommit = aws_sdk_codecommit::Client::from_conf(builder.build());
        let builder = world.aws.s3.config().to_builder().timeout_config(patience.clone());
        world.aws.s3 = aws_sdk_s3::Client::from_conf(builder.build());
        let builder = world.aws.codepipeline.config().to_builder().timeout_config(patience);
        world.aws.codepipeline = aws_sdk_codepipeline::Client::from_conf(builder.build());
        world.restarted(&[("SOURCE", "api"), ("CACHE", "off")]);
        world.inject(&format!("{operation}:1:hang"));
        world.started(world.push()).await;
        assert!(world.emulator.count(operation) >= 2, "{operation}");
        assert_eq!(world.executions().len(), 1, "{operation}");
    }
}

/// Credentials that are valid for a few seconds, like a role's near their end.
#[derive(Debug, Clone, Default)]
struct ShortLived(Arc<AtomicUsize>);

impl ProvideCredentials for ShortLived {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.0.fetch_add(1, Ordering::SeqCst);
        let expires = SystemTime::now() + Duration::from_secs(2);
        future::ProvideCredentials::ready(Ok(Credentials::new(ACCESS_KEY, SECRET_KEY, None, Some(expires), "test")))
    }
}

#[tokio::test]
async fn credentials_that_expire_are_fetched_again() {
    let mut world = World::of(&every_kind());
    let role = ShortLived::default();
    let config_of = config(&world.emulator.endpoint(), SharedCredentialsProvider::new(role.clone()));
    world.aws = hurried(Aws::new(config_of));
    let name = |name: &str| (name == "PIPELINE_NAME").then(|| PIPELINE.to_owned());
    world.function = Function::new(Config::from_lookup(name).unwrap(), world.aws.clone());
    world.started(world.push()).await;
    assert!(role.0.load(Ordering::SeqCst) > 3, "asked {} times for three clients", role.0.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_event_that_is_none_is_a_coded_failure() {
    let world = World::of(&small());
    let mut event = event("branch-updated.json");
    event["Records"][0]["codecommit"]["references"][0]["ref"] = serde_json::Value::Null;
    let error = world.handle(event).await.unwrap_err();
    assert_eq!(error.code(), "EventMalformed");
    assert!(with_causes(&error).contains("Records[0].codecommit.references[0].ref"), "{error}");
}
