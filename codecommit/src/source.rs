//! How a repository is read: [`Source`] is a repository and its transports, [`Checkout`] one commit of it that is being
//! read.
//!
//! Two transports, one result: the API is best for few files. One shallow fetch over Git is best for many, and the only
//! way to a file over 6 MB, to names that are not UTF-8 and to legacy modes. Every content is proved against its id.

mod options;
mod repository;
mod checkout;
mod listing;
pub mod api;
pub mod git;
mod previous;
mod content;
mod shared_pack;
mod error;

pub use checkout::Checkout;
pub use content::{BlobContent, PackedBlob};
pub use error::SourceError;
pub use options::{Mode, SourceOptions};
pub use previous::Previous;
pub use repository::Source;
