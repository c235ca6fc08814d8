//! What a service answers when it refuses.

/// An exception of a JSON service: its status, its name in the service's model, what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// The HTTP status.
    pub status: u16,
    /// The exception's name, as in the service's model.
    pub code: &'static str,
    /// The text for a person.
    pub message: String,
}

impl ServiceError {
    /// An exception with status 400, as nearly all of the JSON services' are.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    /// What the emulator does not do: 501, so that nobody takes silence for an answer.
    pub fn not_modelled(what: impl std::fmt::Display) -> Self {
        Self { status: 501, code: "NotImplemented", message: format!("the emulator does not model {what}") }
    }

    /// The emulator itself failed: 500, with the reason.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        Self { status: 500, code: "InternalFailure", message: error.to_string() }
    }
}

impl From<std::io::Error> for ServiceError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(&error)
    }
}
