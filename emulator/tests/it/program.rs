//! The built binary.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use emulator::s3::Versioning;
use emulator::{Emulator, Options};
use serde_json::json;

use crate::support::{TIMEOUT, World, eventually};

/// Starts the program and reads the first lines of its output.
fn start(arguments: &[&str], lines: usize) -> (Child, Vec<String>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
    let mut child =
        program.args(["--port", "0"]).args(arguments).stdout(Stdio::piped()).spawn().expect("the program runs");
    let output = BufReader::new(child.stdout.take().expect("piped"));
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
    let (mut child, printed) =
        start(&["--repositories", folder, "--bucket", "bucket", "--pipeline", "p", "--key", "k"], 9);
    let endpoint = printed[0].strip_prefix("# endpoint ").unwrap().to_owned();
    assert_eq!(
        printed[1..],
        [
            format!("export AWS_ENDPOINT_URL={endpoint}"),
            "export AWS_ACCESS_KEY_ID=AKIAEMULATOR000000EX".to_owned(),
            "export AWS_SECRET_ACCESS_KEY=emulator-secret".to_owned(),
            "export AWS_REGION=eu-central-1".to_owned(),
            format!("export CODECOMMIT_GIT_URL={endpoint}/v1/repos/"),
            format!("# repositories in {folder}"),
            "# versioned bucket bucket".to_owned(),
            "# pipeline p, which reads k".to_owned(),
        ]
    );
    end(&mut child);
}

#[test]
fn it_can_be_told_of_a_changed_branch() {
    let world = World::new();
    let endpoint = world.emulator.endpoint();
    let notify = |branch: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
        program
            .args(["notify", "--endpoint", &endpoint, "--repository", "fixture", "--branch", branch])
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
    for (option, value) in [("--repository", "name=/nonexistent"), ("--bucket", "b")] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_emulator"));
        let program = program.args(["--port", "0", option, value]).output().unwrap();
        let said = String::from_utf8_lossy(&program.stderr);
        assert!(program.status.code() == Some(1) && said.contains("cannot be"), "{said}");
    }
}
