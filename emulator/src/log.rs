//! The request log, in the order of arrival.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Lambda's Invoke and `GetFunctionConfiguration`.
    Lambda,
    /// IAM's simulation.
    Iam,
    /// A service that the emulator does not model.
    Other,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CodeCommit => "codecommit",
            Self::CodePipeline => "codepipeline",
            Self::S3 => "s3",
            Self::Git => "git",
            Self::Lambda => "lambda",
            Self::Iam => "iam",
            Self::Other => "other",
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

/// The maximum number of requests in the log; the oldest are dropped, which bounds the memory.
const CAPACITY: usize = 100_000;

#[derive(Default)]
pub(crate) struct Log(Mutex<Records>);

#[derive(Default)]
struct Records {
    latest: VecDeque<Arc<Record>>,
    /// The number of requests by operation, including those that were dropped.
    counts: HashMap<String, usize>,
}

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
        let mut records = self.records();
        *records.counts.entry(operation.to_owned()).or_default() += 1;
        if records.latest.len() == CAPACITY {
            records.latest.pop_front();
        }
        records.latest.push_back(Arc::clone(&record));
        record
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.records().latest.iter().map(|record| record.snapshot()).collect()
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.records().counts.get(operation).copied().unwrap_or_default()
    }

    pub(crate) fn clear(&self) {
        *self.records() = Records::default();
    }

    fn records(&self) -> MutexGuard<'_, Records> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_counts_every_request() {
        let log = Log::default();
        for number in 0..CAPACITY + 2 {
            log.begin(Service::S3, if number == 0 { "PutObject" } else { "GetObject" });
        }
        assert_eq!(log.requests().len(), CAPACITY);
        assert_eq!((log.count("PutObject"), log.count("GetObject")), (1, CAPACITY + 1));
        log.clear();
        assert_eq!((log.requests().len(), log.count("GetObject")), (0, 0));
    }
}
