//! A failed call: AWS's error code, and the kind of fault, which decides about retries and stable codes.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::throttle::is_throttle;
use crate::causes::with_causes;

/// A call that failed after all its attempts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed with {code}")]
pub struct CallError {
    /// The operation's name in AWS. With the service's prefix, it is the IAM action.
    pub operation: &'static str,
    /// AWS's error code, or ours if AWS sent none: `Timeout`, `Unreachable`, `NoCredentials`, `CredentialsExpired`,
    /// `Throttled`, `MalformedAnswer`.
    pub code: String,
    /// The kind of failure.
    pub fault: Fault,
    #[source]
    detail: Detail,
}

/// The kind of a failure, which decides what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The role or the key's policy denies the request.
    Denied,
    /// The requested thing does not exist.
    Missing,
    /// The service throttled the request, even at the last attempt.
    Throttled,
    /// The request itself is wrong.
    Invalid,
    /// The credentials have expired.
    Expired,
    /// The clocks of caller and service differ.
    ClockSkew,
    /// Anything that may succeed on retry: timeouts, resets, internal errors.
    Transient,
}

impl Fault {
    /// Returns whether another attempt with the same request is useless.
    pub fn is_permanent(self) -> bool {
        matches!(self, Self::Denied | Self::Missing | Self::Invalid)
    }
}

/// A call's fault, and the stable codes that one step reports for each kind.
#[derive(Debug, Clone, Copy)]
pub struct StepFault {
    /// The fault.
    pub fault: Fault,
    /// The code of [`Fault::Denied`].
    pub denied: &'static str,
    /// The code of [`Fault::Missing`].
    pub missing: &'static str,
    /// The code of [`Fault::Throttled`].
    pub throttled: &'static str,
    /// The code of [`Fault::Invalid`].
    pub invalid: &'static str,
    /// The code of [`Fault::Transient`].
    pub transient: &'static str,
}

impl StepFault {
    /// Returns the stable code. `CredentialsExpired` and `ClockSkew` are the same at every step.
    pub fn code(&self) -> &'static str {
        match self.fault {
            Fault::Denied => self.denied,
            Fault::Missing => self.missing,
            Fault::Throttled => self.throttled,
            Fault::Invalid => self.invalid,
            Fault::Expired => EXPIRED,
            Fault::ClockSkew => "ClockSkew",
            Fault::Transient => self.transient,
        }
    }
}

/// Waits for the answer to `operation`, and turns the SDK's error into a [`CallError`].
pub async fn call<T, E>(
    operation: &'static str,
    sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, CallError>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    sent.await.map_err(|error| CallError::new(operation, error))
}

impl CallError {
    /// Creates the error of `operation` from the SDK's error. [`call`] does so for a request that it sends.
    #[expect(clippy::needless_pass_by_value, reason = "the SDK hands its error over, and nobody needs it afterwards")]
    pub fn new<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let code = code_of(&error);
        let message = error.as_service_error().and_then(|service| service.message()).map(str::to_owned);
        let detail = message.unwrap_or_else(|| with_causes(&error));
        let fault = match fault_of(&code) {
            // AWS has one code for both a wrong clock and a wrong key.
            Fault::ClockSkew if detail.contains("does not match") => Fault::Denied,
            fault => fault,
        };
        Self { operation, fault, code, detail: Detail::new(detail) }
    }

    /// Creates the error for an answer that does not make sense.
    pub fn malformed(operation: &'static str, what: impl fmt::Display) -> Self {
        let detail = Detail::new(what.to_string());
        Self { operation, code: "MalformedAnswer".to_owned(), fault: Fault::Transient, detail }
    }

    /// Returns whether the code is one of these.
    pub fn is(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code.as_str())
    }
}

/// The largest number of bytes of AWS's message in an error.
const MESSAGE_BYTES: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Detail(String);

impl Detail {
    fn new(mut message: String) -> Self {
        if message.len() > MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
            message.push('…');
        }
        Self(message)
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Detail {}

/// Our code for expired credentials, for which each service has its own.
const EXPIRED: &str = "CredentialsExpired";

fn code_of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    if let Some(answer) = error.raw_response()
        && is_throttle(answer.status().as_u16(), answer.body().bytes().unwrap_or_default())
    {
        return "Throttled".to_owned();
    }
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let ours = match error {
        SdkError::TimeoutError(_) => "Timeout".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "Timeout".to_owned(),
        SdkError::DispatchFailure(_) if is_without_credentials(error) => no_credentials(error).to_owned(),
        SdkError::DispatchFailure(_) => "Unreachable".to_owned(),
        SdkError::ServiceError(service) => format!("Http{}", service.raw().status().as_u16()),
        SdkError::ResponseError(answer) if !answer.raw().status().is_success() => {
            format!("Http{}", answer.raw().status().as_u16())
        }
        SdkError::ResponseError(_) => "MalformedAnswer".to_owned(),
        _ => "NotSent".to_owned(),
    };
    match code {
        Some("ExpiredToken" | "ExpiredTokenException") => EXPIRED.to_owned(),
        Some(code) => code.to_owned(),
        None => ours,
    }
}

fn is_without_credentials(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| Error::source(*error)).any(<dyn Error>::is::<CredentialsError>)
}

/// Returns the code for credentials that could not be loaded. The SDK has no error type for an expired session of IAM
/// Identity Center, so the text decides.
fn no_credentials(error: &dyn Error) -> &'static str {
    if with_causes(error).contains("expired") { EXPIRED } else { "NoCredentials" }
}

fn fault_of(code: &str) -> Fault {
    const SKEW: [&str; 4] =
        ["RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException", "RequestInTheFuture"];
    const DENIED: [&str; 9] = [
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "NotAuthorized",
        "UnauthorizedOperation",
        "InvalidToken",
        "Http403",
        "NoCredentials",
    ];
    let missing = code.contains("DoesNotExist")
        || code.starts_with("NoSuch")
        || code.ends_with("NotFoundException")
        || code == "NotFound";
    let denied = code.starts_with("AccessDenied") || code.starts_with("Encryption") || code.starts_with("KMS.");
    let invalid = code.starts_with("Invalid") || code.starts_with("Validation") || code.ends_with("RequiredException");
    match code {
        "Throttled" => Fault::Throttled,
        EXPIRED => Fault::Expired,
        _ if SKEW.contains(&code) => Fault::ClockSkew,
        "EncryptionIntegrityChecksFailedException" => Fault::Transient,
        _ if denied || DENIED.contains(&code) => Fault::Denied,
        _ if missing => Fault::Missing,
        _ if invalid => Fault::Invalid,
        _ => Fault::Transient,
    }
}
