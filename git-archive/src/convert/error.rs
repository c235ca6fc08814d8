//! The errors of conversion and substitution.

use bstr::BString;

use crate::work::Stopped;

/// The reason why a file cannot be converted. Either git fails here too, or this crate must fail instead of archiving
/// other bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// `working-tree-encoding` has no value. The text is git's.
    #[error("true/false are no valid working-tree-encodings")]
    EncodingWithoutValue,
    /// Git may know the encoding through iconv, but this crate does not.
    #[error("working-tree-encoding {0} is not supported")]
    UnsupportedEncoding(BString),
    /// The converted content does not fit into the limit. Another attempt fails, too.
    #[error("the converted content does not fit into {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The work was cancelled, or exceeds its limit.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
