//! `emulator notify`: one request to the control address of a running emulator.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::arguments::Notice;

/// An emulator answers at once; one that does not is not there.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends the notice and prints which triggers sent an event.
pub(crate) fn send(notice: &Notice) -> io::Result<()> {
    let host = notice.endpoint.trim_start_matches("http://").trim_end_matches('/');
    let content = json!({ "repository": notice.repository, "branch": notice.branch, "old": notice.old }).to_string();
    let mut connection = TcpStream::connect(host)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let length = content.len();
    write!(
        connection,
        "POST /_emulator/notify HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{content}"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, content) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(content.to_owned()));
    }
    writeln!(io::stdout(), "{content}")
}
