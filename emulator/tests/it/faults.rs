//! Every kind of fault, seen by a client without retries.

use std::time::{Duration, Instant};

use aws_sdk_codecommit::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_codecommit::operation::get_blob::GetBlobError;
use aws_sdk_codecommit::operation::get_folder::GetFolderOutput;
use emulator::{Fault, FaultKind, Options};
use serde_json::json;

use crate::support::{TIMEOUT, World, control, http};

type Read = Result<Vec<u8>, SdkError<GetBlobError>>;

/// Reads `README.md` of `main`.
async fn read(world: &World) -> Read {
    let id = world.git(&["rev-parse", "main:README.md"]);
    let read = world.client().get_blob().repository_name("fixture").blob_id(id).send();
    let read = tokio::time::timeout(TIMEOUT, read).await.expect("an answer in time");
    read.map(|blob| blob.content().as_ref().to_vec())
}

async fn with(kind: &str) -> Read {
    let world = World::new();
    world.emulator.inject(Fault::nth("GetBlob", 1, kind.parse().expect("a kind")));
    let first = read(&world).await;
    assert_eq!(read(&world).await.expect("the second call goes well"), b"hello again\n");
    first
}

/// Waits until this many requests have arrived.
async fn arrived(world: &World, requests: usize) {
    while world.emulator.requests().len() < requests {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn response(read: Read) -> (u16, String, Option<String>) {
    let error = read.expect_err("a fault");
    let raw = error.raw_response().expect("an answer");
    let body = String::from_utf8_lossy(raw.body().bytes().unwrap_or_default()).into_owned();
    (raw.status().as_u16(), body, error.code().map(str::to_owned))
}

#[tokio::test]
async fn refusals() {
    assert_eq!(response(with("status:503").await).0, 503);
    let (status, _, code) = response(with("throttle-json").await);
    assert_eq!((status, code.as_deref()), (400, Some("ThrottlingException")));
    let (status, body, code) = response(with("throttle-xml").await);
    assert!(status == 400 && body.contains("<Code>Throttling</Code>") && code.is_none());
    let (status, body, _) = response(with("throttle-empty").await);
    assert_eq!((status, body.as_str()), (429, ""));
    let (_, _, code) = response(with("denied").await);
    assert_eq!(code.as_deref(), Some("AccessDeniedException"));
    let (_, _, code) = response(with("error:EncryptionKeyDisabledException").await);
    assert_eq!(code.as_deref(), Some("EncryptionKeyDisabledException"));
}

#[tokio::test]
async fn broken_connections() {
    for kind in ["reset", "lost", "cut"] {
        let error = with(kind).await.expect_err("a fault");
        assert!(error.as_service_error().is_none(), "{kind}: {error:?}");
    }
}

#[test]
fn a_cut_answer_announces_all_and_sends_half() {
    let world = World::new();
    world.emulator.inject(Fault::every("Invoke", FaultKind::Cut));
    let answer = http(&world.emulator, "POST", "/2015-03-31/functions/absent/invocations", "", "{}");
    let announced: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!(answer.body.len(), announced / 2);
}

#[tokio::test]
async fn a_lost_answer_was_done() {
    let world = World::new();
    let put = || world.client().put_repository_triggers().repository_name("fixture").set_triggers(Some(vec![])).send();
    let id = async || {
        let triggers = world.client().get_repository_triggers().repository_name("fixture").send().await.unwrap();
        triggers.configuration_id().unwrap().to_owned()
    };
    for (kind, is_done) in [(FaultKind::Lost, true), (FaultKind::Reset, false)] {
        let before = id().await;
        world.emulator.inject(Fault::nth("PutRepositoryTriggers", 1, kind));
        put().await.unwrap_err();
        assert_eq!(id().await != before, is_done);
        world.emulator.clear_faults();
    }
}

#[tokio::test]
async fn a_hanging_call_does_not_answer_and_others_do() {
    let world = World::new();
    world.emulator.inject(Fault::nth("GetBlob", 1, FaultKind::Hang));
    tokio::select! {
        answered = read(&world) => panic!("the call must hang: {answered:?}"),
        () = arrived(&world, 1) => {}
    }
    assert_eq!(read(&world).await.unwrap(), b"hello again\n");
    assert_eq!(world.emulator.requests()[0].status, 0);
}

#[tokio::test]
async fn corrupt_content_is_well_formed() {
    let content = with("corrupt").await.expect("well formed");
    assert_eq!(content.len(), b"hello again\n".len());
    assert_ne!(content, b"hello again\n");
}

#[tokio::test]
async fn a_corrupt_folder_lacks_its_last_file() {
    let world = World::new();
    world.emulator.inject(Fault::nth("GetFolder", 2, FaultKind::Corrupt));
    let list = async || {
        let client = world.client();
        let listed = client.get_folder().repository_name("fixture").folder_path("").send().await.unwrap();
        let names = |folder: &GetFolderOutput| {
            folder.files().iter().map(|file| file.relative_path().unwrap().to_owned()).collect::<Vec<_>>()
        };
        names(&listed)
    };
    assert_eq!(list().await, ["README.md", "empty", "run.sh"]);
    assert_eq!(list().await, ["README.md", "empty"]);
    assert_eq!(list().await.len(), 3);
}

#[test]
fn ok_with_an_error_in_it() {
    let world = World::new();
    world.emulator.inject(Fault::every("CompleteMultipartUpload", FaultKind::OkError));
    let answer = http(&world.emulator, "POST", "/bucket/key?uploadId=1", "", "");
    assert_eq!(answer.status(), 200);
    assert!(String::from_utf8(answer.body).unwrap().contains("<Error><Code>InternalError</Code>"));
}

#[tokio::test]
async fn faults_hit_the_calls_they_name() {
    let world = World::new();
    for fault in ["GetBlob:2x2:reset", "GetBlob:5:reset", "GetTree:every:reset"] {
        world.emulator.inject(fault.parse().unwrap());
    }
    let mut failed = Vec::new();
    for call in 1..=6 {
        if read(&world).await.is_err() {
            failed.push(call);
        }
    }
    assert_eq!(failed, [2, 3, 5]);
    world.emulator.inject(Fault::every("*", FaultKind::Reset));
    assert!(read(&world).await.is_err() && read(&world).await.is_err());
    world.emulator.clear_faults();
    assert!(read(&world).await.is_ok());
}

#[test]
fn faults_are_written_as_on_the_command_line() {
    for (text, fault) in [
        ("GetBlob:2:status:503", Fault::nth("GetBlob", 2, FaultKind::Status(503))),
        ("*:every:throttle-xml", Fault::every("*", FaultKind::ThrottleXml)),
        ("PutObject:1x3:error:SlowDown", Fault::next("PutObject", 3, FaultKind::Error("SlowDown".to_owned()))),
    ] {
        assert_eq!(text.parse(), Ok(fault));
    }
    for wrong in
        ["GetBlob", "GetBlob:0:reset", "GetBlob:1:explode", "GetBlob:x:reset", "GetBlob:1:status:99", "a:1x:reset"]
    {
        assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn the_rate_is_limited_and_comes_back() {
    let world = World::with(Options { rate: Some(1e-6), ..Options::default() });
    read(&world).await.expect("the first request is admitted");
    for _ in 0..5 {
        let error = read(&world).await.expect_err("the rate is exceeded for days");
        assert_eq!(error.code(), Some("ThrottlingException"));
    }
    world.emulator.set_rate(None);
    read(&world).await.unwrap();
}

#[tokio::test]
async fn each_request_waits_for_the_latency() {
    let world = World::new();
    world.emulator.set_latency(Duration::from_millis(60));
    let start = Instant::now();
    read(&world).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn faults_and_requests_are_reached_over_the_control_address() {
    let world = World::new();
    let control = |method, path, body: &str| control(&world.emulator, method, path, body);
    assert_eq!(control("POST", "faults", r#""GetBlob:1:reset""#).status(), 200);
    let fault = json!([{ "operation": "GetBlob", "nth": 2, "count": 1, "kind": "status:500" }]);
    assert_eq!(control("POST", "faults", &fault.to_string()).status(), 200);
    assert!(read(&world).await.expect_err("the first fault").raw_response().is_none());
    assert_eq!(response(read(&world).await).0, 500);
    let requests = control("GET", "requests", "").json();
    assert_eq!(
        requests[1],
        json!({ "service": "codecommit", "operation": "GetBlob", "status": 500, "bytes_in": 80, "bytes_out": 0 })
    );
    assert_eq!(control("DELETE", "requests", "").status(), 200);
    assert_eq!(world.emulator.requests(), []);
    assert_eq!(control("POST", "faults", r#""*:every:denied""#).status(), 200);
    assert_eq!(control("DELETE", "faults", "").status(), 200);
    assert_eq!(control("POST", "latency", r#"{"milliseconds": 1}"#).status(), 200);
    assert_eq!(control("POST", "rate", r#"{"per_second": 1000}"#).status(), 200);
    assert!(read(&world).await.is_ok());
    assert_eq!(control("POST", "faults", r#""nonsense""#).status(), 400);
    assert_eq!(control("GET", "nothing", "").status(), 404);
}
