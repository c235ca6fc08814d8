//! The two requests of a fetch: what the server offers, then the pack of one commit.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::error::GitError;
use super::http::{GitRequest, ResponseBody};
use super::pack::{Limits, Pack};
use super::protocol::{Advertisement, FetchResponse, Lines};
use super::remote::Remote;
use crate::blocking;
use git_archive::object::ObjectId;

/// The names that the two requests are counted under.
const INFO_REFS: &str = "GitInfoRefs";
const UPLOAD_PACK: &str = "GitUploadPack";

/// Pieces of a pack, each of up to 64 KiB, that may wait for the thread that indexes them.
const WAITING_PIECES: usize = 32;

impl Remote {
    /// Fetches one commit with everything in its tree, and nothing of its history. A thread for blocking work indexes
    /// the pack while it arrives; dropping the future ends both.
    pub async fn fetch(&self, commit: ObjectId, limits: &Limits) -> Result<Pack, GitError> {
        let wanted = self.retries.retry(GitError::is_transient, || self.negotiate(commit)).await?;
        let pack = self.retries.retry(GitError::is_transient, || self.receive(wanted.clone(), limits)).await;
        pack.map_err(|error| error.of_want(commit))
    }

    /// Checks that the server accepts the signature and can serve a commit; nothing is fetched.
    pub async fn offers(&self, commit: ObjectId) -> Result<(), GitError> {
        self.retries.retry(GitError::is_transient, || self.negotiate(commit)).await.map(drop)
    }

    /// Reads what the server offers. Returns the body of the request for the commit.
    async fn negotiate(&self, commit: ObjectId) -> Result<Bytes, GitError> {
        let request = GitRequest {
            operation: INFO_REFS,
            path: "/info/refs?service=git-upload-pack",
            body: None,
            answer: "application/x-git-upload-pack-advertisement",
        };
        let mut body = self.send(&request).await?;
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
        let request = GitRequest {
            operation: UPLOAD_PACK,
            path: "/git-upload-pack",
            body: Some((wanted, "application/x-git-upload-pack-request")),
            answer: "application/x-git-upload-pack-result",
        };
        let body = self.send(&request).await?;
        let (sender, mut pieces) = mpsc::channel(WAITING_PIECES);
        let limits = limits.clone();
        let pack = blocking::spawn(move || {
            let pieces = std::iter::from_fn(|| pieces.blocking_recv());
            Pack::receive(pieces, &limits)
        });
        hand_on(body, sender).await?;
        Ok(pack.await??)
    }
}

/// Hands the pack on as it arrives. If the receiver hung up, returns `Ok`: its own error says why.
async fn hand_on(mut body: ResponseBody, receiver: mpsc::Sender<Bytes>) -> Result<(), GitError> {
    let mut lines = Lines::default();
    let mut answer = FetchResponse::default();
    while let Some(piece) = body.next().await? {
        lines.push(&piece);
        while let Some(line) = lines.next()? {
            let Some(pack) = answer.line(&line)? else {
                continue;
            };
            if receiver.send(pack).await.is_err() {
                return Ok(());
            }
        }
    }
    if answer.is_done() { Ok(()) } else { Err(GitError::Cut { operation: UPLOAD_PACK }) }
}
