//! A failure is one line with its cause and code, ends with 1, and leaves nothing half.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use emulator::{Fault, FaultKind};

use crate::world::{World, ended, wait};

#[test]
fn what_is_asked_for_in_vain() {
    let world = World::new();
    for (words, line) in [
        (
            &["nothing"][..],
            "failed to resolve 'nothing' in project: there is no branch, tag or commit 'nothing' (TreeishMissing)",
        ),
        (
            &["main", "none"],
            "failed to read 'main' of project: pathspec 'none' did not match any files (PathspecInvalid)",
        ),
        (&["main", "--add-file=gone"], "failed to add gone: No such file or directory (os error 2) (FileUnreadable)"),
        (
            &["main", "--add-virtual-file=run.sh:"],
            "failed to read 'main' of project: run.sh is in the tree already (PathTaken)",
        ),
        (&["main", "-o", "gone/out.zip"], "failed to write gone/out.zip: No such file or directory"),
    ] {
        let told = world.failure(&[&["archive", "project"], words].concat());
        assert!(told.starts_with(&format!("codecommit: {line}")), "{told}");
    }
    let told = world.failure(&["archive", "other", "main"]);
    assert!(
        told.starts_with("codecommit: failed to resolve 'main' in other: ") && told.ends_with("(SourceMissing)"),
        "{told}"
    );
}

#[test]
fn a_failed_run_leaves_no_file() {
    let world = World::new();
    world.emulator.inject(Fault::every("GetBlob", FaultKind::Denied));
    let told = world.failure(&["archive", "project", "main", "--source=api", "-o", "out.zip"]);
    assert!(told.contains("GetBlob") && told.ends_with("(SourceDenied)"), "{told}");
    assert!(world.files().is_empty(), "{:?}", world.files());
}

#[test]
fn an_interrupted_run_leaves_no_file() {
    for signal in ["-INT", "-TERM", "-HUP", "-QUIT"] {
        interrupted_by(signal);
    }
}

#[track_caller]
fn interrupted_by(signal: &str) {
    let world = World::new();
    world.emulator.set_latency(Duration::from_secs(2));
    let mut command = world.command(&["archive", "project", "main", "-o", "out.zip"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("codecommit runs");
    let begin = std::time::Instant::now();
    while world.files().is_empty() && begin.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(world.files().len(), 1, "the temporary file");
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs").success());
    assert_eq!(wait(&mut child).code(), Some(1));
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
    assert_eq!((err.as_str(), world.files()), ("codecommit: interrupted (Interrupted)\n", vec![]));
}

#[test]
fn without_a_region_or_with_a_wrong_endpoint() {
    let world = World::new();
    let mut command = world.command(&["archive", "project", "main"]);
    command.env_remove("AWS_REGION").env_remove("AWS_DEFAULT_REGION");
    let ended = ended(command);
    assert!(ended.err.ends_with("(RegionMissing)\n") && ended.status.code() == Some(1), "{}", ended.err);
    let told = world.failure(&["archive", "project", "main", "--region", "no region"]);
    assert_eq!(told, "codecommit: failed to choose a region: \"no region\" is none (RegionInvalid)");
    let told = world.failure(&["archive", "project", "main", "--profile", "none"]);
    assert!(told.contains("failed with NoCredentials: ") && !told.contains("DispatchFailure"), "{told}");
}
