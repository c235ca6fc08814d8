//! A minimal function that answers with its event. `{"exit": 3}` exits, `{"fail": "why"}` fails, `{"sleep": true}`
//! never answers.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    if let Ok(why) = std::env::var("ECHO_INIT_ERROR") {
        let report = json!({ "errorType": "Init", "errorMessage": why });
        call(&api, "POST", "init/error", &report.to_string())?;
        return Err(io::Error::other(why));
    }
    loop {
        let (id, event) = call(&api, "GET", "invocation/next", "")?;
        let event: Value = serde_json::from_str(&event)?;
        if let Some(status) = event["exit"].as_i64() {
            std::process::exit(i32::try_from(status).unwrap_or(1));
        }
        if event["sleep"] == true {
            std::thread::park();
        }
        let (path, answer) = match event["fail"].as_str() {
            Some(why) => ("error", json!({ "errorType": "Failed", "errorMessage": why })),
            None => ("response", json!({ "event": event, "variables": variables() })),
        };
        call(&api, "POST", &format!("invocation/{id}/{path}"), &answer.to_string())?;
    }
}

fn variables() -> Value {
    let ours = ["AWS_", "CODECOMMIT_", "PIPELINE_"];
    let variables = std::env::vars().filter(|(name, _)| ours.iter().any(|prefix| name.starts_with(prefix)));
    variables.map(|(name, value)| (name, Value::from(value))).collect()
}

/// Sends one request on its own connection and returns the invocation's ID and the body of the response.
fn call(api: &str, method: &str, path: &str, content: &str) -> io::Result<(String, String)> {
    let mut connection = TcpStream::connect(api)?;
    let length = content.len();
    write!(
        connection,
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: \
         {length}\r\n\r\n{content}"
    )?;
    let mut answer = BufReader::new(connection);
    let (mut id, mut line) = (String::new(), String::new());
    while answer.read_line(&mut line)? > 2 {
        if let Some(("lambda-runtime-aws-request-id", value)) = line.trim_end().split_once(": ") {
            value.clone_into(&mut id);
        }
        line.clear();
    }
    let mut body = String::new();
    answer.read_to_string(&mut body)?;
    Ok((id, body))
}
