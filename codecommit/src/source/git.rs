//! A commit over CodeCommit's Git endpoint: one shallow fetch, two requests, signed with the role's own credentials.
//!
//! No Git program and no stored Git credentials. The protocol is version 0, the pack is indexed while it arrives.

mod error;
mod http;
mod pack;
mod protocol;
mod sign;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::aws::Aws;
use git_archive::object::ObjectId;
use http::{Body, Call};
use protocol::{Advertisement, Answer, Lines};

pub use error::GitError;
pub use http::Patience;
pub use pack::{Limits, Pack, PackError, Reader, Stream};

/// The names that the two requests are counted under.
const INFO_REFS: &str = "GitInfoRefs";
const UPLOAD_PACK: &str = "GitUploadPack";

/// Pieces of a pack that may wait for the thread that takes them in, each of up to 64 KiB.
const WAITING_PIECES: usize = 32;

/// One repository at a Git endpoint, and the means to speak with it.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The SDK's own connector.
    pub connector: SharedHttpConnector,
    /// What requests are signed with, asked for each of them.
    pub credentials: SharedCredentialsProvider,
    /// What the repository's name is appended to: [`endpoint`], or the setting `CODECOMMIT_GIT_URL`.
    pub base: String,
    /// The region that is signed for.
    pub region: String,
    /// The repository's name.
    pub repository: String,
    /// Time limits and retries.
    pub patience: Patience,
}

/// Where CodeCommit serves Git in a region.
pub fn endpoint(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://git-codecommit.{region}.{suffix}/v1/repos/")
}

impl Remote {
    /// A repository by the clients' own connector, credentials and region; none where they lack one of these. At `base`, or at the
    /// region's [`endpoint`].
    pub fn new(aws: &Aws, repository: &str, base: Option<String>) -> Option<Self> {
        let credentials = aws.source_credentials()?;
        let region = aws.region()?.to_string();
        Some(Self {
            connector: aws.connector(),
            credentials,
            base: base.unwrap_or_else(|| endpoint(&region)),
            region,
            repository: repository.to_owned(),
            patience: Patience::default(),
        })
    }

    /// Fetches one commit with everything in its tree, and nothing of its history. The pack is read in on a thread for
    /// blocking work while it arrives; dropping the future ends both.
    pub async fn fetch(&self, commit: ObjectId, limits: &Limits) -> Result<Pack, GitError> {
        let wanted = self.retried(|| self.negotiate(commit)).await?;
        let pack = self.retried(|| self.receive(wanted.clone(), limits)).await;
        pack.map_err(|error| error.of_want(commit))
    }

    /// Asks whether the server takes the signature and can serve a commit; nothing is fetched.
    pub async fn offers(&self, commit: ObjectId) -> Result<(), GitError> {
        self.retried(|| self.negotiate(commit)).await.map(drop)
    }

    /// Reads what the server offers; gives the body of the request for the commit.
    async fn negotiate(&self, commit: ObjectId) -> Result<Bytes, GitError> {
        let call = Call {
            operation: INFO_REFS,
            path: "/info/refs?service=git-upload-pack",
            body: None,
            answer: "application/x-git-upload-pack-advertisement",
        };
        let mut body = self.send(&call).await?;
        let mut lines = Lines::default();
        let mut advertisement = Advertisement::default();
        while let Some(piece) = body.next().await? {
            lines.push(&piece);
            while let Some(line) = lines.next()? {
                advertisement.line(&line, commit)?;
            }
        }
        if !advertisement.is_done() {
            return Err(GitError::Cut { operation: INFO_REFS });
        }
        advertisement.request(commit)
    }

    async fn receive(&self, wanted: Bytes, limits: &Limits) -> Result<Pack, GitError> {
        let call = Call {
            operation: UPLOAD_PACK,
            path: "/git-upload-pack",
            body: Some((wanted, "application/x-git-upload-pack-request")),
            answer: "application/x-git-upload-pack-result",
        };
        let body = self.send(&call).await?;
        let (sender, mut receiver) = mpsc::channel(WAITING_PIECES);
        let limits = limits.clone();
        let pack = tokio::task::spawn_blocking(move || {
            let pieces = std::iter::from_fn(|| receiver.blocking_recv());
            Pack::receive(pieces, &limits)
        });
        hand_on(body, sender).await?;
        Ok(pack.await??)
    }

    fn url(&self) -> String {
        format!("{}/{}", self.base.trim_end_matches('/'), self.repository)
    }

    /// The host without its port and the path of the repository, as they are signed.
    fn host_and_path(&self) -> Option<(&str, String)> {
        let (_, rest) = self.base.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.split(':').next()?;
        let path = format!("/{path}").trim_end_matches('/').to_owned();
        let named = !self.repository.is_empty() && self.repository.bytes().all(is_name_byte);
        named.then(|| (host, format!("{path}/{}", self.repository)))
    }
}

/// What names of repositories are made of, so that none needs an encoding in an address.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// Hands the pack on as it arrives. Where nobody takes it any more, why is for the taker to say.
async fn hand_on(mut body: Body, taker: mpsc::Sender<Bytes>) -> Result<(), GitError> {
    let mut lines = Lines::default();
    let mut answer = Answer::default();
    while let Some(piece) = body.next().await? {
        lines.push(&piece);
        while let Some(line) = lines.next()? {
            let Some(pack) = answer.line(&line)? else {
                continue;
            };
            if taker.send(pack).await.is_err() {
                return Ok(());
            }
        }
    }
    if answer.is_done() { Ok(()) } else { Err(GitError::Cut { operation: UPLOAD_PACK }) }
}
