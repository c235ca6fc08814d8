//! The request log, in the order of arrival.

use std::fmt;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// A service behind the one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// The CodeCommit API.
    CodeCommit,
    /// The CodePipeline API.
    CodePipeline,
    /// The S3 API.
    S3,
    /// CodeCommit's Git endpoint.
    Git,
    /// Lambda's Invoke.
    Lambda,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CodeCommit => "codecommit",
            Self::CodePipeline => "codepipeline",
            Self::S3 => "s3",
            Self::Git => "git",
            Self::Lambda => "lambda",
        })
    }
}

/// One logged request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The service that received the request.
    pub service: Service,
    /// The operation's name in the service's model; `GitInfoRefs`, `GitUploadPack` or `GitReceivePack` for Git.
    pub operation: String,
    /// The status of the response; 0 without a response.
    pub status: u16,
    /// The number of bytes read from the request's body.
    pub bytes_in: u64,
    /// The number of bytes sent of the response's body.
    pub bytes_out: u64,
}

#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<Arc<Record>>>);

/// A request in flight; its numbers grow until the response is complete.
pub(crate) struct Record {
    service: Service,
    operation: String,
    pub(crate) status: AtomicU16,
    pub(crate) bytes_in: Arc<AtomicU64>,
    pub(crate) bytes_out: Arc<AtomicU64>,
}

impl Log {
    pub(crate) fn begin(&self, service: Service, operation: &str) -> Arc<Record> {
        let record = Arc::new(Record {
            service,
            operation: operation.to_owned(),
            status: AtomicU16::new(0),
            bytes_in: Arc::default(),
            bytes_out: Arc::default(),
        });
        self.records().push(Arc::clone(&record));
        record
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.records().iter().map(|record| record.snapshot()).collect()
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.records().iter().filter(|record| record.operation == operation).count()
    }

    pub(crate) fn clear(&self) {
        self.records().clear();
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Record>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn snapshot(&self) -> Request {
        Request {
            service: self.service,
            operation: self.operation.clone(),
            status: self.status.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
        }
    }
}
