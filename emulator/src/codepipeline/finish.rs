//! Ends an action or a whole execution by command, which tests and scripts use in place of real actions.

use serde::Deserialize;

use super::declaration::Declaration;
use super::execution::Execution;
use super::state::State;

/// The actions that a command ends, and their outcome.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// The pipeline.
    pub pipeline: String,
    /// The execution; by default the newest that runs.
    pub execution: Option<String>,
    /// The last action that ends. By default the command ends all actions with success, or the current one with an
    /// error.
    pub action: Option<String>,
    /// The stage of the action, if several stages have an action with its name.
    pub stage: Option<String>,
    /// The error of the action, which fails the execution; without it the action succeeds.
    pub error: Option<String>,
    /// The summary that the action's provider gives.
    pub summary: Option<String>,
    /// The address of the action's run at its provider.
    pub url: Option<String>,
}

/// Ends the actions and returns the execution; an error says why it cannot.
pub(super) fn finish(state: &State, command: &Finish) -> Result<Execution, String> {
    let mut shared = state.lock();
    let pipeline = shared.pipeline(&command.pipeline).map_err(|error| error.message)?;
    let asked = |it: &&Execution| command.execution.as_ref().map_or_else(|| it.is_running(), |id| it.id == *id);
    let id = pipeline.executions.iter().rev().find(asked).map(|execution| execution.id.clone());
    let found = id.and_then(|id| pipeline.execution(&id));
    let (execution, declaration) = found.ok_or_else(|| match &command.execution {
        Some(id) => format!("pipeline {} has no execution {id}", command.pipeline),
        None => format!("no execution of pipeline {} is in progress", command.pipeline),
    })?;
    if !execution.is_running() {
        return Err(format!("execution {} has ended: {:?}", execution.id, execution.status));
    }
    execution.advance(declaration, std::time::Duration::ZERO, true);
    end_actions(execution, declaration, command)?;
    Ok(execution.clone())
}

fn end_actions(execution: &mut Execution, declaration: &Declaration, command: &Finish) -> Result<(), String> {
    let last = last_action(declaration, command)?;
    let current = execution.actions.len();
    let last = match (last, &command.error) {
        (Some(last), _) if last + 1 < current => {
            return Err(format!("action {:?} has ended", declaration.actions[last]));
        }
        (Some(last), _) => last,
        (None, Some(_)) => current - 1,
        (None, None) => declaration.actions.len() - 1,
    };
    while execution.is_running() && execution.actions.len() <= last {
        execution.step(declaration);
    }
    for run in execution.running_actions() {
        run.summary.clone_from(&command.summary);
        run.url.clone_from(&command.url);
    }
    match &command.error {
        Some(error) if execution.is_running() => execution.fail(error),
        None if execution.is_running() => execution.step(declaration),
        _ => {}
    }
    Ok(())
}

/// Returns the index of the action that the command names.
fn last_action(declaration: &Declaration, command: &Finish) -> Result<Option<usize>, String> {
    let Some(action) = &command.action else {
        return match &command.stage {
            Some(stage) => Err(format!("the command names stage {stage} without an action")),
            None => Ok(None),
        };
    };
    let is_named = |(stage, name): &(String, String)| {
        name == action && command.stage.as_ref().is_none_or(|wanted| wanted == stage)
    };
    let found = declaration.actions.iter().position(is_named);
    found.map(Some).ok_or_else(|| format!("pipeline {} has no action {action}", command.pipeline))
}
