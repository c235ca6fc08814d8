//! Lifecycle: a repository's triggers brought to what they should be.
//!
//! `PutRepositoryTriggers` replaces all triggers of all owners and has no concurrency token. So the list is read again just before
//! the write, and after it everything is compared anew with the branches of that moment: a call ends only when there was nothing
//! left to do after its last write. Hence concurrent calls agree in the end, whichever wrote last. What remains is the instant
//! between the last reading and the write, in which another owner's change could be lost: the list as it was is in [`Outcome`].

use std::collections::BTreeSet;

use aws_sdk_codecommit::Client;

mod api;
pub mod custom_resource;
mod difference;
mod error;
pub mod reconcile;
mod trigger;

pub use api::{list, tips};
pub use difference::Difference;
pub use error::TriggersError;
pub use reconcile::Warning;
pub use trigger::{BRANCHES_MAX, Event, Settings, TRIGGERS_MAX, Trigger};

use api::Snapshot;
use reconcile::Plan;

/// Writes in vain before a call gives up. Each loss means that somebody else made progress.
const ATTEMPTS: u32 = 10;

/// Which branches are to be covered.
pub type Selects<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

/// What a repository's triggers should become.
#[derive(Clone, Copy)]
pub struct Goal<'a> {
    connect: Option<(&'a Settings, Selects<'a>)>,
    disconnect: Option<&'a Settings>,
    refuse_second_route: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// All triggers as they were found, for the log.
    pub before: Vec<Trigger>,
    /// All triggers as they are now; of a preview, as they would be.
    pub after: Vec<Trigger>,
    /// How many times the list was written.
    pub writes: u32,
    /// Selected branches whose pushes no trigger of ours reported when the call began. Empty without a lifecycle function.
    pub newly_covered: Vec<String>,
    /// The newly covered branches that still exist, with their tips read after the write. Only [`reconcile()`] reads them.
    pub tips: Vec<Tip>,
    /// What works, but not as one would wish.
    pub warnings: Vec<Warning>,
}

/// Where a branch points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// The branch.
    pub branch: String,
    /// Its commit.
    pub commit: String,
}

impl Outcome {
    /// What changed, or would change.
    pub fn difference(&self) -> Difference {
        Difference::between(&self.before, &self.after)
    }
}

impl<'a> Goal<'a> {
    /// Connected anew: refused where a trigger of others already leads to the same function, unless ours stands beside it already.
    pub fn connected(settings: &'a Settings, selects: Selects<'a>) -> Self {
        Goal { refuse_second_route: true, ..Goal::reconciled(settings, selects) }
    }

    /// Kept connected: a second route is a warning.
    pub fn reconciled(settings: &'a Settings, selects: Selects<'a>) -> Self {
        Goal { connect: Some((settings, selects)), disconnect: None, refuse_second_route: false }
    }

    /// None of ours left.
    pub fn disconnected(settings: &'a Settings) -> Self {
        Goal { connect: None, disconnect: Some(settings), refuse_second_route: false }
    }

    /// Triggers of these former settings go, in the same write.
    #[must_use]
    pub fn replacing(self, former: &'a Settings) -> Self {
        Goal { disconnect: Some(former), ..self }
    }

    fn needs_branches(&self) -> bool {
        self.connect.is_some_and(|(settings, _)| settings.lifecycle_arn.is_some())
    }

    fn plan(&self, repository: &str, existing: &[Trigger], branches: &[String]) -> Result<Plan, TriggersError> {
        let stays = |t: &&Trigger| {
            self.connect.is_some_and(|(settings, _)| settings.owns(t))
                || !self.disconnect.is_some_and(|former| former.owns(t))
        };
        let kept: Vec<Trigger> = existing.iter().filter(stays).cloned().collect();
        let Some((settings, selects)) = self.connect else {
            let triggers = (kept != existing).then_some(kept);
            return Ok(Plan { triggers, newly_covered: Vec::new(), warnings: Vec::new() });
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

/// Keeps a repository connected, and reads the tips of the branches that were not covered before.
///
/// A push between a branch's creation and its trigger fires nothing: the caller compares the tips with the commit of its event,
/// and where a retried or overtaken call found nothing to do asks for its event's branches by [`tips`].
pub async fn reconcile(
    client: &Client,
    repository: &str,
    settings: &Settings,
    selects: Selects<'_>,
) -> Result<Outcome, TriggersError> {
    let outcome = apply(client, repository, &Goal::reconciled(settings, selects)).await?;
    let tips = tips(client, repository, &outcome.newly_covered).await?;
    Ok(Outcome { tips, ..outcome })
}

/// Connects a function to a repository, see [`Goal::connected`].
pub async fn connect(
    client: &Client,
    repository: &str,
    settings: &Settings,
    selects: Selects<'_>,
) -> Result<Outcome, TriggersError> {
    apply(client, repository, &Goal::connected(settings, selects)).await
}

/// Removes our triggers, and only ours.
pub async fn disconnect(client: &Client, repository: &str, settings: &Settings) -> Result<Outcome, TriggersError> {
    apply(client, repository, &Goal::disconnected(settings)).await
}

/// What [`apply`] would do, without doing it.
pub async fn preview(client: &Client, repository: &str, goal: &Goal<'_>) -> Result<Outcome, TriggersError> {
    let Snapshot { triggers: before, .. } = Snapshot::read(client, repository).await?;
    let branches = branches(client, repository, goal).await?;
    let plan = goal.plan(repository, &before, &branches)?;
    Ok(Outcome {
        after: plan.triggers.unwrap_or_else(|| before.clone()),
        before,
        writes: 0,
        newly_covered: plan.newly_covered,
        tips: Vec::new(),
        warnings: plan.warnings,
    })
}

/// Brings a repository's triggers to a goal, and returns when they were seen there.
pub async fn apply(client: &Client, repository: &str, goal: &Goal<'_>) -> Result<Outcome, TriggersError> {
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
            return Ok(Outcome { before, after: current.triggers, writes, newly_covered, tips: Vec::new(), warnings });
        };
        let again = Snapshot::read(client, repository).await?;
        let written =
            again.configuration_id == current.configuration_id && api::write(client, repository, wanted).await?;
        if written {
            writes += 1;
        }
        if attempt > 0 || !written {
            api::pause(attempt).await;
        }
        current = Snapshot::read(client, repository).await?;
    }
    Err(TriggersError::Contended { repository: repository.to_owned(), attempts: ATTEMPTS })
}

async fn branches(client: &Client, repository: &str, goal: &Goal<'_>) -> Result<Vec<String>, TriggersError> {
    if goal.needs_branches() { api::branches(client, repository).await } else { Ok(Vec::new()) }
}

fn refuse_second_route(repository: &str, plan: &Plan) -> Result<(), TriggersError> {
    let route = plan.warnings.iter().find_map(|warning| match warning {
        Warning::SecondRoute { trigger } => Some(trigger.clone()),
        _ => None,
    });
    route.map_or(Ok(()), |trigger| Err(TriggersError::SecondRoute { repository: repository.to_owned(), trigger }))
}
