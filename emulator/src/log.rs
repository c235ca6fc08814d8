//! What was asked, in the order in which it arrived.

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

/// One request as it was seen on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Who was asked.
    pub service: Service,
    /// What was asked for, by the name in the service's model; Git's are `GitInfoRefs`, `GitUploadPack`, `GitReceivePack`.
    pub operation: String,
    /// The status that was answered; 0 while, or if, there is no answer.
    pub status: u16,
    /// Bytes of the request's body that were read.
    pub bytes_in: u64,
    /// Bytes of the answer's body that were sent.
    pub bytes_out: u64,
}

#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<Arc<Record>>>);

/// A request under way; its numbers grow until the answer is out.
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
