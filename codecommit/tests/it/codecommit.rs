//! The library against the emulator and the real `git archive`.

use std::path::Path;
use std::sync::Mutex;

use codecommit::causes::with_causes;
use codecommit::source::{Mode, SourceOptions};
use codecommit::{Archive, ArchiveError};
use emulator::{Fault, FaultKind};
use tempfile::TempDir;

use crate::endpoint::Endpoint;
use oracle::zlib;
use oracle::{CommitText, Repository, Tree};

struct World {
    endpoint: Endpoint,
    repository: Repository,
}

impl World {
    /// Makes a repository `project` with a branch, a branch with the name of a tag, both kinds of tags, and two
    /// commits in a row.
    fn new() -> Self {
        let mut first = Tree::default();
        first.add("old.txt", "100644", "old\n");
        let mut tree = Tree::default();
        tree.add("a.txt", "100644", "text\n".repeat(500));
        tree.add("größe/run.sh", "100755", "#!/bin/sh\n");
        tree.add("größe/link", "120000", "../a.txt");
        tree.add("sub", "160000", "");
        tree.add("version", "100644", "$Format:%H$\n");
        tree.add(".gitattributes", "100644", "version export-subst\n*.key export-ignore\n");
        tree.add("secret.key", "100644", "0000\n");
        let mut second = tree.commit("refs/heads/feature/x", &CommitText::default());
        let from = second.windows(4).position(|window| window == b"\nM 1").expect("a file");
        second.splice(from..from, *b"\nfrom refs/heads/old");
        let stream = [first.commit("refs/heads/old", &CommitText::default()), second].concat();
        let repository = Repository::import(&stream);
        for (reference, target) in
            [("refs/heads/both", "old"), ("refs/tags/both", "feature/x"), ("refs/tags/light", "old")]
        {
            repository.run(&["update-ref", reference, target], b"");
        }
        let who = ["-c", "user.name=T", "-c", "user.email=t@example.com"];
        repository.run(&[&who[..], &["tag", "-a", "-m", "Release", "v1.0", "feature/x"]].concat(), b"");
        repository.run(&["symbolic-ref", "HEAD", "refs/heads/feature/x"], b"");
        repository.run(&["config", "core.abbrev", "7"], b"");
        Self::of(repository)
    }

    fn of(repository: Repository) -> Self {
        let endpoint = Endpoint::start();
        endpoint.serve("project", repository.path());
        Self { endpoint, repository }
    }

    fn over(&self, mode: Mode) -> SourceOptions {
        SourceOptions { mode, git_url: Some(self.endpoint.emulator.git_url()), ..SourceOptions::default() }
    }

    fn archive(&self, treeish: &str) -> Archive<'_> {
        codecommit::Repository::new(&self.endpoint.aws, "project")
            .archive(treeish)
            .source(self.over(Mode::Auto))
            .deflate(zlib)
    }

    fn git(&self, words: &[&str]) -> Vec<u8> {
        self.repository.run(&[&["archive", "--format=zip"], words].concat(), b"")
    }

    fn count(&self, operation: &str) -> usize {
        self.endpoint.emulator.count(operation)
    }
}

#[tokio::test]
async fn each_way_to_write_a_treeish_is_gits() {
    let world = World::new();
    let (id, tag) = (world.repository.id("feature/x").to_string(), world.repository.id("v1.0").to_string());
    for treeish in [
        "feature/x",
        "heads/feature/x",
        "refs/heads/feature/x",
        "HEAD",
        "@",
        "v1.0",
        "tags/v1.0",
        "refs/tags/v1.0",
        "light",
        "both",
        "heads/both",
        "v1.0^{}",
        "v1.0^{commit}",
        "v1.0^{object}",
        "HEAD~1",
        "HEAD^",
        "@^0",
        "v1.0~",
        &id,
        &id.to_uppercase(),
        &tag,
    ] {
        let (zip, summary) =
            world.archive(treeish).to_vec().await.unwrap_or_else(|error| panic!("{treeish}: {}", with_causes(&error)));
        assert!(zip == world.git(&[treeish]), "{treeish}");
        assert_eq!(summary.commit, world.repository.id(&format!("{treeish}^{{commit}}")), "{treeish}");
        assert_eq!(
            summary.warnings.iter().any(|warning| warning.contains("ambiguous")),
            treeish == "both",
            "{treeish}"
        );
    }
}

#[tokio::test]
async fn a_tree_has_no_comment_and_no_substitution() {
    let world = World::new();
    for treeish in ["v1.0^{tree}", "feature/x:"] {
        let (zip, _) = world.archive(treeish).mtime(1_700_000_000).to_vec().await.unwrap();
        assert!(zip == world.git(&["--mtime=@1700000000 +0000", treeish]), "{treeish}");
    }
}

#[tokio::test]
async fn what_stands_for_nothing_says_so() {
    let world = World::new();
    for (treeish, code, words) in [
        ("nothing", "TreeishMissing", "there is no branch, tag or commit 'nothing'"),
        ("refs/notes/x", "TreeishMissing", "'refs/notes/x'"),
        ("1234567890123456789012345678901234567890", "TreeishMissing", "1234567890123456789012345678901234567890"),
        ("1234abc", "TreeishAbbreviated", "all 40 digits"),
        ("v1.0-3-g1234abc", "TreeishAbbreviated", "all 40 digits"),
        ("HEAD~7", "TreeishMissing", "has no parent 1"),
        ("HEAD:sub", "TreeishUnsupported", "pathspec"),
        ("HEAD@{1}", "TreeishUnsupported", "reflog"),
        ("a..b", "TreeishMissing", "'a..b'"),
    ] {
        let error = world.archive(treeish).to_vec().await.unwrap_err();
        assert_eq!(error.code(), code, "{treeish}: {}", with_causes(&error));
        assert!(with_causes(&error).contains(words), "{}", with_causes(&error));
    }
    let other = codecommit::Repository::new(&world.endpoint.aws, "other").archive("main").to_vec().await.unwrap_err();
    assert_eq!(other.code(), "SourceMissing", "{}", with_causes(&other));
}

#[tokio::test]
async fn options_are_those_of_git_archive() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("note.txt");
    std::fs::write(&note, "note\n").unwrap();
    let add = format!("--add-file={}", note.display());
    let theirs = world.git(&[
        "-9",
        "--mtime=@1 +0000",
        "--prefix=x/",
        &add,
        "--add-virtual-file=v:a:b",
        "--prefix=p q/",
        "HEAD",
        "größe",
        "*.txt",
        ":!sub",
    ]);
    let archive = world.archive("HEAD").level(9).mtime(1).prefix("x/").add_file(&note).add_virtual_file("v", "a:b");
    let (ours, _) = archive.prefix("p q/").paths(["größe", "*.txt", ":!sub"]).to_vec().await.unwrap();
    assert!(ours == theirs);
    for level in 0..=9 {
        let (ours, _) = world.archive("HEAD").level(level).to_vec().await.unwrap();
        assert!(ours == world.git(&[&format!("-{level}"), "HEAD"]), "level {level}");
    }
}

#[tokio::test]
async fn every_end_writes_the_same() {
    let world = World::new();
    let theirs = world.git(&["v1.0"]);
    let mut written = Vec::new();
    let summary = world.archive("v1.0").to_writer(&mut written).await.unwrap();
    assert!(written == theirs);
    let mut waited = std::io::Cursor::new(Vec::new());
    let awaited = world.archive("v1.0").to_async_writer(&mut waited).await.unwrap();
    assert!(waited.into_inner() == theirs);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    std::fs::write(&path, "old").unwrap();
    let filed = world.archive("v1.0").to_file(&path).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == theirs);
    assert_eq!(names(&folder), ["out.zip"]);
    for other in [&awaited, &filed] {
        assert_eq!((other.entries, other.bytes, &other.calls), (summary.entries, theirs.len() as u64, &summary.calls));
    }
    assert_eq!(summary.calls.by_operation["GetCommit"], 1);
    assert_eq!(summary.entries, 8);
}

/// Checks the file's mode and the link's target.
#[cfg(unix)]
#[tokio::test]
async fn a_file_is_replaced_as_git_would_write_it() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("out.zip");
    std::fs::write(path, "old").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (link, dangling) = (path.with_file_name("link"), path.with_file_name("dangling"));
    symlink("out.zip", &link).unwrap();
    symlink("new.zip", &dangling).unwrap();
    for (link, file) in [(link, "out.zip"), (dangling, "new.zip")] {
        world.archive("v1.0").to_file(&link).await.unwrap();
        assert!(link.is_symlink() && path.with_file_name(file).is_file(), "{}", link.display());
    }
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read(path).unwrap(), world.git(&["v1.0"]));
}

#[tokio::test]
async fn git_is_a_source_as_well() {
    let world = World::new();
    let tag = world.repository.id("v1.0").to_string();
    for treeish in ["v1.0", &tag] {
        let (zip, _) = world.archive(treeish).source(world.over(Mode::Git)).to_vec().await.unwrap();
        assert!(zip == world.git(&[treeish]), "{treeish}");
    }
    assert_eq!(world.count("GetBlob"), 0);
}

/// The API answers in UTF-8. If an entry needs other bytes of the commit, they come over Git.
#[tokio::test]
async fn a_commit_that_is_not_utf8_is_substituted_as_it_is() {
    for files in [1, 300] {
        let mut tree = Tree::default();
        tree.add("version", "100644", "$Format:%s by %an$\n");
        tree.add(".gitattributes", "100644", "version export-subst\n");
        (0..files).for_each(|file| tree.add(format!("f/{file}"), "100644", format!("{file}\n")));
        let (author, message) = (b"J\xf6rg <j@example.com> 1700000000 +0000".to_vec(), b"S\xfcb\n".to_vec());
        let text = CommitText { author, message, ..CommitText::default() };
        let world = World::of(Repository::import(&tree.commit("refs/heads/main", &text)));
        for mode in [Mode::Auto, Mode::Git] {
            let (zip, summary) = world.archive("main").source(world.over(mode)).to_vec().await.unwrap();
            assert!(zip == world.git(&["main"]), "{mode:?}, {files}");
            assert_eq!(summary.warnings, Vec::<String>::new());
        }
        let (_, summary) = world.archive("main").source(world.over(Mode::Api)).to_vec().await.unwrap();
        assert!(summary.warnings[0].contains("not UTF-8"), "{:?}", summary.warnings);
        // No entry needs them, so nothing is fetched.
        world.endpoint.emulator.clear_requests();
        world.archive("main").paths(["f/0"]).to_vec().await.unwrap();
        assert_eq!(world.count("GitUploadPack"), 0);
    }
}

#[tokio::test]
async fn a_list_reads_no_content_and_has_what_the_archive_has() {
    let world = World::new();
    let (listed, summary) = world.archive("v1.0").prefix("p/").add_virtual_file("v", "x").list().await.unwrap();
    let paths: Vec<String> = listed.iter().map(|entry| entry.path.to_string()).collect();
    let expected = [
        "p/",
        "p/.gitattributes",
        "p/a.txt",
        "p/größe/",
        "p/größe/link",
        "p/größe/run.sh",
        "p/old.txt",
        "p/sub/",
        "p/version",
        "v",
    ];
    assert_eq!(paths, expected);
    assert_eq!((summary.entries, summary.bytes), (10, 0));
    assert_eq!(world.count("GetBlob"), 1, "only .gitattributes");
}

#[tokio::test]
async fn progress_goes_up_to_the_number_that_it_named() {
    let world = World::new();
    let told = Mutex::new(Vec::new());
    let archive = world
        .archive("v1.0")
        .progress(|progress| told.lock().unwrap().push((progress.entries, progress.of, progress.bytes)));
    let summary = archive.to_vec().await.unwrap().1;
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted() && told.iter().all(|(_, of, _)| *of == summary.entries), "{told:?}");
    assert_eq!((told[0], told.last().unwrap().0), ((0, summary.entries, 0), summary.entries));
}

#[tokio::test]
async fn a_failure_leaves_no_file_and_an_old_one_as_it_was() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    world.endpoint.emulator.inject(Fault::every("GetBlob", FaultKind::Denied));
    let api = || SourceOptions { mode: Mode::Api, ..SourceOptions::default() };
    let error = world.archive("HEAD").source(api()).to_file(&path).await.unwrap_err();
    assert_eq!((error.code(), names(&folder)), ("SourceDenied", vec![]), "{}", with_causes(&error));
    std::fs::write(&path, "old").unwrap();
    world.archive("HEAD").source(api()).to_file(&path).await.unwrap_err();
    assert_eq!((names(&folder), std::fs::read(&path).unwrap()), (vec!["out.zip".to_owned()], b"old".to_vec()));
    world.endpoint.emulator.clear_faults();
    for (path, cause) in [("/nonexistent/out.zip", "No such file"), ("/dev/null/out.zip", "Not a directory")] {
        let missing = world.archive("HEAD").to_file(Path::new(path)).await.unwrap_err();
        assert!(matches!(missing, ArchiveError::File { .. }));
        assert!(with_causes(&missing).starts_with(&format!("failed to write {path}: {cause}")), "{missing:?}");
    }
}

#[tokio::test]
async fn what_is_added_must_be_there_and_must_not_be_in_the_tree() {
    let world = World::new();
    let error = world.archive("HEAD").add_file("/nonexistent/file").to_vec().await.unwrap_err();
    assert_eq!(error.code(), "FileUnreadable");
    let error = world.archive("HEAD").add_file("/dev/null").to_vec().await.unwrap_err();
    assert!(with_causes(&error).contains("not a regular file"), "{}", with_causes(&error));
    let error = world.archive("HEAD").prefix("p/").add_virtual_file("p/a.txt", "").to_vec().await.unwrap_err();
    assert_eq!(error.code(), "PathTaken");
    let error = world.archive("HEAD").paths(["none"]).to_vec().await.unwrap_err();
    assert_eq!(with_causes(&error), "failed to read 'HEAD' of project: pathspec 'none' did not match any files");
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}
