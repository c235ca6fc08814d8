//! One Lambda function: the queue of invocations, the runtime that polls it, and the child process of this runtime.
//!
//! # Differs from Lambda
//! - One child process runs one invocation at a time; Lambda starts more processes.
//! - An asynchronous invocation is retried within a second, not after minutes.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, oneshot, watch};
use uuid::Uuid;

use crate::account::{FUNCTION, function_arn, role_arn};

/// The delays before the two retries of an asynchronous invocation; Lambda waits about one and two minutes.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(400)];
/// The delay between the exit of a child process and the start of the next.
const RESTART_DELAY: Duration = Duration::from_millis(100);

/// The function's answer, or the error that Lambda reports with `X-Amz-Function-Error`.
pub(crate) type Outcome = Result<Bytes, Bytes>;

/// An asynchronous event and the outcome of its last attempt.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event.
    pub event: Value,
    /// The function's answer.
    pub outcome: Result<Value, FunctionError>,
}

/// The error of a function that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function failed: {payload}")]
pub struct FunctionError {
    /// The runtime's report, with `errorType` and `errorMessage`.
    pub payload: Value,
}

pub(crate) struct Lambda {
    timeout: Duration,
    /// The function's own environment variables.
    variables: Vec<(String, String)>,
    state: Mutex<Invocations>,
    arrived: Notify,
    /// The number of child processes that exited; a change ends the polls of a dead process.
    generation: watch::Sender<u64>,
    overdue: Notify,
    ready: AtomicBool,
    /// True while the child polls for its next event.
    waiting: AtomicBool,
    /// The process ID of the running child, or 0.
    child: AtomicU32,
}

#[derive(Default)]
struct Invocations {
    queue: VecDeque<Invocation>,
    running: HashMap<String, oneshot::Sender<Outcome>>,
    init_error: Option<Bytes>,
    deliveries: Vec<Delivery>,
}

/// An event in the queue.
pub(crate) struct Invocation {
    pub(crate) id: String,
    pub(crate) payload: Bytes,
    reply: oneshot::Sender<Outcome>,
}

/// An event that the runtime received, with its deadline.
pub(crate) struct Next {
    pub(crate) id: String,
    pub(crate) payload: Bytes,
    pub(crate) deadline: SystemTime,
}

/// A poll in progress. It also ends when the connection of the poll does.
struct Poll<'a>(&'a AtomicBool);

impl<'a> Poll<'a> {
    fn begin(waiting: &'a AtomicBool) -> Self {
        waiting.store(true, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Lambda {
    pub(crate) fn new(timeout: Duration, variables: Vec<(String, String)>) -> Self {
        Self {
            timeout,
            variables,
            state: Mutex::default(),
            arrived: Notify::new(),
            generation: watch::Sender::default(),
            overdue: Notify::new(),
            ready: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            child: AtomicU32::new(0),
        }
    }

    /// Invokes the function and waits for its answer.
    pub(crate) async fn invoke(&self, payload: Bytes) -> Outcome {
        self.attempt(Uuid::new_v4().to_string(), payload).await
    }

    /// Returns the function's configuration, as `GetFunctionConfiguration` shows it.
    pub(crate) fn configuration(&self) -> Value {
        let variables: serde_json::Map<String, Value> =
            self.variables.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        json!({
            "FunctionName": FUNCTION,
            "FunctionArn": function_arn(),
            "Role": role_arn(),
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Timeout": self.timeout.as_secs(),
            "Version": "$LATEST",
            "Environment": { "Variables": variables },
            "State": "Active",
        })
    }

    /// Invokes the function under a request ID.
    async fn attempt(&self, id: String, payload: Bytes) -> Outcome {
        let outcome = self.enqueue(&id, payload);
        self.outcome(id, outcome).await
    }

    /// Puts an event into the queue of the runtime.
    fn enqueue(&self, id: &str, payload: Bytes) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        self.state().queue.push_back(Invocation { id: id.to_owned(), payload, reply });
        self.arrived.notify_one();
        outcome
    }

    /// Waits for the outcome of an event, or until no runtime took it in time.
    async fn outcome(&self, id: String, mut outcome: oneshot::Receiver<Outcome>) -> Outcome {
        let first = tokio::time::timeout(self.timeout, &mut outcome).await;
        let outcome = match first {
            Ok(outcome) => outcome,
            Err(_) if self.withdraw(&id) => {
                return Err(error("Emulator.NoRuntime", "no runtime took the event within the timeout"));
            }
            Err(_) => outcome.await, // a runtime took it meanwhile, and its deadline ends it
        };
        outcome.unwrap_or_else(|_| Err(error("Emulator.Ended", "the emulator is shutting down")))
    }

    /// Invokes the function without waiting, with Lambda's two retries, which have the request ID of the first attempt.
    pub(crate) fn send(self: &Arc<Self>, event: Value) {
        let lambda = Arc::clone(self);
        let (id, payload) = (Uuid::new_v4().to_string(), Bytes::from(event.to_string()));
        let first = self.enqueue(&id, payload.clone());
        tokio::spawn(async move {
            let mut outcome = lambda.outcome(id.clone(), first).await;
            for delay in RETRY_DELAYS {
                if outcome.is_err() {
                    tokio::time::sleep(delay).await;
                    outcome = lambda.attempt(id.clone(), payload.clone()).await;
                }
            }
            let outcome = outcome.map_err(FunctionError::from).and_then(|payload| answer(&payload));
            lambda.state().deliveries.push(Delivery { event, outcome });
        });
    }

    /// Returns the finished asynchronous events, in the order in which they finished.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    /// Returns the events that failed in every attempt.
    pub(crate) fn dead_letters(&self) -> Vec<Value> {
        let deliveries = self.deliveries().into_iter();
        deliveries.filter(|delivery| delivery.outcome.is_err()).map(|delivery| delivery.event).collect()
    }

    /// Returns the process ID of the child while it runs.
    pub(crate) fn process_id(&self) -> Option<u32> {
        Some(self.child.load(Ordering::Relaxed)).filter(|&id| id != 0)
    }

    /// Returns whether the child polls for its next event, so that it has done all of the last one.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits for the next event; returns `None` if the child that polls has exited.
    pub(crate) async fn next(self: &Arc<Self>) -> Option<Next> {
        self.ready.store(true, Ordering::Relaxed);
        let _poll = Poll::begin(&self.waiting);
        let mut generation = self.generation.subscribe();
        loop {
            if let Some(invocation) = self.take() {
                return Some(self.start(invocation));
            }
            tokio::select! {
                () = self.arrived.notified() => {}
                _ = generation.changed() => return None,
            }
        }
    }

    /// Takes the next event, in place of a runtime that polls.
    pub(crate) fn take_next(self: &Arc<Self>) -> Option<Next> {
        self.take().map(|invocation| self.start(invocation))
    }

    /// Records the outcome of an invocation; returns false if it is not running.
    pub(crate) fn finish(&self, id: &str, outcome: Outcome) -> bool {
        let reply = self.state().running.remove(id);
        reply.map(|reply| reply.send(outcome)).is_some()
    }

    /// Records the error report of a runtime that failed to start.
    pub(crate) fn init_failed(&self, report: Bytes) {
        self.state().init_error = Some(report);
    }

    /// Runs the child and restarts it when it exits; an exit fails the invocations in flight, and is told.
    pub(crate) async fn supervise(self: Arc<Self>, command: impl Fn() -> Command, tell: impl Fn(&str)) {
        loop {
            self.ready.store(false, Ordering::Relaxed);
            let ended = self.run_child(command()).await;
            tell(&ended);
            self.generation.send_modify(|generation| *generation += 1);
            self.fail_running(&ended);
            if self.ready.load(Ordering::Relaxed) {
                tokio::time::sleep(RESTART_DELAY).await;
            } else {
                self.fail_next(&ended).await;
            }
        }
    }

    async fn run_child(&self, mut command: Command) -> String {
        let mut child = match command.kill_on_drop(true).spawn() {
            Ok(child) => child,
            Err(error) => return format!("the function cannot be started: {error}"),
        };
        self.child.store(child.id().unwrap_or(0), Ordering::Relaxed);
        let ended = self.ended(&mut child).await;
        self.child.store(0, Ordering::Relaxed);
        ended
    }

    async fn ended(&self, child: &mut Child) -> String {
        tokio::select! {
            status = child.wait() => match status {
                Ok(status) => format!("Runtime exited with {status}"),
                Err(error) => format!("Runtime status is unknown: {error}"),
            },
            () = self.overdue.notified() => {
                let killed = child.kill().await;
                format!("Runtime was killed after its deadline{}", killed.err().map(|e| format!(": {e}")).unwrap_or_default())
            }
        }
    }

    fn fail_running(&self, ended: &str) {
        let running = std::mem::take(&mut self.state().running);
        for (id, reply) in running {
            let _gone = reply.send(Err(exit_error(&id, ended)));
        }
    }

    /// Fails the next event because the runtime exited before it polled, as Lambda does; then it is started again.
    async fn fail_next(&self, ended: &str) {
        loop {
            if let Some(invocation) = self.take() {
                let report = self.state().init_error.take();
                let _gone = invocation.reply.send(Err(report.unwrap_or_else(|| exit_error(&invocation.id, ended))));
                return;
            }
            self.arrived.notified().await;
        }
    }

    fn start(self: &Arc<Self>, invocation: Invocation) -> Next {
        let Invocation { id, payload, reply } = invocation;
        self.state().running.insert(id.clone(), reply);
        let (lambda, late) = (Arc::clone(self), id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(lambda.timeout).await;
            let message = format!("Task timed out after {:.2} seconds", lambda.timeout.as_secs_f64());
            if lambda.finish(&late, Err(error("Sandbox.Timedout", &message))) {
                lambda.overdue.notify_waiters();
            }
        });
        Next { id, payload, deadline: SystemTime::now() + self.timeout }
    }

    fn take(&self) -> Option<Invocation> {
        let mut state = self.state();
        std::iter::from_fn(|| state.queue.pop_front()).find(|invocation| !invocation.reply.is_closed())
    }

    fn withdraw(&self, id: &str) -> bool {
        let queue = &mut self.state().queue;
        let length = queue.len();
        queue.retain(|invocation| invocation.id != id);
        queue.len() < length
    }

    fn state(&self) -> MutexGuard<'_, Invocations> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Bytes> for FunctionError {
    fn from(report: Bytes) -> Self {
        let text = || Value::from(String::from_utf8_lossy(&report));
        Self { payload: serde_json::from_slice(&report).unwrap_or_else(|_| text()) }
    }
}

/// Parses a function's answer as JSON.
pub(crate) fn answer(payload: &Bytes) -> Result<Value, FunctionError> {
    serde_json::from_slice(payload).map_err(|error| FunctionError { payload: error.to_string().into() })
}

fn exit_error(id: &str, ended: &str) -> Bytes {
    error("Runtime.ExitError", &format!("RequestId: {id} Error: {ended}"))
}

fn error(error_type: &str, message: &str) -> Bytes {
    json!({ "errorType": error_type, "errorMessage": message }).to_string().into()
}
