//! Reads a repository: [`Source`] is a repository and its transports, and [`Checkout`] reads one commit of it.
//!
//! There are two transports with one result. The API is best for few files. One shallow fetch over Git is best for
//! many files. It is also the only way to read a file over 6 MB, names that are not UTF-8, and legacy modes. Every
//! content is verified against its id.

mod options;
mod repository;
mod checkout;
mod difference;
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
pub use previous::{Previous, PreviousOptions};
pub use repository::Source;
