//! One Lambda function: a queue of invocations, the runtime that asks for them, and the child that is this runtime.
//!
//! # Differs from Lambda
//! One child runs one invocation at a time; Lambda starts more. An asynchronous invocation is retried after a moment, not
//! after minutes.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, oneshot, watch};
use uuid::Uuid;

/// The two retries of an asynchronous invocation; Lambda waits about one minute and two.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(400)];
/// Between the end of a child and the start of the next.
const RESTART_DELAY: Duration = Duration::from_millis(100);

/// What the function answered, or the error that Lambda reports with `X-Amz-Function-Error`.
pub(crate) type Outcome = Result<Bytes, Bytes>;

/// An event that nobody waited for, as a trigger sends it, and what became of it in the last of its attempts.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What was sent.
    pub event: Value,
    /// What the function answered.
    pub outcome: Result<Value, FunctionError>,
}

/// A function that failed: what Lambda hands to whoever invoked it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function failed: {payload}")]
pub struct FunctionError {
    /// The error as the runtime reported it, with `errorType` and `errorMessage`.
    pub payload: Value,
}

pub(crate) struct Lambda {
    timeout: Duration,
    state: Mutex<State>,
    arrived: Notify,
    /// Counts the children that ended, so that what a dead one still asks for is not answered.
    generation: watch::Sender<u64>,
    overdue: Notify,
    ready: AtomicBool,
    /// The process of the child that runs, or 0.
    child: AtomicU32,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Invocation>,
    running: HashMap<String, oneshot::Sender<Outcome>>,
    init_error: Option<Bytes>,
    deliveries: Vec<Delivery>,
}

/// An event on its way to the function.
pub(crate) struct Invocation {
    pub(crate) id: String,
    pub(crate) payload: Bytes,
    reply: oneshot::Sender<Outcome>,
}

/// An event in the runtime's hands, and when it must be done.
pub(crate) struct Next {
    pub(crate) id: String,
    pub(crate) payload: Bytes,
    pub(crate) deadline: SystemTime,
}

impl Lambda {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            state: Mutex::default(),
            arrived: Notify::new(),
            generation: watch::Sender::default(),
            overdue: Notify::new(),
            ready: AtomicBool::new(false),
            child: AtomicU32::new(0),
        }
    }

    /// Invokes the function and waits for its answer.
    pub(crate) async fn invoke(&self, payload: Bytes) -> Outcome {
        let (reply, mut outcome) = oneshot::channel();
        let id = Uuid::new_v4().to_string();
        self.state().queue.push_back(Invocation { id: id.clone(), payload, reply });
        self.arrived.notify_one();
        let first = tokio::time::timeout(self.timeout, &mut outcome).await;
        let outcome = match first {
            Ok(outcome) => outcome,
            Err(_) if self.withdraw(&id) => {
                return Err(error("Emulator.NoRuntime", "no runtime asked for the event"));
            }
            Err(_) => outcome.await, // it was taken later; its own deadline ends it
        };
        outcome.unwrap_or_else(|_| Err(error("Emulator.Ended", "the emulator ends")))
    }

    /// Invokes the function without waiting, with Lambda's two retries.
    pub(crate) fn send(self: &Arc<Self>, event: Value) {
        let lambda = Arc::clone(self);
        tokio::spawn(async move {
            let payload = Bytes::from(event.to_string());
            let mut outcome = lambda.invoke(payload.clone()).await;
            for delay in RETRY_DELAYS {
                if outcome.is_err() {
                    tokio::time::sleep(delay).await;
                    outcome = lambda.invoke(payload.clone()).await;
                }
            }
            let outcome = outcome.map_err(FunctionError::from).and_then(|payload| answer(&payload));
            lambda.state().deliveries.push(Delivery { event, outcome });
        });
    }

    /// Events that were sent without waiting and are through, in the order in which they were.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    /// Events that failed in all their attempts.
    pub(crate) fn dead_letters(&self) -> Vec<Value> {
        let deliveries = self.deliveries().into_iter();
        deliveries.filter(|delivery| delivery.outcome.is_err()).map(|delivery| delivery.event).collect()
    }

    /// The process of the function's child, while there is one.
    pub(crate) fn process_id(&self) -> Option<u32> {
        Some(self.child.load(Ordering::Relaxed)).filter(|&id| id != 0)
    }

    /// Waits for an event to run; `None` when the child that asked is gone.
    pub(crate) async fn next(self: &Arc<Self>) -> Option<Next> {
        self.ready.store(true, Ordering::Relaxed);
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

    /// Takes the function's answer; false when no such invocation is running.
    pub(crate) fn finish(&self, id: &str, outcome: Outcome) -> bool {
        let reply = self.state().running.remove(id);
        reply.map(|reply| reply.send(outcome)).is_some()
    }

    /// Takes the report of a runtime that could not start.
    pub(crate) fn init_failed(&self, report: Bytes) {
        self.state().init_error = Some(report);
    }

    /// Keeps a child alive that asks for events; one that ends fails what it had in hands.
    pub(crate) async fn supervise(self: Arc<Self>, command: impl Fn() -> Command) {
        loop {
            self.ready.store(false, Ordering::Relaxed);
            let ended = self.run_child(command()).await;
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
                Err(error) => format!("Runtime was lost: {error}"),
            },
            () = self.overdue.notified() => {
                let killed = child.kill().await;
                format!("Runtime was ended after its deadline{}", killed.err().map(|e| format!(": {e}")).unwrap_or_default())
            }
        }
    }

    fn fail_running(&self, ended: &str) {
        let running = std::mem::take(&mut self.state().running);
        for (id, reply) in running {
            let _gone = reply.send(Err(exit_error(&id, ended)));
        }
    }

    /// A runtime that never asks for an event costs the next event, as on Lambda, and is then tried again.
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Bytes> for FunctionError {
    fn from(report: Bytes) -> Self {
        let text = || Value::from(String::from_utf8_lossy(&report));
        Self { payload: serde_json::from_slice(&report).unwrap_or_else(|_| text()) }
    }
}

/// What a function answered, which is JSON as far as Lambda's users can tell.
pub(crate) fn answer(payload: &Bytes) -> Result<Value, FunctionError> {
    serde_json::from_slice(payload).map_err(|error| FunctionError { payload: error.to_string().into() })
}

fn exit_error(id: &str, ended: &str) -> Bytes {
    error("Runtime.ExitError", &format!("RequestId: {id} Error: {ended}"))
}

fn error(error_type: &str, message: &str) -> Bytes {
    json!({ "errorType": error_type, "errorMessage": message }).to_string().into()
}
