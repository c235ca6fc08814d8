//! Tests with programs from elsewhere: an S3 server, AWS's Runtime Interface Emulator, and cargo-lambda.
//!
//! `make test` installs them, and names them in variables. Without its variable, a test says that it did nothing, and
//! fails in CI.

mod cargo_lambda;
mod ministack;
mod rie;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use emulator::{Emulator, Options};

use super::world::{BRANCH, BUCKET, NAME, PIPELINE, until};
use oracle::every_kind;
use oracle::{CommitText, Repository};

/// Returns the program that a variable names.
fn program(variable: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    assert!(std::env::var_os("CI").is_none(), "{variable} is not set: run `make test`, which installs the program");
    writeln!(io::stderr(), "{variable} is not set, so this test does nothing: `make test` sets it").ok()?;
    None
}

/// A child process that is ended with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.spawn().expect("the program starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Returns an address that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

async fn until_it_listens(address: SocketAddr) {
    until(&format!("a server at {address}"), || TcpStream::connect(address).is_ok()).await;
}

/// Sends one POST, and returns the body of its answer.
fn post(address: SocketAddr, path: &str, body: &str) -> String {
    let mut connection = TcpStream::connect(address).expect("it listens");
    connection.set_read_timeout(Some(Duration::from_secs(100))).expect("a timeout");
    let length = body.len();
    let head = format!("POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n");
    connection.write_all((head + body).as_bytes()).expect("it is sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    answer.split_once("\r\n\r\n").expect("an answer has a head").1.to_owned()
}

/// Makes a repository with an emulator that has no function.
fn emulated() -> (Emulator, Repository) {
    let repository = Repository::import(&every_kind().commit(BRANCH, &CommitText::default()));
    let served = vec![(NAME.to_owned(), repository.path().to_owned())];
    let (bucket, pipeline) = (Some(BUCKET.to_owned()), Some(PIPELINE.to_owned()));
    let options = Options { repository: served, bucket, pipeline, ..Options::default() };
    (Emulator::start(options).expect("loopback has a free port"), repository)
}
