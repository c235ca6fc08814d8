//! `git archive` of a `CodeCommit` repository: a tree-ish and options in, the contents of a zip out.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU8;

use bstr::{BString, ByteSlice};
use bytes::Bytes;
use futures_util::future::try_join_all;

use crate::memory::{Budget, Turn};
use crate::source::{self, Checkout, Source, SourceError};
use crate::write::Contents;
use git_archive::attributes::Attributes;
use git_archive::object::{Commit, Entry, Kind, ObjectId};
use git_archive::pathspec::{PathspecError, Pathspecs};
use git_archive::select::{self, SelectError};
use git_archive::work::{Stopped, Work};
use git_archive::{DEFAULT_LEVEL, ExtraFile, Packer, deflate};

/// What `git archive`'s options say.
#[derive(Debug, Clone)]
pub struct Options {
    /// Goes before each path; with a slash at its end it has an entry of its own.
    pub prefix: BString,
    /// Pathspecs; none selects all.
    pub paths: Vec<BString>,
    /// 0 (stored) to 9; git's default is 6.
    pub level: u8,
    /// What deflates.
    pub deflate: deflate::Deflate,
    /// Files that are in no tree.
    pub extra: Vec<ExtraFile>,
    /// The time of all entries in seconds since 1970 (UTC); the committer's unless set.
    pub mtime: Option<i64>,
    /// Bytes that may be held between the source and the archive.
    pub budget: u64,
    /// How the commit is read.
    pub source: source::SourceOptions,
    /// Whether entries carry their Git ids in an extra field, so that the next archive can take over what has not changed.
    pub tagged: bool,
    /// Bytes of content that the archive may have.
    pub limit: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: BString::default(),
            paths: Vec::new(),
            level: DEFAULT_LEVEL,
            deflate: deflate::deflate,
            extra: Vec::new(),
            mtime: None,
            budget: 64 << 20,
            source: source::SourceOptions::default(),
            tagged: false,
            limit: None,
        }
    }
}

/// Why a commit cannot be archived.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Its tree is refused.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// A pathspec is none.
    #[error(transparent)]
    Pathspec(#[from] PathspecError),
    /// The attributes cost more work than is allowed.
    #[error("failed to read the attributes")]
    Stopped(#[from] Stopped),
    /// An extra file has the path of an entry.
    #[error("{0} is in the tree already")]
    Taken(BString),
}

impl OpenError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Source(error) => error.code(),
            Self::Select(SelectError::Pathspec(_)) | Self::Pathspec(_) => "PathspecInvalid",
            Self::Select(_) | Self::Stopped(_) => "TreeRefused",
            Self::Taken(_) => "PathTaken",
        }
    }

    /// Whether another try of the same event is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Source(error) => error.is_permanent(),
            _ => true,
        }
    }
}

/// Digits of `%h`, `%t` and `%p`: git's own depends on the number of objects in the repository, which nobody tells.
const ABBREVIATION: NonZeroU8 = NonZeroU8::new(7).expect("not zero");

/// A commit that is ready to be written, and what is worth telling of its names.
#[derive(Debug)]
pub struct Opened {
    /// The commit.
    pub commit: Commit,
    /// What goes into the archive.
    pub contents: Contents,
    /// What is worth telling.
    pub warnings: Vec<String>,
}

/// Lists a commit's tree, reads its attributes, and selects what is archived.
pub async fn open(source: Source, commit: Commit, options: &Options) -> Result<Opened, OpenError> {
    let pathspecs = Pathspecs::parse(&options.paths)?;
    let work = Work::default();
    let checkout = source.open(commit, |folder| pathspecs.may_match_under(folder, &work)).await?;
    let Checkout { commit, entries, source } = checkout;
    let (source, attributes) = attributes(source, commit.id, &entries, &work).await?;
    let entries = select::select(entries, &attributes, &pathspecs, &work)?;
    let mut warnings: Vec<String> = select::warnings(&entries).iter().map(ToString::to_string).collect();
    let commit = exact(&source, commit, &entries, &attributes, &work, &mut warnings).await?;
    let extra = free_of(&entries, &options.prefix, options.extra.clone())?;
    let contents = Contents {
        source,
        entries,
        extra,
        commit: commit.id,
        prefix: options.prefix.clone(),
        seconds: options.mtime.unwrap_or(commit.committer.seconds),
        packer: Packer {
            commit: Some(commit.clone()),
            attributes,
            abbreviation: ABBREVIATION.get().into(),
            level: options.level,
            deflate: options.deflate,
            tagged: options.tagged,
            limit: options.budget,
            work,
        },
        budget: options.budget,
        limit: options.limit,
    };
    Ok(Opened { commit, contents, warnings })
}

/// Reads every `.gitattributes` of the tree, all at once and each content once. The source keeps them, since they mostly stand in the
/// archive as well. A repository without one pays nothing.
async fn attributes(
    source: Source,
    commit: ObjectId,
    entries: &[Entry],
    work: &Work,
) -> Result<(Source, Attributes), OpenError> {
    let has_content = |entry: &&Entry| !matches!(entry.kind, Kind::Directory | Kind::Submodule);
    let mut folders = Vec::new();
    let mut wanted = BTreeMap::new();
    for entry in entries.iter().filter(has_content) {
        let (folder, name) = entry.path.rsplit_once_str("/").unwrap_or((b"", &entry.path));
        if name == b".gitattributes" {
            folders.push((BString::from(folder), entry.id));
            wanted.insert(entry.id, entry.kind == Kind::Link);
        }
    }
    let reads = wanted.into_iter().map(|(id, is_link)| read(&source, commit, id, is_link));
    let read: HashMap<ObjectId, Bytes> = try_join_all(reads).await?.into_iter().collect();
    let files = folders.into_iter().map(|(folder, id)| (folder, read[&id].to_vec()));
    let attributes = Attributes::new(files, work)?;
    Ok((source.with_held(read), attributes))
}

/// The commit as `export-subst` is to show it: to the byte, where any entry asks for it.
async fn exact(
    source: &Source,
    commit: Commit,
    entries: &[Entry],
    attributes: &Attributes,
    work: &Work,
    warnings: &mut Vec<String>,
) -> Result<Commit, OpenError> {
    if !commit.is_garbled() {
        return Ok(commit);
    }
    let mut substitutes = false;
    for entry in entries {
        substitutes = substitutes || attributes.of(entry.path.as_bstr(), false, work)?.export_subst;
    }
    if !substitutes {
        return Ok(commit);
    }
    let exact = source.exact(commit.id).await?;
    if exact.is_none() {
        warnings
            .push("the commit's text is not UTF-8, which the API cannot show: export-subst has U+FFFD in it".into());
    }
    Ok(exact.unwrap_or(commit))
}

async fn read(
    source: &Source,
    commit: ObjectId,
    id: ObjectId,
    is_link: bool,
) -> Result<(ObjectId, Bytes), SourceError> {
    let content = match source.known(id, is_link).await {
        Some(content) => content,
        None => source.content(commit, id, &Turn::new(&Budget::new(u64::MAX), 0)).await?.0.read()?,
    };
    Ok((id, content))
}

fn free_of(entries: &[Entry], prefix: &BString, extra: Vec<ExtraFile>) -> Result<Vec<ExtraFile>, OpenError> {
    let taken = |file: &&ExtraFile| {
        entries.iter().any(|entry| file.path.strip_prefix(prefix.as_slice()) == Some(entry.path.as_slice()))
    };
    match extra.iter().find(taken) {
        Some(file) => Err(OpenError::Taken(file.path.clone())),
        None => Ok(extra),
    }
}
