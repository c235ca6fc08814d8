//! A repository, an emulator that serves it, and a plain HTTP client.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use aws_sdk_codecommit::Client;
use aws_sdk_codecommit::config::retry::RetryConfig;
use aws_sdk_codecommit::config::{BehaviorVersion, Credentials, Region};
use emulator::{ACCESS_KEY, Emulator, Options, REGION, SECRET_KEY};
use serde_json::Value;
use tempfile::TempDir;

/// The maximum time of every wait; far more than a busy machine needs.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A folder with the fixture's repository in it, and an emulator that serves it.
pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    /// Starts an emulator with these options.
    pub(crate) fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder for repositories");
        let mut copy = Command::new("cp");
        let copied = copy.arg("-R").arg(fixture()).arg(folder.path().join("fixture.git")).status();
        assert!(copied.expect("cp runs").success());
        let repositories = Some(folder.path().to_owned());
        let emulator = Emulator::start(Options { repositories, ..options }).expect("a free port");
        Self { emulator, folder }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(SECRET_KEY)
    }

    /// Returns a client that does not retry and signs with this secret.
    pub(crate) fn client_with(&self, secret: &str) -> Client {
        let config = aws_sdk_codecommit::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY, secret, Some("token".to_owned()), None, "test"))
            .endpoint_url(self.emulator.endpoint())
            .retry_config(RetryConfig::disabled());
        Client::from_conf(config.build())
    }

    /// Runs Git on the served repository and returns its output.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let git_dir = self.folder.path().join("fixture.git");
        git(&git_dir, arguments)
    }

    /// Returns a path in the folder of the repositories.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Returns the repository that the fixture's script creates, once per process.
fn fixture() -> &'static Path {
    static FIXTURE: OnceLock<PathBuf> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let made = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the fixture");
        let repository = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulator-fixture.git");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/repository.sh");
        let status = Command::new(script).arg(made.path().join("fixture.git")).status();
        assert!(status.expect("the fixture's script runs").success());
        let _none = std::fs::remove_dir_all(&repository);
        std::fs::rename(made.path().join("fixture.git"), &repository).expect("the old fixture is removed");
        repository
    })
}

/// Runs Git in a folder, without the configuration of user and system, and returns its output.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = git_command(folder, arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

pub(crate) fn git_command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "A").env(format!("GIT_{role}_EMAIL"), "a@example.com");
        command.env(format!("GIT_{role}_DATE"), "1484167798 +0000");
    }
    command
}

/// A response: the head, and the part of the body that arrived.
pub(crate) struct RawResponse {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl RawResponse {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// Sends one unsigned request and reads until the server closes the connection.
pub(crate) fn http(emulator: &Emulator, method: &str, path: &str, headers: &str, body: &str) -> RawResponse {
    let endpoint = emulator.endpoint();
    let host = endpoint.trim_start_matches("http://");
    let mut connection = TcpStream::connect(host).expect("the emulator listens");
    connection.set_read_timeout(Some(TIMEOUT)).expect("the timeout is not zero");
    let length = body.len();
    let host = if headers.starts_with("Host: ") { String::new() } else { format!("Host: {host}\r\n") };
    let head =
        format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    connection.write_all((head + body).as_bytes()).expect("the emulator reads");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).expect("the emulator closes in time");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |end| end + 4);
    let body = answer.split_off(end);
    RawResponse { head: String::from_utf8(answer).expect("heads are text"), body }
}

/// Waits until a condition is true.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < TIMEOUT, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a request to the control address.
pub(crate) fn control(emulator: &Emulator, method: &str, path: &str, body: &str) -> RawResponse {
    let token = format!("X-Emulator-Token: {}\r\n", emulator.control_token());
    http(emulator, method, &format!("/_emulator/{path}"), &token, body)
}
