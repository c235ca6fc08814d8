//! A Git server on loopback: `git upload-pack` with a minimal HTTP server, and faults on request.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::repository::{git, try_git};

/// The answer to one request.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// The normal answer.
    Serve,
    /// Another status with a text.
    Status(u16, &'static str),
    /// The right head, and only this many bytes of the body.
    Cut(usize),
    /// No answer while the client waits.
    Hang,
    /// Another body.
    Body(Vec<u8>),
    /// The right body, with another media type.
    Media(&'static str),
}

/// A received request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    repository: PathBuf,
    requests: Mutex<Vec<Request>>,
    faults: Mutex<VecDeque<Fault>>,
}

impl Server {
    /// Serves one repository under any name. The first requests get the faults.
    pub(super) fn start(repository: &Path, faults: &[Fault]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            repository: repository.to_owned(),
            requests: Mutex::default(),
            faults: Mutex::new(faults.iter().cloned().collect()),
        });
        let serving = Arc::clone(&shared);
        // The thread ends with the test binary, because nothing tells a listener to stop.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(&stream));
            }
        });
        Self { address, shared }
    }

    pub(super) fn base(&self) -> String {
        format!("http://{}/v1/repos/", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no thread panicked").clone()
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) -> Option<()> {
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let request = read(stream)?;
        let fault = self.faults.lock().ok()?.pop_front().unwrap_or(Fault::Serve);
        let posted = request.line.starts_with("POST ");
        let media = format!("application/x-git-upload-pack-{}", if posted { "result" } else { "advertisement" });
        let body = request.body.clone();
        self.requests.lock().ok()?.push(request);
        match fault {
            Fault::Hang => {
                let _closed = (&*stream).read(&mut [0]);
                None
            }
            Fault::Status(status, text) => answer(stream, status, "text/plain", text.as_bytes(), usize::MAX),
            Fault::Body(body) => answer(stream, 200, &media, &body, usize::MAX),
            Fault::Serve => answer(stream, 200, &media, &self.body(posted, &body), usize::MAX),
            Fault::Media(media) => answer(stream, 200, media, &self.body(posted, &body), usize::MAX),
            Fault::Cut(length) => answer(stream, 200, &media, &self.body(posted, &body), length),
        }
    }

    fn body(&self, posted: bool, request: &[u8]) -> Vec<u8> {
        if posted {
            // Git fails after a refusal, but has written the reason before.
            return try_git(&self.repository, &["upload-pack", "--stateless-rpc", "."], request).stdout;
        }
        let mut body = b"001e# service=git-upload-pack\n0000".to_vec();
        body.extend(git(&self.repository, &["upload-pack", "--http-backend-info-refs", "."], b""));
        body
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { line: line.trim_end().to_owned(), headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

fn answer(mut stream: &TcpStream, status: u16, media: &str, body: &[u8], sent: usize) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status} \r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body[..sent.min(body.len())]).ok()
}
