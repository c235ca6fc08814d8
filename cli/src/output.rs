//! Prints results, warnings, and the one line of a failure.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use codecommit::causes::with_causes;
use serde_json::Value;

use crate::escape::{escaped, escaped_json};

/// The form of what is printed.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    pub(crate) quiet: bool,
    pub(crate) json: bool,
}

/// The reason why a command failed: one line and a stable code.
#[derive(Debug)]
pub(crate) struct Failure {
    line: String,
    code: String,
    is_silent: bool,
}

impl Failure {
    /// Creates a failure from an error and its causes.
    pub(crate) fn new(error: &dyn Error, code: &str) -> Self {
        Self::of(with_causes(error), code)
    }

    /// Creates a failure from a line of text.
    pub(crate) fn of(line: impl Into<String>, code: &str) -> Self {
        Self { line: line.into(), code: code.to_owned(), is_silent: false }
    }

    /// Creates a failure that prints nothing, because the reader of the output has closed it.
    pub(crate) fn silent() -> Self {
        Self { is_silent: true, ..Self::of("nobody reads the output", "BrokenPipe") }
    }
}

impl Printer {
    /// Prints warnings to standard error, unless they are not wanted.
    pub(crate) fn warn(&self, warnings: impl IntoIterator<Item = impl std::fmt::Display>) {
        if !self.quiet {
            warnings.into_iter().for_each(|warning| complain(&format!("warning: {warning}")));
        }
    }
}

/// Prints to standard output. If the reader is gone, the failure is silent.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::silent(),
        _ => Failure::of(format!("failed to write to standard output: {error}"), "OutputFailed"),
    })
}

/// Prints lines to standard output.
pub(crate) fn print_lines(lines: &str) -> Result<(), Failure> {
    lines.lines().try_for_each(|line| print(format!("{}\n", escaped(line)).as_bytes()))
}

/// Prints JSON on one line.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(format!("{}\n", escaped_json(&value.to_string())).as_bytes())
}

/// Prints a line to standard error.
pub(crate) fn note(line: &str) {
    write_note(&escaped(line));
}

/// Prints JSON on one line to standard error.
pub(crate) fn note_json(value: &Value) {
    write_note(&escaped_json(&value.to_string()));
}

/// Writes a line to standard error. It is not a failure if standard error is closed.
fn write_note(line: &str) {
    let _unread = writeln!(io::stderr(), "{line}");
}

/// Prints a failure, and returns the status of the process.
pub(crate) fn end(ended: Result<(), Failure>) -> ExitCode {
    let Err(failure) = ended else { return ExitCode::SUCCESS };
    if !failure.is_silent {
        complain(&format!("{} ({})", failure.line, failure.code));
    }
    ExitCode::FAILURE
}

fn complain(text: &str) {
    let line = text.split(['\n', '\r']).map(str::trim).collect::<Vec<_>>().join(" ");
    note(&format!("codecommit: {line}"));
}
