//! Git's own words: object ids, commits and tree entries, and how they hash. Plain data, no I/O.

mod commit;
pub mod hash;
mod tree;

use bstr::{BString, ByteSlice};
pub use gix_hash::ObjectId;

pub use commit::CommitError;
pub use tree::{TreeEntry, TreeError, parse_tree};

/// A commit, as far as an archive needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The id that was asked for and that everything below was proved against.
    pub id: ObjectId,
    /// Its root tree.
    pub tree: ObjectId,
    /// Its parents, in stored order.
    pub parents: Vec<ObjectId>,
    /// Who wrote it.
    pub author: Signature,
    /// Who committed it; its time is the time of every entry in the archive.
    pub committer: Signature,
    /// The whole message, as stored.
    pub message: BString,
}

impl Commit {
    /// Whether it came by a way that shows UTF-8 alone, and has something else.
    pub fn is_garbled(&self) -> bool {
        let texts = [&self.message, &self.author.name, &self.author.email, &self.committer.name, &self.committer.email];
        texts.iter().any(|text| text.contains_str("\u{fffd}"))
    }
}

/// A name, an address and a time, as a commit carries them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name.
    pub name: BString,
    /// The e-mail address, without its angle brackets.
    pub email: BString,
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: i64,
    /// Offset of the zone from UTC in minutes, positive to the east.
    pub offset_minutes: i32,
    /// Whether there is a date with a zone: git shows no other, though it takes the seconds for the time of the entries.
    pub is_dated: bool,
}

/// What an entry of a tree is. Modes are canonical: 100664 counts as 100644.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A folder, mode 40000.
    Directory,
    /// A regular file, mode 100644.
    File,
    /// A regular file with the executable bit, mode 100755.
    Executable,
    /// A symbolic link, mode 120000; its content is the target.
    Link,
    /// A submodule, mode 160000; its id is a commit of another repository.
    Submodule,
}

/// One entry of an archive's listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path from the root of the tree, `/` between components, none at the end.
    pub path: BString,
    /// What it is.
    pub kind: Kind,
    /// The id of its blob, tree or commit.
    pub id: ObjectId,
}
