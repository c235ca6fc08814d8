//! The client's `write`: its window and shared contents, around made-up work.

pub(super) mod prepare;
mod repeated_check;

#[allow(dead_code, reason = "these are sources of the client, which uses the rest")]
#[path = "../../src/write/entry_attributes.rs"]
mod entry_attributes;
#[allow(dead_code, reason = "these are sources of the client, which uses the rest")]
#[path = "../../src/write/repeated.rs"]
mod repeated;
#[path = "../../src/write/window.rs"]
mod window;

/// The client's `write::error`, as far as the window needs it.
mod error {
    #[derive(Debug, PartialEq, Eq)]
    pub(crate) enum EntryError {
        /// The made-up work failed.
        Failed,
        /// The window's own error.
        Panicked,
    }
}

use std::sync::Arc;

use futures_util::Stream;

pub(super) use error::EntryError;
use prepare::{Preparation, Ready};

/// Returns the window over the entries.
pub(super) fn in_order(
    preparation: &Arc<Preparation>,
) -> impl Stream<Item = Result<Option<Ready>, EntryError>> + Send + use<> {
    window::in_order(preparation)
}
