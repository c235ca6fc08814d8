//! `emulator demo`: the life of a branch, with real pushes to the emulator's Git endpoint.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use emulator::Delivery;

use crate::arguments::Scene;
use crate::run::{Answer, milliseconds, size};
use crate::stage::{PIPELINE, Stage, connect, git, git_command, in_words};

const BRANCH: &str = "feature/demo";
/// A push is through in moments; one that is not has been lost.
const PATIENCE: Duration = Duration::from_mins(2);

/// Shows the life of a branch in a copy of the repository.
pub(crate) fn demo(scene: &Scene) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let (remote, work) = (folder.path().join("demo.git"), folder.path().join("work"));
    let (remote_name, work_name) = (remote.to_string_lossy(), work.to_string_lossy());
    let original = scene.repository.canonicalize()?;
    git(&original, &["clone", "--quiet", "--bare", ".", &remote_name])?;
    let stage = Stage::set(scene, &remote)?;
    let waiter = tokio::runtime::Builder::new_current_thread().build()?;
    waiter.block_on(connect(&stage.emulator, &stage.name))?;
    git(folder.path(), &["clone", "--quiet", &stage.emulator.clone_url(&stage.name), &work_name])?;
    let mut life = Life { stage, work: &work, out: io::stdout().lock(), pushes: 0 };
    life.introduce()?;
    life.create()?;
    life.change("Say more", "notes.txt", "a first note\n")?;
    life.change("Say even more", "notes.txt", "a first note\na second note\n")?;
    life.delete()?;
    life.conclude()
}

struct Life<'a, W> {
    stage: Stage,
    work: &'a Path,
    out: W,
    pushes: usize,
}

impl<W: Write> Life<'_, W> {
    fn introduce(&mut self) -> io::Result<()> {
        let repository = &self.stage.name;
        writeln!(self.out, "Repository {repository} has one trigger: all branches, all events, to the function.")?;
        writeln!(self.out, "Pipeline {PIPELINE} reads one object in S3 and does not poll.")
    }

    fn create(&mut self) -> io::Result<()> {
        git(self.work, &["checkout", "--quiet", "-b", BRANCH])?;
        self.push("Create the branch", &["push", "--quiet", "origin", BRANCH])
    }

    fn change(&mut self, message: &str, file: &str, content: &str) -> io::Result<()> {
        std::fs::write(self.work.join(file), content)?;
        git(self.work, &["add", file])?;
        let author = ["-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.com"];
        git(self.work, &[&author[..], &["commit", "--quiet", "-m", message]].concat())?;
        self.push("Push a commit", &["push", "--quiet", "origin", BRANCH])
    }

    fn delete(&mut self) -> io::Result<()> {
        self.push("Delete the branch", &["push", "--quiet", "origin", "--delete", BRANCH])
    }

    /// Pushes, and waits until the function is through with the event that the push sent.
    fn push(&mut self, what: &str, arguments: &[&str]) -> io::Result<()> {
        writeln!(self.out, "\n{what}")?;
        writeln!(self.out, "  $ git {}", arguments.join(" ").replace(" --quiet", ""))?;
        let pushed = git_command(self.work).args(arguments).env("GIT_TERMINAL_PROMPT", "0").output()?;
        if !pushed.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&pushed.stderr).into_owned()));
        }
        let delivery = self.next_delivery()?;
        let reference = &delivery.event["Records"][0]["codecommit"]["references"][0];
        self.line("event", &reference.to_string())?;
        let answer = delivery.outcome.map_err(|error| io::Error::other(in_words(&error.payload)))?;
        self.answered(&serde_json::from_value(answer)?)
    }

    fn next_delivery(&mut self) -> io::Result<Delivery> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(delivery) = self.stage.emulator.deliveries().get(self.pushes) {
                self.pushes += 1;
                return Ok(delivery.clone());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::other("the push sent no event, or the function does not answer"))
    }

    fn answered(&mut self, answer: &Answer) -> io::Result<()> {
        for run in &answer.started {
            let execution = self.stage.execution(&run.pipeline_execution_id)?;
            let (entries, bytes) = (run.entries.unwrap_or_default(), size(run.bytes));
            self.line("archived", &format!("{entries} entries, {bytes}, {}", milliseconds(run)))?;
            self.line("version", &run.version_id)?;
            self.line("started", &format!("{}, {:?}", execution.id, execution.status))?;
        }
        for skipped in &answer.skipped {
            self.line("skipped", &format!("{}, {}", skipped.reference, skipped.reason))?;
        }
        Ok(())
    }

    /// All runs, each on the version that its own push made.
    fn conclude(&mut self) -> io::Result<()> {
        let executions = self.stage.emulator.codepipeline().executions(PIPELINE);
        writeln!(self.out, "\nPipeline {PIPELINE} ran {} times", executions.len())?;
        for execution in &executions {
            for revision in &execution.revisions {
                let summary = revision.summary.as_deref().unwrap_or("-");
                writeln!(self.out, "  {}  on version {}  {summary}", execution.id, revision.id)?;
            }
        }
        if executions.len() == 3 { Ok(()) } else { Err(io::Error::other("three runs were to be")) }
    }

    fn line(&mut self, label: &str, value: &str) -> io::Result<()> {
        writeln!(self.out, "  {label:<9} {value}")
    }
}
