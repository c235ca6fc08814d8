//! Repositories made by git itself, and git's own view of their contents.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use git_archive::object::ObjectId;
use sha1::{Digest, Sha1};
use tempfile::TempDir;

/// A repository in a folder of its own.
pub(super) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// Makes a repository without a commit.
    pub(super) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("the system has a temporary folder");
        let repository = Self { folder };
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    /// Makes two commits with every kind of entry, names that need git's order, and files that give long chains of
    /// deltas.
    pub(super) fn various() -> Self {
        let repository = Self::empty();
        let noise = (0..15_000_u32).flat_map(|number| Sha1::digest(number.to_le_bytes()));
        let noise: Vec<u8> = noise.collect();
        let mut text = String::new();
        for line in 0..2_000 {
            writeln!(text, "line {line}: {}", line * line).expect("memory takes everything");
        }
        for version in 0..40 {
            let changed = text.replacen(&format!("line {}:", version * 37), "changed:", 1);
            repository.write(&format!("versions/{version:02}.txt"), changed.as_bytes());
        }
        repository.write("noise.bin", &noise);
        repository.write("zeros.bin", &vec![0; 3_000_000]);
        repository.write("empty", b"");
        repository.write("a.b", b"before a/\n");
        repository.write("a/x", b"in a\n");
        repository.write("a0", b"after a/\n");
        repository.write("deep/er/and/deeper/file", b"down here\n");
        repository.write("n\u{e4}me with spaces", b"named\n");
        repository.commit("first");
        repository.write("a/x", b"changed in a\n");
        repository.write("run.sh", b"#!/bin/sh\n");
        std::os::unix::fs::symlink("a/x", repository.path().join("link")).expect("links can be made");
        repository.git(&["add", "-A"]);
        repository.git(&["update-index", "--chmod=+x", "run.sh"]);
        let submodule = "160000,1234567890123456789012345678901234567890,a-sub";
        repository.git(&["update-index", "--add", "--cacheinfo", submodule]);
        repository.git(&["commit", "-q", "-m", "second\n\nwith a body"]);
        repository.git(&["tag", "-a", "-m", "annotated", "v1"]);
        repository
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn write(&self, path: &str, content: &[u8]) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("folders can be made");
        fs::write(path, content).expect("files can be written");
    }

    pub(super) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    pub(super) fn git(&self, arguments: &[&str]) -> Vec<u8> {
        git(self.path(), arguments, b"")
    }

    pub(super) fn id(&self, name: &str) -> ObjectId {
        let hex = self.git(&["rev-parse", "--verify", name]);
        ObjectId::from_hex(hex.trim_ascii()).expect("git prints an id")
    }

    /// Makes a pack of everything that is reachable from some names.
    pub(super) fn pack(&self, names: &str, options: &[&str]) -> Vec<u8> {
        let mut arguments = vec!["pack-objects", "--stdout", "--revs", "-q", "--window=50", "--depth=50"];
        arguments.extend_from_slice(options);
        git(self.path(), &arguments, format!("{names}\n").as_bytes())
    }

    /// Returns the type and content of every object.
    pub(super) fn objects(&self) -> BTreeMap<ObjectId, (String, Vec<u8>)> {
        objects(&self.git(&["cat-file", "--batch-all-objects", "--batch"]))
    }
}

/// Runs git without the user's configuration.
pub(super) fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = try_git(folder, arguments, input);
    assert!(output.status.success(), "git {arguments:?} failed");
    output.stdout
}

/// Runs git when it may fail.
pub(super) fn try_git(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "A U Thor").env(format!("GIT_{role}_EMAIL"), "author@example.com");
        command.env(format!("GIT_{role}_DATE"), "1700000000 -0730");
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git is installed");
    let mut stdin = child.stdin.take().expect("it was asked for");
    let input = input.to_vec();
    // Write on another thread, otherwise both sides wait for space in a pipe. Git may stop reading before the end.
    let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().expect("git ends");
    writer.join().expect("writing does not panic");
    output
}

/// Reads the output of `git cat-file --batch`.
pub(super) fn objects(mut output: &[u8]) -> BTreeMap<ObjectId, (String, Vec<u8>)> {
    let mut objects = BTreeMap::new();
    while !output.is_empty() {
        let end = output.iter().position(|byte| *byte == b'\n').expect("a header is a line");
        let header = std::str::from_utf8(&output[..end]).expect("a header is text");
        let words: Vec<&str> = header.split(' ').collect();
        let size: usize = words[2].parse().expect("a size is a number");
        let id = ObjectId::from_hex(words[0].as_bytes()).expect("git prints an id");
        let content = output[end + 1..][..size].to_vec();
        objects.insert(id, (words[1].to_owned(), content));
        output = &output[end + 2 + size..];
    }
    objects
}
