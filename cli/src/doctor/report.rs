//! The report: one line for each check.

use serde_json::json;

use crate::output::{self, Failure, Printer};

#[derive(Debug, Default)]
pub(super) struct Report(Vec<Line>);

#[derive(Debug)]
struct Line {
    verdict: &'static str,
    check: &'static str,
    detail: String,
}

const FAIL: &str = "FAIL";

impl Report {
    /// Adds a check that passed.
    pub(super) fn ok(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add("ok", check, detail);
    }

    /// Adds a check that found a flaw, or that could not be made.
    pub(super) fn warn(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add("warn", check, detail);
    }

    /// Adds a check that found why a push cannot run.
    pub(super) fn fail(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add(FAIL, check, detail);
    }

    pub(super) fn show(self, printer: &Printer) -> Result<(), Failure> {
        if printer.json {
            let lines = self
                .0
                .iter()
                .map(|line| json!({ "verdict": line.verdict, "check": line.check, "detail": line.detail }));
            output::print_json(&lines.collect())?;
        } else {
            // A text of a service must not begin a line of its own.
            let detail = |line: &Line| line.detail.split_whitespace().collect::<Vec<_>>().join(" ");
            let line = |line: &Line| format!("{:<4}  {:<12}  {}\n", line.verdict, line.check, detail(line));
            output::print_lines(&self.0.iter().map(line).collect::<String>())?;
        }
        match self.0.iter().filter(|line| line.verdict == FAIL).count() {
            0 => Ok(()),
            failed => Err(Failure::of(format!("{failed} of {} checks failed", self.0.len()), "DoctorFailed")),
        }
    }

    fn add(&mut self, verdict: &'static str, check: &'static str, detail: impl Into<String>) {
        self.0.push(Line { verdict, check, detail: detail.into() });
    }
}
