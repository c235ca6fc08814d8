//! Our S3 requests against another S3 server.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::types::{BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration};
use codecommit::aws::Aws;
use codecommit::open::Options;
use codecommit::source::{Previous, PreviousOptions};
use codecommit_multibranch::config::Config;
use codecommit_multibranch::event;
use codecommit_multibranch::pipeline::Target;
use codecommit_multibranch::plan::{Job, plan};
use codecommit_multibranch::record::{self, Claim, Claimant, RecordError};
use codecommit_multibranch::upload::{self, Stored, Upload};
use emulator::REGION;
use git_archive::object::ObjectId;

use super::{Running, free_address, program, until_it_listens};
use crate::world::{BRANCH, BUCKET, KEY, PIPELINE, World, config, in_time, pushed};
use oracle::{every_kind, noise};

struct Server {
    aws: Aws,
    target: Target,
    _running: Running,
}

impl Server {
    /// Starts the server with a versioned bucket. Returns `None` if the program is not installed.
    async fn start() -> Option<Self> {
        let program = program("MINISTACK")?;
        let address = free_address();
        let mut command = Command::new(program);
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", address.port().to_string());
        command.env("SERVICES", "s3").env("IOT_MTLS_ENABLED", "0");
        let running = Running::start(&mut command);
        until_it_listens(address).await;
        let credentials = SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"));
        let aws = Aws::new(config(&format!("http://{address}"), credentials));
        let here = CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
        let made = aws.s3.create_bucket().bucket(BUCKET).create_bucket_configuration(here);
        made.send().await.expect("a bucket");
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let versioned = aws.s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(enabled);
        versioned.send().await.expect("versions");
        let (pipeline, action) = (PIPELINE.to_owned(), "Source".to_owned());
        let (bucket, key) = (BUCKET.to_owned(), KEY.to_owned());
        let target = Target { pipeline, action, bucket, key, variables: BTreeSet::new(), superseded: false };
        Some(Self { aws, target, _running: running })
    }

    async fn write(&self, job: &Job, content: &[u8]) -> Stored {
        let mut upload = Upload::open(&self.aws, &self.target, upload::metadata(job, "holder", "Subject"));
        for chunk in content.chunks(300_000) {
            upload.write(chunk).await.expect("it is taken");
        }
        upload.finish().await.expect("it is written")
    }

    async fn read(&self, version: &str) -> Vec<u8> {
        let asked = self.aws.s3.get_object().bucket(BUCKET).key(KEY).version_id(version).send().await;
        asked.expect("the version is there").body.collect().await.expect("its body").to_vec()
    }

    /// Claims the record for longer than any test takes.
    async fn claimed(&self, job: &Job) -> Result<Claim, RecordError> {
        self.claimed_until(job, SystemTime::now() + Duration::from_hours(1)).await
    }

    async fn claimed_by(&self, job: &Job, request: Option<&str>, until: SystemTime) -> Result<Claim, RecordError> {
        record::claim(&self.aws, &self.target, &job.token, Claimant::new(request, until)).await
    }

    async fn claimed_until(&self, job: &Job, until: SystemTime) -> Result<Claim, RecordError> {
        self.claimed_by(job, None, until).await
    }
}

/// Makes the job of a push with this id.
fn job(id: &str) -> Job {
    let name = |name: &str| (name == "PIPELINE_NAME").then(|| PIPELINE.to_owned());
    let config = Config::from_lookup(name).expect("the settings are right");
    let arrival = event::parse(pushed(id, &[(BRANCH, ObjectId::Sha1([7; 20]))])).expect("an event");
    let changes = arrival.messages.into_iter().next().expect("a message").changes.expect("changes");
    plan(changes, &config).0.jobs.remove(0)
}

#[tokio::test]
async fn objects_are_written() {
    let Some(server) = Server::start().await else { return };
    in_time(Box::pin(written(&server))).await;
}

async fn written(server: &Server) {
    let versioning = server.aws.s3.get_bucket_versioning().bucket(BUCKET).send().await.expect("the versioning");
    assert_eq!(versioning.status, Some(BucketVersioningStatus::Enabled));
    let (small, large) = (job("small"), job("large"));
    let first = server.write(&small, b"small").await;
    assert_eq!((server.read(&first.version).await, first.bytes), (b"small".to_vec(), 5));
    // The object has three parts, and a checksum of the whole.
    let content = noise(4_500_000).repeat(4);
    let second = server.write(&large, &content).await;
    assert!(server.read(&second.version).await == content);
    assert_eq!(second.bytes, content.len() as u64);
    let calls = server.aws.calls().by_operation;
    let expected = [("PutObject", 1), ("CreateMultipartUpload", 1), ("UploadPart", 3), ("CompleteMultipartUpload", 1)];
    for (operation, count) in expected {
        assert_eq!(calls[operation], count, "{operation}");
    }
}

/// Conditional writes decide who holds a record.
#[tokio::test]
async fn a_record_has_one_holder() {
    let Some(server) = Server::start().await else { return };
    in_time(Box::pin(held(&server))).await;
}

async fn held(server: &Server) {
    let (job, stored) = (job("held"), Stored { version: "v".into(), bytes: 5 });
    let _held = server.claimed(&self::job("busy")).await.expect("nobody holds it");
    assert_eq!(server.claimed(&self::job("busy")).await.err().map(|error| error.code()), Some("DeliveryInProgress"));
    // The time of this holder is over from the start.
    let mut first = server.claimed_until(&job, SystemTime::UNIX_EPOCH).await.expect("nobody holds it");
    first.uploaded(&stored).await.expect("it is held");
    let mut second = server.claimed(&job).await.expect("it is taken over");
    assert_eq!(second.record().stored.as_ref(), Some(&stored));
    assert_eq!(first.started("x").await.expect_err("it was taken over").code(), "DeliveryInProgress");
    second.started("y").await.expect("it is held");
    let third = server.claimed(&job).await.expect("it is done");
    assert_eq!(third.record().execution.as_deref(), Some("y"));
    // Only a retry of the same invocation takes over at once.
    let (retried, hour) = (self::job("retried"), SystemTime::now() + Duration::from_hours(1));
    let mut killed = server.claimed_by(&retried, Some("request"), hour).await.expect("nobody holds it");
    let other = server.claimed_by(&retried, Some("other"), hour).await;
    assert_eq!(other.err().map(|error| error.code()), Some("DeliveryInProgress"));
    server.claimed_by(&retried, Some("request"), hour).await.expect("its former attempt has ended");
    assert_eq!(killed.uploaded(&stored).await.expect_err("it was taken over").code(), "DeliveryInProgress");
    let race = self::job("race");
    let both = tokio::join!(server.claimed(&race), server.claimed(&race));
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|held| **held).count(), 1, "one of two");
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let Some(server) = Server::start().await else { return };
    let mut upload = Upload::open(&server.aws, &server.target, HashMap::new());
    in_time(upload.write(&noise(4_500_000).repeat(3))).await.expect("it is taken");
    in_time(upload.abort()).await;
    let open = server.aws.s3.list_multipart_uploads().bucket(BUCKET).send().await.expect("a list");
    assert_eq!(open.uploads().len(), 0);
    assert!(in_time(previous(&server)).await.is_none());
}

async fn previous(server: &Server) -> Option<Previous> {
    let options = PreviousOptions { level: 6, reuse_deflate: false, largest_directory: 32 << 20 };
    Previous::open(&server.aws.s3, &server.target.bucket, &server.target.key, options).await
}

/// The cache reads by range.
#[tokio::test]
async fn the_previous_archive_is_read_by_range() {
    let Some(server) = Server::start().await else { return };
    let world = World::of(&every_kind());
    let options = Options { tagged: true, ..Options::default() };
    let zip = world.archive(world.tip(), &options).await;
    in_time(Box::pin(server.write(&job("cached"), &zip))).await;
    let previous = in_time(previous(&server)).await.expect("a directory");
    let located = previous.find(world.repository.id(&format!("{BRANCH}:a/x")), false).expect("the entry");
    let data = in_time(previous.data(located)).await.expect("a range");
    assert_eq!(&data[..], b"in a\n");
}
