//! Colors for people on a terminal.

use std::io::{self, IsTerminal as _};

use emulator::codepipeline::Status;

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";

/// Adds colors to texts, or leaves them as they are.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    colored: bool,
}

impl Paint {
    /// Returns colors if standard output is a terminal, unless `NO_COLOR` is set.
    pub(crate) fn for_stdout() -> Self {
        Self { colored: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    pub(crate) fn title(self, text: &str) -> String {
        self.paint(BOLD, text)
    }

    pub(crate) fn command(self, text: &str) -> String {
        self.paint(CYAN, text)
    }

    pub(crate) fn quoted(self, text: &str) -> String {
        let bar = self.paint(DIM, "│");
        format!("{bar} {text}").trim_end().to_owned()
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint(GREEN, text)
    }

    /// Returns the name of a status.
    pub(crate) fn status(self, status: Status) -> String {
        self.status_text(status, &format!("{status:?}"))
    }

    /// Returns the name of a status, as wide as a label.
    pub(crate) fn status_column(self, status: Status) -> String {
        self.status_text(status, &format!("{:<9}", format!("{status:?}")))
    }

    fn status_text(self, status: Status, text: &str) -> String {
        let color = match status {
            Status::Succeeded => GREEN,
            Status::Failed => RED,
            _ => YELLOW,
        };
        self.paint(color, text)
    }

    fn paint(self, color: &str, text: &str) -> String {
        if self.colored { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
