//! The main entry point: turns a repository, a tree-ish and options into a zip.

mod summary;
mod treeish;
mod added;
mod output;
mod error;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bstr::{BString, ByteSlice};
use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::aws::Aws;
use crate::open::{self, Opened, Options};
use crate::source::git::EarlyDeflate;
use crate::source::{self, Source};
use crate::write::{self, Output};
use git_archive::deflate::Deflate;
use git_archive::object::Kind;
use git_archive::{ExtraFile, prefix_directory, zip};

pub use error::ArchiveError;
pub use summary::{Listed, Progress, Summary};
pub use treeish::TreeishError;

use added::Added;
use output::{Asynchronous, Blocking, Renamed};
use treeish::Resolved;

/// A repository in the account and region of the clients.
#[derive(Debug, Clone)]
pub struct Repository<'a> {
    aws: &'a Aws,
    repository: String,
}

impl<'a> Repository<'a> {
    /// Names a repository. Nothing is sent yet.
    pub fn new(aws: &'a Aws, repository: impl Into<String>) -> Self {
        Self { aws, repository: repository.into() }
    }

    /// Begins an archive of a tree-ish with git's defaults: all paths, no prefix, level 6, the committer's time.
    ///
    /// A tree-ish is a branch, a tag, all 40 digits of a commit's id, a full reference name or `HEAD`. It may end in
    /// `~2`, `^2`, `^{commit}` or `^{tree}` (gitrevisions(7), as far as the API allows). It is resolved once, at the
    /// beginning, so a push during the archive does not mix two commits.
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

type Report<'a> = Box<dyn Fn(Progress) + Send + Sync + 'a>;

/// An archive that is not made yet. Set the options that differ from git's defaults, then call one of the `to_…`
/// methods or [`list`](Self::list).
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
    /// Sets `--prefix`, which is prepended to each path of the tree. If it ends in a slash, it has an entry of its
    /// own.
    pub fn prefix(mut self, prefix: impl Into<BString>) -> Self {
        self.options.prefix = prefix.into();
        self
    }

    /// Sets pathspecs, relative to the root of the tree, with all magic of gitglossary(7). Without any, everything is
    /// selected. A pathspec without a match is an error.
    pub fn paths<P: Into<BString>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.options.paths = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the level, from `-0` (stored) to `-9` (smallest). Git's default is 6. Larger numbers count as 9.
    pub fn level(mut self, level: u8) -> Self {
        self.options.level = level.min(9);
        self
    }

    /// Sets `--mtime`, the time of all entries, in seconds since 1970 (UTC).
    pub fn mtime(mut self, seconds: i64) -> Self {
        self.options.mtime = Some(seconds);
        self
    }

    /// Adds a file of this machine (`--add-file`), which is read when the archive is made. Its path is the current
    /// [`prefix`](Self::prefix) and its own name. It keeps the owner's executable bit.
    pub fn add_file(mut self, path: impl Into<PathBuf>) -> Self {
        let prefix = self.options.prefix.clone();
        self.added.push(Added::File { path: path.into(), prefix });
        self
    }

    /// Adds content under a path, without a prefix (`--add-virtual-file`).
    pub fn add_virtual_file(mut self, path: impl Into<BString>, content: impl Into<Bytes>) -> Self {
        let file = ExtraFile { path: path.into(), executable: false, content: content.into() };
        self.added.push(Added::Virtual(file));
        self
    }

    /// Sets how the commit is read: over the API, Git, or whichever is better (the default). Also sets Git's URL and
    /// the folder for packs.
    pub fn source(mut self, options: source::SourceOptions) -> Self {
        self.options.source = options;
        self
    }

    /// Sets the deflate implementation, instead of libdeflate.
    pub fn deflate(mut self, deflate: Deflate) -> Self {
        self.options.deflate = deflate;
        self
    }

    /// Sets whether deflate streams of the commit's pack are copied, if it is read over Git at git's default level.
    /// That saves most of the processor's work. Unless set, each content is deflated here, so that the same commit
    /// always has the same bytes.
    pub fn reuse_deflate(mut self, reuse: bool) -> Self {
        self.options.reuse_deflate = reuse;
        self
    }

    /// Sets the number of bytes that may be held between the network and the output. The default is 64 MiB.
    pub fn budget(mut self, bytes: u64) -> Self {
        self.options.budget = bytes;
        self
    }

    /// Sets a function that is called after each entry.
    pub fn progress(mut self, progress: impl Fn(Progress) + Send + Sync + 'a) -> Self {
        self.progress = Box::new(progress);
        self
    }
}

/// The possible outputs of an archive.
impl Archive<'_> {
    /// Returns the zip in memory.
    ///
    /// # Errors
    /// [`ArchiveError`] says what was attempted and why it failed, with a stable [code](ArchiveError::code).
    pub async fn to_vec(self) -> Result<(Vec<u8>, Summary), ArchiveError> {
        let mut zip = Vec::new();
        let summary = self.to_writer(&mut zip).await?;
        Ok((zip, summary))
    }

    /// Writes the zip to a writer that may block for a moment, such as a file or standard output. Flushes it.
    ///
    /// ```no_run
    /// # use codecommit::{aws::Aws, ArchiveError, Repository};
    /// # async fn example(aws: &Aws) -> Result<(), ArchiveError> {
    /// Repository::new(aws, "project").archive("HEAD").to_writer(std::io::stdout()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The same as for [`to_vec`](Self::to_vec). Bytes that were written before the failure stay written.
    pub async fn to_writer(self, writer: impl Write + Send) -> Result<Summary, ArchiveError> {
        let mut output = Blocking(writer);
        let summary = self.write(&mut output).await?;
        output.0.flush().map_err(|error| self.archive_error(write::StreamError::Output(error)))?;
        Ok(summary)
    }

    /// Writes the zip to an asynchronous writer, such as a socket. Flushes it, but does not shut it down.
    ///
    /// # Errors
    /// The same as for [`to_writer`](Self::to_writer).
    pub async fn to_async_writer(self, writer: impl AsyncWrite + Send) -> Result<Summary, ArchiveError> {
        let mut output = Asynchronous(Box::pin(writer));
        let summary = self.write(&mut output).await?;
        let flushed = output.0.flush().await;
        flushed.map_err(|error| self.archive_error(write::StreamError::Output(error)))?;
        Ok(summary)
    }

    /// Writes the zip to a file: first under a temporary name in the same folder, then renamed when it is complete. A
    /// failure or a dropped future therefore leaves the file as it was.
    ///
    /// # Errors
    /// The same as for [`to_vec`](Self::to_vec).
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<Summary, ArchiveError> {
        let path = path.as_ref();
        let failed = |source| ArchiveError::File { path: path.to_owned(), source };
        let mut output = Renamed::create(path).map_err(failed)?;
        let summary = self.write(&mut output).await?;
        output.finish().map_err(failed)?;
        Ok(summary)
    }

    /// Returns the entries that the archive would have, in its order, without reading contents.
    ///
    /// # Errors
    /// The same as for [`to_vec`](Self::to_vec).
    pub async fn list(self) -> Result<(Vec<Listed>, Summary), ArchiveError> {
        let before = self.aws.calls();
        let Opened { contents, warnings } = self.open(None).await?;
        let (commit, prefix) = (contents.checkout.id(), &contents.prefix);
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
            commit,
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
    async fn open(&self, early: Option<EarlyDeflate>) -> Result<Opened, ArchiveError> {
        let (repository, treeish) = (&self.repository, &self.treeish);
        let extra = self.added.iter().map(Added::read).collect::<Result<_, _>>()?;
        let source = Source::new(self.aws, repository, &self.options.source).with_early_deflate(early);
        let resolved = treeish::resolve(self.aws, repository, &source, treeish).await;
        let resolved = resolved.map_err(|source| {
            let (repository, treeish) = (repository.clone(), treeish.clone());
            ArchiveError::Resolve { repository, treeish, source: Box::new(source) }
        });
        let Resolved { checkout, commit, is_tree, warning } = resolved?;
        let mut options = Options { extra, bare_tree: is_tree, ..self.options.clone() };
        if is_tree {
            // A bare tree has no commit, and so no time of its own.
            options.mtime.get_or_insert_with(now);
        }
        let opened = open::open(checkout, commit, &options).await;
        let mut opened = opened.map_err(|source| {
            let (repository, treeish) = (repository.clone(), treeish.clone());
            ArchiveError::Open { repository, treeish, source: Box::new(source) }
        })?;
        opened.warnings.extend(warning);
        Ok(opened)
    }

    async fn write<O: Output<Error = std::io::Error>>(&self, output: &mut O) -> Result<Summary, ArchiveError> {
        let before = self.aws.calls();
        let Opened { contents, mut warnings } = self.open(self.options.early_deflate()).await?;
        let commit = contents.checkout.id();
        let directory = prefix_directory(contents.prefix.as_bstr()).is_some();
        let of = (usize::from(directory) + contents.entries.len() + contents.extra.len()) as u64;
        (self.progress)(Progress { entries: 0, of, bytes: 0 });
        let report = |entries, bytes| (self.progress)(Progress { entries, of, bytes });
        let written = write::write(contents, output, &report).await;
        let written = written.map_err(|source| self.archive_error(source))?;
        warnings.extend(written.warnings);
        Ok(Summary {
            commit,
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
