//! An entry of a tree: its path, its kind and the id of its object.

use bstr::BString;
use gix_hash::ObjectId;

/// The kind of a tree entry. Modes are canonical: 100664 counts as 100644.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A folder, mode 40000.
    Directory,
    /// A regular file, mode 100644.
    File,
    /// A regular file with the executable bit, mode 100755.
    Executable,
    /// A symbolic link, mode 120000. Its content is the target.
    Link,
    /// A submodule, mode 160000. Its id is a commit of another repository.
    Submodule,
}

impl Kind {
    /// Returns whether the entry has a content of its own in the repository: it is a file or a link.
    pub fn has_content(self) -> bool {
        !matches!(self, Self::Directory | Self::Submodule)
    }

    /// Returns whether the entry is a regular file, executable or not.
    pub fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Executable)
    }

    /// Returns the canonical mode, as a tree object spells it.
    pub fn mode(self) -> &'static str {
        match self {
            Self::Directory => "40000",
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Submodule => "160000",
        }
    }
}

/// An entry of an archive's listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path from the root of the tree, `/` between components, none at the end.
    pub path: BString,
    /// The kind.
    pub kind: Kind,
    /// The id of the blob, tree or commit.
    pub id: ObjectId,
}
