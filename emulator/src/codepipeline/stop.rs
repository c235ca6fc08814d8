//! `StopPipelineExecution`.

use serde_json::{Value, json};

use super::execution::{ActionStatus, Execution, Status};
use super::input::{ANY, EXECUTION_ID, Field, NAME};
use super::state::State;
use crate::error::ServiceError;

pub(super) fn stop(state: &State, input: &Field<'_>) -> Result<Value, ServiceError> {
    let name = input.text("pipelineName", 1..=100, &NAME)?;
    let id = input.text("pipelineExecutionId", 0..=usize::MAX, &EXECUTION_ID)?;
    let abandon = input.flag("abandon")?;
    let reason = input.optional_text("reason", 0..=200, &ANY)?;
    input.check()?;
    let mut shared = state.lock();
    let pipeline = shared.pipeline(name)?;
    let execution = pipeline.executions.iter_mut().find(|it| it.id == id && it.is_running());
    let execution = execution.ok_or_else(|| not_stoppable(name, id))?;
    if execution.status == Status::Stopping && !abandon {
        return Err(duplicated(name, id));
    }
    request_stop(execution, abandon, reason);
    Ok(json!({ "pipelineExecutionId": id }))
}

/// Abandons the action in progress, or leaves it to the execution's progress to stop after this action.
fn request_stop(execution: &mut Execution, abandon: bool, reason: Option<&str>) {
    execution.stop_reason = reason.filter(|reason| !reason.is_empty()).map(str::to_owned);
    if abandon {
        execution.running_actions().for_each(|action| action.end(ActionStatus::Abandoned));
        execution.set_status(Status::Stopped);
    } else {
        execution.set_status(Status::Stopping);
    }
}

fn not_stoppable(name: &str, id: &str) -> ServiceError {
    let message = format!(
        "The pipeline execution with ID '{id}' in '{name}' can't be stopped now. Either it does not exist in the pipeline, \
         or the pipeline execution has no action executions in progress."
    );
    ServiceError::new("PipelineExecutionNotStoppableException", message)
}

fn duplicated(name: &str, id: &str) -> ServiceError {
    let message = format!(
        "The execution with ID {id} in {name} is already in a stopping state. If you already chose to stop and wait, you \
         cannot make that request again. You can choose to stop and abandon now, but be aware that this option can lead to \
         failed actions. If you already chose to stop and abandon, you cannot make that request again."
    );
    ServiceError::new("DuplicatedStopRequestException", message)
}
