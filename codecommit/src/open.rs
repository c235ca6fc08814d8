//! Opens a commit for an archive: lists its tree, reads its attributes, and selects the entries.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU8;
use std::sync::atomic::{AtomicU64, Ordering};

use bstr::{BString, ByteSlice};
use bytes::Bytes;
use futures_util::future::try_join_all;
use tokio::sync::Semaphore;

use crate::blocking;
use crate::source::git::EarlyDeflate;
use crate::source::{self, Checkout, SourceError};
use crate::warnings::Warnings;
use crate::write::Contents;
use git_archive::attributes::Attributes;
use git_archive::object::{Commit, Entry, Kind, ObjectId};
use git_archive::pathspec::{PathspecError, Pathspecs};
use git_archive::select::{self, NameWarning, SelectError};
use git_archive::work::{DEFAULT_STEPS, Stopped, Work};
use git_archive::{DEFAULT_LEVEL, ExtraFile, Packer, deflate};

/// The options of `git archive`, and how the commit is read.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option that is on or off")]
pub struct Options {
    /// The prefix of each path. If it ends in a slash, it has an entry of its own.
    pub prefix: BString,
    /// The pathspecs. An empty list selects everything.
    pub paths: Vec<BString>,
    /// The compression level, from 0 (stored) to 9. Git's default is 6.
    pub level: u8,
    /// The deflate implementation.
    pub deflate: deflate::Deflate,
    /// True to copy deflate streams from the commit's pack and from the previous archive, if the level is git's
    /// default. That is much faster, and most of the streams are git's own. But the compressed bytes of a commit then
    /// depend on the server's pack. False to make the same bytes of the same commit each time.
    pub reuse_deflate: bool,
    /// Files that are in no tree.
    pub extra: Vec<ExtraFile>,
    /// The time of all entries in seconds since 1970 (UTC). If unset, the committer's time.
    pub mtime: Option<i64>,
    /// True to archive the commit's tree as a bare tree: without a comment and without substitution.
    pub bare_tree: bool,
    /// The bytes that may be held between the source and the archive.
    pub budget: u64,
    /// The sources that the commit may be read from.
    pub source: source::SourceOptions,
    /// True if entries carry their Git ids in an extra field. The next archive uses them to copy unchanged entries.
    pub tagged: bool,
    /// The largest total size of the files in bytes.
    pub limit: Option<u64>,
    /// True to refuse names that cause trouble on Windows or macOS, instead of warning about them.
    pub refuse_names: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: BString::default(),
            paths: Vec::new(),
            level: DEFAULT_LEVEL,
            deflate: deflate::deflate,
            reuse_deflate: false,
            extra: Vec::new(),
            mtime: None,
            bare_tree: false,
            budget: 64 << 20,
            source: source::SourceOptions::default(),
            tagged: false,
            limit: None,
            refuse_names: false,
        }
    }
}

impl Options {
    /// Returns the way to deflate blobs while a pack arrives: as the archive would later, within a part of its budget.
    /// `None` if the archive compresses nothing, or does not need all blobs.
    pub fn early_deflate(&self) -> Option<EarlyDeflate> {
        let is_useful = self.level > 0 && self.paths.is_empty();
        let bytes = self.budget / EARLY_PART;
        is_useful.then_some(EarlyDeflate { deflate: self.deflate, level: self.level, bytes })
    }
}

/// The reason why a commit cannot be archived.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The commit could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A `.gitattributes` could not be read.
    #[error("failed to read {path}")]
    Attributes {
        /// The file.
        path: BString,
        /// The cause.
        #[source]
        source: SourceError,
    },
    /// The `.gitattributes` need more memory than their part of the budget.
    #[error("{path} brings the attributes over the limit of {limit} bytes")]
    AttributesTooLarge {
        /// The file that exceeds the limit.
        path: BString,
        /// The limit.
        limit: u64,
    },
    /// The tree was refused.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// A pathspec is invalid.
    #[error(transparent)]
    Pathspec(#[from] PathspecError),
    /// The attributes need more work than is allowed.
    #[error("failed to read the attributes")]
    Stopped(#[from] Stopped),
    /// An extra file has the path of an entry, or is below one that is no folder.
    #[error("{0} is in the tree already, or below a file of the tree")]
    PathTaken(BString),
    /// A name causes trouble on Windows or macOS, and the options refuse such names.
    #[error("the name is refused: {0}")]
    NameRefused(NameWarning),
    /// The contents are larger than allowed.
    #[error("the contents of the commit are over the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
}

impl OpenError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Source(error) | Self::Attributes { source: error, .. } => error.code(),
            Self::Select(SelectError::Pathspec(_)) | Self::Pathspec(_) => "PathspecInvalid",
            Self::Select(_) | Self::Stopped(_) => "TreeRefused",
            Self::AttributesTooLarge { .. } => "AttributesTooLarge",
            Self::PathTaken(_) => "PathTaken",
            Self::NameRefused(_) => "NameRefused",
            Self::TooLarge { .. } => "SizeLimit",
        }
    }

    /// Returns whether another attempt is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Source(error) | Self::Attributes { source: error, .. } => error.is_permanent(),
            _ => true,
        }
    }
}

/// The number of digits of `%h`, `%t` and `%p`. Git's own number depends on the number of objects in the repository,
/// which the API does not have.
const ABBREVIATION: NonZeroU8 = NonZeroU8::new(7).expect("not zero");

/// The number of `.gitattributes` that are read at once.
const ATTRIBUTES_AT_ONCE: usize = 8;
/// The size in bytes of the largest `.gitattributes`.
const LARGEST_ATTRIBUTES: u64 = 4 << 20;
/// The part of the budget that all `.gitattributes` may take, as a divisor, and its smallest size in bytes. Rules
/// need several times the memory of their text.
const ATTRIBUTES_PART: u64 = 8;
const LEAST_ATTRIBUTES: u64 = 1 << 20;
/// The part of the budget for blobs that are deflated while a pack arrives, as a divisor.
const EARLY_PART: u64 = 3;
/// The bytes that one converted file may always use, even with a small budget.
const LEAST_CONVERTED: u64 = 8 << 20;

/// A commit that is ready to be written.
#[derive(Debug)]
pub struct Opened {
    /// The contents of the archive.
    pub contents: Contents,
    /// Warnings about the tree, one line each.
    pub warnings: Vec<String>,
}

/// Lists a commit's tree, reads its attributes, and selects the entries to archive.
pub async fn open(checkout: Checkout, commit: Commit, options: &Options) -> Result<Opened, OpenError> {
    let pathspecs = Pathspecs::parse(&options.paths)?;
    let work = Work::new(checkout.cancel(), DEFAULT_STEPS);
    let (commit, entries) = checkout.list(commit, |folder| pathspecs.may_match_under(folder, &work)).await?;
    let (checkout, attributes) = read_attributes(checkout, &entries, options.budget, &work).await?;
    let Selected { entries, attributes, mut warnings } =
        selected(entries, attributes, pathspecs, options, &work).await?;
    checkout.complete(&entries).await?;
    if let Some(limit) = options.limit.filter(|limit| checkout.known_bytes(&entries) > Some(*limit)) {
        return Err(OpenError::TooLarge { limit });
    }
    let commit = exact(&checkout, commit, &entries, &attributes, &work, &mut warnings).await?;
    refuse_taken_paths(&entries, &options.prefix, &options.extra)?;
    let contents = Contents {
        entries,
        extra: options.extra.clone(),
        prefix: options.prefix.clone(),
        seconds: options.mtime.unwrap_or(commit.committer.seconds),
        packer: Packer {
            commit: (!options.bare_tree).then_some(commit),
            attributes,
            abbreviation: ABBREVIATION.get().into(),
            level: options.level,
            deflate: options.deflate,
            reuse_deflate: options.reuse_deflate,
            tagged: options.tagged,
            limit: options.budget.max(LEAST_CONVERTED),
            work,
        },
        budget: options.budget.saturating_sub(checkout.held_bytes()),
        checkout,
        limit: options.limit,
    };
    Ok(Opened { contents, warnings: warnings.into_lines() })
}

/// The entries to archive, the attributes that decided about them, and the warnings.
struct Selected {
    entries: Vec<Entry>,
    attributes: Attributes,
    warnings: Warnings,
}

/// Selects the entries to archive, on a thread for blocking work: a tree may have millions of entries.
async fn selected(
    entries: Vec<Entry>,
    attributes: Attributes,
    pathspecs: Pathspecs,
    options: &Options,
    work: &Work,
) -> Result<Selected, OpenError> {
    let (refuses, work) = (options.refuse_names, work.clone());
    let select = move || {
        let entries = select::select(entries, &attributes, &pathspecs, &work)?;
        let mut warnings = Warnings::default();
        for warning in select::warnings(&entries) {
            if refuses {
                return Err(OpenError::NameRefused(warning));
            }
            warnings.push(warning.to_string());
        }
        Ok(Selected { entries, attributes, warnings })
    };
    blocking::run(select).await
}

/// Reads every `.gitattributes` of the tree, each content once. The checkout keeps them, because most of them are
/// also in the archive. A repository without them needs no request for this.
async fn read_attributes(
    checkout: Checkout,
    entries: &[Entry],
    budget: u64,
    work: &Work,
) -> Result<(Checkout, Attributes), OpenError> {
    let mut folders = Vec::new();
    let mut wanted = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind.has_content()) {
        let (folder, name) = entry.path.rsplit_once_str("/").unwrap_or((b"", &entry.path));
        if name == b".gitattributes" {
            folders.push((BString::from(folder), entry.id));
            wanted.insert(entry.id, entry);
        }
    }
    let limit = (budget / ATTRIBUTES_PART).max(LEAST_ATTRIBUTES);
    let reads =
        AttributeReads { checkout: &checkout, at_once: Semaphore::new(ATTRIBUTES_AT_ONCE), limit, left: limit.into() };
    let read = try_join_all(wanted.into_values().map(|entry| reads.read(entry))).await?;
    let read: HashMap<ObjectId, Bytes> = read.into_iter().collect();
    let (texts, work) = (read.clone(), work.clone());
    let parse = move || Attributes::new(folders.into_iter().map(|(folder, id)| (folder, texts[&id].to_vec())), &work);
    let attributes = blocking::run(parse).await?;
    Ok((checkout.with_held(read), attributes))
}

/// The `.gitattributes` that are being read, and the bytes that are left for more.
struct AttributeReads<'a> {
    checkout: &'a Checkout,
    at_once: Semaphore,
    limit: u64,
    left: AtomicU64,
}

impl AttributeReads<'_> {
    async fn read(&self, entry: &Entry) -> Result<(ObjectId, Bytes), OpenError> {
        let _permit = self.at_once.acquire().await;
        let left = self.left.load(Ordering::Relaxed).min(LARGEST_ATTRIBUTES);
        let content = self.checkout.content_now(entry.id, entry.kind == Kind::Link, left).await;
        let content = content.map_err(|source| OpenError::Attributes { path: entry.path.clone(), source })?;
        let take = |content: &Bytes| {
            let taken = |left: u64| left.checked_sub(content.len() as u64);
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
        };
        let content = content.filter(take);
        let limit = if left == LARGEST_ATTRIBUTES { LARGEST_ATTRIBUTES } else { self.limit };
        let content = content.ok_or_else(|| OpenError::AttributesTooLarge { path: entry.path.clone(), limit })?;
        Ok((entry.id, content))
    }
}

/// Returns the commit byte for byte for `export-subst`, if any entry needs it.
async fn exact(
    checkout: &Checkout,
    commit: Commit,
    entries: &[Entry],
    attributes: &Attributes,
    work: &Work,
    warnings: &mut Warnings,
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
    let exact = checkout.exact_commit().await?;
    if exact.is_none() {
        warnings
            .push("the commit's text is not UTF-8, which the API cannot show: export-subst has U+FFFD in it".into());
    }
    Ok(exact.unwrap_or(commit))
}

fn refuse_taken_paths(entries: &[Entry], prefix: &BString, extra: &[ExtraFile]) -> Result<(), OpenError> {
    let is_taken = |file: &&ExtraFile| {
        let Some(path) = file.path.strip_prefix(prefix.as_slice()) else { return false };
        let takes = |entry: &Entry| match path.strip_prefix(entry.path.as_slice()) {
            Some([]) => true,
            Some([b'/', ..]) => entry.kind != Kind::Directory,
            _ => false,
        };
        entries.iter().any(takes)
    };
    match extra.iter().find(is_taken) {
        Some(file) => Err(OpenError::PathTaken(file.path.clone())),
        None => Ok(()),
    }
}
