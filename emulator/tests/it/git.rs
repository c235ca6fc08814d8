//! The Git endpoint, with Git as its client.

use emulator::{Emulator, Options};

use crate::support::{World, git, git_command, http};

fn clone(world: &World, name: &str, arguments: &[&str]) -> std::path::PathBuf {
    let url = world.emulator.clone_url("fixture");
    git(world.folder.path(), &[&["clone", "--quiet"], arguments, &[&url, name]].concat());
    world.path(name)
}

#[test]
fn a_clone_has_everything() {
    let world = World::new();
    let copy = clone(&world, "copy", &["--mirror"]);
    let references = ["for-each-ref", "--format=%(objectname) %(refname)"];
    assert_eq!(git(&copy, &references), world.git(&references));
    git(&copy, &["rev-list", "--objects", "--all", "--quiet"]);
    let operations: Vec<_> =
        world.emulator.requests().into_iter().map(|request| (request.operation, request.status)).collect();
    let expected = [("GitInfoRefs", 401), ("GitInfoRefs", 200), ("GitUploadPack", 200)];
    assert_eq!(operations, expected.map(|(operation, status)| (operation.to_owned(), status)));
}

#[test]
fn a_commit_is_fetched_by_its_id_alone_and_alone() {
    let world = World::new();
    let id = world.git(&["rev-parse", "main"]);
    let copy = world.path("copy");
    git(world.folder.path(), &["init", "--quiet", "copy"]);
    let url = world.emulator.clone_url("fixture");
    let reachable = world.git(&["rev-parse", "first"]);
    for wanted in [&id, &reachable] {
        git(&copy, &["fetch", "--quiet", "--depth=1", &url, wanted]);
        assert_eq!(git(&copy, &["rev-list", "--count", "FETCH_HEAD"]), "1");
        assert_eq!(git(&copy, &["rev-parse", "FETCH_HEAD"]), *wanted);
    }
}

#[test]
fn what_is_advertised_is_what_codecommit_has() {
    let world = World::new();
    let copy = world.path("copy");
    git(world.folder.path(), &["init", "--quiet", "copy"]);
    let url = world.emulator.clone_url("fixture");
    let mut listing = git_command(&copy, &["ls-remote", &url]);
    let output = listing.env("GIT_TRACE_PACKET", "1").output().unwrap();
    let trace = String::from_utf8_lossy(&output.stderr);
    let line = trace.lines().find(|line| line.contains("\\0")).expect("a line with capabilities");
    let mut capabilities: Vec<&str> = line.split("\\0").nth(1).unwrap().split(' ').collect();
    capabilities.sort_unstable();
    assert_eq!(
        capabilities,
        [
            "allow-reachable-sha1-in-want",
            "allow-tip-sha1-in-want",
            "multi_ack_detailed",
            "shallow",
            "side-band-64k",
            "thin-pack",
        ]
    );
}

#[test]
fn wrong_names_and_passwords_are_refused() {
    let world = World::new();
    let list = |url: &str| {
        let output = git_command(world.folder.path(), &["ls-remote", url]).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let good = world.emulator.clone_url("fixture");
    assert!(list(&good).0);
    for wrong in [
        good.replace("AKIAEMULATOR", "AKIASOMEBODY"),
        world.emulator.clone_url("other").replace("/other", "/fixture"),
        world.emulator.git_url() + "fixture",
    ] {
        let (done, said) = list(&wrong);
        assert!(
            !done && (said.contains("Authentication failed") || said.contains("could not read Username")),
            "{said}"
        );
    }
    for absent in ["fixture.git", "absent"] {
        let (done, said) = list(&world.emulator.clone_url(absent));
        assert!(!done && said.contains("not found"), "{said}");
    }
    assert_eq!(http(&world.emulator, "GET", "/v1/repos/fixture/HEAD", "", "").status(), 404);
}

#[test]
fn a_session_token_may_follow_the_access_key() {
    let world = World::new();
    let url = world.emulator.clone_url("fixture").replacen(
        emulator::ACCESS_KEY,
        &format!("{}%25to%2Fken", emulator::ACCESS_KEY),
        1,
    );
    git(world.folder.path(), &["ls-remote", &url]);
}

#[test]
fn a_push_is_taken() {
    let world = World::new();
    let copy = clone(&world, "copy", &[]);
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(copy.join("large"), large).unwrap(); // beyond http.postBuffer: sent in chunks
    git(&copy, &["add", "large"]);
    git(&copy, &["commit", "--quiet", "--message=Large"]);
    git(&copy, &["push", "--quiet", "origin", "HEAD:refs/heads/feature/x", ":feature/a/b"]);
    assert_eq!(world.git(&["rev-parse", "feature/x"]), git(&copy, &["rev-parse", "HEAD"]));
    assert_eq!(world.git(&["for-each-ref", "refs/heads/feature/a/b"]), "");
}

#[test]
fn a_large_request_is_compressed_and_understood() {
    let world = World::new();
    let copy = clone(&world, "copy", &[]);
    // Without a common tip, Git sends the ids of many of its own commits. It compresses a request of more than a
    // kilobyte.
    commits(&world.path("fixture.git"), "refs/heads/long", 300);
    commits(&copy, "refs/heads/mine", 300);
    let mut fetch = git_command(&copy, &["fetch", "origin", "long"]);
    let fetch = fetch.env("GIT_TRACE_CURL", "1").output().unwrap();
    let trace = String::from_utf8_lossy(&fetch.stderr);
    assert!(fetch.status.success(), "{trace}");
    assert!(trace.to_lowercase().contains("content-encoding: gzip"), "{trace}");
    assert_eq!(git(&copy, &["rev-parse", "FETCH_HEAD"]), world.git(&["rev-parse", "long"]));
}

/// Adds commits on top of `main`.
fn commits(repository: &std::path::Path, reference: &str, count: usize) {
    let commit = |number| {
        let message = format!("{reference} {number}");
        let from = if number == 0 { "from refs/heads/main\n" } else { "" };
        let length = message.len();
        format!("commit {reference}\ncommitter A <a@example.com> {number} +0000\ndata {length}\n{message}\n{from}\n")
    };
    let script = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&script, (0..count).map(commit).collect::<String>()).expect("the script is written");
    let mut import = git_command(repository, &["fast-import", "--quiet"]);
    assert!(import.stdin(script.reopen().expect("the file")).status().expect("git runs").success());
}

#[test]
fn an_ordinary_repository_can_be_cloned_too() {
    let world = World::new();
    let copy = clone(&world, "copy", &[]);
    git(world.folder.path(), &["clone", "--quiet", &world.emulator.clone_url("copy"), "again"]);
    assert_eq!(git(&world.path("again"), &["rev-parse", "HEAD"]), git(&copy, &["rev-parse", "HEAD"]));
}

#[test]
fn a_push_to_the_checked_out_branch_updates_a_clean_worktree() {
    let world = World::new();
    let checked_out = clone(&world, "checked-out", &[]);
    git(world.folder.path(), &["clone", "--quiet", &world.emulator.clone_url("checked-out"), "copy"]);
    let copy = world.path("copy");
    std::fs::write(copy.join("new"), "new").unwrap();
    git(&copy, &["add", "new"]);
    git(&copy, &["commit", "--quiet", "--message=New"]);
    git(&copy, &["push", "--quiet", "origin", "HEAD"]);
    assert_eq!(git(&checked_out, &["rev-parse", "HEAD"]), git(&copy, &["rev-parse", "HEAD"]));
    assert_eq!(std::fs::read_to_string(checked_out.join("new")).unwrap(), "new");
    assert_eq!(git(&checked_out, &["status", "--porcelain"]), "");

    std::fs::write(checked_out.join("new"), "changed").unwrap();
    git(&copy, &["commit", "--quiet", "--allow-empty", "--message=Again"]);
    let push = git_command(&copy, &["push", "origin", "HEAD"]).output().unwrap();
    assert!(!push.status.success() && String::from_utf8_lossy(&push.stderr).contains("remote rejected"));
}

#[test]
fn an_empty_repository_can_be_cloned_and_pushed_to() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "void.git"]);
    let repositories = Some(folder.path().to_owned());
    let emulator = Emulator::start(Options { repositories, ..Options::default() }).unwrap();
    git(folder.path(), &["clone", "--quiet", &emulator.clone_url("void"), "copy"]);
    let copy = folder.path().join("copy");
    git(&copy, &["commit", "--quiet", "--allow-empty", "--message=First"]);
    git(&copy, &["push", "--quiet", "origin", "HEAD:main"]);
    assert_eq!(git(&folder.path().join("void.git"), &["rev-parse", "main"]), git(&copy, &["rev-parse", "HEAD"]));
}
