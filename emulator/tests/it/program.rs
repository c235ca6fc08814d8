//! The built binary.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use emulator::s3::Versioning;
use emulator::{Emulator, Options};
use serde_json::json;

use crate::support::{TIMEOUT, World, eventually, git};

/// A child process that a failing test does not leave behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Starts the program and reads the first lines of its output.
fn start(arguments: &[&str], lines: usize) -> (Running, Vec<String>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
    let child = program.args(["--port", "0"]).args(arguments).stdout(Stdio::piped()).spawn();
    let mut child = Running(child.expect("the program runs"));
    let output = BufReader::new(child.0.stdout.take().expect("piped"));
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        output.lines().map_while(Result::ok).take(lines).for_each(|line| drop(sender.send(line)));
    });
    let printed = (0..lines).map(|_| receiver.recv_timeout(TIMEOUT).expect("a line in time")).collect();
    (child, printed)
}

#[test]
fn it_says_what_it_serves_and_ends_when_told() {
    let world = World::new();
    let folder = world.folder.path().to_str().unwrap();
    let (mut child, mut printed) =
        start(&["--repositories", folder, "--bucket", "bucket", "--pipeline", "p", "--key", "k", "--quiet"], 15);
    let endpoint = printed[0].strip_prefix("# endpoint ").unwrap().to_owned();
    let token = printed[1].strip_prefix("export EMULATOR_CONTROL_TOKEN=").expect("the token");
    assert_eq!(token.len(), 32);
    assert!(printed[12].starts_with("#   git clone http://AKIAEMULATOR000000EX:"), "{}", printed[12]);
    printed[12].clear();
    assert_eq!(
        printed[2..],
        [
            format!("export AWS_ENDPOINT_URL={endpoint}"),
            "export AWS_ACCESS_KEY_ID=AKIAEMULATOR000000EX".to_owned(),
            "export AWS_SECRET_ACCESS_KEY=emulator-secret".to_owned(),
            "export AWS_REGION=eu-central-1".to_owned(),
            "export AWS_DEFAULT_REGION=eu-central-1".to_owned(),
            format!("export CODECOMMIT_GIT_URL={endpoint}/v1/repos/"),
            "# versioned bucket bucket".to_owned(),
            "# pipeline p, which reads k".to_owned(),
            "# repository fixture: empty, feature/a/b, large, latin, legacy and more".to_owned(),
            "# clone with a password that is valid for 15 minutes:".to_owned(),
            String::new(),
            "# clone with the AWS CLI's credential helper and the variables above:".to_owned(),
            format!(
                "#   git -c credential.helper='!f() {{ [ \"$1\" != get ] || aws codecommit credential-helper --ignore-host-check get; }}; f' \
                 -c credential.useHttpPath=true clone {endpoint}/v1/repos/fixture"
            ),
        ]
    );
    end(&mut child.0);
}

#[test]
fn it_can_be_told_of_a_changed_branch() {
    let world = World::new();
    let endpoint = world.emulator.endpoint();
    let notify = |branch: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
        program
            .args(["notify", "--endpoint", &endpoint, "--repository", "fixture", "--branch", branch])
            .env("EMULATOR_CONTROL_TOKEN", world.emulator.control_token())
            .output()
            .unwrap()
    };
    let told = notify("main");
    assert_eq!((told.status.success(), told.stdout.as_slice()), (true, b"{\"sent\":[]}\n".as_slice()));
    let refused = notify("absent");
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("no branch absent"));
}

/// Sends SIGTERM and waits for the exit.
fn end(child: &mut Child) {
    let ended = Command::new("kill").arg(child.id().to_string()).status().expect("of a child");
    assert!(ended.success());
    let mut status = None;
    eventually("the program ends", || {
        status = child.try_wait().expect("of a child");
        status.is_some()
    });
    assert!(status.expect("of a child").success());
}

#[test]
fn errors_name_the_thing() {
    let function = env!("CARGO_BIN_EXE_emulator");
    let here = env!("CARGO_MANIFEST_DIR");
    let world = World::new();
    let repository = world.path("fixture.git");
    let repository = repository.to_str().expect("the path is UTF-8");
    let run = ["run", "--event", "/nonexistent/event.json"];
    for (arguments, repository, function, named) in [
        (&["demo"][..], "/nonexistent/repository", function, "there is no repository at /nonexistent/repository"),
        (&["demo"], "/dev/null", function, "/dev/null: it is not a folder"),
        (&["demo"], here, function, "it is a folder inside a repository"),
        (&["demo"], repository, "/nonexistent/function", "there is no function at /nonexistent/function"),
        (&run, "/nonexistent/repository", function, "there is no repository at /nonexistent/repository"),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
        program.args(arguments).args(["--repository", repository, "--function", function]);
        let output = program.output().expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && stderr.contains(named), "{arguments:?} {repository}: {stderr}");
    }
}

#[tokio::test]
async fn the_bucket_and_the_pipeline_are_made_at_the_start() {
    let named = |name: &str| Some(name.to_owned());
    let options = Options {
        bucket: named("bucket"),
        pipeline: named("dev"),
        key: "some/key.zip".to_owned(),
        ..Options::default()
    };
    let emulator = Emulator::start(options).unwrap();
    assert_eq!(emulator.store().versioning("bucket"), Some(Versioning::Enabled));
    let get = emulator.codepipeline().call("GetPipeline", json!({ "name": "dev" }));
    let pipeline = &get.await.unwrap()["pipeline"];
    let source = &pipeline["stages"][0]["actions"][0]["configuration"];
    assert_eq!((&source["S3Bucket"], &source["S3ObjectKey"]), (&json!("bucket"), &json!("some/key.zip")));
    assert_eq!(source["PollForSourceChanges"], "false");
    assert_eq!((&pipeline["pipelineType"], &pipeline["executionMode"]), (&json!("V2"), &json!("PARALLEL")));
}

#[test]
fn a_wrong_command_line_is_refused() {
    for arguments in
        [["--fault", "GetBlob"], ["--repository", "name"], ["--rate", "-1"], ["--pipeline", "without-a-bucket"]]
    {
        let program = Command::new(env!("CARGO_BIN_EXE_emulator")).args(arguments).output().unwrap();
        assert_eq!(program.status.code(), Some(2), "{arguments:?}");
    }
    let world = World::new();
    let endpoint = world.emulator.endpoint();
    let port = endpoint.rsplit(':').next().expect("the endpoint has a port");
    for (option, value, named) in [
        ("--repository", "name=/nonexistent", "/nonexistent cannot be the repository name: no such path"),
        ("--repository", "name=/dev", "/dev cannot be the repository name: it is not a Git repository"),
        ("--repositories", "/nonexistent", "the folder of repositories /nonexistent cannot be read"),
        ("--function", "/nonexistent/function", "there is no function at /nonexistent/function"),
        ("--function", "/dev", "the function /dev is not an executable file"),
        ("--function", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "Cargo.toml is not an executable file"),
        ("--bucket", "b", "b cannot be a bucket"),
        ("--port", port, "--port"),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
        let arguments: &[&str] = if option == "--port" { &[] } else { &["--port", "0"] };
        let program = program.args(arguments).args([option, value]).output().expect("the program runs");
        let stderr = String::from_utf8_lossy(&program.stderr);
        assert!(program.status.code() == Some(1) && stderr.contains(named), "{stderr}");
        assert!(option != "--port" || stderr.contains(port), "{stderr}");
    }
}

#[test]
fn repositories_that_are_missed_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("the path is UTF-8");
    let warnings = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
        program.args(["--port", "0", "--quiet", "--repositories", path]).stdout(Stdio::null());
        let mut child = Running(program.stderr(Stdio::piped()).spawn().expect("the program runs"));
        let mut line = String::new();
        BufReader::new(child.0.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
        end(&mut child.0);
        line
    };
    assert_eq!(warnings(), format!("emulator: warning: there is no repository in {path}\n"));
    git(folder.path(), &["init", "--quiet", "my project"]);
    assert_eq!(
        warnings(),
        format!("emulator: warning: {path}/my project is not served: CodeCommit does not allow its name\n")
    );
    std::fs::remove_dir_all(folder.path().join("my project")).expect("it was there");
    git(folder.path(), &["init", "--quiet", "one"]);
    git(folder.path(), &["init", "--quiet", "--bare", "one.git"]);
    assert_eq!(
        warnings(),
        format!("emulator: warning: {path}/one.git is not served: another repository has its name\n")
    );
}

#[test]
fn a_function_that_ends_at_once_is_a_line_on_standard_error() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
    program.args(["--port", "0", "--function", "/bin/false"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let world = World::new();
    program.args(["--repositories", world.folder.path().to_str().expect("the path is UTF-8")]);
    let mut child = Running(program.spawn().expect("the program runs"));
    let mut line = String::new();
    BufReader::new(child.0.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
    end(&mut child.0);
    assert_eq!(line, "emulator: Runtime exited with exit status: 1\n");
}

#[test]
fn each_request_is_a_line_on_standard_error() {
    let world = World::new();
    let folder = world.folder.path().to_str().expect("the path is UTF-8");
    let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
    program.args(["--port", "0", "--repositories", folder]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Running(program.spawn().expect("the program runs"));
    let mut endpoint = String::new();
    let mut stdout = BufReader::new(child.0.stdout.take().expect("piped"));
    stdout.read_line(&mut endpoint).expect("a line");
    let host = endpoint.trim().trim_start_matches("# endpoint http://");
    let mut connection = std::net::TcpStream::connect(host).expect("the emulator listens");
    let request = format!("GET /v1/repos/fixture/info/refs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(&mut connection, request.as_bytes()).expect("the emulator reads");
    let mut line = String::new();
    BufReader::new(child.0.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
    end(&mut child.0);
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..3], ["git", "GitInfoRefs", "401"], "{line}");
    assert_eq!(words.last(), Some(&"/v1/repos/fixture/info/refs"), "{line}");
}
