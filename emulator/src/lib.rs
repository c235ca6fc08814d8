//! CodeCommit, its Git endpoint, CodePipeline, S3 and Lambda's interfaces on one loopback port, over Git repositories.
//!
//! It answers only what it models; all else is 501. The map, from the wire inwards:
//!
//! - `front`: the port, routing, the request log, latency, rate and faults (`faults`, `answers`), `control` over them;
//! - `json`, `signature`: the protocol of CodeCommit and CodePipeline; `operation`: the names of S3's requests;
//! - `codecommit`, `codepipeline`, `s3`, `git_http`, `runtime_api`: the services;
//! - `repository`, `objects`, `git`: Git as a child process, the judge of everything in a repository;
//! - `events`, `lambda`: from a changed reference to a running function.

mod answers;
mod body;
mod codecommit;
pub mod codepipeline;
mod control;
mod credentials;
pub mod error;
mod events;
mod faults;
mod front;
mod git;
mod git_http;
mod json;
mod lambda;
mod log;
mod objects;
mod operation;
mod options;
mod pipeline;
mod repository;
mod runtime_api;
pub mod s3;
mod signature;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

pub use crate::credentials::{ACCESS_KEY, ACCOUNT, FUNCTION, REGION, SECRET_KEY};
use crate::error::ServiceError;
pub use crate::faults::{Fault, FaultKind};
use crate::front::Front;
pub use crate::lambda::{Delivery, FunctionError};
pub use crate::log::{Request, Service};
pub use crate::options::Options;

/// A running emulator; dropping it ends it and its children.
pub struct Emulator {
    front: Arc<Front>,
    address: SocketAddr,
    function: Option<JoinHandle<()>>,
    threads: Threads,
}

/// Children end at once; one that does not is left to the system.
const PATIENCE: Duration = Duration::from_secs(2);

/// The threads of an emulator, which may be dropped anywhere: a runtime itself may not be dropped inside another.
struct Threads(Option<Runtime>);

impl Emulator {
    /// Starts an emulator on a port of its own, with threads of its own.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let threads = Threads::new()?;
        let runtime = threads.handle();
        let (ready, started) = mpsc::sync_channel(1);
        let function = options.function_command(address);
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener);
            let front = Front::new(&options).await.map_err(io::Error::other);
            let _gone = ready.send(front.and_then(|front| Ok((Arc::new(front), listener?))));
        });
        let (front, listener) = started.recv().map_err(io::Error::other)??;
        let function = function.map(|function| runtime.spawn(Arc::clone(&front.lambda).supervise(function)));
        runtime.spawn(Arc::clone(&front).serve(listener));
        Ok(Self { front, address, function, threads })
    }

    /// The address of all services, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of the Git endpoint, for `CODECOMMIT_GIT_URL`.
    pub fn git_url(&self) -> String {
        format!("http://{}{}", self.address, git_http::ROOT)
    }

    /// The address of a repository for `git clone`, with a password in it that holds for a quarter of an hour.
    pub fn clone_url(&self, repository: &str) -> String {
        let path = format!("{}{repository}", git_http::ROOT);
        let password = signature::git_password("127.0.0.1", &path, OffsetDateTime::now_utc());
        format!("http://{ACCESS_KEY}:{password}@{}{path}", self.address)
    }

    /// The variables that point any AWS client at this emulator.
    pub fn client_environment(&self) -> [(&'static str, String); 5] {
        Options::client_environment(self.address)
    }

    /// All requests in the order in which they arrived, without those of the Runtime API and the control address.
    pub fn requests(&self) -> Vec<Request> {
        self.front.log.requests()
    }

    /// How many requests asked for an operation.
    pub fn count(&self, operation: &str) -> usize {
        self.front.log.count(operation)
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.front.log.clear();
    }

    /// Sets a fault, after those that are set.
    pub fn inject(&self, fault: Fault) {
        self.front.faults.add(fault);
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.front.faults.clear();
    }

    /// Lets every request wait.
    pub fn set_latency(&self, latency: Duration) {
        self.front.pace.set_latency(latency);
    }

    /// Lets so many requests a second in, and throttles the others; `None` lets all in.
    pub fn set_rate(&self, per_second: Option<f64>) {
        self.front.pace.set_rate(per_second);
    }

    /// Invokes the function, and waits for its answer.
    pub async fn invoke(&self, event: Value) -> Result<Value, FunctionError> {
        let lambda = Arc::clone(&self.front.lambda);
        let event = Bytes::from(event.to_string());
        let outcome = self.threads.handle().spawn(async move { lambda.invoke(event).await });
        let ended = |_| FunctionError { payload: "the emulator ends".into() };
        lambda::answer(&outcome.await.map_err(ended)??)
    }

    /// Asks CodeCommit for an operation, as a client would: name and input as in the service's model.
    pub async fn codecommit(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        let (front, operation) = (Arc::clone(&self.front), operation.to_owned());
        let answer = self.threads.handle().spawn(async move { front.codecommit.call(&operation, input).await });
        answer.await.map_err(|error| ServiceError::internal(&error))?
    }

    /// What S3 holds.
    pub fn store(&self) -> &s3::Store {
        &self.front.store
    }

    /// The pipelines with their executions.
    pub fn codepipeline(&self) -> &codepipeline::CodePipeline {
        &self.front.codepipeline
    }

    /// Events that triggers sent and that are through, with the function's answers.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.front.lambda.deliveries()
    }

    /// The process of the function, while it runs.
    pub fn function_process(&self) -> Option<u32> {
        self.front.lambda.process_id()
    }

    /// Events that the function failed on in all attempts.
    pub fn dead_letters(&self) -> Vec<Value> {
        self.front.lambda.dead_letters()
    }
}

impl Drop for Emulator {
    /// Ends the function before its connection, or it would complain of that.
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        if let Some(function) = self.function.take() {
            function.abort();
            while !function.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl Threads {
    fn new() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name("emulator").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    fn handle(&self) -> Handle {
        self.0.as_ref().expect("there until it is dropped").handle().clone()
    }
}

impl Drop for Threads {
    /// Waits a moment for children to be ended.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            let end = move || runtime.shutdown_timeout(PATIENCE);
            let _ended = std::thread::spawn(end).join();
        }
    }
}
