//! The emulator that `run` and `demo` share: one repository, the function, a bucket and the dev pipeline.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use emulator::codepipeline::Execution;
use emulator::s3::Object;
use emulator::{ACCOUNT, Emulator, FUNCTION, Options, REGION};
use serde_json::json;

const BUCKET: &str = "artifacts";
pub(crate) const PIPELINE: &str = "dev";

pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    /// The repository's name in `CodeCommit`.
    pub(crate) name: String,
}

impl Stage {
    /// Starts the emulator for the repository at `path`, with the function as its child process. `options` says what is
    /// special about it.
    pub(crate) fn start(function: &Path, path: &Path, options: Options) -> io::Result<Self> {
        let function = checked_function(function)?;
        let name = name(path);
        let emulator = Emulator::start(Options {
            repository: vec![(name.clone(), path.to_owned())],
            function: Some(function),
            // The answer says everything; RUST_LOG asks for the function's log as well.
            quiet: std::env::var_os("RUST_LOG").is_none(),
            bucket: Some(BUCKET.to_owned()),
            pipeline: Some(PIPELINE.to_owned()),
            ..options
        })?;
        Ok(Self { emulator, name })
    }

    /// Returns an execution of the dev pipeline from `CodePipeline`.
    pub(crate) fn execution(&self, id: &str) -> io::Result<Execution> {
        let executions = self.emulator.codepipeline().executions(PIPELINE).into_iter();
        let mut executions = executions.filter(|execution| execution.id == id);
        executions.next().ok_or_else(|| io::Error::other(format!("pipeline {PIPELINE} has no execution {id}")))
    }

    /// Returns one version of an object from S3.
    pub(crate) fn object(&self, bucket: &str, key: &str, version: &str) -> io::Result<Arc<Object>> {
        let object = self.emulator.store().object(bucket, key, Some(version));
        object.ok_or_else(|| io::Error::other(format!("S3 has no version {version} of s3://{bucket}/{key}")))
    }
}

/// Returns the absolute path of the function, after a check that it is a file that can be run.
pub(crate) fn checked_function(function: &Path) -> io::Result<PathBuf> {
    let Ok(file) = function.metadata() else {
        return Err(io::Error::other(format!("there is no function at {}: build it first", function.display())));
    };
    if !file.is_file() || file.permissions().mode() & 0o111 == 0 {
        return Err(io::Error::other(format!("the function {} is not an executable file", function.display())));
    }
    function.canonicalize()
}

/// Gives a repository one trigger for all branches, with the function as its destination.
pub(crate) async fn connect(emulator: &Emulator, repository: &str) -> io::Result<()> {
    let trigger = json!({
        "name": "codecommit-multibranch",
        "destinationArn": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"),
        "branches": [],
        "events": ["all"],
    });
    let input = json!({ "repositoryName": repository, "triggers": [trigger] });
    let put = emulator.codecommit("PutRepositoryTriggers", input).await.map(drop);
    put.map_err(|error| io::Error::other(format!("repository {repository} cannot get a trigger: {error}")))
}

/// Returns a folder's name with the characters that `CodeCommit` allows.
fn name(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    let last = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = last.trim_end_matches(".git").chars().map(allowed).take(100).collect();
    if name.trim_matches('.').is_empty() { "demo".to_owned() } else { name }
}
