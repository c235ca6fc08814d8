//! The contents of an archive, and the figures after it was written.

use bstr::BString;

use crate::source::Checkout;
use git_archive::object::Entry;
use git_archive::{ExtraFile, Packer};

/// Everything that goes into one archive.
#[derive(Debug)]
pub struct Contents {
    /// The commit that the contents of the entries are read from.
    pub checkout: Checkout,
    /// The entries, in git's order.
    pub entries: Vec<Entry>,
    /// The files that are in no tree. They follow the entries.
    pub extra: Vec<ExtraFile>,
    /// The prefix of each path.
    pub prefix: BString,
    /// The time of all entries, in seconds since 1970 (UTC).
    pub seconds: i64,
    /// Converts and compresses the contents.
    pub packer: Packer,
    /// The bytes that may be held between the source and the archive.
    pub budget: u64,
    /// The largest total size of the files in bytes.
    pub limit: Option<u64>,
}

/// The figures of a written archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The number of entries, directories included.
    pub entries: u64,
    /// The size of the zip in bytes.
    pub bytes: u64,
    /// The size of all contents in bytes.
    pub content_bytes: u64,
    /// The number of entries copied from the previous archive.
    pub reused: u64,
    /// The bytes of deflate streams that were copied from the pack or from the previous archive.
    pub copied_bytes: u64,
    /// The bytes of deflate streams that were made for this archive.
    pub deflated_bytes: u64,
    /// Warnings, one line each.
    pub warnings: Vec<String>,
}
