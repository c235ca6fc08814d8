//! The error that CodeCommit and CodePipeline return.

/// An exception of a JSON service, with the name that the service's model gives it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// The HTTP status.
    pub status: u16,
    /// The name of the exception in the service's model.
    pub code: &'static str,
    /// The text for people.
    pub message: String,
}

impl ServiceError {
    /// Returns an exception with status 400, which nearly all exceptions of the JSON services have.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    /// Returns a 501 for an operation or option that the emulator does not model.
    pub fn not_modeled(what: impl std::fmt::Display) -> Self {
        Self { status: 501, code: "NotImplemented", message: format!("the emulator does not model {what}") }
    }

    /// Returns a 500 for a failure of the emulator itself.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        Self { status: 500, code: "InternalFailure", message: error.to_string() }
    }
}

impl From<std::io::Error> for ServiceError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(&error)
    }
}
