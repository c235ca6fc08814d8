//! The previous archive as a cache: unchanged contents are copied from it.
//!
//! Its directory is read by range. Its contents are read in blocks, because unchanged contents are mostly adjacent
//! and in the same order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use tokio::sync::{OnceCell, Semaphore};

use crate::aws::{CallError, call};
use crate::lock::Lock;
use git_archive::central_directory::{self, Directory, Folder, Located};
use git_archive::object::{ObjectId, hash};

/// The number of bytes at the archive's end to read first: they hold the directory of about 8,000 entries.
const TAIL: u64 = 1 << 20;
/// The size in bytes of the blocks that contents are read in.
const BLOCK: u64 = 4 << 20;
/// The number of blocks to keep for the next contents, and of contents to read at once. At most twice as many blocks
/// are in memory.
const BLOCKS_KEPT: usize = 4;
/// The size in bytes of the largest content to reuse: it is held as a whole while it is verified.
const LARGEST_CONTENT: u64 = 16 << 20;

/// The previous archive.
#[derive(Debug)]
pub struct Previous {
    object: ObjectVersion,
    commit: Option<ObjectId>,
    directory: Arc<Directory>,
    blocks: Lock<VecDeque<(u64, Arc<Block>)>>,
    reading: Semaphore,
    /// The number of blocks that may still be read. Without a limit, an archive in a different order would be read
    /// many times over. So each pass over it may read twice its blocks.
    allowance: AtomicU64,
}

type Block = OnceCell<Bytes>;

/// One version of an object, which never changes.
#[derive(Debug)]
struct ObjectVersion {
    s3: Client,
    bucket: String,
    key: String,
    version: String,
    /// The size in bytes.
    bytes: u64,
}

/// Options of reading an earlier archive.
#[derive(Debug, Clone, Copy)]
pub struct PreviousOptions {
    /// The level of the contents.
    pub level: u8,
    /// True if contents may be used that others deflated.
    pub reuse_deflate: bool,
    /// The size in bytes of the largest directory that is read. In memory a directory takes about three times its size.
    pub largest_directory: u64,
}

impl Previous {
    /// Reads the directory of the archive that is at the key now, mostly with one request. Returns `None` if there is
    /// no archive, if it is not one of ours, if its directory is too large, or if it cannot be read. That is not an
    /// error: everything is then read from the repository.
    pub async fn open(s3: &Client, bucket: &str, key: &str, options: PreviousOptions) -> Option<Self> {
        let opened = ObjectVersion::open(s3, bucket, key, options).await;
        let (object, commit, directory) = opened.unwrap_or_else(|error| {
            tracing::warn!(%error, "the previous archive cannot be read, so nothing of it is used");
            None
        })?;
        let previous = Self {
            object,
            commit,
            directory: Arc::new(directory),
            blocks: Lock::default(),
            reading: Semaphore::new(BLOCKS_KEPT),
            allowance: AtomicU64::default(),
        };
        previous.allow_pass();
        Some(previous)
    }

    /// Allows one more pass over the contents. The first one is allowed from the start.
    pub(super) fn allow_pass(&self) {
        self.allowance.fetch_add(2 * self.object.bytes.div_ceil(BLOCK), Ordering::Relaxed);
    }

    /// Returns the commit that the archive names as its own. Nobody has verified that.
    pub fn commit(&self) -> Option<ObjectId> {
        self.commit
    }

    /// Returns the directory of the archive.
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory)
    }

    /// Returns the entries of the folder that has this tree id.
    pub fn folder(&self, tree: ObjectId) -> Option<&Folder> {
        self.directory.folders.get(&tree)
    }

    /// Returns the expected place of this blob's content.
    pub fn find(&self, blob: ObjectId, is_link: bool) -> Option<Located> {
        let located = self.directory.contents.get(&(blob, is_link)).copied()?;
        (located.compressed.max(located.size) <= LARGEST_CONTENT).then_some(located)
    }

    /// Returns the content of a blob, if the archive has it and it hashes to the id.
    pub async fn content(&self, blob: ObjectId, is_link: bool) -> Option<Bytes> {
        let located = self.find(blob, is_link)?;
        let data = self.data(located).await?;
        let content = located.content(&data)?.into_owned();
        (hash::blob_id(&content) == Ok(blob)).then(|| content.into())
    }

    /// Returns the data of a content, as stored in the archive. Returns `None` if it cannot be read, or if the archive
    /// contradicts itself.
    pub async fn data(&self, located: Located) -> Option<Bytes> {
        let end = located.start.checked_add(located.compressed).filter(|end| *end <= self.object.bytes)?;
        let _reading = self.reading.acquire().await;
        // Copy the data, so that a content that waits to be written does not keep a whole block in memory.
        let mut data = BytesMut::with_capacity(usize::try_from(located.compressed).ok()?);
        let mut at = located.start;
        while at < end {
            let block = at / BLOCK * BLOCK;
            let [from, to] = [at - block, (end - block).min(BLOCK)].map(|at| usize::try_from(at).ok());
            let read = self.block(at / BLOCK).await?;
            data.extend_from_slice(read.get(from?..to?)?);
            at = end.min(block + BLOCK);
        }
        Some(data.freeze())
    }

    async fn block(&self, number: u64) -> Option<Bytes> {
        let read = || async {
            let spent = |left: u64| left.checked_sub(1);
            self.allowance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent).map_err(|_| ())?;
            let start = number * BLOCK;
            self.object.range(start, BLOCK.min(self.object.bytes - start)).await.map_err(|error| {
                tracing::warn!(%error, "the previous archive cannot be read, so nothing more of it is used");
                self.allowance.store(0, Ordering::Relaxed);
            })
        };
        self.kept(number).get_or_try_init(read).await.ok().cloned()
    }

    fn kept(&self, number: u64) -> Arc<Block> {
        let mut blocks = self.blocks.lock();
        if let Some((_, block)) = blocks.iter().find(|(of, _)| *of == number) {
            return block.clone();
        }
        let block = Arc::new(Block::new());
        blocks.push_back((number, block.clone()));
        if blocks.len() > BLOCKS_KEPT {
            blocks.pop_front();
        }
        block
    }
}

impl ObjectVersion {
    /// Reads the end of the object that is at the key now, and its directory. The answer also has the version and the
    /// size.
    async fn open(
        s3: &Client,
        bucket: &str,
        key: &str,
        options: PreviousOptions,
    ) -> Result<Option<(Self, Option<ObjectId>, Directory)>, CallError> {
        let request = s3.get_object().bucket(bucket).key(key).range(format!("bytes=-{TAIL}"));
        let answer = match call("GetObject", request.send()).await {
            // S3 answers `InvalidRange` for an object without content.
            Err(error) if error.is(&["NoSuchKey", "InvalidRange"]) => return Ok(None),
            answer => answer?,
        };
        let bytes = answer.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        let (Some(version), Some(bytes)) = (answer.version_id, bytes) else { return Ok(None) };
        let object = Self { s3: s3.clone(), bucket: bucket.to_owned(), key: key.to_owned(), version, bytes };
        let tail = collect(answer.body, TAIL.min(bytes)).await?;
        let Some((offset, size)) = central_directory::locate(&tail, bytes) else { return Ok(None) };
        if size > options.largest_directory {
            return Ok(None);
        }
        let tail_at = bytes - tail.len() as u64;
        let directory = match offset.checked_sub(tail_at).and_then(|within| usize::try_from(within).ok()) {
            Some(within) => tail.slice(within..),
            None => object.range(offset, size).await?,
        };
        let commit = central_directory::commit(&tail);
        Ok(Some((object, commit, Directory::parse(&directory, options.level, options.reuse_deflate))))
    }

    async fn range(&self, start: u64, length: u64) -> Result<Bytes, CallError> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let range = format!("bytes={start}-{}", start + length - 1);
        let request = self.s3.get_object().bucket(&self.bucket).key(&self.key).version_id(&self.version);
        let answer = call("GetObject", request.range(range).send()).await?;
        collect(answer.body, length).await
    }
}

/// Reads a body of this length.
async fn collect(body: ByteStream, length: u64) -> Result<Bytes, CallError> {
    let body = body.collect().await;
    let body = body.map_err(|error| CallError::malformed("GetObject", error))?.into_bytes();
    if body.len() as u64 == length { Ok(body) } else { Err(CallError::malformed("GetObject", "another length")) }
}
