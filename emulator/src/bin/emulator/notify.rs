//! `emulator notify`: one request to the control address of a running emulator.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::arguments::NotifyArguments;

/// The timeout of the request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reports a changed branch and prints the names of the triggers that fired.
pub(crate) fn send(arguments: &NotifyArguments) -> io::Result<()> {
    let host = arguments.endpoint.trim_start_matches("http://").trim_end_matches('/');
    let content =
        json!({ "repository": arguments.repository, "branch": arguments.branch, "old": arguments.old }).to_string();
    let mut connection = TcpStream::connect(host)
        .map_err(|error| io::Error::other(format!("no emulator answers at {host}: {error}")))?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    let (length, token) = (content.len(), &arguments.token);
    write!(
        connection,
        "POST /_emulator/notify HTTP/1.1\r\nHost: {host}\r\nX-Emulator-Token: {token}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{content}"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, content) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(format!("the emulator at {host} refused: {content}")));
    }
    writeln!(io::stdout(), "{content}")
}
