//! What can be wrong with a pack, or with what is asked of it.

use std::io;

use gix_object::Kind;

use git_archive::object::{CommitError, ObjectId, TreeError};

/// Why a pack was refused, or why an object could not be had from it.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The bytes ended before the pack did.
    #[error("the pack ends too early")]
    Truncated,
    /// Something in it is not as the format wants it.
    #[error("the pack is corrupt at byte {offset}: {what}")]
    Corrupt {
        /// Where the object starts, or where the fault is if it is in none.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The SHA-1 at its end is not that of its content.
    #[error("the pack does not match its own checksum")]
    Checksum,
    /// A delta's base is not in the pack, or only in a circle of deltas: the pack is thin or broken.
    #[error("the pack has a delta at byte {offset} whose base {base} is not in it")]
    MissingBase {
        /// Where the delta starts.
        offset: u64,
        /// The id of its base.
        base: ObjectId,
    },
    /// It outgrew the room that was given to it on disk.
    #[error("the pack is larger than {limit} bytes, the room for it in ephemeral storage (`EphemeralStorage`)")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Something has to be in memory as a whole and is larger than the room for it.
    #[error("{what} takes {bytes} bytes, and the function's memory (`MemorySize`) leaves {limit} for it")]
    Memory {
        /// What should be in memory.
        what: &'static str,
        /// What it needs at least.
        bytes: u64,
        /// What it may take.
        limit: u64,
    },
    /// No object of this id is in the pack.
    #[error("object {0} is not in the pack")]
    MissingObject(ObjectId),
    /// The object is there, but of another kind.
    #[error("object {id} is a {found}, not a {wanted}")]
    WrongKind {
        /// Its id.
        id: ObjectId,
        /// What it is.
        found: Kind,
        /// What it was taken for.
        wanted: Kind,
    },
    /// The object hashes to its id but is not a commit's text.
    #[error("failed to read commit {id}")]
    Commit {
        /// Its id.
        id: ObjectId,
        /// What is wrong with it.
        source: CommitError,
    },
    /// The object hashes to its id but is not a tree that git would write.
    #[error("failed to read tree {id}")]
    Tree {
        /// Its id.
        id: ObjectId,
        /// What is wrong with it.
        source: TreeError,
    },
    /// The file that holds a large pack could not be made, written or read.
    #[error("failed to {action} the pack's temporary file")]
    Spool {
        /// What was attempted.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl PackError {
    /// Whether the bytes may have been damaged on their way, so that another fetch may bring better ones.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Truncated | Self::Corrupt { .. } | Self::Checksum | Self::MissingBase { .. })
    }
}
