//! The goal of a call: the triggers that a repository should have, and the plan to reach them.

use super::error::TriggersError;
use super::reconcile::{self, TriggerPlan, Warning};
use super::trigger::{Trigger, TriggerSettings};

/// The predicate that selects the branches for which triggers are needed.
pub type Selects<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

/// The triggers that a repository should have after a call.
#[derive(Clone, Copy)]
pub struct Goal<'a> {
    connect: Option<(&'a TriggerSettings, Selects<'a>)>,
    disconnect: Option<&'a TriggerSettings>,
    refuse_second_route: bool,
}

impl<'a> Goal<'a> {
    /// Connects the function. Fails if another owner's trigger already invokes the same function, unless ours already
    /// exists too.
    pub fn connected(settings: &'a TriggerSettings, selects: Selects<'a>) -> Self {
        Goal { refuse_second_route: true, ..Goal::reconciled(settings, selects) }
    }

    /// Keeps the function connected. A second route is a warning.
    pub fn reconciled(settings: &'a TriggerSettings, selects: Selects<'a>) -> Self {
        Goal { connect: Some((settings, selects)), disconnect: None, refuse_second_route: false }
    }

    /// Removes all our triggers.
    pub fn disconnected(settings: &'a TriggerSettings) -> Self {
        Goal { connect: None, disconnect: Some(settings), refuse_second_route: false }
    }

    /// Also removes triggers with these former settings, in the same write.
    #[must_use]
    pub fn replacing(self, former: &'a TriggerSettings) -> Self {
        Goal { disconnect: Some(former), ..self }
    }

    pub(super) fn needs_branches(&self) -> bool {
        self.connect.is_some_and(|(settings, _)| settings.lifecycle_arn.is_some())
    }

    pub(super) fn plan(
        &self,
        repository: &str,
        existing: &[Trigger],
        branches: &[String],
    ) -> Result<TriggerPlan, TriggersError> {
        let stays = |t: &&Trigger| {
            self.connect.is_some_and(|(settings, _)| settings.owns(t))
                || !self.disconnect.is_some_and(|former| former.owns(t))
        };
        let kept: Vec<Trigger> = existing.iter().filter(stays).cloned().collect();
        let Some((settings, selects)) = self.connect else {
            let triggers = (kept != existing).then_some(kept);
            return Ok(TriggerPlan { triggers, newly_covered: Vec::new(), warnings: Vec::new() });
        };
        let mut plan = reconcile::plan(&kept, branches, settings, &|branch| selects(branch))
            .map_err(|source| TriggersError::Impossible { repository: repository.to_owned(), source })?;
        if self.refuse_second_route && !kept.iter().any(|trigger| settings.owns(trigger)) {
            refuse_second_route(repository, &plan)?;
        }
        if kept.len() < existing.len() {
            plan.triggers.get_or_insert(kept);
        }
        Ok(plan)
    }
}

fn refuse_second_route(repository: &str, plan: &TriggerPlan) -> Result<(), TriggersError> {
    let route = plan.warnings.iter().find_map(|warning| match warning {
        Warning::SecondRoute { trigger } => Some(trigger.clone()),
        _ => None,
    });
    route.map_or(Ok(()), |trigger| Err(TriggersError::SecondRoute { repository: repository.to_owned(), trigger }))
}
