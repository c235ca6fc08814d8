//! `{account}` in `SOURCE_ROLE_ARN`: each account is read with its own role, and repositories of one name in two
//! accounts have different pipelines.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use codecommit::aws::Aws;
use codecommit_multibranch::Function;
use codecommit_multibranch::config::Config;
use emulator::{ACCESS_KEY, SECRET_KEY};
use oracle::Tree;
use serde_json::Value;

use crate::world::{BRANCH, NAME, PIPELINE, World, config};

const SETTINGS: [(&str, &str); 5] = [
    ("PIPELINE_NAME", PIPELINE),
    ("REPOSITORIES", "*"),
    ("SOURCE_ROLE_ARN", "arn:aws:iam::{account}:role/source"),
    ("SOURCE", "api"),
    ("CACHE", "off"),
];

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

/// Returns the push to the repository of the same name in another account.
fn in_account(mut event: Value, id: &str, account: &str) -> Value {
    let record = &mut event["Records"][0];
    record["eventId"] = id.into();
    record["eventSourceARN"] = format!("arn:aws:codecommit:eu-central-1:{account}:{NAME}").into();
    event
}

#[tokio::test]
async fn each_account_is_read_with_its_own_role_and_has_its_own_pipelines() {
    let mut tree = Tree::default();
    tree.add("file", "100644", "content\n");
    let mut world = World::of(&tree);
    let (address, asked) = sts();
    let key = |pipeline: &mut Value| {
        let settings = &mut pipeline["stages"][0]["actions"][0]["configuration"];
        settings["S3ObjectKey"] = format!("123456789012/{NAME}/source.zip").into();
    };
    world.change_pipeline(key).await;
    let credentials = SharedCredentialsProvider::new(Credentials::new("own", "own", None, None, "test"));
    let mut aws = Aws::new(config(&address, credentials));
    // Everything but STS is the emulator's.
    (aws.codecommit, aws.s3, aws.codepipeline) =
        (world.aws.codecommit.clone(), world.aws.s3.clone(), world.aws.codepipeline.clone());
    let value = |name: &str| SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    world.function = Function::new(Config::from_lookup(value).expect("the settings are right"), aws);

    let role = |request: String| request.split("RoleArn=").nth(1).map(|role| role[..30].to_owned());
    let run = world.started(in_account(world.push(), "one", "123456789012")).await;
    assert_eq!(run.key, "123456789012/demo/source.zip");
    assert_eq!(role(asked.recv().expect("a role")).as_deref(), Some("arn%3Aaws%3Aiam%3A%3A123456789"));
    world.started(in_account(world.push(), "two", "123456789012")).await;
    assert!(asked.try_recv().is_err(), "the credentials are kept");
    let failed = world.failed(in_account(world.push(), "three", "999999999999")).await;
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("KeyRefused", true));
    assert_eq!(world.executions().len(), 2);
    for request in asked.try_iter() {
        assert_eq!(role(request).as_deref(), Some("arn%3Aaws%3Aiam%3A%3A999999999"), "its own role, if any");
    }
    assert!(world.repository.id(BRANCH).to_string() == run.commit);
}
