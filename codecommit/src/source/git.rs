//! A commit over `CodeCommit`'s Git endpoint: one shallow fetch, two requests, signed with the role's own credentials.
//!
//! No Git program and no stored Git credentials. The protocol is version 0, the pack is indexed while it arrives.

mod remote;
mod fetch;
mod http;
mod sign;
mod protocol;
mod pack;
mod error;

pub use error::GitError;
pub use pack::{BlobFacts, BlobStream, Limits, ObjectKind, Pack, PackError, Reader, Reuse, ThinPack};
pub use remote::{Remote, Timeouts, endpoint};
