//! Injected faults: the kind, and the calls of an operation that it affects.

use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// A fault that affects some calls of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The operation's name, or `*` for every operation.
    pub operation: String,
    /// The first affected call, counted from 1 and from the moment the fault is set.
    pub nth: usize,
    /// The number of consecutive calls that are affected.
    pub count: usize,
    /// The kind of the fault.
    pub kind: FaultKind,
}

/// The kind of a fault. Each variant names its form on the command line and in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FaultKind {
    /// `status:N`: a response with this status and an empty body.
    Status(u16),
    /// `error:CODE`: this exception in the service's own form.
    Error(String),
    /// `throttle-json`: `ThrottlingException` in the form of the JSON services.
    ThrottleJson,
    /// `throttle-xml`: status 400 with an XML body, even from JSON services.
    ThrottleXml,
    /// `throttle-empty`: status 429 without a body.
    ThrottleEmpty,
    /// `denied`: access denied in the service's own form.
    Denied,
    /// `reset`: the connection closes without a response; the operation is not done.
    Reset,
    /// `lost`: the operation is done, then the connection closes without a response.
    Lost,
    /// `hang`: the response never comes.
    Hang,
    /// `cut`: the response announces its whole length, sends half of the body and closes the connection.
    Cut,
    /// `corrupt`: a well-formed response with wrong content: a byte of a blob is changed, or a folder lacks a file.
    Corrupt,
    /// `ok-error`: status 200 with an S3 error as its body.
    OkError,
}

impl Fault {
    /// Returns a fault of the `nth` call of an operation, counted from 1.
    pub fn nth(operation: &str, nth: usize, kind: FaultKind) -> Self {
        Self { operation: operation.to_owned(), nth, count: 1, kind }
    }

    /// Returns a fault of the next `count` calls of an operation.
    pub fn next(operation: &str, count: usize, kind: FaultKind) -> Self {
        Self { operation: operation.to_owned(), nth: 1, count, kind }
    }

    /// Returns a fault of every call of an operation.
    pub fn every(operation: &str, kind: FaultKind) -> Self {
        Self::next(operation, usize::MAX, kind)
    }
}

/// Parses `GetBlob:2:reset` (the second call), `GetBlob:2x3:reset` (three calls from the second) or
/// `GetBlob:every:reset`.
impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not of the form OPERATION:NTH:KIND");
        let mut parts = text.splitn(3, ':');
        let (Some(operation), Some(nth), Some(kind)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let kind = kind.parse()?;
        if nth == "every" {
            return Ok(Self::every(operation, kind));
        }
        let (nth, count) = nth.split_once('x').unwrap_or((nth, "1"));
        let number = |text: &str| text.parse().ok().filter(|&number| number > 0).ok_or_else(wrong);
        Ok(Self { operation: operation.to_owned(), nth: number(nth)?, count: number(count)?, kind })
    }
}

const NAMES: [(&str, FaultKind); 10] = [
    ("throttle-json", FaultKind::ThrottleJson),
    ("throttle-xml", FaultKind::ThrottleXml),
    ("throttle-empty", FaultKind::ThrottleEmpty),
    ("denied", FaultKind::Denied),
    ("reset", FaultKind::Reset),
    ("lost", FaultKind::Lost),
    ("hang", FaultKind::Hang),
    ("cut", FaultKind::Cut),
    ("corrupt", FaultKind::Corrupt),
    ("ok-error", FaultKind::OkError),
];

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, kind)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(kind.clone());
        }
        match text.split_once(':') {
            Some(("status", status)) => match status.parse() {
                Ok(status @ 200..=599) => Ok(Self::Status(status)),
                _ => Err(format!("{status:?} is not an HTTP status from 200 to 599")),
            },
            Some(("error", code)) if code.chars().all(|c| c.is_ascii_alphanumeric()) => {
                Ok(Self::Error(code.to_owned()))
            }
            _ => Err(format!("{text:?} is not a kind of fault")),
        }
    }
}

impl TryFrom<String> for FaultKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FaultKind> for String {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Status(status) => format!("status:{status}"),
            FaultKind::Error(code) => format!("error:{code}"),
            named => {
                NAMES.iter().find(|(_, kind)| *kind == named).map_or_else(Self::new, |(name, _)| (*name).to_owned())
            }
        }
    }
}

/// The faults that are set, each with the number of calls since it was set.
pub(crate) struct Faults(Mutex<Vec<(Fault, usize)>>);

impl Faults {
    pub(crate) fn of(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults.into_iter().map(|fault| (fault, 0)).collect()))
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.list().push((fault, 0));
    }

    pub(crate) fn clear(&self) {
        self.list().clear();
    }

    /// Counts a call and returns the fault that affects it. Of several faults, the one set first wins.
    pub(crate) fn at(&self, operation: &str) -> Option<FaultKind> {
        let mut hit = None;
        for (fault, seen) in self.list().iter_mut().filter(|(f, _)| f.operation == "*" || f.operation == operation) {
            *seen += 1;
            if hit.is_none() && *seen >= fault.nth && *seen - fault.nth < fault.count {
                hit = Some(fault.kind.clone());
            }
        }
        hit
    }

    fn list(&self) -> MutexGuard<'_, Vec<(Fault, usize)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
