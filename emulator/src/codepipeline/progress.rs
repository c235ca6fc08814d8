//! The progress of an execution: from the source actions through the other stages to its end.

use std::time::Duration;

use super::declaration::Declaration;
use super::execution::{ActionRun, ActionStatus, Execution, Status};

/// The error of a source action whose bucket has no object at its key.
const NO_OBJECT: &str =
    "Could not access the Amazon S3 object. Make sure that the names of the bucket and object are both correct.";

impl Execution {
    /// Advances a running execution: ends its source actions after `source_duration`, and then the others unless they
    /// are held.
    pub(super) fn advance(&mut self, declaration: &Declaration, source_duration: Duration, hold: bool) {
        if !self.is_running() || self.clock.elapsed() < source_duration {
            return;
        }
        self.end_sources(declaration);
        while self.is_running() && (!hold || self.running_actions().next().is_none()) {
            self.step(declaration);
        }
    }

    /// Returns true once the source actions have ended, after which their revisions are visible.
    pub(super) fn has_revisions(&self, declaration: &Declaration) -> bool {
        let sources = self.actions.iter().take(declaration.sources.len());
        sources.into_iter().all(|run| run.status != ActionStatus::InProgress)
    }

    /// Returns true if the visibility lag has passed since the start.
    pub(super) fn is_visible(&self, lag: Duration) -> bool {
        self.clock.elapsed() >= lag
    }

    /// Ends the action in progress with success and starts the next one, or ends the execution after the last.
    pub(super) fn step(&mut self, declaration: &Declaration) {
        self.running_actions().for_each(|action| action.end(ActionStatus::Succeeded));
        if self.status == Status::Stopping {
            return self.set_status(Status::Stopped);
        }
        match declaration.actions.get(self.actions.len()) {
            Some((stage, action)) => self.actions.push(ActionRun::new(stage, action)),
            None => self.set_status(Status::Succeeded),
        }
    }

    /// Ends the action in progress with an error, and the execution with it.
    pub(super) fn fail(&mut self, error: &str) {
        for action in self.running_actions() {
            action.end(ActionStatus::Failed);
            action.error = Some(error.to_owned());
        }
        // Not recorded: the end of an execution that is stopping when its action fails.
        self.set_status(if self.status == Status::Stopping { Status::Stopped } else { Status::Failed });
    }

    fn end_sources(&mut self, declaration: &Declaration) {
        let sources = declaration.sources.iter().zip(&mut self.actions);
        let mut failed = false;
        for (source, run) in sources.filter(|(_, run)| run.status == ActionStatus::InProgress) {
            let found = source.provider != "S3" || self.revisions.iter().any(|it| it.action == source.action);
            failed |= !found;
            run.end(if found { ActionStatus::Succeeded } else { ActionStatus::Failed });
            run.error = (!found).then(|| NO_OBJECT.to_owned());
        }
        if failed {
            self.set_status(Status::Failed);
        }
    }
}
