//! CodeCommit's Git endpoint: `git http-backend` behind CodeCommit's authentication.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::events::{self, Events};
use crate::git;
use crate::repository::{Repositories, Repository};
use crate::signature;
use crate::wire::{self, BoxError, HttpBody, HttpRequest, HttpResponse};

/// The path that all repositories are below.
pub(crate) const ROOT: &str = "/v1/repos/";

/// Settings of Git. Any reachable commit is served by its ID, as by CodeCommit. Partial clones stay off, which is Git's
/// default. A push to a branch that is checked out updates the worktree, or fails if the worktree has changes.
const SETTINGS: [(&str, &str); 4] = [
    ("uploadpack.allowTipSHA1InWant", "true"),
    ("uploadpack.allowReachableSHA1InWant", "true"),
    ("http.receivepack", "true"),
    ("receive.denyCurrentBranch", "updateInstead"),
];

/// The capabilities that CodeCommit advertises to a fetch. Without `ofs-delta`, packs name delta bases by ID.
const CAPABILITIES: [&str; 6] = [
    "multi_ack_detailed",
    "shallow",
    "side-band-64k",
    "thin-pack",
    "allow-tip-sha1-in-want",
    "allow-reachable-sha1-in-want",
];

pub(crate) struct GitEndpoint {
    repositories: Arc<Repositories>,
    events: Arc<Events>,
}

/// Returns the operation name of a path of the endpoint, for the request log and for faults.
pub(crate) fn operation(path: &str) -> &'static str {
    match path.rsplit('/').next() {
        Some("refs") => "GitInfoRefs",
        Some("git-upload-pack") => "GitUploadPack",
        Some("git-receive-pack") => "GitReceivePack",
        _ => "Unknown",
    }
}

impl GitEndpoint {
    pub(crate) fn new(repositories: Arc<Repositories>, events: Arc<Events>) -> Self {
        Self { repositories, events }
    }

    pub(crate) async fn call(&self, request: HttpRequest) -> Result<HttpResponse, BoxError> {
        let path = request.uri().path().strip_prefix(ROOT).unwrap_or_default();
        let Some((name, service)) = path.split_once('/') else {
            return Ok(wire::empty(404));
        };
        if !matches!(service, "info/refs" | "git-upload-pack" | "git-receive-pack") {
            return Ok(wire::empty(404));
        }
        if !is_authentic(request.headers(), name) {
            let realm = ("www-authenticate", "Basic realm=\"/v1/repos\"");
            return Ok(wire::response(401, &[realm], Bytes::new()));
        }
        let Some(repository) = self.repositories.get(name) else {
            return Ok(wire::empty(404));
        };
        let backend = Backend::of(&repository, &request, service);
        match service {
            "git-receive-pack" => self.receive(&repository, &backend, request.into_body()).await,
            "info/refs" if request.uri().query() == Some("service=git-upload-pack") => {
                let (head, refs) = backend.run(request.into_body()).await?.into_parts();
                Ok(HttpResponse::from_parts(head, wire::full(advertise(refs.collect().await?.to_bytes()))))
            }
            _ => backend.run(request.into_body()).await,
        }
    }

    /// Receives a push and fires the repository's triggers.
    async fn receive(
        &self,
        repository: &Repository,
        backend: &Backend,
        pack: HttpBody,
    ) -> Result<HttpResponse, BoxError> {
        let _alone = repository.pushing.lock().await;
        let before = repository.references().await?;
        let (head, report) = backend.run(pack).await?.into_parts();
        let report = report.collect().await?.to_bytes();
        let changes = events::changes(&before, &repository.references().await?);
        repository.adopt_default().await?;
        self.events.fire(repository, &changes);
        Ok(HttpResponse::from_parts(head, wire::full(report)))
    }
}

/// One run of `git http-backend`.
struct Backend {
    /// The CGI variables.
    variables: Vec<(&'static str, String)>,
    git_dir: PathBuf,
}

impl Backend {
    fn of(repository: &Repository, request: &HttpRequest, service: &str) -> Self {
        let header = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let mut variables = vec![
            ("REQUEST_METHOD", request.method().to_string()),
            ("QUERY_STRING", request.uri().query().unwrap_or_default().to_owned()),
            ("PATH_INFO", format!("/{service}")),
            ("CONTENT_TYPE", header("content-type")),
            ("HTTP_CONTENT_ENCODING", header("content-encoding")),
            ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
            ("REMOTE_USER", "emulator".to_owned()),
            ("REMOTE_ADDR", "127.0.0.1".to_owned()),
        ];
        variables.retain(|(_, value)| !value.is_empty());
        Self { variables, git_dir: repository.git_dir.clone() }
    }

    /// Runs `git http-backend` on a request and streams its response.
    async fn run(&self, content: HttpBody) -> Result<HttpResponse, BoxError> {
        let mut command = Command::new("git");
        git::clean(&mut command, &SETTINGS);
        command.arg("http-backend").env("GIT_PROJECT_ROOT", &self.git_dir).envs(self.variables.iter().cloned());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut input = child.stdin.take().ok_or("git http-backend has no standard input")?;
        let mut output = BufReader::new(child.stdout.take().ok_or("git http-backend has no standard output")?);
        tokio::spawn(async move {
            let mut content = content.into_data_stream();
            while let Some(Ok(bytes)) = futures_util::StreamExt::next(&mut content).await {
                if input.write_all(&bytes).await.is_err() {
                    break; // the backend refused the request and says so in its response
                }
            }
        });
        let head = head(&mut output).await?;
        Ok(head.body(stream(child, output))?)
    }
}

/// Returns true if the request has a password that the key pair signed for this repository.
fn is_authentic(headers: &HeaderMap, name: &str) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let credentials = || {
        let credentials = BASE64_STANDARD.decode(header("authorization")?.strip_prefix("Basic ")?).ok()?;
        let credentials = String::from_utf8(credentials).ok()?;
        credentials.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    };
    let (Some((user, password)), Some(host)) = (credentials(), header("host")) else {
        return false;
    };
    signature::verify_git(&user, &password, host, &format!("{ROOT}{name}"), OffsetDateTime::now_utc())
}

/// Reads the head of a CGI response.
async fn head(output: &mut BufReader<ChildStdout>) -> Result<http::response::Builder, BoxError> {
    let mut head = http::Response::builder().status(200);
    loop {
        let mut line = String::new();
        output.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            return if line.is_empty() { Err("git http-backend sent no response".into()) } else { Ok(head) };
        };
        head = match name {
            "Status" => head.status(value.get(..3).unwrap_or_default()),
            _ => head.header(name, value),
        };
    }
}

fn stream(child: Child, output: BufReader<ChildStdout>) -> HttpBody {
    let frames = futures_util::stream::try_unfold((child, output), |(child, mut output)| async move {
        let mut bytes = BytesMut::with_capacity(64 << 10);
        let length = output.read_buf(&mut bytes).await?;
        Ok::<_, BoxError>((length > 0).then(|| (Frame::data(bytes.freeze()), (child, output))))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Reduces the capabilities of an advertisement to those that CodeCommit has.
fn advertise(refs: Bytes) -> Bytes {
    rewritten(&refs).map_or(refs, Bytes::from)
}

/// Returns an advertisement with only the capabilities in [`CAPABILITIES`], or `None` if its form is not the usual one:
/// `001e# service=git-upload-pack\n0000`, then a line with the first reference, a NUL and the capabilities.
fn rewritten(refs: &[u8]) -> Option<Vec<u8>> {
    let start = refs.windows(4).position(|window| window == b"0000")? + 4;
    let length = usize::from_str_radix(std::str::from_utf8(refs.get(start..start + 4)?).ok()?, 16).ok()?;
    let line = refs.get(start + 4..start + length)?;
    let (reference, capabilities) = std::str::from_utf8(line).ok()?.trim_end().split_once('\0')?;
    let kept: Vec<&str> = capabilities.split(' ').filter(|word| CAPABILITIES.contains(word)).collect();
    let line = format!("{reference}\0{}\n", kept.join(" "));
    let mut answer = refs[..start].to_vec();
    answer.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
    answer.extend_from_slice(&refs[start + length..]);
    Some(answer)
}
