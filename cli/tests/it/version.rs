//! The version: what `--version` prints, and the user agent of every call to AWS, which `CloudTrail` records.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use crate::world::{World, ended};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_version_is_printed() {
    assert_eq!(World::new().text(&["--version"]), format!("codecommit {VERSION}\n"));
}

#[test]
fn the_user_agent_names_the_project_and_its_version() {
    assert!(agent(&[]).contains(&format!("app/codecommit-multibranch-{VERSION}")));
    let own = agent(&[("AWS_SDK_UA_APP_ID", "mine")]);
    assert!(own.contains("app/mine") && !own.contains("multibranch"), "a person's own name takes precedence: {own}");
}

/// Returns the user agent of one call, which is then refused.
fn agent(variables: &[(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("an address");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        let (mut agent, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a request");
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("x-amz-user-agent: ") {
                value.clone_into(&mut agent);
            } else if let Some(bytes) = line.strip_prefix("content-length: ") {
                length = bytes.parse().expect("a length");
            } else if line.is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).expect("a body");
        let body = r#"{"__type":"RepositoryDoesNotExistException","message":"none"}"#;
        let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("an answer");
        sender.send(agent).expect("the test waits for it");
    });
    let world = World::new();
    let mut command = world.command(&["triggers", "list", "project"]);
    command.env("AWS_ENDPOINT_URL", format!("http://{address}")).envs(variables.iter().copied());
    assert!(!ended(command).status.success(), "the call was refused");
    receiver.recv_timeout(Duration::from_mins(1)).expect("a call arrived")
}
