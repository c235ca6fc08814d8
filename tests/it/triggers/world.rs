//! An emulated repository for a test, and a client to it.

use std::path::Path;
use std::process::Command;

use aws_sdk_codecommit::config::retry::RetryConfig;
use aws_sdk_codecommit::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_codecommit::types::RepositoryTrigger;
use aws_sdk_codecommit::{Client, Config};
use codecommit_multibranch::triggers::{self, Trigger};
use emulator::{ACCESS_KEY, Emulator, Options, REGION, SECRET_KEY};
use tempfile::TempDir;

pub(super) const REPOSITORY: &str = "project";

pub(super) struct World {
    pub(super) emulator: Emulator,
    pub(super) client: Client,
    folder: TempDir,
    /// The only commit. Branches are created at it.
    pub(super) commit: String,
}

impl World {
    /// Makes the repositories `project` and `second`, each with a branch `main`, and these triggers of others in
    /// `project`.
    pub(super) async fn new(others: &[Trigger]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_owned();
        let commit = initialised(&path.join(REPOSITORY));
        initialised(&path.join("second"));
        let options = Options { repositories: Some(path), page_size: 30, ..Options::default() };
        let emulator = Emulator::start(options).expect("an emulator");
        let client = Client::from_conf(config(&emulator).build());
        let world = World { emulator, client, folder, commit };
        world.put(others).await;
        world
    }

    /// Returns all triggers of `project`.
    pub(super) async fn triggers(&self) -> Vec<Trigger> {
        triggers::list(&self.client, REPOSITORY).await.expect("triggers")
    }

    pub(super) async fn put(&self, list: &[Trigger]) {
        put(&self.client, list).await;
    }

    pub(super) fn create<'a>(&self, branches: impl IntoIterator<Item = &'a str>) {
        let line = |branch| format!("create refs/heads/{branch} {}", self.commit);
        self.update_refs(&branches.into_iter().map(line).collect::<Vec<_>>());
    }

    pub(super) fn delete<'a>(&self, branches: impl IntoIterator<Item = &'a str>) {
        let line = |branch| format!("delete refs/heads/{branch}");
        self.update_refs(&branches.into_iter().map(line).collect::<Vec<_>>());
    }

    pub(super) fn writes(&self) -> usize {
        self.emulator.count("PutRepositoryTriggers")
    }

    fn update_refs(&self, lines: &[String]) {
        let script = self.folder.path().join("refs");
        std::fs::write(&script, lines.join("\n") + "\n").expect("a script");
        let script = std::fs::File::open(script).expect("a script");
        let mut git = git(&self.folder.path().join(REPOSITORY));
        assert!(git.args(["update-ref", "--stdin"]).stdin(script).status().expect("git").success());
    }
}

pub(super) fn config(emulator: &Emulator) -> Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "emulator"))
        .retry_config(RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1)))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(emulator.endpoint())
}

pub(super) async fn put(client: &Client, list: &[Trigger]) {
    let list = list.iter().cloned().map(|t| RepositoryTrigger::try_from(t).expect("a trigger")).collect();
    let request = client.put_repository_triggers().repository_name(REPOSITORY).set_triggers(Some(list));
    request.send().await.expect("written");
}

/// Makes a repository with an empty commit on `main`, and returns the commit.
fn initialised(path: &Path) -> String {
    std::fs::create_dir(path).expect("a folder");
    let run = |arguments: &[&str]| {
        let output = git(path).args(arguments).output().expect("git");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    run(&["init", "--quiet", "--bare", "--initial-branch=main", "."]);
    let tree = run(&["hash-object", "-w", "-t", "tree", "--stdin"]);
    let commit = run(&["commit-tree", "-m", "Begin", &tree]);
    run(&["update-ref", "refs/heads/main", &commit]);
    commit
}

fn git(path: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(path).stdin(std::process::Stdio::null()).env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (who, name) in [("AUTHOR", "A"), ("COMMITTER", "C")] {
        command.env(format!("GIT_{who}_NAME"), name).env(format!("GIT_{who}_EMAIL"), "a@example.com");
        command.env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    command
}
