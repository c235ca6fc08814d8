//! `{account}` in `SOURCE_ROLE_ARN`, with the built function: each account is read with its own role, and repositories
//! of one name in two accounts have different pipelines.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use emulator::{ACCESS_KEY, Emulator, FunctionError, Options, SECRET_KEY};
use serde_json::Value;

use super::world::{BRANCH, BUCKET, NAME, PIPELINE, pushed};
use oracle::{CommitText, Repository, Tree};

const OWN: &str = "123456789012";
const OTHER: &str = "999999999999";
const DEADLINE: Duration = Duration::from_mins(1);

/// Starts an STS that gives every role the emulator's credentials. Returns its address and the bodies of the requests.
fn sts() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, receiver) = channel();
    // It ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let request = read(&mut stream);
            let answer = format!(
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{ACCESS_KEY}</AccessKeyId>\
                 <SecretAccessKey>{SECRET_KEY}</SecretAccessKey><SessionToken>token</SessionToken>\
                 <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
            );
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
            stream.write_all((head + &answer).as_bytes()).expect("it is sent");
            sender.send(request).expect("somebody reads");
        }
    });
    (address, receiver)
}

/// Reads a whole request.
fn read(stream: &mut impl Read) -> String {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).expect("a request");
        request.push_str(std::str::from_utf8(&buffer[..read]).expect("a form is ASCII"));
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let length = head.lines().filter_map(|line| line.split_once(": "));
        let mut length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length: usize = length.next().expect("a length").1.parse().expect("a number");
        if read == 0 || body.len() >= length {
            return request;
        }
    }
}

/// Starts the function for all repositories of all accounts. The pipeline's key names the repository of [`OWN`].
fn start(repository: &Repository, sts: &str) -> Emulator {
    let settings = [
        ("REPOSITORIES", "*"),
        ("SOURCE_ROLE_ARN", "arn:aws:iam::{account}:role/source"),
        ("SOURCE", "api"),
        ("CACHE", "off"),
        ("AWS_ENDPOINT_URL_STS", sts),
    ];
    let options = Options {
        repository: vec![(NAME.to_owned(), repository.path().to_owned())],
        function: Some(PathBuf::from(env!("CARGO_BIN_EXE_updates"))),
        environment: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        bucket: Some(BUCKET.to_owned()),
        pipeline: Some(PIPELINE.to_owned()),
        key: format!("{OWN}/{NAME}/source.zip"),
        ..Options::default()
    };
    Emulator::start(options).expect("loopback has a free port")
}

/// Pushes to the repository of this name in an account.
async fn push(emulator: &Emulator, repository: &Repository, id: &str, account: &str) -> Result<Value, FunctionError> {
    let mut event = pushed(id, &[(BRANCH, repository.id(BRANCH))]);
    event["Records"][0]["eventSourceARN"] = format!("arn:aws:codecommit:eu-central-1:{account}:{NAME}").into();
    tokio::time::timeout(DEADLINE, emulator.invoke(event)).await.expect("the invocation ends")
}

/// Returns the account of the role that a request asks for.
fn account(request: &str) -> &str {
    request.split_once("RoleArn=arn%3Aaws%3Aiam%3A%3A").expect("a role").1.split('%').next().expect("an account")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_is_read_with_its_own_role_and_has_its_own_pipelines() {
    let mut tree = Tree::default();
    tree.add("file", "100644", "content\n");
    let repository = Repository::import(&tree.commit(BRANCH, &CommitText::default()));
    let (address, asked) = sts();
    let emulator = start(&repository, &address);

    let answer = push(&emulator, &repository, "one", OWN).await.expect("it is started");
    assert_eq!(answer["started"][0]["key"], format!("{OWN}/{NAME}/source.zip"));
    assert_eq!(answer["started"][0]["commit"], repository.id(BRANCH).to_string());
    assert_eq!(account(&asked.recv_timeout(DEADLINE).expect("a role")), OWN);
    push(&emulator, &repository, "two", OWN).await.expect("it is started");
    assert!(asked.try_recv().is_err(), "the credentials are kept");

    let error = push(&emulator, &repository, "three", OTHER).await.expect_err("the key is another account's");
    assert_eq!(error.payload["errorType"], "KeyRefused");
    assert_eq!(emulator.codepipeline().executions(PIPELINE).len(), 2);
    for request in asked.try_iter() {
        assert_eq!(account(&request), OTHER, "its own role, if any");
    }
}
