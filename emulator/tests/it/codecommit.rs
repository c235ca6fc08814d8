//! CodeCommit with the AWS SDK for Rust: what the tests with boto3 do not cover.

use aws_sdk_codecommit::error::ProvideErrorMetadata as _;
use emulator::{Emulator, Options, Service};

use crate::support::{World, http};

/// The response to `ListRepositories` for the fixture; the ID is a hash of the name.
const LISTED: &str =
    r#"{"repositories":[{"repositoryId":"f16d05ec-6b29-248d-2c61-adb1e9263f78","repositoryName":"fixture"}]}"#;

#[tokio::test]
async fn requests_are_logged_in_order_with_their_bytes() {
    let world = World::new();
    let client = world.client();
    client.get_branch().repository_name("fixture").branch_name("main").send().await.unwrap();
    client.get_branch().repository_name("fixture").branch_name("absent").send().await.unwrap_err();
    client.list_repositories().send().await.unwrap();
    let requests = world.emulator.requests();
    let seen: Vec<_> = requests.iter().map(|request| (request.operation.as_str(), request.status)).collect();
    assert_eq!(seen, [("GetBranch", 200), ("GetBranch", 400), ("ListRepositories", 200)]);
    assert!(requests.iter().all(|request| request.service == Service::CodeCommit));
    assert_eq!(requests[0].bytes_in, r#"{"repositoryName":"fixture","branchName":"main"}"#.len() as u64);
    assert_eq!(requests[2].bytes_out, LISTED.len() as u64);
    assert_eq!(world.emulator.count("GetBranch"), 2);
    world.emulator.clear_requests();
    assert_eq!(world.emulator.requests(), []);
}

#[tokio::test]
async fn emulators_do_not_share_anything() {
    let (one, other) = (World::new(), World::new());
    assert_ne!(one.emulator.endpoint(), other.emulator.endpoint());
    one.client().list_repositories().send().await.unwrap();
    assert_eq!((one.emulator.requests().len(), other.emulator.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_wrong_secret_is_refused() {
    let world = World::new();
    let refused = world.client_with("wrong").list_repositories().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidSignatureException"));
}

#[test]
fn a_request_without_a_signature_is_refused() {
    let world = World::new();
    let target = "X-Amz-Target: CodeCommit_20150413.ListRepositories\r\n";
    let answer = http(&world.emulator, "POST", "/", target, "{}");
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.header("x-amzn-errortype"), Some("MissingAuthenticationTokenException"));
    let old = "Authorization: AWS4-HMAC-SHA256 Credential=AKIAEMULATOR000000EX/20171224/eu-central-1/codecommit/aws4_request, \
               SignedHeaders=host, Signature=00\r\nX-Amz-Date: 20171224T115320Z\r\n";
    let answer = http(&world.emulator, "POST", "/", &format!("{target}{old}"), "{}");
    assert_eq!(answer.json()["__type"], "InvalidSignatureException");
    assert!(answer.json()["message"].as_str().unwrap().contains("Signature expired"));
}

#[tokio::test]
async fn a_single_repository_may_be_anywhere() {
    let world = World::new();
    let repository = vec![("other".to_owned(), world.path("fixture.git"))];
    let emulator = Emulator::start(Options { repository, ..Options::default() }).unwrap();
    let world = World { emulator, folder: world.folder };
    let names = world.client().list_repositories().send().await.unwrap();
    let names: Vec<_> = names.repositories().iter().filter_map(|pair| pair.repository_name()).collect();
    assert_eq!(names, ["other"]);
    let tip = world.client().get_branch().repository_name("other").branch_name("main").send().await.unwrap();
    assert_eq!(tip.branch().unwrap().commit_id(), Some(world.git(&["rev-parse", "main"]).as_str()));
}

#[tokio::test]
async fn many_readers_at_once_get_what_they_asked_for() {
    let world = World::new();
    let blobs: Vec<String> =
        world.git(&["ls-tree", "-r", "main", "--format=%(objectname)", "many/"]).lines().map(str::to_owned).collect();
    let client = world.client();
    let reads = (0..200).map(|number| {
        let (client, id) = (client.clone(), blobs[number % blobs.len()].clone());
        tokio::spawn(async move {
            let blob = client.get_blob().repository_name("fixture").blob_id(&id).send().await.unwrap();
            (id, String::from_utf8(blob.content().as_ref().to_vec()).unwrap())
        })
    });
    for read in reads.collect::<Vec<_>>() {
        let (id, content) = read.await.unwrap();
        assert_eq!(content.trim_end(), world.git(&["cat-file", "blob", &id]));
    }
    assert_eq!(world.emulator.count("GetBlob"), 200);
}

#[tokio::test]
async fn a_commit_made_later_is_seen() {
    let world = World::new();
    let client = world.client();
    let tip = async || {
        let branch = client.get_branch().repository_name("fixture").branch_name("main").send().await.unwrap();
        branch.branch().unwrap().commit_id().unwrap().to_owned()
    };
    let before = tip().await;
    world.git(&["update-ref", "refs/heads/main", "refs/heads/feature/a/b"]);
    world.git(&["pack-refs", "--all"]);
    world.git(&["gc", "--quiet", "--prune=now"]);
    assert_ne!(tip().await, before);
    assert_eq!(tip().await, world.git(&["rev-parse", "feature/a/b"]));
}
