//! A running emulator, and the methods with which a test reads and controls it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::account::ACCESS_KEY;
use crate::codepipeline::CodePipeline;
use crate::error::ServiceError;
use crate::event_bridge::EventLag;
use crate::faults::Fault;
use crate::front;
use crate::git_http;
use crate::lambda::{self, Delivery, FunctionError};
use crate::log::Request;
use crate::options::Options;
use crate::s3::Store;
use crate::services::{self, Services};
use crate::signature;
use crate::threads::Threads;

/// A running emulator. Dropping it ends it and its child processes.
pub struct Emulator {
    services: Arc<Services>,
    address: SocketAddr,
    function: Option<JoinHandle<()>>,
    threads: Threads,
}

impl Emulator {
    /// Starts an emulator on a port of its own, with threads of its own.
    pub fn start(options: Options) -> io::Result<Self> {
        let port = options.port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
            io::Error::new(error.kind(), format!("the emulator cannot listen on 127.0.0.1:{port}: {error}"))
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let threads = Threads::new()?;
        let runtime = threads.handle();
        let (ready, started) = mpsc::sync_channel(1);
        let function = options.function_command(address);
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener);
            let services = Services::new(&options).map_err(io::Error::other);
            let _receiver_gone = ready.send(services.and_then(|services| Ok((Arc::new(services), listener?))));
        });
        let (services, listener) = started.recv().map_err(io::Error::other)??;
        let console = services.console;
        let tell = move |text: &str| console.tell(text);
        let function = function.map(|function| runtime.spawn(Arc::clone(&services.lambda).supervise(function, tell)));
        runtime.spawn(services::send_state_changes(Arc::clone(&services)));
        runtime.spawn(front::serve(Arc::clone(&services), listener));
        Ok(Self { services, address, function, threads })
    }

    /// Returns the address of all services, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address of the Git endpoint, for `CODECOMMIT_GIT_URL`.
    pub fn git_url(&self) -> String {
        format!("http://{}{}", self.address, git_http::ROOT)
    }

    /// Returns a repository's address for `git clone`, with a password that is valid for 15 minutes.
    pub fn clone_url(&self, repository: &str) -> String {
        let path = format!("{}{repository}", git_http::ROOT);
        let password = signature::git_password("127.0.0.1", &path, OffsetDateTime::now_utc());
        format!("http://{ACCESS_KEY}:{password}@{}{path}", self.address)
    }

    /// Returns the environment variables that point any AWS client at this emulator.
    pub fn client_environment(&self) -> [(&'static str, String); 6] {
        Options::client_environment(self.address)
    }

    /// Returns the token that requests to the control address need in the header `X-Emulator-Token`.
    pub fn control_token(&self) -> &str {
        &self.services.control_token
    }

    /// Returns the repositories in the folder that are not served, since CodeCommit does not allow their names.
    pub fn unserved_repositories(&self) -> Vec<(PathBuf, &'static str)> {
        self.services.repositories.unserved()
    }

    /// Returns the last 100,000 requests in the order of arrival, without those to the Runtime API and the control
    /// address.
    pub fn requests(&self) -> Vec<Request> {
        self.services.log.requests()
    }

    /// Returns the number of requests for an operation.
    pub fn count(&self, operation: &str) -> usize {
        self.services.log.count(operation)
    }

    /// Clears the request log.
    pub fn clear_requests(&self) {
        self.services.log.clear();
    }

    /// Adds a fault after those that are set.
    pub fn inject(&self, fault: Fault) {
        self.services.faults.add(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.services.faults.clear();
    }

    /// Sets the latency of every request.
    pub fn set_latency(&self, latency: Duration) {
        self.services.pace.set_latency(latency);
    }

    /// Admits this many requests a second and throttles the others; `None` admits all.
    pub fn set_rate(&self, per_second: Option<f64>) {
        self.services.pace.set_rate(per_second);
    }

    /// Invokes the function and waits for its answer.
    pub async fn invoke(&self, event: Value) -> Result<Value, FunctionError> {
        let lambda = Arc::clone(&self.services.lambda);
        let event = Bytes::from(event.to_string());
        let outcome = self.threads.handle().spawn(async move { lambda.invoke(event).await });
        let ended = |_| FunctionError { payload: "the emulator is shutting down".into() };
        lambda::answer(&outcome.await.map_err(ended)??)
    }

    /// Invokes the function asynchronously, with Lambda's retries; [`deliveries`](Self::deliveries) has the outcome.
    pub fn invoke_asynchronously(&self, event: Value) {
        let _context = self.threads.handle().enter();
        self.services.lambda.send(event);
    }

    /// Takes the function's next event out of its queue, with its request ID: the caller is the function, and reports
    /// the outcome to [`finish_event`](Self::finish_event).
    pub fn take_event(&self) -> Option<(String, Value)> {
        let _context = self.threads.handle().enter();
        let next = self.services.lambda.take_next()?;
        Some((next.id, serde_json::from_slice(&next.payload).unwrap_or_default()))
    }

    /// Ends an event that was taken, with the function's answer or its error.
    pub fn finish_event(&self, id: &str, outcome: Result<Value, Value>) {
        let bytes = |value: Value| Bytes::from(value.to_string());
        self.services.lambda.finish(id, outcome.map(bytes).map_err(bytes));
    }

    /// Calls an operation of CodeCommit, with its input as in the service's model.
    pub async fn codecommit(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        let (services, operation) = (Arc::clone(&self.services), operation.to_owned());
        let answer = self.threads.handle().spawn(async move { services.codecommit.call(&operation, input).await });
        answer.await.map_err(|error| ServiceError::internal(&error))?
    }

    /// Sends EventBridge's events of pull requests and executions to the function with this lag; `None` sends none.
    pub fn set_events(&self, lag: Option<EventLag>) {
        self.services.rule.set_lag(lag);
    }

    /// Returns the contents of S3.
    pub fn store(&self) -> &Store {
        &self.services.store
    }

    /// Returns the pipelines with their executions.
    pub fn codepipeline(&self) -> &CodePipeline {
        &self.services.codepipeline
    }

    /// Returns the asynchronous events that are finished, after all retries, each with the outcome of its last attempt.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.services.lambda.deliveries()
    }

    /// Returns the process ID of the function while it runs.
    pub fn function_process(&self) -> Option<u32> {
        self.services.lambda.process_id()
    }

    /// Returns whether the function waits for its next event. It does so once it has done all of the last one.
    pub fn function_is_waiting(&self) -> bool {
        self.services.lambda.is_waiting()
    }

    /// Returns the events that the function failed on in every attempt.
    pub fn dead_letters(&self) -> Vec<Value> {
        self.services.lambda.dead_letters()
    }
}

impl Drop for Emulator {
    /// Ends the function before its connection closes: otherwise the function would log an error about that.
    fn drop(&mut self) {
        let deadline = Instant::now() + Threads::SHUTDOWN_TIMEOUT;
        if let Some(function) = self.function.take() {
            function.abort();
            while !function.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
