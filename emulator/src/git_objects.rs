//! The objects of a repository, read by a few long-lived `git cat-file --batch-command` (Git 2.36 or later).

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Semaphore;

use crate::git;

/// The maximum number of reader processes for one repository.
const READERS: usize = 4;

/// An object without its content.
#[derive(Clone, Debug)]
pub(crate) struct ObjectHeader {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) size: u64,
}

/// An object with its content.
#[derive(Clone, Debug)]
pub(crate) struct GitObject {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) content: Bytes,
}

pub(crate) struct GitObjects {
    git_dir: PathBuf,
    turns: Semaphore,
    idle: Mutex<Vec<ObjectReader>>,
}

impl GitObjects {
    pub(crate) fn new(git_dir: PathBuf) -> Self {
        Self { git_dir, turns: Semaphore::new(READERS), idle: Mutex::default() }
    }

    /// Returns the header of the object that `name` stands for in Git's revision syntax; `None` if there is none.
    ///
    /// Callers check a name that came from a client: it must be a plain ID or reference.
    pub(crate) async fn header(&self, name: &str) -> io::Result<Option<ObjectHeader>> {
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        let mut reader = self.reader()?;
        let header = reader.ask("info", name).await?;
        self.give_back(reader);
        Ok(header)
    }

    /// Returns the object that `name` stands for, with its content.
    pub(crate) async fn read(&self, name: &str) -> io::Result<Option<GitObject>> {
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        let mut reader = self.reader()?;
        let object = reader.contents(name).await?;
        self.give_back(reader);
        Ok(object)
    }

    fn reader(&self) -> io::Result<ObjectReader> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| ObjectReader::start(&self.git_dir), Ok)
    }

    /// Keeps a reader for reuse after a complete answer. A reader that failed is dropped instead, which ends its
    /// process.
    fn give_back(&self, reader: ObjectReader) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

struct ObjectReader {
    _child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl ObjectReader {
    fn start(git_dir: &std::path::Path) -> io::Result<Self> {
        let mut child = git::git(git_dir)
            .args(["cat-file", "--batch-command"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let commands = child.stdin.take().expect("the child's streams are piped");
        let answers = BufReader::with_capacity(64 << 10, child.stdout.take().expect("the child's streams are piped"));
        Ok(Self { _child: child, commands, answers })
    }

    async fn ask(&mut self, command: &str, name: &str) -> io::Result<Option<ObjectHeader>> {
        if name.contains('\n') {
            return Ok(None);
        }
        self.commands.write_all(format!("{command} {name}\n").as_bytes()).await?;
        let mut line = Vec::new();
        self.answers.read_until(b'\n', &mut line).await?;
        let line = String::from_utf8_lossy(&line);
        let fields: Vec<&str> = line.trim_end().rsplitn(3, ' ').collect();
        match fields[..] {
            [size, kind, id] if let Ok(size) = size.parse() => {
                Ok(Some(ObjectHeader { id: id.to_owned(), kind: kind.to_owned(), size }))
            }
            ["missing" | "ambiguous", ..] => Ok(None),
            _ => Err(io::Error::other(format!("git cat-file answered {line:?}"))),
        }
    }

    async fn contents(&mut self, name: &str) -> io::Result<Option<GitObject>> {
        let Some(ObjectHeader { id, kind, size }) = self.ask("contents", name).await? else {
            return Ok(None);
        };
        let size = usize::try_from(size).map_err(io::Error::other)?;
        let mut content = vec![0; size + 1]; // a line feed follows the content
        self.answers.read_exact(&mut content).await?;
        content.truncate(size);
        Ok(Some(GitObject { id, kind, content: content.into() }))
    }
}
