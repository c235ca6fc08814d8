//! S3 with the AWS SDK for Rust, which unlike boto3 sends trailing checksums over plain HTTP.

use std::io::Write as _;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart};
use emulator::s3::Versioning;
use emulator::{ACCESS_KEY, Emulator, Options, REGION, SECRET_KEY};

const PART_BYTES: usize = 5 * 1024 * 1024;

#[tokio::test]
async fn an_object_in_memory_is_put_with_its_metadata() {
    let (emulator, s3) = start();
    let put = s3.put_object().bucket("bucket").key("a/b").metadata("branch", "feature/a");
    let put = put.body(ByteStream::from_static(b"body")).send().await.expect("the put succeeds");
    let version = put.version_id().expect("the bucket is versioned");

    let object = emulator.store().object("bucket", "a/b", Some(version)).expect("it is kept");
    assert_eq!(object.bytes().expect("it is in memory"), "body");
    assert_eq!(object.metadata().get("branch").map(String::as_str), Some("feature/a"));
    let ids: Vec<_> = emulator.store().versions("bucket", "a/b").into_iter().map(|it| it.id).collect();
    assert_eq!(ids, [version]);
}

#[tokio::test]
async fn a_streamed_object_comes_with_a_trailing_checksum() {
    let (emulator, s3) = start();
    let content: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let mut file = tempfile::NamedTempFile::new().expect("a file can be made");
    file.write_all(&content).expect("the file can be written");
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let body = ByteStream::from_path(file.path()).await.expect("the file can be read");
        let put = s3.put_object().bucket("bucket").key("key").body(body);
        put.checksum_algorithm(algorithm).send().await.expect("the checksum is right");
        let object = emulator.store().object("bucket", "key", None).expect("it is kept");
        assert!(object.bytes().expect("it can be read") == content);

        let get = s3.get_object().bucket("bucket").key("key").checksum_mode(ChecksumMode::Enabled);
        let got = get.send().await.expect("it is there").body.collect().await;
        assert!(got.expect("the SDK finds the checksum right").into_bytes() == content);
    }
}

#[tokio::test]
async fn parts_are_combined_under_a_full_object_checksum() {
    let (emulator, s3) = start();
    let create = s3.create_multipart_upload().bucket("bucket").key("key");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32).checksum_type(ChecksumType::FullObject);
    let upload = create.send().await.expect("the upload starts").upload_id.expect("it has an id");
    assert_eq!(emulator.store().open_uploads("bucket"), 1);
    let parts = [vec![1; PART_BYTES], vec![2; PART_BYTES], vec![3; 22]];
    let completed = upload_parts(&s3, &upload, &parts).await;
    let whole = parts.concat();
    let complete = s3.complete_multipart_upload().bucket("bucket").key("key").upload_id(&upload);
    let complete = complete.multipart_upload(completed).mpu_object_size(whole.len().try_into().expect("it is small"));
    complete.send().await.expect("the upload completes");
    assert_eq!(emulator.store().open_uploads("bucket"), 0);

    let get = s3.get_object().bucket("bucket").key("key").checksum_mode(ChecksumMode::Enabled);
    let got = get.send().await.expect("it is there").body.collect().await;
    assert!(got.expect("the SDK finds the checksum right").into_bytes() == whole);
    let tail = s3.get_object().bucket("bucket").key("key").range("bytes=-24");
    let tail = tail.send().await.expect("it is there").body.collect().await.expect("it can be read");
    assert!(tail.into_bytes() == whole[whole.len() - 24..]);
}

async fn upload_parts(s3: &Client, upload: &str, parts: &[Vec<u8>]) -> CompletedMultipartUpload {
    let mut completed = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(parts) {
        let request = s3.upload_part().bucket("bucket").key("key").upload_id(upload);
        let request = request.part_number(number).body(part.clone().into());
        let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32);
        let sent = request.send().await.expect("the part is taken");
        let entry = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag);
        completed = completed.parts(entry.set_checksum_crc32(sent.checksum_crc32).build());
    }
    completed.build()
}

/// Starts an emulator with one versioned bucket; the emulator ends when the caller drops it.
fn start() -> (Emulator, Client) {
    let emulator = Emulator::start(Options::default()).expect("a port is free");
    emulator.store().create_bucket("bucket", Versioning::Enabled);
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "fixed"))
        .endpoint_url(emulator.endpoint())
        .region(Region::new(REGION));
    (emulator, Client::from_conf(config.build()))
}
