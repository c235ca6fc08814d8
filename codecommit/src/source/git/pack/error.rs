//! The errors of receiving and reading a pack.

use std::io;

use git_archive::object::hash::CollisionAttack;
use git_archive::object::{CommitError, ObjectId, TreeError};

use super::kind::ObjectKind;

/// The reason why a pack is refused, or why an object cannot be read from it.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The bytes ended before the pack did.
    #[error("the pack ends too early")]
    Truncated,
    /// A part of the pack violates the format.
    #[error("the pack is corrupt at byte {offset}: {what}")]
    Corrupt {
        /// The offset of the object, or of the fault if it is in no object.
        offset: u64,
        /// The fault.
        what: &'static str,
    },
    /// The SHA-1 at the end of the pack does not match its content.
    #[error("the pack does not match its own checksum")]
    Checksum,
    /// The base of a delta is not in the pack, or the deltas form a circle: the pack is thin or broken.
    #[error("the pack has a delta at byte {offset} whose base {base} is not in it")]
    MissingBase {
        /// The offset of the delta.
        offset: u64,
        /// The id of its base.
        base: ObjectId,
    },
    /// The pack is larger than its space on disk.
    #[error(
        "the pack is larger than {limit} bytes, the room for it in ephemeral storage (`EphemeralStorage`; beyond \
         Lambda's 10 GB, `codecommit start` delivers it elsewhere)"
    )]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Data that must be in memory as a whole is larger than its space.
    #[error("{what} takes {bytes} bytes, and the function's memory (`MemorySize`) leaves {limit} for it")]
    Memory {
        /// The data.
        what: &'static str,
        /// The smallest number of bytes that it needs.
        bytes: u64,
        /// The bytes that it may take.
        limit: u64,
    },
    /// An object was made to have the same SHA-1 as another.
    #[error("the pack has an object at byte {offset} that git refuses")]
    Collision {
        /// The offset of the object.
        offset: u64,
        /// The reason.
        source: CollisionAttack,
    },
    /// A chain of deltas is longer than git ever makes.
    #[error("the pack has a chain of more than {limit} deltas at byte {offset}")]
    DeltaDepth {
        /// The offset of the delta that is one too many.
        offset: u64,
        /// The longest chain that is accepted.
        limit: u16,
    },
    /// The deltas produce too many bytes: a small pack that expands to endless work.
    #[error("the deltas of the pack make more than {limit} bytes, the limit for the function's memory (`MemorySize`)")]
    DeltaWork {
        /// The limit in bytes.
        limit: u64,
    },
    /// The tree lists too many entries.
    #[error("tree {tree} lists more than {limit} entries")]
    TooManyEntries {
        /// The id of the tree.
        tree: ObjectId,
        /// The largest accepted number of entries.
        limit: u64,
    },
    /// The caller cancelled the work.
    #[error("the work on the pack was cancelled")]
    Cancelled,
    /// No object of this id is in the pack.
    #[error("object {0} is not in the pack")]
    MissingObject(ObjectId),
    /// The object is of another kind than expected.
    #[error("object {id} is a {found}, not a {wanted}")]
    WrongKind {
        /// Its id.
        id: ObjectId,
        /// Its kind.
        found: ObjectKind,
        /// The kind that was expected.
        wanted: ObjectKind,
    },
    /// The object hashes to its id but is not a commit's text.
    #[error("failed to read commit {id}")]
    Commit {
        /// Its id.
        id: ObjectId,
        /// The reason.
        source: CommitError,
    },
    /// The object hashes to its id but is not a tree that git would write.
    #[error("failed to read tree {id}")]
    Tree {
        /// Its id.
        id: ObjectId,
        /// The reason.
        source: TreeError,
    },
    /// The file that holds a large pack could not be created, written or read.
    #[error("failed to {action} the pack's temporary file")]
    Spool {
        /// The attempted action.
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl PackError {
    /// Returns true if the bytes may have been damaged in transfer, so that another fetch may succeed.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Truncated | Self::Corrupt { .. } | Self::Checksum | Self::MissingBase { .. })
    }

    /// Returns true if another attempt for the same commit is useless. A new attempt needs another pack, or more
    /// space.
    pub fn is_permanent(&self) -> bool {
        !self.is_damage() && !matches!(self, Self::Cancelled)
    }
}
