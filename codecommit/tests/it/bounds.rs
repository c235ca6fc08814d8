//! Hostile repositories and answers. Each is refused within its limit, with a stable code for that limit.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use codecommit::aws::{Aws, call};
use codecommit::causes::with_causes;
use codecommit::source::{Mode, SourceOptions};
use codecommit::{Archive, Repository};

use crate::endpoint::{Endpoint, in_time};
use oracle::{CommitText, Tree};

const BRANCH: &str = "refs/heads/main";

/// Serves a commit with this tree while the repository exists.
fn serve(tree: &Tree) -> (Endpoint, oracle::Repository) {
    let repository = oracle::Repository::import(&tree.commit(BRANCH, &CommitText::default()));
    let endpoint = Endpoint::start();
    endpoint.serve("hostile", repository.path());
    (endpoint, repository)
}

fn archive(endpoint: &Endpoint, options: SourceOptions) -> Archive<'_> {
    let options = SourceOptions { git_url: Some(endpoint.emulator.git_url()), ..options };
    Repository::new(&endpoint.aws, "hostile").archive("main").source(options)
}

/// A tree bomb names the same tree many times, so a few bytes list millions of entries.
#[tokio::test]
async fn a_tree_bomb_is_refused_by_its_entries() {
    let mut tree = Tree::default();
    for path in 0..100 {
        tree.add(format!("{}/{}/{}", path / 25, path / 5 % 5, path % 5), "100644", "the same\n");
    }
    let (endpoint, _repository) = serve(&tree);
    for mode in [Mode::Api, Mode::Git, Mode::Auto] {
        let options = |entry_limit| SourceOptions { mode, entry_limit, ..SourceOptions::default() };
        // 4 folders, 20 folders in them, 100 files.
        let refused = in_time(archive(&endpoint, options(123)).to_vec()).await.expect_err("124 entries are too many");
        assert_eq!(refused.code(), "TreeTooLarge", "{mode:?}: {}", with_causes(&refused));
        let (_, summary) = in_time(archive(&endpoint, options(124)).to_vec()).await.expect("124 entries are allowed");
        assert_eq!(summary.entries, 124, "{mode:?}");
    }
}

#[tokio::test]
async fn a_tree_bomb_is_refused_by_its_memory() {
    let mut tree = Tree::default();
    for path in 0..200 {
        tree.add(format!("{path:0>200}"), "100644", "the same\n");
    }
    let (endpoint, _repository) = serve(&tree);
    let options = SourceOptions { mode: Mode::Api, memory: 50_000, ..SourceOptions::default() };
    let refused = in_time(archive(&endpoint, options).to_vec()).await.expect_err("the listing is too large");
    assert_eq!(refused.code(), "TreeTooLarge", "{}", with_causes(&refused));
}

/// Attributes need several times the memory of their text, and all of them are in memory at once.
#[tokio::test]
async fn hundreds_of_large_gitattributes_are_refused() {
    let mut tree = Tree::default();
    for folder in 0..3 {
        tree.add(format!("{folder}/.gitattributes"), "100644", format!("{folder}\n").repeat(250_000));
    }
    let (endpoint, _repository) = serve(&tree);
    for mode in [Mode::Api, Mode::Git] {
        let options = SourceOptions { mode, ..SourceOptions::default() };
        let refused = in_time(archive(&endpoint, options).budget(8 << 20).to_vec()).await;
        let refused = refused.expect_err("1.5 MB are over an eighth of the budget");
        let text = with_causes(&refused);
        assert_eq!(refused.code(), "AttributesTooLarge", "{mode:?}: {text}");
        assert!(text.contains(".gitattributes") && text.contains("1048576"), "{mode:?}: {text}");
    }
}

#[tokio::test]
async fn one_huge_gitattributes_is_refused() {
    let mut tree = Tree::default();
    tree.add(".gitattributes", "100644", "x\n".repeat(2_200_000));
    let (endpoint, _repository) = serve(&tree);
    for mode in [Mode::Api, Mode::Git] {
        let options = SourceOptions { mode, ..SourceOptions::default() };
        let refused = in_time(archive(&endpoint, options).to_vec()).await.expect_err("4.4 MB are too many");
        assert_eq!(refused.code(), "AttributesTooLarge", "{mode:?}: {}", with_causes(&refused));
    }
}

/// A service that answers with a body of this length.
#[derive(Debug, Clone)]
struct Endless {
    status: u16,
    length: usize,
}

impl HttpConnector for Endless {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let body = SdkBody::from(vec![b'x'; self.length]);
        let mut answer = HttpResponse::new(self.status.try_into().expect("a status"), body);
        answer.headers_mut().insert("content-length", self.length.to_string());
        HttpConnectorFuture::ready(Ok(answer))
    }
}

/// Returns the error of a `GetBlob` that this service answers.
async fn refused(service: Endless) -> String {
    let connector = SharedHttpConnector::new(service);
    let credentials = Credentials::new("key", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    let request = Aws::new(config).codecommit.get_blob().repository_name("r").blob_id("b");
    with_causes(&in_time(call("GetBlob", request.send())).await.expect_err("the answer is refused"))
}

#[tokio::test]
async fn an_answer_that_is_larger_than_the_operation_allows_is_not_read() {
    let error = refused(Endless { status: 200, length: 9_000_000 }).await;
    assert!(error.contains("the answer has more than 8389632 bytes"), "{error}");
}

#[tokio::test]
async fn a_huge_error_answer_makes_no_huge_message() {
    let error = refused(Endless { status: 400, length: 5_000_000 }).await;
    assert!(error.len() < 2_000, "{} bytes", error.len());
}
