//! The errors of writing an archive.

use bstr::BString;

use super::output::OutputError;
use crate::source::SourceError;
use git_archive::convert::ConvertError;

/// The reason why an archive was not written. `E` is the error of its output.
#[derive(Debug, thiserror::Error)]
pub enum StreamError<E> {
    /// A content could not be read.
    #[error("failed to read {path}")]
    Read {
        /// The entry.
        path: BString,
        /// The cause.
        #[source]
        source: SourceError,
    },
    /// A content could not be converted.
    #[error("failed to convert {path}")]
    Convert {
        /// The entry.
        path: BString,
        /// The cause.
        #[source]
        source: ConvertError,
    },
    /// The zip cannot hold the entry.
    #[error("failed to write {path}")]
    Zip {
        /// The entry.
        path: BString,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The files are larger than allowed in total.
    #[error("{path} brings the contents over the limit of {limit} bytes")]
    TooLarge {
        /// The entry that exceeds the limit.
        path: BString,
        /// The limit.
        limit: u64,
    },
    /// The output failed.
    #[error("failed to write the archive")]
    Output(#[source] E),
    /// A task panicked.
    #[error("failed to compress {0}: the task panicked")]
    Panicked(BString),
}

impl<E: OutputError> StreamError<E> {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { source, .. } => source.code(),
            Self::Convert { .. } => "ConversionRefused",
            Self::Zip { .. } => "EntryRefused",
            Self::TooLarge { .. } => "SizeLimit",
            Self::Output(error) => error.stable_code(),
            Self::Panicked(_) => "Panicked",
        }
    }

    /// Returns whether another attempt is useless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Read { source, .. } => source.is_permanent(),
            Self::Convert { .. } | Self::Zip { .. } | Self::TooLarge { .. } => true,
            Self::Output(error) => error.is_useless_to_retry(),
            Self::Panicked(_) => false,
        }
    }
}

/// The reason why one entry could not be prepared.
#[derive(Debug)]
pub(super) enum EntryError {
    Read(SourceError),
    Convert(ConvertError),
    Panicked,
}

impl EntryError {
    pub(super) fn of<E>(self, path: BString) -> StreamError<E> {
        match self {
            Self::Read(source) => StreamError::Read { path, source },
            Self::Convert(source) => StreamError::Convert { path, source },
            Self::Panicked => StreamError::Panicked(path),
        }
    }
}
