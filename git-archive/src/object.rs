//! Git's objects: ids, commits and tree entries, and how they are hashed. Plain data, no I/O.

mod commit;
mod entry;
pub mod hash;
pub(crate) mod message;
mod order;
mod tree;

pub use gix_hash::ObjectId;

pub use commit::{Commit, CommitError, Signature};
pub use entry::{Entry, Kind};
pub use order::compare_names;
pub use tree::{TreeEntry, TreeError, parse_tree};
