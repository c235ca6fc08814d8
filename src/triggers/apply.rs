//! A repository's triggers are brought to a goal.
//!
//! `PutRepositoryTriggers` replaces all triggers of all owners and has no concurrency token. So a call reads the list
//! again just before the write, and compares everything with the branches again after it: it ends only when nothing was
//! left to do after its last write. Concurrent calls therefore agree in the end, whichever wrote last. One gap remains:
//! between the last read and the write another owner's change can be lost. [`Applied`] holds the list as it was.

use std::collections::BTreeSet;

use aws_sdk_codecommit::Client;

use super::calls::{self, Snapshot, Tip};
use super::difference::Difference;
use super::error::TriggersError;
use super::goal::{Goal, Selects};
use super::reconcile::Warning;
use super::trigger::{Trigger, TriggerSettings};

/// Writes without success before a call gives up. Each loss means that somebody else made progress.
const ATTEMPTS: u32 = 10;

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// All triggers as they were found, for the log.
    pub before: Vec<Trigger>,
    /// All triggers as they are now; of a preview, as they would be.
    pub after: Vec<Trigger>,
    /// How many times the list was written.
    pub writes: u32,
    /// Selected branches whose pushes no trigger of ours reported when the call began. Empty without a lifecycle
    /// function.
    pub newly_covered: Vec<String>,
    /// The newly covered branches that still exist, with their tips read after the write. Only [`reconcile`] reads
    /// them.
    pub tips: Vec<Tip>,
    /// What works, but not as one would wish.
    pub warnings: Vec<Warning>,
}

impl Applied {
    /// What changed, or would change.
    pub fn difference(&self) -> Difference {
        Difference::between(&self.before, &self.after)
    }
}

/// Keeps a repository connected, and reads the tips of the branches that were not covered before.
///
/// A push between a branch's creation and its trigger fires nothing: the caller compares the tips with the commit of
/// its event, and where a retried or overtaken call found nothing to do asks for its event's branches by `tips`.
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

/// Connects a function to a repository, see [`Goal::connected`].
pub async fn connect(
    client: &Client,
    repository: &str,
    settings: &TriggerSettings,
    selects: Selects<'_>,
) -> Result<Applied, TriggersError> {
    apply(client, repository, &Goal::connected(settings, selects)).await
}

/// Removes our triggers, and only ours.
pub async fn disconnect(
    client: &Client,
    repository: &str,
    settings: &TriggerSettings,
) -> Result<Applied, TriggersError> {
    apply(client, repository, &Goal::disconnected(settings)).await
}

/// What [`apply`] would do, without doing it.
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

/// Brings a repository's triggers to a goal, and returns when they were seen there.
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
