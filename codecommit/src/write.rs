//! The archive as a stream: fetch, compression and output overlap.
//!
//! A window of entries is worked on ahead of the archive, each in a task of its own: fetch, wait for bytes, convert, deflate. The
//! archive takes them in order. Memory is bounded by the budget for what is between the network and the archive, by the window
//! for what is small, and by the output for what has left.

mod large;

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bstr::{BStr, BString, ByteSlice};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::memory::{Budget, Permit, Turn};
use crate::source::{BlobContent, Source, SourceError};
use git_archive::attributes::PathAttributes;
use git_archive::convert::ConvertError;
use git_archive::object::{Entry, Kind, ObjectId};
use git_archive::zip::{self, Member, Writer};
use git_archive::{ExtraFile, PackedFile, Packer, prefix_directory};
use large::Large;

/// Entries worked on ahead of the archive.
const WINDOW: usize = 192;
/// What has gathered before it is handed to the output, in bytes.
const CHUNK: usize = 256 << 10;
/// Contents up to this size are deflated where they arrive: a hop to another thread costs more than it gives.
const SMALL: u64 = 64 << 10;

/// Where an archive goes.
pub trait Output {
    /// Why it cannot be taken.
    type Error;

    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Everything that goes into one archive.
#[derive(Debug)]
pub struct Contents {
    /// Where the contents of the entries come from.
    pub source: Source,
    /// What to write, in git's order.
    pub entries: Vec<Entry>,
    /// What comes behind it.
    pub extra: Vec<ExtraFile>,
    /// Goes before each path.
    pub prefix: BString,
    /// The time of all entries, in seconds since 1970 (UTC).
    pub seconds: i64,
    /// The commit, which is also the comment.
    pub commit: ObjectId,
    /// How contents become entries.
    pub packer: Packer,
    /// Bytes that may be held between the source and the archive.
    pub budget: u64,
    /// Bytes of content that the archive may have.
    pub limit: Option<u64>,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Entries, directories included.
    pub entries: u64,
    /// The size of the zip in bytes.
    pub bytes: u64,
    /// The size of all contents in bytes.
    pub content_bytes: u64,
    /// Entries whose data were taken over from the previous archive.
    pub reused: u64,
    /// What is worth telling.
    pub warnings: Vec<String>,
}

/// Why an archive was not written.
#[derive(Debug, thiserror::Error)]
pub enum StreamError<E> {
    /// A content could not be read.
    #[error("failed to read {path}")]
    Read {
        /// The entry.
        path: BString,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// A content could not be converted.
    #[error("failed to convert {path}")]
    Convert {
        /// The entry.
        path: BString,
        /// Why.
        #[source]
        source: ConvertError,
    },
    /// The zip cannot hold the entry.
    #[error("failed to write {path}")]
    Zip {
        /// The entry.
        path: BString,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The contents are larger than allowed.
    #[error("{path} brings the contents over the limit of {limit} bytes")]
    TooLarge {
        /// The entry with which the limit is passed.
        path: BString,
        /// The limit.
        limit: u64,
    },
    /// The output did not take it.
    #[error("failed to write the archive")]
    Output(#[source] E),
    /// A task panicked.
    #[error("failed to compress {0}: the task panicked")]
    Panicked(BString),
}

/// Writes the archive. `progress` is told of each entry: how many are written, and how many bytes the zip has.
pub async fn write<O: Output>(
    contents: Contents,
    output: &mut O,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Written, StreamError<O::Error>> {
    let zip = Writer::new(Vec::with_capacity(2 * CHUNK), contents.seconds);
    let mut archive = ArchiveWriter { zip, output, progress, limit: contents.limit, summary: Written::default() };
    if let Some(directory) = prefix_directory(contents.prefix.as_bstr()) {
        let member = Member { path: directory.as_bstr(), kind: Kind::Directory, extra: &[] };
        archive.put(member, zip::DataHeader::NONE, &[]).await?;
    }
    let Contents { extra, prefix, packer, .. } = &contents;
    let (extra, prefix) = (extra.clone(), prefix.clone());
    // A bare tree's archive has no comment.
    let comment = packer.commit.as_ref().map(|commit| commit.id);
    let mut ahead = Ahead::new(contents);
    while let Some((entry, ready)) = ahead.next().await {
        let path = zip::member_path(prefix.as_bstr(), entry.path.as_bstr(), entry.kind);
        let extra = ahead.work.packer.tag(&entry);
        let member = Member { path: path.as_bstr(), kind: entry.kind, extra: &extra };
        match ready.map_err(|error| error.of(&entry))? {
            None => archive.put(member, zip::DataHeader::NONE, &[]).await?,
            Some(Ready::Held(packed, _permit)) => archive.put_packed(member, packed).await?,
            Some(Ready::Large(large)) => archive.put_large(member, large).await?,
        }
    }
    for file in extra {
        let kind = if file.executable { Kind::Executable } else { Kind::File };
        let packed = ahead.work.packer.pack_extra(&file, prefix.as_bstr());
        let packed =
            packed.map_err(|source| StreamError::Convert { path: file.path.clone(), source: source.into() })?;
        let member = Member { path: file.path.as_bstr(), kind, extra: &[] };
        archive.put_packed(member, packed).await?;
    }
    archive.summary.reused = ahead.work.reused.load(Ordering::Relaxed);
    archive.finish(comment).await
}

/// The end that is written to.
struct ArchiveWriter<'a, O> {
    zip: Writer<Vec<u8>>,
    output: &'a mut O,
    progress: &'a (dyn Fn(u64, u64) + Send + Sync),
    limit: Option<u64>,
    summary: Written,
}

impl<O: Output> ArchiveWriter<'_, O> {
    async fn put_packed(&mut self, member: Member<'_>, packed: PackedFile) -> Result<(), StreamError<O::Error>> {
        self.summary.warnings.extend(packed.warnings);
        self.put(member, packed.content, &packed.data).await
    }

    async fn put(
        &mut self,
        member: Member<'_>,
        content: zip::DataHeader,
        data: &[u8],
    ) -> Result<(), StreamError<O::Error>> {
        let path = member.path;
        self.within_limit(path, content.size)?;
        self.zip.member(member, content, data).map_err(|source| StreamError::Zip { path: path.into(), source })?;
        (self.progress)(self.zip.entries(), self.zip.written());
        if self.zip.out().len() >= CHUNK { self.flush().await } else { Ok(()) }
    }

    async fn put_large(&mut self, member: Member<'_>, large: Large) -> Result<(), StreamError<O::Error>> {
        let path = member.path;
        let read = |source| StreamError::Read { path: path.into(), source };
        let zipped = |source| StreamError::Zip { path: path.into(), source };
        self.within_limit(path, large.size())?;
        let header = large.header().await.map_err(read)?;
        let mut pieces = large.pieces(header.method);
        let mut open = match header.known {
            Some(content) => self.zip.sized(member, content),
            None => self.zip.stream(member, header.method, large.size()),
        }
        .map_err(zipped)?;
        while let Some(piece) = pieces.next().await {
            open.chunk(&piece).map_err(zipped)?;
            if open.out().len() >= CHUNK {
                self.output.write(open.out()).await.map_err(StreamError::Output)?;
                open.out().clear();
            }
        }
        let content = pieces.content().await.map_err(read)?;
        open.end(content).map_err(zipped)?;
        (self.progress)(self.zip.entries(), self.zip.written());
        Ok(())
    }

    /// Counts a content, before anything of it is written.
    fn within_limit(&mut self, path: &BStr, size: u64) -> Result<(), StreamError<O::Error>> {
        self.summary.content_bytes += size;
        match self.limit.filter(|limit| self.summary.content_bytes > *limit) {
            Some(limit) => Err(StreamError::TooLarge { path: path.into(), limit }),
            None => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), StreamError<O::Error>> {
        let gathered = self.zip.out();
        self.output.write(gathered).await.map_err(StreamError::Output)?;
        gathered.clear();
        Ok(())
    }

    async fn finish(mut self, comment: Option<ObjectId>) -> Result<Written, StreamError<O::Error>> {
        self.summary.entries = self.zip.entries();
        let gathered = self.zip.out().len() as u64;
        let left = self.zip.written() - gathered;
        let path = BString::from("the central directory");
        let rest = self.zip.finish(comment).map_err(|source| StreamError::Zip { path, source })?;
        self.summary.bytes = left + rest.len() as u64;
        for chunk in rest.chunks(CHUNK) {
            self.output.write(chunk).await.map_err(StreamError::Output)?;
        }
        Ok(self.summary)
    }
}

/// The entries in order, each with its content, a window of them worked on ahead.
struct Ahead {
    work: Arc<Work>,
    tasks: VecDeque<Option<Task>>,
    at: usize,
}

/// What all tasks share.
struct Work {
    commit: ObjectId,
    source: Source,
    entries: Vec<Entry>,
    packer: Packer,
    budget: Arc<Budget>,
    repeated: HashMap<Shared, Repeated>,
    /// Bytes that repeated contents may still hold until the archive is done.
    keep: AtomicU64,
    cores: Semaphore,
    reused: AtomicU64,
}

/// What entries have in common that are the same but for their paths: the content, and what attributes say of its text bit.
type Shared = (ObjectId, Option<bool>);

/// A content that several entries have: fetched and deflated by the first of them, while it can be kept for the others.
struct Repeated {
    first: usize,
    done: watch::Sender<Option<Kept>>,
}

#[derive(Clone)]
enum Kept {
    Yes(PackedFile),
    No,
}

/// A content whose turn may come.
enum Ready {
    /// It is in memory, and holds bytes of the budget.
    Held(PackedFile, Option<Permit>),
    /// It is compressed when its turn comes.
    Large(Large),
}

enum WorkError {
    Read(SourceError),
    Convert(ConvertError),
    Panicked,
}

impl WorkError {
    fn of<E>(self, entry: &Entry) -> StreamError<E> {
        let path = entry.path.clone();
        match self {
            Self::Read(source) => StreamError::Read { path, source },
            Self::Convert(source) => StreamError::Convert { path, source },
            Self::Panicked => StreamError::Panicked(path),
        }
    }
}

impl Ahead {
    fn new(contents: Contents) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let work = Work {
            repeated: repeated(&contents.entries, &contents.packer),
            commit: contents.commit,
            source: contents.source,
            entries: contents.entries,
            packer: contents.packer,
            keep: AtomicU64::new(contents.budget / 4),
            budget: Budget::new(contents.budget),
            cores: Semaphore::new(cores),
            reused: AtomicU64::new(0),
        };
        Self { work: Arc::new(work), tasks: VecDeque::with_capacity(WINDOW), at: 0 }
    }

    async fn next(&mut self) -> Option<(Entry, Result<Option<Ready>, WorkError>)> {
        while self.tasks.len() < WINDOW {
            let index = self.at + self.tasks.len();
            let Some(entry) = self.work.entries.get(index) else { break };
            let has_content = !matches!(entry.kind, Kind::Directory | Kind::Submodule);
            self.tasks.push_back(has_content.then(|| Task::spawn(self.work.clone(), index)));
        }
        let task = self.tasks.pop_front()?;
        self.work.budget.advance(self.at);
        let entry = self.work.entries[self.at].clone();
        self.at += 1;
        let Some(task) = task else { return Some((entry, Ok(None))) };
        Some((entry, task.await.unwrap_or(Err(WorkError::Panicked)).map(Some)))
    }
}

/// The contents that stand under several paths which all keep it as it is.
fn repeated(entries: &[Entry], packer: &Packer) -> HashMap<Shared, Repeated> {
    let mut first = HashMap::new();
    let mut repeated = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let Some(shared) = shared(entry, packer) else { continue };
        if let Some(first) = first.insert(shared, index) {
            repeated.entry(shared).or_insert_with(|| Repeated { first, done: watch::Sender::new(None) });
        }
    }
    repeated
}

/// None for what is like no other: what has no content, what is converted, and links, which are never deflated.
fn shared(entry: &Entry, packer: &Packer) -> Option<Shared> {
    let is_file = matches!(entry.kind, Kind::File | Kind::Executable);
    if !is_file {
        return None;
    }
    let attributes = packer.attributes_of(entry).ok()?;
    if !packer.keeps_content(entry, &attributes) {
        return None;
    }
    let (if_text, if_binary) = (packer.text_bit(&attributes, b""), packer.text_bit(&attributes, b"\0"));
    Some((entry.id, (if_text == if_binary).then_some(if_text)))
}

impl Work {
    async fn member(self: &Arc<Self>, index: usize) -> Result<Ready, WorkError> {
        let entry = &self.entries[index];
        let repeated = shared(entry, &self.packer).and_then(|shared| self.repeated.get(&shared));
        let Some(repeated) = repeated else { return self.fetched(index).await };
        if repeated.first == index {
            let ready = self.fetched(index).await;
            repeated.done.send_replace(Some(ready.as_ref().map_or(Kept::No, |ready| self.kept(ready))));
            return ready;
        }
        let mut done = repeated.done.subscribe();
        let kept = done.wait_for(Option::is_some).await.ok().and_then(|kept| kept.clone());
        match kept {
            Some(Kept::Yes(packed)) => Ok(Ready::Held(packed, None)),
            _ => self.fetched(index).await,
        }
    }

    async fn fetched(self: &Arc<Self>, index: usize) -> Result<Ready, WorkError> {
        let entry = &self.entries[index];
        let turn = Turn::new(&self.budget, index);
        let attributes = self.packer.attributes_of(entry).map_err(|stopped| WorkError::Convert(stopped.into()))?;
        if let Some(ready) = self.reused(index, &attributes, &turn).await {
            return Ok(ready);
        }
        let (content, mut permit) = self.source.content(self.commit, entry.id, &turn).await.map_err(WorkError::Read)?;
        if let Some(large) = content.large() {
            if self.packer.streams(entry, &attributes, large.size) {
                return Ok(Ready::Large(Large::new(large.clone(), &self.packer, entry, &attributes)));
            }
            // It has to be converted as a whole, and is there twice while it is.
            turn.admit(2 * large.size).await;
            permit = turn.take();
        }
        let packed = self.packed(index, attributes, content).await?;
        if let Some(permit) = &mut permit {
            permit.shrink(packed.data.len() as u64);
        }
        Ok(Ready::Held(packed, permit))
    }

    /// The entry from the previous archive, if that has it, it proves to be the same, and nothing converts it.
    async fn reused(self: &Arc<Self>, index: usize, attributes: &PathAttributes, turn: &Turn) -> Option<Ready> {
        let entry = &self.entries[index];
        let previous = self.source.previous()?;
        let located = previous.find(entry.id, entry.kind == Kind::Link)?;
        if !self.packer.keeps_content(entry, attributes) {
            return None;
        }
        turn.admit(located.compressed + located.size).await;
        let mut permit = turn.take();
        let data = previous.data(located).await?;
        let attributes = attributes.clone();
        let reuse = move |this: &Self| this.packer.reuse(&this.entries[index], &attributes, located, data);
        let packed = self.on_a_core(located.size, reuse);
        let packed = packed.await.ok()??;
        if let Some(permit) = &mut permit {
            permit.shrink(packed.data.len() as u64);
        }
        self.reused.fetch_add(1, Ordering::Relaxed);
        Some(Ready::Held(packed, permit))
    }

    async fn packed(
        self: &Arc<Self>,
        index: usize,
        attributes: PathAttributes,
        content: BlobContent,
    ) -> Result<PackedFile, WorkError> {
        self.on_a_core(content.size(), move |this| this.pack(index, &attributes, content)).await?
    }

    /// Does the work on a content of this size, here or on a thread for such work.
    async fn on_a_core<T: Send + 'static>(
        self: &Arc<Self>,
        size: u64,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        if size <= SMALL {
            return Ok(work(self));
        }
        let _core = self.cores.acquire().await;
        let this = self.clone();
        tokio::task::spawn_blocking(move || work(&this)).await.map_err(|_| WorkError::Panicked)
    }

    fn pack(&self, index: usize, attributes: &PathAttributes, content: BlobContent) -> Result<PackedFile, WorkError> {
        let content = content.read().map_err(WorkError::Read)?;
        self.packer.pack(&self.entries[index], attributes, content).map_err(WorkError::Convert)
    }

    fn kept(&self, ready: &Ready) -> Kept {
        let Ready::Held(packed, _) = ready else { return Kept::No };
        let size = packed.data.len() as u64;
        let taken = self.keep.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(size));
        if taken.is_ok() { Kept::Yes(packed.clone()) } else { Kept::No }
    }
}

/// A task that ends when nobody waits for it any more.
struct Task(JoinHandle<Result<Ready, WorkError>>);

impl Task {
    fn spawn(work: Arc<Work>, index: usize) -> Self {
        Self(tokio::spawn(async move { work.member(index).await }))
    }
}

impl Future for Task {
    type Output = Result<Result<Ready, WorkError>, tokio::task::JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
