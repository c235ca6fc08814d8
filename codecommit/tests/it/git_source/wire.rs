//! The exchange with a server: the requests, and the result of each answer.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use codecommit::retry::RetryPolicy;
use codecommit::source::git::{GitError, Limits, Pack, PackError, Remote, Timeouts};
use git_archive::object::{Kind, ObjectId};

use super::packs::limits;
use super::repository::{Repository, git, objects};
use super::server::{Fault, Server};

fn remote(server: &Server) -> Remote {
    let credentials = Credentials::new("AKID", "secret", Some("token".into()), None, "test");
    Remote {
        connector: SharedHttpConnector::new(Connector::builder().build_http()),
        credentials: SharedCredentialsProvider::new(credentials),
        base: server.base(),
        region: "eu-west-1".into(),
        repository: "some-repo".into(),
        timeouts: Timeouts::default(),
        retries: RetryPolicy { initial_backoff: Duration::from_millis(1), ..RetryPolicy::GIT },
    }
}

async fn fetch(server: &Server, commit: ObjectId) -> Result<Pack, GitError> {
    let remote = remote(server);
    let limits = limits();
    let fetched = tokio::time::timeout(Duration::from_mins(1), remote.fetch(commit, &limits));
    fetched.await.expect("a fetch ends in time")
}

/// Fetches with these faults. Returns the result and the number of requests.
async fn fetch_with(repository: &Repository, faults: &[Fault]) -> (Result<Pack, GitError>, usize) {
    let server = Server::start(repository.path(), faults);
    let fetched = fetch(&server, repository.id("HEAD")).await;
    (fetched, server.requests().len())
}

#[tokio::test]
async fn one_commit_in_two_requests() {
    let repository = Repository::various();
    let server = Server::start(repository.path(), &[]);
    let head = repository.id("HEAD");
    let pack = fetch(&server, head).await.unwrap();
    let mut reader = pack.reader(1 << 20);
    let commit = reader.commit(head).unwrap();
    for entry in reader.walk(commit.tree).unwrap() {
        if matches!(entry.kind, Kind::File | Kind::Executable | Kind::Link) {
            let content = repository.git(&["cat-file", "blob", &entry.id.to_string()]);
            assert!(reader.blob(entry.id).unwrap() == content, "{}", entry.path);
        }
    }
    assert_eq!(pack.kind(commit.parents[0]), None, "history is not fetched");
    let requests = server.requests();
    let lines: Vec<&str> = requests.iter().map(|request| request.line.as_str()).collect();
    let get = "GET /v1/repos/some-repo/info/refs?service=git-upload-pack HTTP/1.1";
    assert_eq!(lines, [get, "POST /v1/repos/some-repo/git-upload-pack HTTP/1.1"]);
    for request in &requests {
        assert!(request.header("authorization").unwrap().starts_with("Basic QUtJRCV0b2tlbj"));
        assert_eq!(request.header("git-protocol"), None);
    }
    let body = String::from_utf8(requests[1].body.clone()).unwrap();
    assert!(body[4..].starts_with(&format!("want {head} side-band-64k ofs-delta no-progress agent=")), "{body}");
    assert!(body.ends_with("\n000ddeepen 1\n00000009done\n"), "{body}");
}

#[tokio::test]
async fn nobody_listens() {
    let repository = Repository::various();
    let mut remote = remote(&Server::start(repository.path(), &[]));
    // Nothing ever listens on port 0.
    remote.base = "http://127.0.0.1:0/v1/repos".into();
    // Spawning requires that the future can run on any thread.
    let fetched = tokio::spawn(async move { remote.fetch(ObjectId::Sha1([5; 20]), &limits()).await });
    let error = fetched.await.unwrap().unwrap_err();
    assert!(matches!(error, GitError::Connection { operation: "GitInfoRefs", .. }), "{error:?}");
}

#[tokio::test]
async fn a_pack_may_go_to_disk_or_be_too_large_for_it() {
    let repository = Repository::various();
    let server = Server::start(repository.path(), &[]);
    let head = repository.id("HEAD");
    let spooled = Limits { in_memory: 0, ..limits() };
    let pack = remote(&server).fetch(head, &spooled).await.unwrap();
    assert!(pack.kind(head).is_some());
    let error = remote(&server).fetch(head, &Limits { on_disk: 10, ..spooled }).await.unwrap_err();
    assert!(matches!(error, GitError::Pack(PackError::TooLarge { limit: 10 })), "{error:?}");
}

#[tokio::test]
async fn a_commit_that_is_no_tip_has_to_be_allowed() {
    let repository = Repository::various();
    let server = Server::start(repository.path(), &[]);
    let parent = repository.id("HEAD^");
    let error = fetch(&server, parent).await.unwrap_err();
    assert!(matches!(error, GitError::WantRefused { commit } if commit == parent), "{error:?}");
    assert_eq!(server.requests().len(), 1);
    repository.git(&["config", "uploadpack.allowReachableSHA1InWant", "true"]);
    assert!(fetch(&server, parent).await.unwrap().kind(parent).is_some());
    let unknown = ObjectId::Sha1([5; 20]);
    let error = fetch(&server, unknown).await.unwrap_err();
    assert!(matches!(error, GitError::WantRefused { commit } if commit == unknown), "{error:?}");
}

#[tokio::test]
async fn an_empty_repository_has_nothing_to_want() {
    let repository = Repository::empty();
    let server = Server::start(repository.path(), &[]);
    let error = fetch(&server, ObjectId::Sha1([5; 20])).await.unwrap_err();
    assert!(matches!(error, GitError::Empty), "{error:?}");
}

#[tokio::test]
async fn a_failure_that_passes_is_tried_again() {
    let repository = Repository::various();
    let served = [Fault::Serve, Fault::Serve];
    for (faults, expected) in [
        (&[Fault::Status(429, ""), Fault::Status(503, "")][..], 4),
        (&[Fault::Status(400, "<Code>ThrottlingException</Code>")], 3),
        (&[Fault::Status(500, "")], 3),
        (&[Fault::Cut(0)], 3),
        (&[Fault::Cut(100)], 3),
        (&[Fault::Serve, Fault::Cut(0)], 3),
        (&[Fault::Serve, Fault::Cut(20_000), Fault::Status(503, "")], 4),
        (&[Fault::Body(b"001e# service=git-upload-pack\n0000".to_vec())], 3),
        (&served, 2),
    ] {
        let (fetched, requests) = fetch_with(&repository, faults).await;
        assert!(fetched.is_ok(), "{faults:?}: {fetched:?}");
        assert_eq!(requests, expected, "{faults:?}");
    }
}

#[tokio::test]
async fn a_failure_that_stays_is_given_up_after_three_tries() {
    let repository = Repository::various();
    for fault in [Fault::Status(503, ""), Fault::Status(502, ""), Fault::Cut(50)] {
        let (fetched, requests) = fetch_with(&repository, &vec![fault.clone(); 5]).await;
        assert!(fetched.unwrap_err().is_transient(), "{fault:?}");
        assert_eq!(requests, 3, "{fault:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let repository = Repository::various();
    for (fault, part) in [
        (Fault::Status(403, "no"), "codecommit:GitPull"),
        (Fault::Status(401, ""), "codecommit:GitPull"),
        (Fault::Status(404, ""), "there is no repository at http://127.0.0.1"),
        (Fault::Status(301, ""), "status 301"),
        (Fault::Status(400, "bad"), "status 400: bad"),
        (Fault::Media("text/html"), "media type"),
        (Fault::Body(b"0013ERR you may not".to_vec()), "the server said: you may not"),
        (Fault::Body(b"000eversion 2\n0000".to_vec()), "not that of git-upload-pack"),
        (Fault::Body(b"zzzz".to_vec()), "no valid length"),
        (Fault::Body(offer("side-band-64k")), "capability shallow"),
        (Fault::Body(offer("shallow")), "capability side-band-64k"),
    ] {
        let (fetched, requests) = fetch_with(&repository, std::slice::from_ref(&fault)).await;
        let error = fetched.unwrap_err();
        assert!(error.to_string().contains(part), "{fault:?}: {error}");
        assert!(!error.is_transient(), "{fault:?}");
        assert_eq!(requests, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_the_pack_is_wrapped_in_can_be_wrong() {
    let repository = Repository::various();
    // A damaged pack is requested again, but an error message of the server is final.
    for (body, part, tries) in [
        (&b"0011ERR no, sorry"[..], "the server said: no, sorry", 1),
        (b"00000008NAK\n000a\x03broke0000", "the server said: broke", 1),
        (b"00000008NAK\n0006\x04x0000", "unknown number", 1),
        (b"00000008ACK\n", "out of place", 1),
        (b"00000008NAK\n0009\x02busy0009\x01PACK0000", "failed to index the pack", 3),
        (b"00000008NAK\n0000", "failed to index the pack", 3),
        (b"00000008NAK\n0009\x01XXXX0000", "failed to index the pack", 3),
    ] {
        let wrong = std::iter::repeat_n(Fault::Body(body.to_vec()), tries);
        let faults: Vec<Fault> = std::iter::once(Fault::Serve).chain(wrong).collect();
        let (fetched, requests) = fetch_with(&repository, &faults).await;
        let error = fetched.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(requests, 1 + tries, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_left() {
    let repository = Repository::various();
    let server = Server::start(repository.path(), &[Fault::Hang, Fault::Serve, Fault::Hang, Fault::Hang, Fault::Hang]);
    let mut remote = remote(&server);
    remote.timeouts.answer = Duration::from_millis(300);
    let error = remote.fetch(repository.id("HEAD"), &limits()).await.unwrap_err();
    assert!(matches!(error, GitError::Timeout { operation: "GitUploadPack", .. }), "{error:?}");
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_name_that_is_no_repository_is_refused_before_anything_is_sent() {
    let repository = Repository::various();
    let server = Server::start(repository.path(), &[]);
    for name in ["", "a/b", "a?b", "a b", "\u{e4}"] {
        let remote = Remote { repository: name.into(), ..remote(&server) };
        let error = remote.fetch(repository.id("HEAD"), &limits()).await.unwrap_err();
        assert!(matches!(error, GitError::Address(_)), "{error:?}");
    }
    assert_eq!(server.requests().len(), 0);
}

/// Compares repositories with git file by file. The variable `GIT_SOURCE_REPOSITORIES` lists them, separated by `:`.
#[tokio::test]
async fn every_file_of_real_repositories() {
    let folders = std::env::var("GIT_SOURCE_REPOSITORIES").unwrap_or_default();
    for folder in folders.split(':').filter(|folder| !folder.is_empty()) {
        let folder = std::path::Path::new(folder);
        let head = ObjectId::from_hex(git(folder, &["rev-parse", "HEAD"], b"").trim_ascii()).unwrap();
        let server = Server::start(folder, &[]);
        let mut reader = Arc::new(fetch(&server, head).await.unwrap()).reader(16 << 20);
        let tree = reader.commit(head).unwrap().tree;
        let listing = reader.walk(tree).unwrap();
        let mut blobs = listing;
        blobs.retain(|entry| !matches!(entry.kind, Kind::Directory | Kind::Submodule));
        let names: Vec<String> = blobs.iter().map(|entry| entry.id.to_string()).collect();
        let names = names.join(
            "
",
        ) + "
";
        let contents = objects(&git(folder, &["cat-file", "--batch"], names.as_bytes()));
        for entry in blobs {
            assert!(reader.blob(entry.id).unwrap() == contents[&entry.id].1, "{}", entry.path);
        }
    }
}

/// Makes an advertisement with one reference to a commit that does not exist, and one capability.
fn offer(capability: &str) -> Vec<u8> {
    let line = format!("{} refs/heads/main\0{capability}\n", "5".repeat(40));
    format!("001e# service=git-upload-pack\n0000{:04x}{line}0000", line.len() + 4).into_bytes()
}
