//! Prints what happened, in aligned lines.

use std::fmt::Display;
use std::io::{self, Write};

use emulator::codepipeline::Execution;

use crate::answer::{SkippedReference, StartedRun};
use crate::local_git::some_branches;
use crate::push::Push;
use crate::stage::Stage;
use crate::text::{grouped, printable, size};

/// Prints the pushed branch and commit.
pub(crate) fn push(out: &mut impl Write, repository: &str, push: &Push) -> io::Result<()> {
    writeln!(out, "Push")?;
    line(out, "repository", repository)?;
    line(out, "branch", &push.branch)?;
    line(out, "commit", &push.commit)?;
    line(out, "", &push.subject)
}

/// Prints the archive and the execution. Fails if `CodePipeline` has another revision than the function's answer says.
pub(crate) fn run(out: &mut impl Write, stage: &Stage, run: &StartedRun) -> io::Result<()> {
    let execution = stage.execution(&run.pipeline_execution_id)?;
    let revision = execution.revisions.first().map_or("nothing", |revision| &revision.id);
    if revision != run.version_id {
        let message = format!("execution {} runs on {revision}, not on version {}", execution.id, run.version_id);
        return Err(io::Error::other(message));
    }
    writeln!(out, "\nArchive")?;
    if let (Some(entries), Some(content_bytes)) = (run.entries, run.content_bytes) {
        line(out, "entries", grouped(entries))?;
        line(out, "contents", size(content_bytes))?;
    }
    line(out, "zip", size(run.bytes))?;
    line(out, "object", format_args!("s3://{}/{}", run.bucket, run.key))?;
    line(out, "version", &run.version_id)?;
    writeln!(out, "\nPipeline")?;
    line(out, "name", &run.pipeline)?;
    line(out, "execution", format_args!("{}, {:?}", execution.id, execution.status))?;
    line(out, "pinned to", format_args!("version {revision}"))?;
    variables(out, &execution)?;
    writeln!(out, "\nCost")?;
    line(out, "time", run.times())?;
    requests(out, run)?;
    if let Some(peak) = stage.emulator.function_process().and_then(peak_memory) {
        line(out, "memory", format_args!("peak {peak} MiB"))?;
    }
    run.warnings.iter().try_for_each(|warning| line(out, "warning", warning))
}

/// Prints the reason why nothing was started, and what the user can do.
pub(crate) fn skipped(out: &mut impl Write, skipped: &SkippedReference, push: &Push) -> io::Result<()> {
    writeln!(out, "\nSkipped")?;
    line(out, "reference", &skipped.reference)?;
    line(out, "reason", &skipped.reason)?;
    match skipped.reason.as_str() {
        "not-selected" => {
            let why =
                "BRANCHES does not select it. The default is **,!main,!master, since the trunk has its own pipeline.";
            line(out, "", why)?;
            line(out, "", "Set BRANCHES='**' to run it anyway, or choose another branch with BRANCH=name.")?;
        }
        "skip-ci" => line(out, "", "The commit's message says so. Choose another branch with BRANCH=name.")?,
        _ => return Ok(()),
    }
    line(out, "", some_branches(&push.path))
}

fn variables(out: &mut impl Write, execution: &Execution) -> io::Result<()> {
    let mut label = "variables";
    for (name, value) in &execution.variables {
        line(out, std::mem::take(&mut label), format_args!("{name}={value}"))?;
    }
    Ok(())
}

fn requests(out: &mut impl Write, run: &StartedRun) -> io::Result<()> {
    let throttled = if run.throttled > 0 { format!(", {} throttled", grouped(run.throttled)) } else { String::new() };
    line(out, "requests", format_args!("{}{throttled}", grouped(run.api_calls.values().sum())))?;
    run.api_calls
        .iter()
        .try_for_each(|(operation, count)| line(out, "", format_args!("{operation:<24} {:>9}", grouped(*count))))
}

/// Returns the peak resident memory of a process in MiB, if the system has /proc.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib.div_ceil(1024))
}

fn line(out: &mut impl Write, label: &str, value: impl Display) -> io::Result<()> {
    writeln!(out, "  {label:<11} {}", printable(&value.to_string()))
}
