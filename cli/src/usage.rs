//! The help, and the message about an invalid command line.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::output::{self, Failure};

/// Options of `git archive` that do not exist here, and what to use instead.
const GIT_OPTIONS: [(&str, &str); 6] = [
    ("--remote", "the first argument names the repository; --region, --profile and --endpoint-url say where it is"),
    ("--exec", "no program runs on the other side"),
    ("-v", "a terminal shows the progress, and --list prints the entries"),
    ("--verbose", "a terminal shows the progress, and --list prints the entries"),
    ("-l", "the only format is zip; --list prints the entries of the archive"),
    ("--worktree-attributes", "there is no worktree; the .gitattributes of the commit apply"),
];

/// Prints the help that was asked for, or returns what is wrong, in one line.
pub(crate) fn answer(error: &Error) -> Result<(), Failure> {
    if !error.use_stderr() {
        return output::print(error.render().to_string().as_bytes());
    }
    Err(Failure::of(line(error), "Usage"))
}

fn line(error: &Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "no command is given; --help lists them".to_owned();
    }
    if let Some((option, instead)) = git_option(error) {
        return format!("git archive's option {option} does not exist here: {instead}");
    }
    let text = error.render().to_string();
    let lines: Vec<&str> = text.lines().collect();
    let paragraphs = lines.split(|line| line.trim().is_empty());
    let is_about_help = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more information");
    let paragraphs = paragraphs.take_while(|lines| !lines.iter().any(is_about_help));
    let sentence = |lines: &[&str]| lines.iter().flat_map(|line| line.split_whitespace()).collect::<Vec<_>>().join(" ");
    let sentences: Vec<String> = paragraphs.map(sentence).filter(|sentence| !sentence.is_empty()).collect();
    let line = sentences.join("; ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

fn git_option(error: &Error) -> Option<(&'static str, &'static str)> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return None };
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    GIT_OPTIONS.into_iter().find(|(option, _)| is_unknown && option == given)
}
