//! A repository's objects, through a few long-lived `git cat-file --batch-command` (Git 2.36 or later).

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Semaphore;

use crate::git;

/// How many readers a repository has at most: enough to keep a few cores busy.
const READERS: usize = 4;

/// What Git says of an object without its content.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) size: u64,
}

/// An object with its content.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) content: Bytes,
}

pub(crate) struct Objects {
    git_dir: PathBuf,
    turns: Semaphore,
    idle: Mutex<Vec<Reader>>,
}

impl Objects {
    pub(crate) fn new(git_dir: PathBuf) -> Self {
        Self { git_dir, turns: Semaphore::new(READERS), idle: Mutex::default() }
    }

    /// What the name stands for, in Git's revision syntax; `None` when there is no such object.
    ///
    /// Whoever passes on what a client sent must have checked that it is a plain id or reference.
    pub(crate) async fn header(&self, name: &str) -> io::Result<Option<Header>> {
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        let mut reader = self.reader()?;
        let header = reader.ask("info", name).await?;
        self.give_back(reader);
        Ok(header)
    }

    /// As `header`, with the content.
    pub(crate) async fn read(&self, name: &str) -> io::Result<Option<Object>> {
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        let mut reader = self.reader()?;
        let object = reader.contents(name).await?;
        self.give_back(reader);
        Ok(object)
    }

    fn reader(&self) -> io::Result<Reader> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| Reader::start(&self.git_dir), Ok)
    }

    /// Only after a whole answer: a reader that failed or was left in mid-answer is dropped, which ends its process.
    fn give_back(&self, reader: Reader) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

struct Reader {
    _child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reader {
    fn start(git_dir: &std::path::Path) -> io::Result<Self> {
        let mut child = git::git(git_dir)
            .args(["cat-file", "--batch-command"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let commands = child.stdin.take().expect("piped above");
        let answers = BufReader::with_capacity(64 << 10, child.stdout.take().expect("piped above"));
        Ok(Self { _child: child, commands, answers })
    }

    async fn ask(&mut self, command: &str, name: &str) -> io::Result<Option<Header>> {
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
                Ok(Some(Header { id: id.to_owned(), kind: kind.to_owned(), size }))
            }
            ["missing" | "ambiguous", ..] => Ok(None),
            _ => Err(io::Error::other(format!("git cat-file answered {line:?}"))),
        }
    }

    async fn contents(&mut self, name: &str) -> io::Result<Option<Object>> {
        let Some(Header { id, kind, size }) = self.ask("contents", name).await? else {
            return Ok(None);
        };
        let size = usize::try_from(size).map_err(io::Error::other)?;
        let mut content = vec![0; size + 1]; // and the line feed after it
        self.answers.read_exact(&mut content).await?;
        content.truncate(size);
        Ok(Some(Object { id, kind, content: content.into() }))
    }
}
