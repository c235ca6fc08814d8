//! The request log on standard error, for people.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use crate::call::Call;

#[derive(Clone, Copy)]
pub(crate) struct Console {
    enabled: bool,
    colored: bool,
}

impl Console {
    pub(crate) fn new(enabled: bool) -> Self {
        let colored = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { enabled, colored }
    }

    /// Prints one line for a request; without a status the connection was closed.
    pub(crate) fn log(self, call: &Call, status: Option<u16>, elapsed: Duration) {
        if self.enabled {
            let line = line(call, status, elapsed, self.colored);
            let _stderr_closed = io::stderr().write_all(line.as_bytes());
        }
    }

    /// Prints a line about the function.
    pub(crate) fn tell(self, text: &str) {
        if self.enabled {
            let _stderr_closed = io::stderr().write_all(format!("emulator: {text}\n").as_bytes());
        }
    }
}

fn line(call: &Call, status: Option<u16>, elapsed: Duration, colored: bool) -> String {
    let color = match status {
        Some(..400) => None,
        Some(400..500) => Some("\x1b[33m"),
        _ => Some("\x1b[31m"),
    };
    let color = color.filter(|_| colored);
    let mut line = color.unwrap_or_default().to_owned();
    let status = status.map_or_else(|| "closed".to_owned(), |status| status.to_string());
    let milliseconds = elapsed.as_secs_f64() * 1000.0;
    // The target comes from the client: a terminal must not interpret it.
    let target = call.target.escape_default();
    let _infallible = write!(
        line,
        "{:<12} {:<26} {status} {milliseconds:>7.1} ms  {target}",
        call.service,
        call.operation.escape_default().to_string()
    );
    line.push_str(if color.is_some() { "\x1b[0m\n" } else { "\n" });
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Service;

    #[test]
    fn errors_are_colored_and_targets_are_escaped() {
        let call = Call { service: Service::S3, operation: "GetObject".to_owned(), target: "/a/\u{1b}[2J".to_owned() };
        let shown = |status, colored| line(&call, status, Duration::from_millis(15), colored);
        let plain = "s3           GetObject                  200    15.0 ms  /a/\\u{1b}[2J\n";
        assert_eq!((shown(Some(200), false), shown(Some(200), true)), (plain.to_owned(), plain.to_owned()));
        assert_eq!(shown(Some(404), true), format!("\x1b[33m{}\x1b[0m\n", plain.trim_end().replace("200", "404")));
        assert!(shown(None, true).starts_with("\x1b[31m") && shown(None, false).contains(" closed "));
    }
}
