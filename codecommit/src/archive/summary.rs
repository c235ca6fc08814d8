//! The progress, the summary and the listing of an archive.

use bstr::BString;

use crate::aws::Calls;
use git_archive::object::{Kind, ObjectId};

/// The progress of an archive. The first report comes after the listing is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of entries written so far.
    pub entries: u64,
    /// The number of entries in all.
    pub of: u64,
    /// The number of bytes of the zip written so far.
    pub bytes: u64,
}

/// The commit that was archived, and the figures of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The commit of the tree-ish.
    pub commit: ObjectId,
    /// The number of entries, directories included.
    pub entries: u64,
    /// The size of the zip in bytes; 0 for a list.
    pub bytes: u64,
    /// The size of all contents in bytes, after conversion; 0 for a list.
    pub content_bytes: u64,
    /// The number of requests, retries included. If the same clients serve others at the same time, their requests are
    /// counted too.
    pub calls: Calls,
    /// Warnings, one line each: placeholders that cannot be expanded, names that cause trouble on other systems, Git
    /// LFS pointers.
    pub warnings: Vec<String>,
}

/// One entry of an archive, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The path in the archive, prefix included. Directories and submodules end in `/`.
    pub path: BString,
    /// The kind.
    pub kind: Kind,
    /// The id of its blob, tree or commit; `None` for an entry that is in no tree.
    pub id: Option<ObjectId>,
}
