//! The two requests of a fetch: first the server's capabilities, then the pack of one commit.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::error::GitError;
use super::http::{GitRequest, ResponseBody};
use super::pack::{Limits, Pack, PackError, ThinPack};
use super::protocol::{Advertisement, FetchResponse, Lines};
use super::remote::Remote;
use crate::blocking;
use git_archive::object::ObjectId;

/// The names of the two requests in the counter.
const INFO_REFS: &str = "GitInfoRefs";
const UPLOAD_PACK: &str = "GitUploadPack";

/// The number of pieces of a pack, each up to 64 KiB, that may wait for the indexing thread.
const WAITING_PIECES: usize = 32;

/// A function that indexes a pack while it arrives.
type Receive<P> = fn(PackPieces, &Limits) -> Result<P, PackError>;

/// The pieces of a pack, as they arrive.
struct PackPieces(mpsc::Receiver<Bytes>);

impl Iterator for PackPieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.0.blocking_recv()
    }
}

impl Remote {
    /// Fetches one commit with everything in its tree, without its history. A thread for blocking work indexes the
    /// pack while it arrives. Dropping the future ends both.
    pub async fn fetch(&self, commit: ObjectId, limits: &Limits) -> Result<Pack, GitError> {
        let offered = self.retries.retry(GitError::is_transient, || self.negotiate(commit)).await?;
        let request = offered.request(commit)?;
        self.pack(commit, &request, limits, Pack::receive).await
    }

    /// Fetches the objects of a commit that the commit `had` does not have. The caller has the objects of `had`.
    /// Returns `None` if the server cannot send thin packs. A server that does not know `had` sends everything.
    pub async fn fetch_difference(
        &self,
        commit: ObjectId,
        had: ObjectId,
        limits: &Limits,
    ) -> Result<Option<ThinPack>, GitError> {
        let offered = self.retries.retry(GitError::is_transient, || self.negotiate(commit)).await?;
        let Some(request) = offered.difference(commit, had)? else { return Ok(None) };
        self.pack(commit, &request, limits, ThinPack::receive).await.map(Some)
    }

    /// Checks that the server accepts the signature and can serve a commit. Fetches nothing.
    pub async fn check_access(&self, commit: ObjectId) -> Result<(), GitError> {
        self.retries.retry(GitError::is_transient, || self.negotiate(commit)).await?.request(commit).map(drop)
    }

    /// Reads what the server offers, and whether the commit is one of its tips.
    async fn negotiate(&self, commit: ObjectId) -> Result<Advertisement, GitError> {
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
            while let Some(line) = lines.read()? {
                advertisement.line(&line, commit)?;
            }
        }
        if !advertisement.is_done() {
            return Err(GitError::Cut { operation: INFO_REFS });
        }
        Ok(advertisement)
    }

    async fn pack<P: Send + 'static>(
        &self,
        commit: ObjectId,
        request: &Bytes,
        limits: &Limits,
        receive: Receive<P>,
    ) -> Result<P, GitError> {
        let pack = self.retries.retry(GitError::is_transient, || self.receive(request.clone(), limits, receive)).await;
        pack.map_err(|error| error.recognize_refused_want(commit))
    }

    async fn receive<P: Send + 'static>(
        &self,
        wanted: Bytes,
        limits: &Limits,
        receive: Receive<P>,
    ) -> Result<P, GitError> {
        let request = GitRequest {
            operation: UPLOAD_PACK,
            path: "/git-upload-pack",
            body: Some((wanted, "application/x-git-upload-pack-request")),
            answer: "application/x-git-upload-pack-result",
        };
        let body = self.send(&request).await?;
        let (sender, pieces) = mpsc::channel(WAITING_PIECES);
        let limits = limits.clone();
        let pack = blocking::spawn(move || receive(PackPieces(pieces), &limits));
        forward_pack(body, sender).await?;
        Ok(pack.await??)
    }
}

/// Passes the pack on as it arrives. If the receiver hung up, returns `Ok`: its own error says why.
async fn forward_pack(mut body: ResponseBody, receiver: mpsc::Sender<Bytes>) -> Result<(), GitError> {
    let mut lines = Lines::default();
    let mut answer = FetchResponse::default();
    while let Some(piece) = body.next().await? {
        lines.push(&piece);
        while let Some(line) = lines.read()? {
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
