//! What `run` and `demo` have in common: an emulator over one repository, with the function, a bucket and the dev pipeline.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use emulator::codepipeline::Execution;
use emulator::s3::Object;
use emulator::{ACCOUNT, Emulator, FUNCTION, Options, REGION};
use serde_json::{Value, json};

use crate::arguments::Scene;

const BUCKET: &str = "artifacts";
pub(crate) const PIPELINE: &str = "dev";

/// An emulator over one repository.
pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    /// The repository's name in `CodeCommit`.
    pub(crate) name: String,
}

impl Stage {
    /// Starts the emulator over the repository in `path`, and the scene's function as its child.
    pub(crate) fn set(scene: &Scene, path: &Path) -> io::Result<Self> {
        if !scene.function.is_file() {
            return Err(io::Error::other(format!("no function at {}: build it first", scene.function.display())));
        }
        let name = name(path);
        let emulator = Emulator::start(Options {
            repository: vec![(name.clone(), path.to_owned())],
            function: Some(scene.function.canonicalize()?),
            // The answer has all that the log would say; who wants the log asks for it.
            quiet: std::env::var_os("RUST_LOG").is_none(),
            bucket: Some(BUCKET.to_owned()),
            pipeline: Some(PIPELINE.to_owned()),
            ..Options::default()
        })?;
        Ok(Self { emulator, name })
    }

    /// An execution of the dev pipeline as `CodePipeline` has it.
    pub(crate) fn execution(&self, id: &str) -> io::Result<Execution> {
        let executions = self.emulator.codepipeline().executions(PIPELINE).into_iter();
        let mut executions = executions.filter(|execution| execution.id == id);
        executions.next().ok_or_else(|| io::Error::other(format!("pipeline {PIPELINE} has no execution {id}")))
    }

    /// One version of an object as S3 has it.
    pub(crate) fn object(&self, bucket: &str, key: &str, version: &str) -> io::Result<Arc<Object>> {
        let object = self.emulator.store().object(bucket, key, Some(version));
        object.ok_or_else(|| io::Error::other(format!("S3 has no version {version} of s3://{bucket}/{key}")))
    }
}

/// Gives a repository one trigger on all its branches, with the function as its destination.
pub(crate) async fn connect(emulator: &Emulator, repository: &str) -> io::Result<()> {
    let trigger = json!({
        "name": "codecommit-multibranch",
        "destinationArn": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"),
        "branches": [],
        "events": ["all"],
    });
    let input = json!({ "repositoryName": repository, "triggers": [trigger] });
    emulator.codecommit("PutRepositoryTriggers", input).await.map(drop).map_err(io::Error::other)
}

/// What git prints about a repository, without its last line's end.
pub(crate) fn git(repository: &Path, arguments: &[&str]) -> io::Result<String> {
    let output = git_command(repository).args(arguments).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("git {}: {}", arguments.join(" "), said.trim())))
}

/// Git without anybody's configuration, on a repository that may belong to somebody else.
pub(crate) fn git_command(repository: &Path) -> Command {
    let mut command = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
        command.env_remove(variable);
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("LC_ALL", "C");
    command.args(["-c", "safe.directory=*", "-C"]).arg(repository);
    command
}

/// The words of an error that the function reported.
pub(crate) fn in_words(payload: &Value) -> String {
    let text = |key: &str| payload[key].as_str();
    match (text("errorType"), text("errorMessage")) {
        (Some(code), Some(message)) => format!("{code}\n  {message}\n  docs/errors.md says what to do about {code}"),
        _ => payload.to_string(),
    }
}

/// A folder's name, as far as `CodeCommit` allows it.
fn name(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    let last = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = last.trim_end_matches(".git").chars().map(allowed).take(100).collect();
    if name.trim_matches('.').is_empty() { "demo".to_owned() } else { name }
}
