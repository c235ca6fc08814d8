//! A failure is one line with its cause and code. The status is 1, and no unfinished file remains.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use emulator::{Fault, FaultKind};

use crate::world::{FUNCTION, World, ended, wait};

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
            "failed to read 'main' of project: run.sh is in the tree already, or below a file of the tree (PathTaken)",
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
    for (signal, number) in [("-INT", 2), ("-TERM", 15), ("-HUP", 1), ("-QUIT", 3)] {
        interrupted_by(signal, number);
    }
}

#[test]
fn a_signal_that_was_ignored_from_the_start_stays_ignored() {
    let world = World::new();
    world.emulator.set_latency(Duration::from_millis(200));
    let mut command = Command::new("sh");
    let script = "trap '' HUP; \"$0\" archive project main -o out.zip";
    command.args(["-c", &format!("{script}; exit $?"), env!("CARGO_BIN_EXE_codecommit")]);
    let prepared = world.command(&[]);
    command.current_dir(world.folder.path()).envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sh runs");
    wait_for_a_file(&world);
    let group = format!("/proc/{}/task/{}/children", child.id(), child.id());
    let codecommit = std::fs::read_to_string(group).expect("Linux").trim().to_owned();
    assert!(Command::new("kill").args(["-HUP", &codecommit]).status().expect("kill runs").success());
    assert_eq!((wait(&mut child).code(), world.files()), (Some(0), vec!["out.zip".to_owned()]));
}

fn wait_for_a_file(world: &World) {
    let begin = std::time::Instant::now();
    while world.files().is_empty() && begin.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(world.files().len(), 1, "the temporary file");
}

#[track_caller]
fn interrupted_by(signal: &str, number: i32) {
    let world = World::new();
    world.emulator.set_latency(Duration::from_secs(2));
    let prepared = world.command(&["archive", "project", "main", "-o", "out.zip"]);
    // The tests themselves may run with ignored signals, for example under nohup.
    let mut command = Command::new("env");
    command.arg("--default-signal").arg(prepared.get_program()).args(prepared.get_args());
    command.current_dir(world.folder.path()).envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("env runs");
    wait_for_a_file(&world);
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs").success());
    assert_eq!(wait(&mut child).signal(), Some(number), "a shell sees the signal");
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
    assert_eq!(
        told,
        "codecommit: failed to choose a region: \"no region\" is not the name of a region (RegionInvalid)"
    );
    let told = world.failure(&["archive", "project", "main", "--profile", "none"]);
    assert!(
        told.ends_with("failed to find profile \"none\": the configuration files have none (ProfileMissing)"),
        "{told}"
    );
}

#[test]
fn a_profile_must_exist_and_have_credentials() {
    let world = World::new();
    std::fs::create_dir(world.folder.path().join(".aws")).unwrap();
    std::fs::write(world.folder.path().join(".aws/config"), "[profile bare]\nregion = eu-central-1\n[default]\n")
        .unwrap();
    for (name, value, words) in [
        ("HOME", world.folder.path().to_str().unwrap(), &["--profile", "absent", "triggers", "list", "project"][..]),
        ("AWS_PROFILE", "absent", &["triggers", "list", "project"]),
    ] {
        let mut command = world.command(words);
        command.env(name, value);
        let line = "codecommit: failed to find profile \"absent\": the configuration files have bare, default \
                    (ProfileMissing)\n";
        assert_eq!(ended(command).err, line);
    }
    let told = world.failure(&["archive", "project", "main", "--profile", "bare"]);
    assert!(told.contains("failed with NoCredentials: ") && !told.contains("DispatchFailure"), "{told}");
    assert!(world.emulator.requests().is_empty());
}

#[test]
fn expired_credentials_have_a_code_of_their_own() {
    let world = World::new();
    world.emulator.inject(Fault::every("*", FaultKind::Error("ExpiredTokenException".to_owned())));
    for words in [
        &["archive", "project", "main"][..],
        &["start", "project", "main", "--pipeline", "dev"],
        &["triggers", "list", "project"],
    ] {
        let told = world.failure(words);
        assert!(told.ends_with("(CredentialsExpired)"), "{words:?}: {told}");
    }
}

#[test]
fn an_empty_endpoint_is_unset() {
    let world = World::new();
    let endpoint = world.emulator.endpoint();
    std::fs::create_dir(world.folder.path().join(".aws")).unwrap();
    let config = format!(
        "[profile local]\nendpoint_url = {endpoint}\n\
         [profile role]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = keys\n\
         [profile keys]\naws_access_key_id = a\naws_secret_access_key = b\n"
    );
    std::fs::write(world.folder.path().join(".aws/config"), config).unwrap();
    let list = |variables: &[(&str, &str)], words: &[&str]| {
        let mut command =
            world.command(&[&["archive", "project", "main", "--source=git", "--list", "link"], words].concat());
        command.envs(variables.iter().copied()).env("CODECOMMIT_GIT_URL", "");
        let ended = ended(command);
        (String::from_utf8(ended.out).expect("text"), ended.err)
    };
    let listed = ("link\n".to_owned(), String::new());
    let (own, general) = ("AWS_ENDPOINT_URL_CODECOMMIT", "AWS_ENDPOINT_URL");
    assert_eq!(list(&[(own, ""), ("AWS_ENDPOINT_URL_S3", "")], &[]), listed);
    assert_eq!(list(&[(own, &endpoint), (general, "")], &[]), listed);
    assert_eq!(list(&[], &["--endpoint-url", "", "--region", "", "--profile", ""]), listed);
    let empty = [(own, ""), (general, ""), ("AWS_PROFILE", "local")];
    assert_eq!(list(&empty, &[]), listed, "the file's endpoint comes after the environment's");
    // The SDK's own clients fetch the credentials, and they use the same endpoint settings.
    let (_, err) = list(&[("AWS_ENDPOINT_URL_STS", ""), ("AWS_ENDPOINT_URL", &endpoint)], &["--profile", "role"]);
    assert!(err.contains("NoCredentials") && err.ends_with("(SourceDenied)\n"), "{err}");
}

#[test]
fn a_terminal_gets_no_commands_of_others() {
    let world = World::new();
    let hostile = "--add-virtual-file=\"\\033[2J\\302\\2331m\\342\\200\\256\":x";
    let words = ["archive", "project", "main", "--list", "link", hostile];
    assert_eq!(world.text(&words), "link\n\"\\033[2J\\302\\2331m\\342\\200\\256\"\n");
    let listed = world.text(&[&words[..], &["--json"]].concat());
    assert!(listed.contains("\\u001b[2J\\u009b1m\\u202e") && !listed.contains('\u{9b}'), "{listed}");
    let told = world.failure(&["archive", "project", "a\u{1b}[2J\u{202e}\u{9b}31m"]);
    assert!(told.contains("'a\\u{1b}[2J\\u{202e}\\u{9b}31m'"), "{told}");
    world.git(&["branch", "feature/\u{9b}31m", "main"]);
    let told = world.failure(&["start", "project", "feature/\u{9b}31m", "--pipeline", "absent"]);
    assert!(!told.contains('\u{9b}'), "{told}");
    let data = "{\"a\":\"\u{9b}31m\u{202e}\"}";
    let changed = world.text(&["triggers", "connect", "project", "--function", FUNCTION, "--custom-data", data]);
    for text in
        [changed, world.text(&["triggers", "list", "project"]), world.text(&["triggers", "list", "project", "--json"])]
    {
        assert!(text.contains("31m") && !text.contains(['\u{9b}', '\u{202e}']), "{text}");
    }
}
