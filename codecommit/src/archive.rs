//! The front: a repository, a tree-ish and options in, a zip out.

mod added;
mod error;
mod output;
mod treeish;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bstr::{BString, ByteSlice};
use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::aws::{Aws, Calls};
use crate::open::{self, Opened, Options};
use crate::source::{self, Source};
use crate::write::{self, Output};
use git_archive::deflate::Deflate;
use git_archive::object::{Kind, ObjectId};
use git_archive::{ExtraFile, prefix_directory, zip};

pub use error::ArchiveError;
pub use treeish::TreeishError;

use added::Added;
use output::{Blocking, Renamed, Waiting};
use treeish::Resolved;

/// A repository of the account and region that the clients are for.
#[derive(Debug, Clone)]
pub struct Repository<'a> {
    aws: &'a Aws,
    repository: String,
}

impl<'a> Repository<'a> {
    /// The repository of this name. Nothing is asked yet.
    pub fn new(aws: &'a Aws, repository: impl Into<String>) -> Self {
        Self { aws, repository: repository.into() }
    }

    /// An archive of a tree-ish with git's defaults: all paths, no prefix, level 6, the committer's time.
    ///
    /// A tree-ish is a branch, a tag, all 40 digits of a commit's id, a full reference name or `HEAD`, with `~2`, `^2`, `^{commit}` or `^{tree}` behind
    /// it (gitrevisions(7), as far as the API shows what it needs). It is resolved once, at the beginning: a push meanwhile does not
    /// tear the archive.
    pub fn archive(&self, treeish: impl Into<String>) -> Archive<'a> {
        Archive {
            aws: self.aws,
            repository: self.repository.clone(),
            treeish: treeish.into(),
            options: Options::default(),
            added: Vec::new(),
            progress: Box::new(|_| ()),
        }
    }
}

/// How far an archive is. The first report comes when everything is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Entries that are written.
    pub entries: u64,
    /// Entries that there will be.
    pub of: u64,
    /// Bytes of the zip that are written.
    pub bytes: u64,
}

/// What was archived, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The commit that the tree-ish stood for.
    pub commit: ObjectId,
    /// Entries, directories included.
    pub entries: u64,
    /// The size of the zip in bytes; 0 for a list.
    pub bytes: u64,
    /// The size of all contents in bytes, after conversion; 0 for a list.
    pub content_bytes: u64,
    /// Requests that were sent; tries count. Where the same clients serve others at the same time, theirs are counted too.
    pub calls: Calls,
    /// What is worth telling, one line each: placeholders that cannot be expanded, names that trouble other systems, Git LFS pointers.
    pub warnings: Vec<String>,
}

/// One entry of an archive, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The path in the archive, the prefix in front; directories and submodules end in `/`.
    pub path: BString,
    /// What it is.
    pub kind: Kind,
    /// The id of its blob, tree or commit; none for what is in no tree.
    pub id: Option<ObjectId>,
}

type Report<'a> = Box<dyn Fn(Progress) + Send + Sync + 'a>;

/// An archive to be made: set what differs from git's defaults, then end with one of the `to_…` methods or [`list`](Self::list).
#[must_use = "nothing is read before one of the `to_` methods"]
pub struct Archive<'a> {
    aws: &'a Aws,
    repository: String,
    treeish: String,
    options: Options,
    added: Vec<Added>,
    progress: Report<'a>,
}

/// `git archive`'s options.
impl<'a> Archive<'a> {
    /// `--prefix`: goes before each path of the tree as it is. With a slash at its end it has an entry of its own.
    pub fn prefix(mut self, prefix: impl Into<BString>) -> Self {
        self.options.prefix = prefix.into();
        self
    }

    /// Pathspecs, from the root of the tree, with all magic of gitglossary(7); none selects all. One without a match is an error.
    pub fn paths<P: Into<BString>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.options.paths = paths.into_iter().map(Into::into).collect();
        self
    }

    /// `-0` (stored) to `-9` (smallest); git's default is 6. What is larger counts as 9.
    pub fn level(mut self, level: u8) -> Self {
        self.options.level = level.min(9);
        self
    }

    /// `--mtime`: the time of all entries, in seconds since 1970 (UTC).
    pub fn mtime(mut self, seconds: i64) -> Self {
        self.options.mtime = Some(seconds);
        self
    }

    /// `--add-file`: a file of this machine, read when the archive is made. It stands under its own name behind the
    /// [`prefix`](Self::prefix) that is set at this point, and keeps the owner's executable bit.
    pub fn add_file(mut self, path: impl Into<PathBuf>) -> Self {
        let prefix = self.options.prefix.clone();
        self.added.push(Added::File { path: path.into(), prefix });
        self
    }

    /// `--add-virtual-file`: a content under a path, before which no prefix goes.
    pub fn add_virtual_file(mut self, path: impl Into<BString>, content: impl Into<Bytes>) -> Self {
        let file = ExtraFile { path: path.into(), executable: false, content: content.into() };
        self.added.push(Added::Virtual(file));
        self
    }

    /// From where the commit is read: the API, Git, or what suits (the default). Also where Git's endpoint is, and where packs are spooled.
    pub fn source(mut self, settings: source::SourceOptions) -> Self {
        self.options.source = settings;
        self
    }

    /// What deflates, in place of libdeflate.
    pub fn deflate(mut self, deflate: Deflate) -> Self {
        self.options.deflate = deflate;
        self
    }

    /// Bytes that may be held between the network and the output; 64 MiB unless set.
    pub fn budget(mut self, bytes: u64) -> Self {
        self.options.budget = bytes;
        self
    }

    /// What is told of each entry that is written.
    pub fn progress(mut self, progress: impl Fn(Progress) + Send + Sync + 'a) -> Self {
        self.progress = Box::new(progress);
        self
    }
}

/// The ends.
impl Archive<'_> {
    /// The zip in memory.
    ///
    /// # Errors
    /// [`ArchiveError`]: what was attempted and why it failed, with a stable [code](ArchiveError::code).
    pub async fn to_vec(self) -> Result<(Vec<u8>, Summary), ArchiveError> {
        let mut zip = Vec::new();
        let summary = self.to_writer(&mut zip).await?;
        Ok((zip, summary))
    }

    /// The zip into a writer that may block for a moment, such as a file or standard output. It is flushed.
    ///
    /// ```no_run
    /// # use codecommit::{aws::Aws, Repository, Error};
    /// # async fn example(aws: &Aws) -> Result<(), ArchiveError> {
    /// Repository::new(aws, "project").archive("HEAD").to_writer(std::io::stdout()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`to_vec`](Self::to_vec); what was written until then stays written.
    pub async fn to_writer(self, writer: impl Write + Send) -> Result<Summary, ArchiveError> {
        let mut output = Blocking(writer);
        let summary = self.write(&mut output).await?;
        output.0.flush().map_err(|error| self.archive_error(write::StreamError::Output(error)))?;
        Ok(summary)
    }

    /// The zip into an asynchronous writer, such as a socket. It is flushed, not shut down.
    ///
    /// # Errors
    /// As [`to_writer`](Self::to_writer).
    pub async fn to_async_writer(self, writer: impl AsyncWrite + Send) -> Result<Summary, ArchiveError> {
        let mut output = Waiting(Box::pin(writer));
        let summary = self.write(&mut output).await?;
        let flushed = output.0.flush().await;
        flushed.map_err(|error| self.archive_error(write::StreamError::Output(error)))?;
        Ok(summary)
    }

    /// The zip into a file: under a temporary name in the same folder, renamed when it is whole. So a failure, or a future that is
    /// dropped, leaves the file as it was.
    ///
    /// # Errors
    /// As [`to_vec`](Self::to_vec).
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<Summary, ArchiveError> {
        let path = path.as_ref();
        let failed = |source| ArchiveError::File { path: path.to_owned(), source };
        let mut output = Renamed::create(path).map_err(failed)?;
        let summary = self.write(&mut output).await?;
        output.finish().map_err(failed)?;
        Ok(summary)
    }

    /// The entries that the archive would have, in its order, without reading a content.
    ///
    /// # Errors
    /// As [`to_vec`](Self::to_vec).
    pub async fn list(self) -> Result<(Vec<Listed>, Summary), ArchiveError> {
        let before = self.aws.calls();
        let Opened { commit, contents, warnings } = self.open().await?;
        let prefix = &contents.prefix;
        let directory = prefix_directory(prefix.as_bstr());
        let directory = directory.map(|path| Listed { path, kind: Kind::Directory, id: None });
        let entries = contents.entries.iter().map(|entry| {
            let path = zip::member_path(prefix.as_bstr(), entry.path.as_bstr(), entry.kind);
            Listed { path, kind: entry.kind, id: Some(entry.id) }
        });
        let extra = contents.extra.iter().map(|file| {
            let kind = if file.executable { Kind::Executable } else { Kind::File };
            Listed { path: file.path.clone(), kind, id: None }
        });
        let listed: Vec<_> = directory.into_iter().chain(entries).chain(extra).collect();
        let summary = Summary {
            commit: commit.id,
            entries: listed.len() as u64,
            bytes: 0,
            content_bytes: 0,
            calls: self.aws.calls().since(&before),
            warnings,
        };
        Ok((listed, summary))
    }
}

impl Archive<'_> {
    async fn open(&self) -> Result<Opened, ArchiveError> {
        let (repository, treeish) = (&self.repository, &self.treeish);
        let extra = self.added.iter().map(Added::read).collect::<Result<_, _>>()?;
        let source = Source::new(self.aws, repository, &self.options.source);
        let resolved = treeish::resolve(self.aws, repository, &source, treeish).await;
        let resolved = resolved.map_err(|source| {
            let (repository, treeish) = (repository.clone(), treeish.clone());
            ArchiveError::Resolve { repository, treeish, source: Box::new(source) }
        });
        let Resolved { commit, is_tree, warning } = resolved?;
        let options = Options { extra, ..self.options.clone() };
        let opened = open::open(source, commit, &options).await;
        let mut opened = opened.map_err(|source| {
            let (repository, treeish) = (repository.clone(), treeish.clone());
            ArchiveError::Open { repository, treeish, source: Box::new(source) }
        })?;
        if is_tree {
            // A bare tree knows no commit: no comment, no substitution, and the time is now.
            opened.contents.packer.commit = None;
            opened.contents.seconds = self.options.mtime.unwrap_or_else(now);
        }
        opened.warnings.extend(warning);
        Ok(opened)
    }

    async fn write<O: Output<Error = std::io::Error>>(&self, output: &mut O) -> Result<Summary, ArchiveError> {
        let before = self.aws.calls();
        let Opened { commit, contents, mut warnings } = self.open().await?;
        let directory = prefix_directory(contents.prefix.as_bstr()).is_some();
        let of = (usize::from(directory) + contents.entries.len() + contents.extra.len()) as u64;
        (self.progress)(Progress { entries: 0, of, bytes: 0 });
        let report = |entries, bytes| (self.progress)(Progress { entries, of, bytes });
        let written = write::write(contents, output, &report).await;
        let written = written.map_err(|source| self.archive_error(source))?;
        warnings.extend(written.warnings);
        Ok(Summary {
            commit: commit.id,
            entries: written.entries,
            bytes: written.bytes,
            content_bytes: written.content_bytes,
            calls: self.aws.calls().since(&before),
            warnings,
        })
    }

    fn archive_error(&self, source: write::StreamError<std::io::Error>) -> ArchiveError {
        let (repository, treeish) = (self.repository.clone(), self.treeish.clone());
        ArchiveError::Archive { repository, treeish, source: Box::new(source) }
    }
}

impl std::fmt::Debug for Archive<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Archive");
        shown.field("repository", &self.repository).field("treeish", &self.treeish).field("options", &self.options);
        shown.field("added", &self.added).finish_non_exhaustive()
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
