//! `emulator demo`: the story of a branch, with real pushes to the emulator's Git endpoint and the real function.

mod pull_request;

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use emulator::codepipeline::{Execution, Finish, Status};
use emulator::{Delivery, EventLag, Options};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::answer::FunctionAnswer;
use crate::arguments::DemoArguments;
use crate::local_git::{check_repository, git, git_command};
use crate::paint::Paint;
use crate::stage::{PIPELINE, Stage, checked_function, connect};
use crate::text::{function_error, printable, size};
use pull_request::DemoPullRequest;

const BRANCH: &str = "feature/demo";
/// The maximum time between a change and the function's answer to its event.
const TIMEOUT: Duration = Duration::from_mins(2);
/// The settings of the function, in addition to those that the emulator sets.
const SETTINGS: [(&str, &str); 3] = [("SUPERSEDE", "on"), ("REPORT", "on"), ("APPROVE", "on")];

/// Shows the life of a branch in a copy of the repository.
pub(crate) fn demo(arguments: &DemoArguments) -> io::Result<()> {
    check_repository(&arguments.repository)?;
    checked_function(&arguments.function)?;
    let folder = tempfile::tempdir()?;
    let (remote, work) = (folder.path().join("demo.git"), folder.path().join("work"));
    let (remote_name, work_name) = (remote.to_string_lossy(), work.to_string_lossy());
    let original = arguments.repository.canonicalize()?;
    git(&original, &["clone", "--quiet", "--bare", ".", &remote_name])?;
    let environment = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let events = Some(EventLag { min: Duration::ZERO, max: Duration::ZERO });
    let options = Options { hold_executions: true, events, environment, ..Options::default() };
    let stage = Stage::start(&arguments.function, &remote, options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(connect(&stage.emulator, &stage.name))?;
    git(folder.path(), &["clone", "--quiet", &stage.emulator.clone_url(&stage.name), &work_name])?;
    let (out, paint) = (io::stdout().lock(), Paint::for_stdout());
    Life { stage, runtime, work: &work, out, paint, seen: 0 }.tell()
}

struct Life<'a, W> {
    stage: Stage,
    runtime: Runtime,
    work: &'a Path,
    out: W,
    paint: Paint,
    /// The number of deliveries that were looked at.
    seen: usize,
}

impl<W: Write> Life<'_, W> {
    fn tell(&mut self) -> io::Result<()> {
        let trunk = git(self.work, &["rev-parse", "--abbrev-ref", "HEAD"])?;
        self.introduce()?;
        git(self.work, &["checkout", "--quiet", "-b", BRANCH])?;
        let first = self.push("A branch is created: its first run starts", &["push", "--quiet", "origin", BRANCH])?;
        let request = self.open_pull_request(&trunk)?;
        let second = self.change(
            "The branch is pushed again: the newer run supersedes the older",
            "Take a note",
            "a first note\n",
        )?;
        self.superseded(&first)?;
        self.fail(&request, &second)?;
        let third = self.change("The fix is pushed", "Fix the note", "a better note\n")?;
        self.succeed(&request, &third)?;
        let fourth = self.change("One more push, and its run is in progress", "Take another note", "two notes\n")?;
        self.delete()?;
        self.clean_up(&fourth)?;
        self.conclude(&request, &[&first, &second, &third, &fourth])
    }

    fn introduce(&mut self) -> io::Result<()> {
        let repository = self.stage.name.clone();
        writeln!(self.out, "Repository {repository} sends the events of all branches to the function.")?;
        writeln!(
            self.out,
            "Pipeline {PIPELINE} reads one S3 object and does not poll. Its actions end when the demo says so."
        )
    }

    fn open_pull_request(&mut self, trunk: &str) -> io::Result<DemoPullRequest> {
        self.chapter("A pull request is opened")?;
        let request = DemoPullRequest::open(&self.stage, &self.runtime, BRANCH, trunk)?;
        self.line("opened", &format!("number {}, from {BRANCH} to {trunk}", request.id))?;
        Ok(request)
    }

    fn change(&mut self, title: &str, message: &str, content: &str) -> io::Result<String> {
        std::fs::write(self.work.join("notes.txt"), content)?;
        git(self.work, &["add", "notes.txt"])?;
        let author = ["-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.com"];
        git(self.work, &[&author[..], &["commit", "--quiet", "-m", message]].concat())?;
        self.push(title, &["push", "--quiet", "origin", BRANCH])
    }

    /// Pushes, and waits for the function's answer to the event of the push. Returns the started execution.
    fn push(&mut self, title: &str, arguments: &[&str]) -> io::Result<String> {
        let answer = self.pushed(title, arguments)?;
        let [run] = &answer.started[..] else {
            return Err(io::Error::other(format!("the push must start one run, not {}", answer.started.len())));
        };
        let execution = self.stage.execution(&run.pipeline_execution_id)?;
        let (entries, bytes) = (run.entries.unwrap_or_default(), size(run.bytes));
        self.line("archived", &format!("{entries} entries, {bytes}, {}", run.times()))?;
        self.line("version", &run.version_id)?;
        self.line("started", &format!("{}, {}", execution.id, self.paint.status(execution.status)))?;
        run.warnings.iter().try_for_each(|warning| self.line("warning", &printable(warning)))?;
        Ok(execution.id)
    }

    fn pushed(&mut self, title: &str, arguments: &[&str]) -> io::Result<FunctionAnswer> {
        self.chapter(title)?;
        let command = format!("git {}", arguments.join(" ").replace(" --quiet", ""));
        let command = self.paint.command(&command);
        writeln!(self.out, "  $ {command}")?;
        let pushed = git_command(self.work).args(arguments).env("GIT_TERMINAL_PROMPT", "0").output()?;
        if !pushed.status.success() {
            let stderr = String::from_utf8_lossy(&pushed.stderr);
            return Err(io::Error::other(format!("git {}: {}", arguments.join(" "), stderr.trim())));
        }
        let delivery = self.delivery("the push", |event| event["Records"].is_array())?;
        let reference = &delivery.event["Records"][0]["codecommit"]["references"][0];
        self.line("event", &reference.to_string())?;
        Ok(serde_json::from_value(answered(delivery)?)?)
    }

    /// Shows that the older run was told to stop, and lets its action end.
    fn superseded(&mut self, run: &str) -> io::Result<()> {
        let stopping = self.stage.execution(run)?;
        let reason = stopping.stop_reason.clone().unwrap_or_default();
        self.line("older", &format!("{run}, {}: {reason}", self.paint.status(stopping.status)))?;
        let stopped = self.finish(run, None)?;
        self.line("", &format!("when its action has ended: {}", self.paint.status(stopped.status)))
    }

    fn fail(&mut self, request: &DemoPullRequest, run: &str) -> io::Result<()> {
        self.chapter("The run fails, and the pull request shows why")?;
        let failed = self.finish(run, Some("Error while executing command: make test. Reason: exit status 2"))?;
        self.ended(request, &failed, "FAILED")
    }

    fn succeed(&mut self, request: &DemoPullRequest, run: &str) -> io::Result<()> {
        self.chapter("The run succeeds, and the pull request is approved")?;
        let succeeded = self.finish(run, None)?;
        self.ended(request, &succeeded, "SUCCEEDED")?;
        if request.is_approved(&self.stage, &self.runtime)? {
            let approved = self.paint.good("the revision that was built");
            return self.line("approved", &approved);
        }
        Err(io::Error::other("the pull request must be approved"))
    }

    /// Ends a run's actions, as builds would.
    fn finish(&self, run: &str, error: Option<&str>) -> io::Result<Execution> {
        let finish = Finish {
            pipeline: PIPELINE.to_owned(),
            execution: Some(run.to_owned()),
            error: error.map(str::to_owned),
            summary: error.map(|_| "Build terminated with state: FAILED".to_owned()),
            url: Some(format!("https://console.aws.amazon.com/codesuite/codebuild/projects/{PIPELINE}/build/1")),
            ..Finish::default()
        };
        self.stage.emulator.codepipeline().finish(&finish).map_err(io::Error::other)
    }

    /// Waits for the function's answer to the event of a run's end, and shows the pull request.
    fn ended(&mut self, request: &DemoPullRequest, run: &Execution, state: &str) -> io::Result<()> {
        let id = run.id.clone();
        let delivery = self.delivery("the end of the run", |event| {
            event["detail"]["execution-id"] == *id && event["detail"]["state"] == state
        })?;
        let kind = delivery.event["detail-type"].as_str().unwrap_or_default().to_owned();
        self.line("event", &format!("{kind}: {state}"))?;
        answered(delivery)?;
        let comments = request.comments(&self.stage, &self.runtime)?;
        let count = comments.len();
        for (number, comment) in (1..).zip(comments) {
            self.line("comment", &format!("{number} of {count}"))?;
            for line in comment.lines() {
                let line = self.paint.quoted(&printable(line));
                writeln!(self.out, "    {line}")?;
            }
        }
        Ok(())
    }

    fn delete(&mut self) -> io::Result<()> {
        let answer =
            self.pushed("The branch is deleted and cleaned up", &["push", "--quiet", "origin", "--delete", BRANCH])?;
        answer.skipped.iter().try_for_each(|it| self.line("skipped", &format!("{}, {}", it.reference, it.reason)))
    }

    /// Makes the same calls as the stack's cleanup, which stops the runs of a deleted branch.
    fn clean_up(&mut self, run: &str) -> io::Result<()> {
        let name = self.stage.name.clone();
        let branch = json!({ "repositoryName": name, "branchName": BRANCH });
        match self.runtime.block_on(self.stage.emulator.codecommit("GetBranch", branch)) {
            Err(error) if error.code == "BranchDoesNotExistException" => {}
            found => return Err(io::Error::other(format!("the branch must be gone, not {found:?}"))),
        }
        let stop = json!({ "pipelineName": PIPELINE, "pipelineExecutionId": run, "reason": "the branch was deleted" });
        let stopped = self.runtime.block_on(self.stage.emulator.codepipeline().call("StopPipelineExecution", stop));
        stopped.map_err(|error| io::Error::other(error.to_string()))?;
        let stopping = self.stage.execution(run)?.status;
        self.line("cleanup", &format!("{run}, {}: the branch was deleted", self.paint.status(stopping)))?;
        let stopped = self.finish(run, None)?;
        self.line("", &format!("when its action has ended: {}", self.paint.status(stopped.status)))?;
        self.line("", "In the stack, stack/cleanup.sh does this, and then runs the repository's own cleanup build.")
    }

    /// Shows every execution with the version that its own push made, and checks how each has ended.
    fn conclude(&mut self, request: &DemoPullRequest, runs: &[&str; 4]) -> io::Result<()> {
        let executions = self.stage.emulator.codepipeline().executions(PIPELINE);
        self.chapter(&format!("Pipeline {PIPELINE} ran {} times", executions.len()))?;
        for execution in &executions {
            for revision in &execution.revisions {
                let summary = printable(revision.summary.as_deref().unwrap_or("-"));
                let status = self.paint.status_column(execution.status);
                writeln!(self.out, "  {status} {}  on version {}  {summary}", execution.id, revision.id)?;
            }
        }
        let expected = [Status::Stopped, Status::Failed, Status::Succeeded, Status::Stopped];
        for (run, expected) in runs.iter().zip(expected) {
            let status = self.stage.execution(run)?.status;
            if status != expected {
                return Err(io::Error::other(format!("execution {run} must be {expected:?}, not {status:?}")));
            }
        }
        match request.comments(&self.stage, &self.runtime)?.len() {
            2 if executions.len() == runs.len() => Ok(()),
            comments => Err(io::Error::other(format!("{} runs and {comments} comments", executions.len()))),
        }
    }

    /// Waits for the next delivery of an event for which `wanted` returns true.
    fn delivery(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> io::Result<Delivery> {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            let deliveries = self.stage.emulator.deliveries();
            let unseen = deliveries.iter().enumerate().skip(self.seen);
            if let Some((index, delivery)) = unseen.into_iter().find(|(_, delivery)| wanted(&delivery.event)) {
                self.seen = index + 1;
                return Ok(delivery.clone());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let seconds = TIMEOUT.as_secs();
        Err(io::Error::other(format!("the function did not answer to the event of {what} within {seconds} seconds")))
    }

    fn chapter(&mut self, title: &str) -> io::Result<()> {
        let title = self.paint.title(title);
        writeln!(self.out, "\n{title}")
    }

    fn line(&mut self, label: &str, value: &str) -> io::Result<()> {
        writeln!(self.out, "  {label:<9} {}", printable(value))
    }
}

fn answered(delivery: Delivery) -> io::Result<Value> {
    delivery.outcome.map_err(|error| io::Error::other(function_error(&error.payload)))
}
