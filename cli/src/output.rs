//! What is printed: results, warnings, and the one line of a failure.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use codecommit::causes::with_causes;
use serde_json::Value;

/// How results are shown.
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
    /// An error with its causes.
    pub(crate) fn new(error: &dyn Error, code: &str) -> Self {
        Self::of(with_causes(error), code)
    }

    /// A failure in words of its own.
    pub(crate) fn of(line: impl Into<String>, code: &str) -> Self {
        Self { line: line.into(), code: code.to_owned(), is_silent: false }
    }

    /// For a reader who is gone, and reads no line either.
    pub(crate) fn silent() -> Self {
        Self { is_silent: true, ..Self::of("nobody reads the output", "BrokenPipe") }
    }
}

impl Printer {
    /// Prints what is worth telling.
    pub(crate) fn warn(&self, warnings: impl IntoIterator<Item = impl std::fmt::Display>) {
        if !self.quiet {
            warnings.into_iter().for_each(|warning| complain(&format!("warning: {warning}")));
        }
    }
}

/// Prints to standard output. A reader that is gone is a failure without a word.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::silent(),
        _ => Failure::of(format!("failed to write to standard output: {error}"), "OutputFailed"),
    })
}

/// Prints JSON on one line.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(format!("{value}\n").as_bytes())
}

/// Prints to standard error, where nobody needs to read.
pub(crate) fn note(line: &str) {
    let _unread = writeln!(io::stderr(), "{line}");
}

/// The end of the process.
pub(crate) fn end(ended: Result<(), Failure>) -> ExitCode {
    let Err(failure) = ended else { return ExitCode::SUCCESS };
    if !failure.is_silent {
        complain(&format!("{} ({})", failure.line, failure.code));
    }
    ExitCode::FAILURE
}

/// What is wrong with the command line, on one line; or the help that was asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return end(print(error.render().to_string().as_bytes()));
    }
    let text = error.render().to_string();
    let lines: Vec<&str> = text.lines().collect();
    let paragraphs = lines.split(|line| line.trim().is_empty());
    let paragraphs = paragraphs.take_while(|lines| !lines.iter().any(|line| line.starts_with("Usage:")));
    let sentence = |lines: &[&str]| lines.iter().flat_map(|line| line.split_whitespace()).collect::<Vec<_>>().join(" ");
    let sentences: Vec<String> = paragraphs.map(sentence).filter(|sentence| !sentence.is_empty()).collect();
    let line = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "no command is given; --help lists them".to_owned(),
        _ => sentences.join("; "),
    };
    complain(&format!("{} (Usage)", line.strip_prefix("error: ").unwrap_or(&line)));
    ExitCode::FAILURE
}

fn complain(text: &str) {
    note(&format!("codecommit: {}", text.split(['\n', '\r']).map(str::trim).collect::<Vec<_>>().join(" ")));
}
