//! The output that an archive is written to.

/// An output that an archive is written to.
pub trait Output {
    /// The error of a failed write.
    type Error;

    /// Writes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// The error of an output, with what callers need to know about it.
pub trait OutputError {
    /// Returns the stable code.
    fn stable_code(&self) -> &'static str;

    /// Returns whether another attempt is useless.
    fn is_useless_to_retry(&self) -> bool;
}

impl OutputError for std::io::Error {
    fn stable_code(&self) -> &'static str {
        "OutputFailed"
    }

    fn is_useless_to_retry(&self) -> bool {
        false
    }
}
