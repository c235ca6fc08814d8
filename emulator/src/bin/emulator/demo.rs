//! `emulator demo`: creates, pushes and deletes a branch, with real pushes to the emulator's Git endpoint.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use emulator::Delivery;

use crate::answer::FunctionAnswer;
use crate::arguments::DemoArguments;
use crate::local_git::{check_repository, git, git_command};
use crate::stage::{PIPELINE, Stage, check_function, connect};
use crate::text::{function_error, printable, size};

const BRANCH: &str = "feature/demo";
/// The maximum time between a push and the function's answer to its event.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Shows the life of a branch in a copy of the repository.
pub(crate) fn demo(arguments: &DemoArguments) -> io::Result<()> {
    check_repository(&arguments.repository)?;
    check_function(&arguments.function)?;
    let folder = tempfile::tempdir()?;
    let (remote, work) = (folder.path().join("demo.git"), folder.path().join("work"));
    let (remote_name, work_name) = (remote.to_string_lossy(), work.to_string_lossy());
    let original = arguments.repository.canonicalize()?;
    git(&original, &["clone", "--quiet", "--bare", ".", &remote_name])?;
    let stage = Stage::start(&arguments.function, &remote)?;
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
        writeln!(
            self.out,
            "Repository {repository} has one trigger: it sends all events of all branches to the function."
        )?;
        writeln!(self.out, "Pipeline {PIPELINE} reads one S3 object and does not poll.")
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

    /// Pushes, and waits for the function's answer to the event of the push.
    fn push(&mut self, title: &str, arguments: &[&str]) -> io::Result<()> {
        writeln!(self.out, "\n{title}")?;
        writeln!(self.out, "  $ git {}", arguments.join(" ").replace(" --quiet", ""))?;
        let pushed = git_command(self.work).args(arguments).env("GIT_TERMINAL_PROMPT", "0").output()?;
        if !pushed.status.success() {
            let stderr = String::from_utf8_lossy(&pushed.stderr);
            return Err(io::Error::other(format!("git {}: {}", arguments.join(" "), stderr.trim())));
        }
        let delivery = self.next_delivery()?;
        let reference = &delivery.event["Records"][0]["codecommit"]["references"][0];
        self.line("event", &reference.to_string())?;
        let answer = delivery.outcome.map_err(|error| io::Error::other(function_error(&error.payload)))?;
        self.show(&serde_json::from_value(answer)?)
    }

    fn next_delivery(&mut self) -> io::Result<Delivery> {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            if let Some(delivery) = self.stage.emulator.deliveries().get(self.pushes) {
                self.pushes += 1;
                return Ok(delivery.clone());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::other(format!(
            "the function did not answer to the event of the push within {} seconds",
            TIMEOUT.as_secs()
        )))
    }

    fn show(&mut self, answer: &FunctionAnswer) -> io::Result<()> {
        for run in &answer.started {
            let execution = self.stage.execution(&run.pipeline_execution_id)?;
            let (entries, bytes) = (run.entries.unwrap_or_default(), size(run.bytes));
            self.line("archived", &format!("{entries} entries, {bytes}, {}", run.times()))?;
            self.line("version", &run.version_id)?;
            self.line("started", &format!("{}, {:?}", execution.id, execution.status))?;
        }
        for skipped in &answer.skipped {
            self.line("skipped", &format!("{}, {}", skipped.reference, skipped.reason))?;
        }
        Ok(())
    }

    /// Shows every execution with the version that its own push made.
    fn conclude(&mut self) -> io::Result<()> {
        let executions = self.stage.emulator.codepipeline().executions(PIPELINE);
        writeln!(self.out, "\nPipeline {PIPELINE} ran {} times", executions.len())?;
        for execution in &executions {
            for revision in &execution.revisions {
                let summary = revision.summary.as_deref().unwrap_or("-");
                writeln!(self.out, "  {}  on version {}  {}", execution.id, revision.id, printable(summary))?;
            }
        }
        match executions.len() {
            3 => Ok(()),
            runs => Err(io::Error::other(format!("pipeline {PIPELINE} must run 3 times, not {runs}"))),
        }
    }

    fn line(&mut self, label: &str, value: &str) -> io::Result<()> {
        writeln!(self.out, "  {label:<9} {}", printable(value))
    }
}
