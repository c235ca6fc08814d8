//! An emulator with a repository, a bucket and a pipeline, and the command line that speaks to it.

use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use emulator::{Emulator, Options};
use tempfile::TempDir;

pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:updates";
/// Longer than any command takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(2);

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) folder: TempDir,
}

/// The output and the status of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

/// Two commits: the second has every kind of entry, attributes, a name that is not ASCII, and a tag of its own.
const STREAM: &str = "\
commit refs/heads/main
committer C <c@example.com> 1700000000 +0100
data 6
First

M 100644 inline old.txt
data 4
old

commit refs/heads/main
author A <a@example.com> 1700000100 +0100
committer C <c@example.com> 1700000101 +0100
data 7
Second

M 100644 inline .gitattributes
data 60
*.key export-ignore
version export-subst
*.bat text eol=crlf
M 100644 inline a.bat
data 8
one
two

M 100644 inline größe/text.txt
data 20
text text text text

M 100755 inline run.sh
data 10
#!/bin/sh

M 120000 inline link
data 6
run.sh
M 160000 1234567890123456789012345678901234567890 sub
M 100644 inline secret.key
data 5
0000

M 100644 inline version
data 23
$Format:%H %ad by %cn$

reset refs/heads/feature/x
from refs/heads/main
tag v1.0
from refs/heads/main
tagger T <t@example.com> 1700000200 +0000
data 8
Release

";

impl World {
    pub(crate) fn new() -> Self {
        Self::with_role_policy(None)
    }

    /// A world whose function has this policy; without one, its role may do everything.
    pub(crate) fn with_role_policy(role_policy: Option<serde_json::Value>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let project = folder.path().join("repositories/project");
        std::fs::create_dir_all(&project).expect("a folder");
        git(&project, &["init", "--quiet", "--bare", "--initial-branch=main", "."], b"");
        git(&project, &["fast-import", "--quiet"], STREAM.as_bytes());
        let options = Options {
            repositories: Some(folder.path().join("repositories")),
            bucket: Some("artifacts".into()),
            pipeline: Some("dev".into()),
            role_policy,
            ..Options::default()
        };
        Self { emulator: Emulator::start(options).expect("loopback has a free port"), folder }
    }

    pub(crate) fn git(&self, words: &[&str]) -> Vec<u8> {
        git(&self.folder.path().join("repositories/project"), words, b"")
    }

    /// Adds a commit with the same files to a branch.
    pub(crate) fn commit(&self, branch: &str, message: &str) {
        let stream = format!(
            "commit refs/heads/{branch}\ncommitter C <c@example.com> 1700000300 +0000\n\
             data {}\n{message}\nfrom refs/heads/{branch}^0\n\n",
            message.len()
        );
        let project = self.folder.path().join("repositories/project");
        git(&project, &["fast-import", "--quiet"], stream.as_bytes());
    }

    pub(crate) fn id(&self, name: &str) -> String {
        String::from_utf8(self.git(&["rev-parse", name])).expect("an id").trim().to_owned()
    }

    /// Returns a command that runs in the temporary folder, without the configuration of this machine.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codecommit"));
        command.args(words).current_dir(self.folder.path()).env_clear();
        command.envs(self.emulator.client_environment()).env("HOME", self.folder.path());
        command.env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        ended(self.command(words))
    }

    /// Runs a command that must succeed, and returns its output.
    #[track_caller]
    pub(crate) fn out(&self, words: &[&str]) -> Vec<u8> {
        let ended = self.run(words);
        assert!(ended.status.success(), "{words:?}: {}", ended.err);
        ended.out
    }

    #[track_caller]
    pub(crate) fn text(&self, words: &[&str]) -> String {
        String::from_utf8(self.out(words)).expect("text")
    }

    #[track_caller]
    pub(crate) fn json(&self, words: &[&str]) -> serde_json::Value {
        serde_json::from_slice(&self.out(words)).expect("JSON")
    }

    /// Runs a command that must fail, and returns its one line.
    #[track_caller]
    pub(crate) fn failure(&self, words: &[&str]) -> String {
        let ended = self.run(words);
        assert_eq!(ended.status.code(), Some(1), "{words:?}: {}", ended.err);
        let (line, rest) = ended.err.split_once('\n').expect("a line");
        assert!(line.starts_with("codecommit: ") && rest.is_empty(), "{words:?}: {}", ended.err);
        line.to_owned()
    }

    /// Returns the names of the files in the temporary folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| name != "repositories");
        names.sort();
        names
    }
}

/// Runs a command to its end, which must come in time.
pub(crate) fn ended(mut command: Command) -> Ended {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let (mut stdout, mut stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    std::thread::scope(|scope| {
        let out = scope.spawn(move || read(&mut stdout));
        let err = scope.spawn(move || read(&mut stderr));
        let status = wait(&mut child);
        let err = String::from_utf8(err.join().expect("no panic")).expect("text");
        Ended { status, out: out.join().expect("no panic"), err }
    })
}

/// Waits for a child, which must end in time.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it is a child") {
            return status;
        }
        if begin.elapsed() > DEADLINE {
            child.kill().expect("it is a child");
            panic!("the command did not end in time");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read(pipe: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).expect("a pipe can be read");
    bytes
}

fn git(folder: &Path, words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").expect("a PATH"))
        .envs([
            ("HOME", "/nonexistent"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("TZ", "UTC"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git starts");
    child.stdin.take().expect("piped").write_all(input).expect("git reads");
    let output = child.wait_with_output().expect("git ends");
    assert!(output.status.success(), "git {words:?}");
    output.stdout
}
