//! What happened, in aligned lines.

use std::fmt::Display;
use std::io::{self, Write};

use emulator::codepipeline::Execution;

use super::{Push, Run, Skipped, some_branches};
use crate::stage::Stage;

/// What was pushed.
pub(super) fn push(out: &mut impl Write, repository: &str, push: &Push) -> io::Result<()> {
    writeln!(out, "Push")?;
    line(out, "repository", repository)?;
    line(out, "branch", &push.branch)?;
    line(out, "commit", &push.commit)?;
    line(out, "", &push.subject)
}

/// What the function made of it; the execution and its revision as `CodePipeline` has them.
pub(super) fn run(out: &mut impl Write, stage: &Stage, run: &Run) -> io::Result<()> {
    let execution = stage.execution(&run.pipeline_execution_id)?;
    let revision = execution.revisions.first().map_or("nothing", |revision| &revision.id);
    if revision != run.version_id {
        let message = format!("the execution runs on {revision}, not on version {}", run.version_id);
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
    line(out, "time", milliseconds(run))?;
    requests(out, run)?;
    if let Some(peak) = stage.emulator.function_process().and_then(peak_memory) {
        line(out, "memory", format_args!("{peak} MiB at most"))?;
    }
    run.warnings.iter().try_for_each(|warning| line(out, "warning", warning))
}

/// Why nothing was started, and what to do for something to be.
pub(super) fn skipped(out: &mut impl Write, skipped: &Skipped, push: &Push) -> io::Result<()> {
    writeln!(out, "\nSkipped")?;
    line(out, "reference", &skipped.reference)?;
    line(out, "reason", &skipped.reason)?;
    match skipped.reason.as_str() {
        "not-selected" => {
            let why = "BRANCHES does not select it. By default it is **,!main,!master: the trunk has its own pipeline.";
            line(out, "", why)?;
            line(out, "", "Add BRANCHES='**' to run it all the same, or take another branch with BRANCH=name.")?;
        }
        "skip-ci" => line(out, "", "The commit's message asks for it. Take another branch with BRANCH=name.")?,
        _ => return Ok(()),
    }
    line(out, "", some_branches(&push.path))
}

/// Milliseconds by step, the sum first.
pub(crate) fn milliseconds(run: &Run) -> String {
    let total = run.milliseconds.get("total").copied().unwrap_or_default();
    let order = ["open", "list", "archive", "upload", "start"];
    let steps = order.iter().filter_map(|step| Some(format!("{step} {}", run.milliseconds.get(*step)?)));
    format!("{} ms: {}", grouped(total), steps.collect::<Vec<_>>().join(", "))
}

/// Bytes, exactly and as people say it.
pub(crate) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let scaled = |unit: u64| bytes as f64 / unit as f64;
    match bytes {
        0..10_000 => format!("{} bytes", grouped(bytes)),
        10_000..1_000_000 => format!("{} bytes ({:.0} kB)", grouped(bytes), scaled(1_000)),
        _ => format!("{} bytes ({:.1} MB)", grouped(bytes), scaled(1_000_000)),
    }
}

/// A number with a comma after each thousand.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let places = digits.len();
    let comma = |place: usize| place > 0 && (places - place).is_multiple_of(3);
    let each = digits.chars().enumerate();
    each.flat_map(|(place, digit)| comma(place).then_some(',').into_iter().chain([digit])).collect()
}

fn variables(out: &mut impl Write, execution: &Execution) -> io::Result<()> {
    let mut label = "variables";
    for (name, value) in &execution.variables {
        line(out, std::mem::take(&mut label), format_args!("{name}={value}"))?;
    }
    Ok(())
}

fn requests(out: &mut impl Write, run: &Run) -> io::Result<()> {
    let throttled = if run.throttled > 0 { format!(", {} throttled", grouped(run.throttled)) } else { String::new() };
    line(out, "requests", format_args!("{}{throttled}", grouped(run.api_calls.values().sum())))?;
    run.api_calls
        .iter()
        .try_for_each(|(operation, count)| line(out, "", format_args!("{operation:<24} {:>9}", grouped(*count))))
}

/// A process's peak resident memory in MiB, where the system tells it.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib.div_ceil(1024))
}

fn line(out: &mut impl Write, label: &str, value: impl Display) -> io::Result<()> {
    writeln!(out, "  {label:<11} {value}")
}
