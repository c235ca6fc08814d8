//! Changes a repository's triggers until they reach a goal.
//!
//! `PutRepositoryTriggers` replaces all triggers of all owners and has no concurrency token. A call therefore reads the
//! list again just before the write, and compares the triggers with the branches again after it. It ends only when this
//! comparison finds no more to change. Concurrent calls therefore reach the same result, in any order of writes. One
//! gap remains: another owner's change between the last read and the write can be lost. [`Applied::before`] has the
//! list that was replaced.

use std::collections::BTreeSet;

use aws_sdk_codecommit::Client;

use super::calls::{self, Snapshot, Tip};
use super::difference::Difference;
use super::error::TriggersError;
use super::goal::{Goal, Selects};
use super::reconcile::Warning;
use super::trigger::{Trigger, TriggerSettings};

/// The number of lost writes before a call gives up. Each loss means that another writer made progress.
const ATTEMPTS: u32 = 10;

/// The result of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// All triggers before the call, for the log.
    pub before: Vec<Trigger>,
    /// All triggers after the call. In a preview, the triggers that the call would write.
    pub after: Vec<Trigger>,
    /// The number of writes of the list.
    pub writes: u32,
    /// Selected branches whose pushes were not reported by our triggers when the call began. Empty without a
    /// lifecycle function.
    pub newly_covered: Vec<String>,
    /// The newly covered branches that still exist, with their tips read after the write. Only [`reconcile`] fills
    /// this.
    pub tips: Vec<Tip>,
    /// Warnings about triggers that work with limits.
    pub warnings: Vec<Warning>,
}

impl Applied {
    /// Returns the change that was made, or would be made.
    pub fn difference(&self) -> Difference {
        Difference::between(&self.before, &self.after)
    }
}

/// Keeps a repository connected, and reads the tips of the branches that were not covered before.
///
/// A push between a branch's creation and its trigger fires nothing, so the caller compares the tips with the commit
/// of its event. A call that is retried or comes second may find nothing to do. Its caller reads the tips of the
/// event's branches with `tips`.
pub async fn reconcile(
    client: &Client,
    repository: &str,
    settings: &TriggerSettings,
    selects: Selects<'_>,
) -> Result<Applied, TriggersError> {
    let applied = apply(client, repository, &Goal::reconciled(settings, selects)).await?;
    let tips = calls::tips(client, repository, &applied.newly_covered).await?;
    Ok(Applied { tips, ..applied })
}

/// Connects a function to a repository. See [`Goal::connected`].
pub async fn connect(
    client: &Client,
    repository: &str,
    settings: &TriggerSettings,
    selects: Selects<'_>,
) -> Result<Applied, TriggersError> {
    apply(client, repository, &Goal::connected(settings, selects)).await
}

/// Removes our triggers and keeps all others.
pub async fn disconnect(
    client: &Client,
    repository: &str,
    settings: &TriggerSettings,
) -> Result<Applied, TriggersError> {
    apply(client, repository, &Goal::disconnected(settings)).await
}

/// Returns the changes that [`apply`] would make, without making them.
pub async fn preview(client: &Client, repository: &str, goal: &Goal<'_>) -> Result<Applied, TriggersError> {
    let Snapshot { triggers: before, .. } = Snapshot::read(client, repository).await?;
    let branches = branches(client, repository, goal).await?;
    let plan = goal.plan(repository, &before, &branches)?;
    Ok(Applied {
        after: plan.triggers.unwrap_or_else(|| before.clone()),
        before,
        writes: 0,
        newly_covered: plan.newly_covered,
        tips: Vec::new(),
        warnings: plan.warnings,
    })
}

/// Changes a repository's triggers until a read shows that they reached the goal.
pub async fn apply(client: &Client, repository: &str, goal: &Goal<'_>) -> Result<Applied, TriggersError> {
    let mut current = Snapshot::read(client, repository).await?;
    let before = current.triggers.clone();
    let mut newly_covered = BTreeSet::new();
    let mut writes = 0;
    for attempt in 0..ATTEMPTS {
        let branches = branches(client, repository, goal).await?;
        let plan = goal.plan(repository, &current.triggers, &branches)?;
        newly_covered.extend(plan.newly_covered);
        let Some(wanted) = plan.triggers else {
            let (newly_covered, warnings) = (newly_covered.into_iter().collect(), plan.warnings);
            return Ok(Applied { before, after: current.triggers, writes, newly_covered, tips: Vec::new(), warnings });
        };
        let again = Snapshot::read(client, repository).await?;
        let written =
            again.configuration_id == current.configuration_id && calls::write(client, repository, wanted).await?;
        if written {
            writes += 1;
        }
        if attempt > 0 || !written {
            calls::pause(attempt).await;
        }
        current = Snapshot::read(client, repository).await?;
    }
    Err(TriggersError::Contended { repository: repository.to_owned(), attempts: ATTEMPTS })
}

async fn branches(client: &Client, repository: &str, goal: &Goal<'_>) -> Result<Vec<String>, TriggersError> {
    if goal.needs_branches() { calls::branches(client, repository).await } else { Ok(Vec::new()) }
}
