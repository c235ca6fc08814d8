//! Fetches a commit over `CodeCommit`'s Git endpoint: one shallow fetch in two requests, signed with the role's own
//! credentials.
//!
//! This needs no Git program and no stored Git credentials. It uses protocol version 0, and indexes the pack while it
//! arrives.

mod remote;
mod fetch;
mod http;
mod sign;
mod protocol;
mod pack;
mod error;

pub use error::GitError;
pub use pack::{BlobFacts, BlobStream, EarlyDeflate, Limits, ObjectKind, Pack, PackError, Reader, Reuse, ThinPack};
pub use protocol::{Advertisement, FetchResponse, Line, Lines};
pub use remote::{Remote, Timeouts, endpoint};
