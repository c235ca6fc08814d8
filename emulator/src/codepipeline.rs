//! CodePipeline: pipelines, and their executions with the revisions that they took from S3.
//!
//! The answers follow recordings of the service. Where a comment says "not recorded", the behavior is an assumption.
//!
//! # Differs from CodePipeline
//! - No action runs: after the source actions, all others succeed at once. Tests can hold executions in progress
//!   and end their actions by command.
//! - A polling source starts the pipeline once, at its creation. Later versions, events and schedules do not.
//! - An execution takes its revisions at the start, and no artifact is copied.
//! - An execution does not supersede or wait for another.
//! - A CodeCommit source has a revision only if the start gives one.
//! - Stages in other accounts or regions, and conditions of stages, are stored without effect.
//! - A token is known as long as its pipeline.

mod action_runs;
mod declaration;
mod execution;
mod finish;
mod input;
mod page;
mod pipeline;
mod pipelines;
mod progress;
mod references;
mod revisions;
mod settings;
mod show;
mod start;
mod state;
mod state_changes;
mod stop;
mod timestamp;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub use self::execution::{ActionRun, ActionStatus, Execution, Revision, StartCause, Status};
pub use self::finish::Finish;
use self::input::{Field, Violations};
pub use self::settings::StartRate;
use self::state::State;
pub(crate) use self::state_changes::StateChange;
use crate::error::ServiceError;
use crate::s3::Store;

/// The service with its pipelines.
pub struct CodePipeline {
    state: State,
}

impl CodePipeline {
    /// Returns a service without pipelines whose S3 sources read from `s3`.
    pub fn new(s3: Arc<Store>) -> Self {
        Self { state: State::new(s3) }
    }

    /// Answers one operation of the JSON protocol.
    #[expect(clippy::unused_async, reason = "all services are called alike")]
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        let violations = Violations::default();
        let (state, input) = (&self.state, Field::root(&input, &violations));
        match operation {
            "CreatePipeline" => pipelines::create(state, &input),
            "GetPipeline" => pipelines::get(state, &input),
            "UpdatePipeline" => pipelines::update(state, &input),
            "DeletePipeline" => pipelines::delete(state, &input),
            "ListPipelines" => pipelines::list(state, &input),
            "StartPipelineExecution" => start::start(state, &input),
            "StopPipelineExecution" => stop::stop(state, &input),
            "GetPipelineExecution" => show::get(state, &input),
            "ListPipelineExecutions" => show::list(state, &input),
            "ListActionExecutions" => action_runs::list(state, &input),
            _ => Err(ServiceError::not_modeled(format!("CodePipeline's {operation}"))),
        }
    }

    /// Creates a pipeline that does not start, from an input of `CreatePipeline`.
    pub fn create_idle(&self, input: &Value) -> Result<(), ServiceError> {
        let violations = Violations::default();
        pipelines::create_idle(&self.state, &Field::root(input, &violations))
    }

    /// Returns the executions of a pipeline, the oldest first, without the visibility lag.
    pub fn executions(&self, pipeline: &str) -> Vec<Execution> {
        let shared = self.state.lock();
        shared.pipelines.get(pipeline).map(|it| it.executions.clone()).unwrap_or_default()
    }

    /// Keeps executions in progress after their source actions, or lets all of them end.
    pub fn hold_executions(&self, hold: bool) {
        let mut shared = self.state.lock();
        shared.settings.hold = hold;
        shared.advance();
    }

    /// Ends actions of an execution and returns the execution; an error says why the command does not apply.
    pub fn finish(&self, command: &Finish) -> Result<Execution, String> {
        finish::finish(&self.state, command)
    }

    /// Returns the changes of executions since the last call.
    pub(crate) fn take_state_changes(&self) -> Vec<StateChange> {
        state_changes::take(&self.state)
    }

    /// Sets the maximum number of concurrent executions of a pipeline.
    pub fn limit_executions(&self, limit: usize) {
        self.state.lock().settings.limit = limit;
    }

    /// Sets the time from a start until operations show the execution.
    pub fn set_visibility_lag(&self, lag: Duration) {
        self.state.lock().settings.visibility_lag = lag;
    }

    /// Sets the duration of source actions.
    pub fn set_source_duration(&self, duration: Duration) {
        self.state.lock().settings.source_duration = duration;
    }

    /// Throttles `StartPipelineExecution` beyond a rate; `None` admits all starts.
    pub fn throttle_starts(&self, rate: Option<StartRate>) {
        self.state.lock().settings.throttle_starts(rate);
    }
}
