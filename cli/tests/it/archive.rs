//! `codecommit archive` beside the real `git archive`: field by field, since the command line has another deflate.

mod fields;

use std::process::Stdio;

use fields::Zip;

use crate::world::{World, ended, wait};

/// Compares the two archives for the same arguments. The tree-ish and the pathspecs come last.
#[track_caller]
fn check(world: &World, words: &[&str]) {
    let ours = world.out(&[&["archive", "project"], words].concat());
    let theirs = world.git(&[&["archive", "--format=zip"], words].concat());
    assert_eq!(Zip::read(&ours), Zip::read(&theirs), "{words:?}");
}

#[test]
fn each_field_is_gits() {
    let world = World::new();
    let note = world.folder.path().join("note.txt");
    std::fs::write(&note, "note\n").unwrap();
    let add = format!("--add-file={}", note.display());
    for words in [
        &["main"][..],
        &["feature/x"],
        &["v1.0"],
        &["refs/tags/v1.0"],
        &["HEAD"],
        &["HEAD~1"],
        &[&world.id("main")],
        &["-0", "main"],
        &["-9", "-1", "main"],
        &["--prefix=p/", "main"],
        &["--prefix=p", "main"],
        &["--prefix=a/", "--prefix=b/c/", "main"],
        &["main", "größe", "*.bat"],
        &["main", "--", ":(exclude)*.bat", "*"],
        &["--prefix=x/", &add, "--prefix=", "main"],
        &[&add, "--prefix=y/", "main", "link"],
        &["--add-virtual-file=v/w:one:two", "--prefix=p/", "main"],
        &["--add-virtual-file=\"a:b\\303\\251\":text", "main"],
        &["--mtime=@1234567890 +0000", "main"],
        &["--mtime=2005-04-07T22:13:13+02:00", "main"],
        &["--mtime=Thu, 07 Apr 2005 22:13:13 +0200", "main"],
        &["--mtime=1112911993", "main^{tree}"],
    ] {
        check(&world, words);
    }
}

#[test]
fn both_sources_and_the_format_are_taken() {
    let world = World::new();
    let theirs = Zip::read(&world.git(&["archive", "--format=zip", "main"]));
    for words in [&["--source=api"], &["--source=git"], &["--source=auto"], &["--format=zip"]] {
        let ours = world.out(&[&["archive", "project", "main"], &words[..]].concat());
        assert_eq!(Zip::read(&ours), theirs, "{words:?}");
    }
    // Without its own setting, Git's URL is on the same host as the endpoint.
    world.emulator.clear_requests();
    let mut command = world.command(&["archive", "project", "main", "--source", "git"]);
    command.env_remove("CODECOMMIT_GIT_URL");
    assert_eq!(Zip::read(&ended(command).out), theirs);
    assert_eq!(world.emulator.count("GitUploadPack"), 1);
}

#[test]
fn what_the_command_line_says_goes_before_the_environment() {
    let world = World::new();
    let endpoint = world.emulator.endpoint();
    let words =
        ["archive", "project", "main", "--source=git", "--endpoint-url", &endpoint, "--region", emulator::REGION];
    let mut command = world.command(&words);
    command.env_remove("CODECOMMIT_GIT_URL").env("AWS_REGION", "nowhere");
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CODECOMMIT"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let ended = ended(command);
    assert!(ended.status.success(), "{}", ended.err);
    // The profile has a region, and a program that prints credentials.
    let config = format!("[profile p]\nregion = {}\ncredential_process = cat credentials\n", emulator::REGION);
    let (id, secret) = (emulator::ACCESS_KEY, emulator::SECRET_KEY);
    let keys = serde_json::json!({ "Version": 1, "AccessKeyId": id, "SecretAccessKey": secret });
    std::fs::write(world.folder.path().join("config"), config).unwrap();
    std::fs::write(world.folder.path().join("credentials"), keys.to_string()).unwrap();
    let mut command = world.command(&["--profile", "p", "archive", "project", "main", "--source=git"]);
    command.env_remove("AWS_REGION").env("AWS_SECRET_ACCESS_KEY", "of another");
    command.env("AWS_CONFIG_FILE", "config").env("PATH", std::env::var_os("PATH").unwrap());
    let ended = crate::world::ended(command);
    assert!(ended.status.success(), "{}", ended.err);
}

#[test]
fn a_file_is_written_as_a_whole_with_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    assert!(world.out(&["archive", "project", "main", "-o", "out.zip"]).is_empty());
    let path = world.folder.path().join("out.zip");
    assert_eq!(Zip::read(&std::fs::read(&path).unwrap()), Zip::read(&world.git(&["archive", "--format=zip", "main"])));
    assert_eq!(world.files(), ["out.zip"]);
    std::fs::File::create(world.folder.path().join("usual")).unwrap();
    let mode = |name: &str| world.folder.path().join(name).metadata().unwrap().permissions().mode();
    assert_eq!(mode("out.zip"), mode("usual"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o6750)).unwrap();
    world.out(&["archive", "project", "main", "-o", "out.zip"]);
    assert_eq!(mode("out.zip") & 0o7777, 0o750, "the file keeps its permissions but not setuid and setgid");
    std::os::unix::fs::symlink("out.zip", world.folder.path().join("link.zip")).unwrap();
    world.out(&["archive", "project", "HEAD~1", "--output=link.zip"]);
    assert_eq!(Zip::read(&std::fs::read(&path).unwrap()).entries.len(), 1, "the file behind the link is replaced");
    world.out(&["archive", "project", "main", "-o", "/dev/null"]);
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file(), "a device is written to, not replaced");
}

#[test]
fn the_summary_goes_where_the_zip_does_not() {
    let world = World::new();
    let summary = world.json(&["archive", "project", "main", "-o", "out.zip", "--json"]);
    assert_eq!(summary["commit"], world.id("main"));
    assert_eq!(summary["entries"], 9);
    assert_eq!(summary["bytes"], std::fs::metadata(world.folder.path().join("out.zip")).unwrap().len());
    assert_eq!(summary["calls"]["GetCommit"], 1);
    let ended = world.run(&["--json", "archive", "project", "main"]);
    assert!(ended.out.starts_with(b"PK"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ended.err).unwrap()["commit"], world.id("main"));
}

#[test]
fn a_list_has_the_entries_in_order() {
    let world = World::new();
    let paths = "p/\np/.gitattributes\np/a.bat\np/größe/\np/größe/text.txt\n\
                 p/link\np/old.txt\np/run.sh\np/sub/\np/version\n\"a\\nb\"\n";
    let words = ["archive", "project", "main", "--list", "--prefix=p/", "--add-virtual-file=\"a\\nb\":"];
    assert_eq!(world.text(&words), paths);
    let listed = world.json(&["archive", "project", "main", "--list", "--json", "link", "sub"]);
    let link = serde_json::json!({ "path": "link", "kind": "link", "id": world.id("main:link") });
    let sub = serde_json::json!({ "path": "sub/", "kind": "submodule", "id": "1234567890".repeat(4) });
    assert_eq!(listed["list"], serde_json::json!([link, sub]));
}

#[test]
fn what_cannot_be_expanded_is_told_unless_it_shall_be_quiet() {
    let world = World::new();
    world.git(&["tag", "-f", "unused", "main"]);
    let script = "commit refs/heads/odd\ncommitter C <> 1 +0000\ndata 0\n\
                  M 100644 inline .gitattributes\ndata 14\nv export-subst\n\
                  M 100644 inline v\ndata 12\n$Format:%d$\n\n";
    let path = world.folder.path().join("stream");
    std::fs::write(&path, script).unwrap();
    let mut import = std::process::Command::new("git");
    import.args(["fast-import", "--quiet"]).current_dir(world.folder.path().join("repositories/project"));
    assert!(import.stdin(std::fs::File::open(path).unwrap()).status().unwrap().success());
    let told = world.run(&["archive", "project", "odd"]);
    assert!(told.status.success() && told.err.starts_with("codecommit: warning: v: "), "{}", told.err);
    assert_eq!(world.run(&["archive", "-q", "project", "odd"]).err, "");
}

#[test]
fn a_reader_that_is_gone_ends_it_without_a_word() {
    let world = World::new();
    let mut command = world.command(&["archive", "project", "main"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(wait(&mut child).code(), Some(1));
    let mut err = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut err).unwrap();
    assert_eq!(err, "");
}
