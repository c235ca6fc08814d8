//! The Git source against the emulator, which checks signatures and has the capabilities of `CodeCommit`.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use codecommit::retry::RetryPolicy;
use codecommit::source::git::{GitError, Pack, Remote, Timeouts};
use emulator::{ACCESS_KEY, Emulator, Fault, FaultKind, Options, REGION, SECRET_KEY};

use super::packs::limits;
use super::repository::Repository;

fn start(repository: &Repository) -> Emulator {
    let served = ("repo".to_owned(), repository.path().to_owned());
    Emulator::start(Options { repository: vec![served], ..Options::default() }).expect("loopback has a free port")
}

fn remote(emulator: &Emulator, secret: &str) -> Remote {
    let credentials = Credentials::new(ACCESS_KEY, secret, None, None, "test");
    Remote {
        connector: SharedHttpConnector::new(Connector::builder().build_http()),
        credentials: SharedCredentialsProvider::new(credentials),
        base: emulator.git_url(),
        region: REGION.into(),
        repository: "repo".into(),
        timeouts: Timeouts { answer: Duration::from_secs(10), ..Timeouts::default() },
        retries: RetryPolicy { initial_backoff: Duration::from_millis(1), ..RetryPolicy::GIT },
    }
}

async fn fetch(remote: &Remote, repository: &Repository, name: &str) -> Result<Pack, GitError> {
    let limits = limits();
    let fetched = remote.fetch(repository.id(name), &limits);
    tokio::time::timeout(Duration::from_mins(1), fetched).await.expect("a fetch ends in time")
}

#[tokio::test]
async fn a_signed_fetch_takes_two_requests() {
    let repository = Repository::various();
    let emulator = start(&repository);
    for name in ["HEAD", "HEAD^"] {
        emulator.clear_requests();
        let pack = fetch(&remote(&emulator, SECRET_KEY), &repository, name).await.unwrap();
        assert!(pack.kind(repository.id(name)).is_some());
        let requests: Vec<_> = emulator.requests().into_iter().map(|request| request.operation).collect();
        assert_eq!(requests, ["GitInfoRefs", "GitUploadPack"]);
    }
}

#[tokio::test]
async fn a_wrong_signature_and_a_wrong_name_are_permanent() {
    let repository = Repository::various();
    let emulator = start(&repository);
    let error = fetch(&remote(&emulator, "other"), &repository, "HEAD").await.unwrap_err();
    assert!(matches!(error, GitError::AccessDenied { status: 401, .. }), "{error:?}");
    let elsewhere = Remote { repository: "other".into(), ..remote(&emulator, SECRET_KEY) };
    let error = fetch(&elsewhere, &repository, "HEAD").await.unwrap_err();
    assert!(matches!(error, GitError::RepositoryMissing { .. }), "{error:?}");
    assert_eq!(emulator.requests().len(), 2);
}

#[tokio::test]
async fn faults_that_pass() {
    let repository = Repository::various();
    for operation in ["GitInfoRefs", "GitUploadPack"] {
        for kind in
            [FaultKind::ThrottleXml, FaultKind::ThrottleEmpty, FaultKind::Status(503), FaultKind::Reset, FaultKind::Cut]
        {
            let emulator = start(&repository);
            emulator.inject(Fault::nth(operation, 1, kind.clone()));
            let fetched = fetch(&remote(&emulator, SECRET_KEY), &repository, "HEAD").await;
            assert!(fetched.is_ok(), "{operation} {kind:?}: {fetched:?}");
            assert_eq!(emulator.count(operation), 2, "{operation} {kind:?}");
        }
    }
}

#[tokio::test]
async fn faults_that_stay() {
    let repository = Repository::various();
    let emulator = start(&repository);
    emulator.inject(Fault::every("GitUploadPack", FaultKind::Denied));
    let error = fetch(&remote(&emulator, SECRET_KEY), &repository, "HEAD").await.unwrap_err();
    assert!(matches!(error, GitError::AccessDenied { .. }), "{error:?}");
    assert_eq!(emulator.count("GitUploadPack"), 1);
}
