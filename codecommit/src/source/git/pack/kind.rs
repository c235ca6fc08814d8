//! The four kinds of objects that Git stores.

use std::fmt;

/// The kind of a Git object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A tree: the listing of one folder.
    Tree,
    /// A blob: the content of a file or link.
    Blob,
    /// An annotated tag.
    Tag,
}

impl ObjectKind {
    /// Returns git's word for the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
