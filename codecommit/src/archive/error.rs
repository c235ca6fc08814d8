//! The errors of an archive.

use std::io;
use std::path::PathBuf;

use super::treeish::TreeishError;
use crate::open::OpenError;
use crate::write::StreamError;

/// The reason why there is no archive. The text says what was attempted, and `source()` is the cause.
/// [`with_causes`](crate::causes::with_causes) joins both.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The tree-ish cannot be resolved to a commit.
    #[error("failed to resolve '{treeish}' in {repository}")]
    Resolve {
        /// The repository's name.
        repository: String,
        /// The tree-ish.
        treeish: String,
        /// The cause.
        #[source]
        source: Box<TreeishError>,
    },
    /// A file of this machine could not be added.
    #[error("failed to add {}", path.display())]
    Add {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The commit could not be listed, or its tree, a pathspec or an extra file was refused.
    #[error("failed to read '{treeish}' of {repository}")]
    Open {
        /// The repository's name.
        repository: String,
        /// The tree-ish.
        treeish: String,
        /// The cause.
        #[source]
        source: Box<OpenError>,
    },
    /// A file could not be read, converted or written.
    #[error("failed to archive '{treeish}' of {repository}")]
    Archive {
        /// The repository's name.
        repository: String,
        /// The tree-ish.
        treeish: String,
        /// The cause.
        #[source]
        source: Box<StreamError<io::Error>>,
    },
    /// The file for the archive could not be created or renamed.
    #[error("failed to write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl ArchiveError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Resolve { source, .. } => source.code(),
            Self::Add { .. } => "FileUnreadable",
            Self::Open { source, .. } => source.code(),
            Self::Archive { source, .. } => source.code(),
            Self::File { .. } => "OutputFailed",
        }
    }

    /// Returns whether the reader of the output closed it.
    pub fn is_broken_pipe(&self) -> bool {
        let Self::Archive { source, .. } = self else { return false };
        matches!(&**source, StreamError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
