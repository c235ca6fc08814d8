//! One line for each check.

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
    /// As it should be.
    pub(super) fn ok(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add("ok", check, detail);
    }

    /// It works, but not as one would wish; or it could not be checked.
    pub(super) fn warn(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add("warn", check, detail);
    }

    /// A push will not run.
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
            let line = |line: &Line| format!("{:<4}  {:<12}  {}\n", line.verdict, line.check, line.detail);
            output::print(self.0.iter().map(line).collect::<String>().as_bytes())?;
        }
        match self.0.iter().filter(|line| line.verdict == FAIL).count() {
            0 => Ok(()),
            failed => Err(Failure::of(format!("failed {failed} of {} checks", self.0.len()), "DoctorFailed")),
        }
    }

    fn add(&mut self, verdict: &'static str, check: &'static str, detail: impl Into<String>) {
        self.0.push(Line { verdict, check, detail: detail.into() });
    }
}
