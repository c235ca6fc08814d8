//! `codecommit runs`: the last runs of a repository's branches, and waiting for the end of one.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use aws_sdk_codepipeline::primitives::{DateTime, DateTimeFormat};
use aws_sdk_codepipeline::types::PipelineExecutionStatus;
use codecommit::aws::{Aws, CallError};
use codecommit_multibranch::runs::{self, BranchRun, ListedExecution};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::arguments::{Client, Runs};
use crate::client;
use crate::output::{self, Failure, Printer};

/// The number of executions that are searched, each with a call of its own.
const SEARCHED: usize = 100;
/// The pause between two reads of a run. It grows from the first value to the second.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// A run with its times.
struct Row {
    run: BranchRun,
    listed: ListedExecution,
}

pub(crate) async fn run(arguments: Runs, client: &Client, printer: &Printer) -> Result<(), Failure> {
    let aws = client::connect(client).await?;
    let pipeline = arguments.pipeline();
    if arguments.watch {
        let deadline = Instant::now() + arguments.timeout();
        let id = awaited(&aws, &arguments, printer, deadline).await?;
        return watch(&aws, &pipeline, &id, printer, deadline).await;
    }
    let rows = rows(&aws, &arguments, &mut Known::default()).await.map_err(|call| failed(&pipeline, &call))?;
    let region = region(&aws);
    if printer.json {
        let described = rows.iter().map(|row| described(row, &pipeline, &region)).collect();
        return output::print_json(&Value::Array(described));
    }
    output::print_lines(&table(&rows, &pipeline, &region))
}

/// Waits for the end of an execution. Any end but success is a failure.
pub(crate) async fn watch(
    aws: &Aws,
    pipeline: &str,
    id: &str,
    printer: &Printer,
    deadline: Instant,
) -> Result<(), Failure> {
    let mut shown = Shown::new(printer);
    let mut pause = PAUSES[0];
    loop {
        match runs::read(aws, pipeline, id).await {
            Ok(Some(run)) if run.has_ended() => {
                shown.clear();
                return ended(&run, pipeline, &region(aws), printer);
            }
            Ok(Some(run)) => shown.show(&format!("execution {id} of {pipeline}: {}", run.status.as_str())),
            Ok(None) => {
                let line =
                    format!("execution {id} of {pipeline} has no variables that name repository, branch and commit");
                return Err(Failure::of(line, "NotARun"));
            }
            // An execution is not visible at once after its start.
            Err(call) if call.is(&["PipelineExecutionNotFoundException"]) => shown.show("not visible yet"),
            Err(call) => return Err(failed(pipeline, &call)),
        }
        rest(&mut pause, deadline, &format!("execution {id} of {pipeline}")).await?;
    }
}

/// Waits until there is a run of the commit, by default of the branch's tip, and returns its id.
async fn awaited(aws: &Aws, arguments: &Runs, printer: &Printer, deadline: Instant) -> Result<String, Failure> {
    let commit = match &arguments.commit {
        Some(commit) => commit.clone(),
        None => tip(aws, arguments).await?,
    };
    let (mut shown, mut known) = (Shown::new(printer), Known::default());
    let mut pause = PAUSES[0];
    loop {
        let rows = rows(aws, arguments, &mut known).await.map_err(|call| failed(&arguments.pipeline(), &call))?;
        if let Some(row) = rows.iter().find(|row| row.run.commit.starts_with(&commit)) {
            shown.clear();
            return Ok(row.run.id.clone());
        }
        let what = format!("a run of commit {commit} in {}", arguments.pipeline());
        shown.show(&format!("waiting for {what}"));
        rest(&mut pause, deadline, &what).await?;
    }
}

async fn tip(aws: &Aws, arguments: &Runs) -> Result<String, Failure> {
    let Some(branch) = &arguments.branch else {
        return Err(Failure::of("--watch needs a branch or --commit", "Usage"));
    };
    let request = aws.codecommit.get_branch().repository_name(&arguments.repository).branch_name(branch);
    let answer =
        request.send().await.map_err(|error| failed(&arguments.pipeline(), &CallError::new("GetBranch", error)))?;
    Ok(answer.branch.and_then(|branch| branch.commit_id).unwrap_or_default())
}

async fn rest(pause: &mut Duration, deadline: Instant, what: &str) -> Result<(), Failure> {
    if Instant::now() + *pause > deadline {
        return Err(Failure::of(format!("waited too long for {what}"), "Timeout"));
    }
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(PAUSES[1]);
    Ok(())
}

/// Returns the newest runs of the repository, or of one of its branches.
async fn rows(aws: &Aws, arguments: &Runs, known: &mut Known) -> Result<Vec<Row>, CallError> {
    let mut rows = Vec::new();
    for listed in runs::list(aws, &arguments.pipeline(), SEARCHED).await? {
        if rows.len() >= arguments.limit {
            break;
        }
        let run = known.run(aws, &arguments.pipeline(), &listed).await?;
        let is_wanted = |run: &BranchRun| {
            run.repository == arguments.repository
                && arguments.branch.as_ref().is_none_or(|branch| branch.replace('"', "'") == run.branch)
        };
        rows.extend(run.filter(is_wanted).map(|run| Row { run, listed }));
    }
    Ok(rows)
}

/// The executions that were read before: variables never change, and the list has the status.
#[derive(Default)]
struct Known(HashMap<String, Option<BranchRun>>);

impl Known {
    async fn run(
        &mut self,
        aws: &Aws,
        pipeline: &str,
        listed: &ListedExecution,
    ) -> Result<Option<BranchRun>, CallError> {
        if !self.0.contains_key(&listed.id) {
            match runs::read(aws, pipeline, &listed.id).await {
                Err(call) if call.is(&["PipelineExecutionNotFoundException"]) => return Ok(None),
                run => self.0.insert(listed.id.clone(), run?),
            };
        }
        let run = self.0.get(&listed.id).cloned().flatten();
        Ok(run.map(|run| BranchRun { status: listed.status.clone(), ..run }))
    }
}

fn ended(run: &BranchRun, pipeline: &str, region: &str, printer: &Printer) -> Result<(), Failure> {
    let url = runs::console_url(region, pipeline, &run.id);
    let status = run.status.as_str();
    if run.status != PipelineExecutionStatus::Succeeded {
        let reason = run.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let line = format!("run of commit {} on {} ended: {status}{reason}, see {url}", run.commit, run.branch);
        return Err(Failure::of(line, &format!("Run{status}")));
    }
    if printer.json {
        return output::print_json(&json!({ "commit": run.commit, "execution": run.id, "status": status, "url": url }));
    }
    output::print_lines(&format!("{status}: commit {} on {}\n{url}\n", run.commit, run.branch))
}

fn table(rows: &[Row], pipeline: &str, region: &str) -> String {
    let heads = ["BRANCH", "COMMIT", "STATUS", "STARTED", "TOOK", "SUBJECT", "LINK"].map(str::to_owned);
    let cells = |row: &Row| {
        let Row { run, listed } = row;
        // A variable has no line breaks: two spaces are the empty line after the subject.
        let subject = run.message.as_deref().unwrap_or("-").split("  ").next().unwrap_or_default();
        [
            printable(&run.branch),
            run.commit[..8].to_owned(),
            run.status.as_str().to_owned(),
            listed.started.map_or_else(|| "-".to_owned(), spoken),
            took(listed),
            printable(&subject.chars().take(50).collect::<String>()),
            runs::console_url(region, pipeline, &run.id),
        ]
    };
    let lines: Vec<_> = std::iter::once(heads).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..7).map(width).collect();
    let padded = |line: &[String; 7]| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    lines.iter().map(padded).collect()
}

fn described(row: &Row, pipeline: &str, region: &str) -> Value {
    let Row { run, listed } = row;
    let time = |time: Option<DateTime>| time.and_then(|time| time.fmt(DateTimeFormat::DateTime).ok());
    json!({
        "branch": run.branch,
        "commit": run.commit,
        "message": run.message,
        "execution": run.id,
        "status": run.status.as_str(),
        "reason": run.reason,
        "started": time(listed.started),
        "updated": time(listed.updated),
        "url": runs::console_url(region, pipeline, &run.id),
    })
}

/// Returns how long an execution took, or `-` while it runs.
fn took(listed: &ListedExecution) -> String {
    match (listed.has_ended(), listed.started, listed.updated) {
        (true, Some(start), Some(end)) => {
            let seconds = (end.secs() - start.secs()).max(0);
            format!("{}:{:02}", seconds / 60, seconds % 60)
        }
        _ => "-".to_owned(),
    }
}

/// Returns a time as `2026-11-24 17:02` (UTC).
fn spoken(time: DateTime) -> String {
    let text = time.fmt(DateTimeFormat::DateTime).unwrap_or_default();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// Returns a text of a repository without control characters, since it goes to a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn region(aws: &Aws) -> String {
    aws.region().map(ToString::to_string).unwrap_or_default()
}

fn failed(pipeline: &str, call: &CallError) -> Failure {
    let cause = std::error::Error::source(call).map(ToString::to_string).unwrap_or_default();
    Failure::of(format!("failed to read the runs of {pipeline}: {call}: {cause}"), call.code.as_str())
}

/// The state of a wait: a spinner on a terminal, a line for each change elsewhere.
struct Shown {
    bar: Option<ProgressBar>,
    last: String,
    quiet: bool,
}

impl Shown {
    fn new(printer: &Printer) -> Self {
        let bar = (!printer.quiet && std::io::stderr().is_terminal()).then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, last: String::new(), quiet: printer.quiet }
    }

    fn show(&mut self, line: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(line.to_owned()),
            None if !self.quiet && self.last != line => output::note(line),
            None => {}
        }
        line.clone_into(&mut self.last);
    }

    fn clear(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}
