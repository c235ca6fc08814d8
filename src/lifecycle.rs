//! The lifecycle of triggers. With `BRANCH_TRIGGERS=on`, the function adds a repository trigger for a new branch and
//! removes the trigger of a deleted one. On a schedule, in both modes, it checks the triggers and repairs them.

use std::collections::BTreeSet;

use crate::authority::Repositories;
use crate::config::Config;
use crate::custom_resource::{self, Stack};
use crate::error::{Failed, StepError};
use crate::event::{Change, ChangeKind, EventError, Schedule};
use crate::metrics::Line;
use crate::names::{Reference, RepositoryArn};
use crate::plan::{Job, Token};
use crate::triggers::{self, Applied, Difference, Goal, TriggerSettings, TriggersError};
use codecommit::aws::{Aws, CallError};
use codecommit::causes::with_causes;
use codecommit::source::SourceError;
use git_archive::object::ObjectId;

/// Updates the triggers of each repository in which a branch was created or deleted. A new branch that moved before
/// its trigger existed becomes a job of its own.
pub(crate) async fn follow(
    config: &Config,
    aws: &Aws,
    own_arn: &str,
    changes: &[Change],
    jobs: &mut Vec<Job>,
) -> Vec<Failed> {
    let mut failed = Vec::new();
    let mut done = BTreeSet::new();
    for change in changes.iter().filter(|change| matches!(change.kind, ChangeKind::Created | ChangeKind::Deleted)) {
        let allowed = config.repositories.as_ref().is_none_or(|all| all.allow(&change.repository));
        if !allowed || change.reference.branch().is_none() || !done.insert(change.repository.arn.clone()) {
            continue;
        }
        let created = created_in(&change.repository, changes);
        match update_triggers_and_read_tips(config, aws, own_arn, change.repository.name(), &created).await {
            Ok(tips) => match jobs_of_moved_branches(change, tips, jobs) {
                Ok(moved) => jobs.extend(moved),
                Err(error) => failed.push(Failed::new(&change.repository, &change.reference, error)),
            },
            Err(error) => failed.push(Failed::new(&change.repository, &change.reference, error)),
        }
    }
    failed
}

/// Checks triggers and repairs them: those of all repositories that the settings name in full, or those of one project.
/// A metric reports a repository that may have missed pushes.
pub(crate) async fn check(
    config: &Config,
    aws: &Aws,
    own_arn: &str,
    schedule: &Schedule,
) -> Result<Checked, EventError> {
    let mut checked = Checked::default();
    match (schedule, Stack::of(config, own_arn)) {
        (Schedule::Project(properties), Some(stack)) => {
            let (repository, settings) = custom_resource::checked(properties, &stack)?;
            checked.check(config, aws, &settings, &repository).await;
        }
        (Schedule::Project(_), None) => return Err(EventError::new("check", "is for the lifecycle function")),
        (Schedule::Own, _) => {
            let settings = trigger_settings(config, own_arn);
            for name in config.repositories.iter().flat_map(Repositories::names) {
                checked.check(config, aws, &settings, name).await;
            }
        }
    }
    Ok(checked)
}

/// The findings of a scheduled check.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Repositories whose triggers were missing or changed.
    pub(crate) broken: Vec<String>,
    /// Repositories whose triggers could not be repaired.
    pub(crate) failed: Vec<Failed>,
}

impl Checked {
    async fn check(&mut self, config: &Config, aws: &Aws, settings: &TriggerSettings, name: &str) {
        let repository = RepositoryArn { arn: format!("arn:aws:codecommit:::{name}") };
        match reconciled(config, aws, settings, name).await {
            Ok(applied) if misses_pushes(settings, &applied) => self.broken(name, &applied.difference().to_string()),
            Ok(_) => {}
            Err(error) => {
                if error.is_permanent() {
                    self.broken(name, &with_causes(&error));
                }
                self.failed.push(Failed::new(&repository, &Reference("every branch".to_owned()), error));
            }
        }
    }

    fn broken(&mut self, repository: &str, why: &str) {
        Line::route_broken(repository, why).print();
        self.broken.push(repository.to_owned());
    }
}

/// Returns whether the repaired triggers report pushes or new branches. A trigger for a deleted branch misses
/// nothing.
fn misses_pushes(settings: &TriggerSettings, applied: &Applied) -> bool {
    let Difference { added, changed, .. } = applied.difference();
    let missed = if settings.lifecycle_arn.is_some() { !applied.newly_covered.is_empty() } else { !changed.is_empty() };
    missed || !added.is_empty()
}

/// Returns the new branches of the event. Each may have moved before its trigger existed, even if an earlier delivery
/// of the event or another call has already made the trigger.
fn created_in(repository: &RepositoryArn, changes: &[Change]) -> Vec<String> {
    let created =
        changes.iter().filter(|change| change.kind == ChangeKind::Created && change.repository == *repository);
    created.filter_map(|change| change.reference.branch()).map(str::to_owned).collect()
}

/// Returns the triggers that the settings ask for.
fn trigger_settings(config: &Config, own_arn: &str) -> TriggerSettings {
    let lifecycle = &config.lifecycle;
    TriggerSettings {
        prefix: lifecycle.prefix.clone(),
        updates_arn: lifecycle.function_arn.clone().unwrap_or_else(|| own_arn.to_owned()),
        lifecycle_arn: lifecycle.branch_triggers.then(|| own_arn.to_owned()),
        custom_data: None,
    }
}

/// Updates the repository's triggers.
async fn reconciled(
    config: &Config,
    aws: &Aws,
    settings: &TriggerSettings,
    repository: &str,
) -> Result<Applied, StepError> {
    let branches = config.branches.clone();
    let selects = move |branch: &str| branches.select(branch);
    let goal = Goal::reconciled(settings, &selects);
    let applied = triggers::apply(&aws.codecommit, repository, &goal).await.map_err(failed_for(repository))?;
    let difference = applied.difference();
    if !difference.is_empty() {
        tracing::info!(outcome = "triggers", repository, %difference, before = ?applied.before);
    }
    for warning in &applied.warnings {
        tracing::warn!(repository, ?warning, "triggers");
    }
    Ok(applied)
}

fn failed_for(repository: &str) -> impl Fn(TriggersError) -> StepError {
    move |source| StepError::Triggers { repository: repository.to_owned(), source }
}

/// Updates the triggers and then reads the tips of the new branches.
async fn update_triggers_and_read_tips(
    config: &Config,
    aws: &Aws,
    own_arn: &str,
    repository: &str,
    created: &[String],
) -> Result<Vec<triggers::Tip>, StepError> {
    reconciled(config, aws, &trigger_settings(config, own_arn), repository).await?;
    triggers::tips(&aws.codecommit, repository, created).await.map_err(failed_for(repository))
}

/// Returns a job of the same event for each branch whose tip differs from its job's commit: no trigger reported that
/// push.
#[expect(clippy::result_large_err, reason = "it is passed on once, and every other step fails with the same type")]
fn jobs_of_moved_branches(change: &Change, tips: Vec<triggers::Tip>, jobs: &[Job]) -> Result<Vec<Job>, StepError> {
    let mut moved = Vec::new();
    for tip in tips {
        let reference = Reference(format!("refs/heads/{}", tip.branch));
        let Some(job) = jobs.iter().find(|job| job.repository == change.repository && job.reference == reference)
        else {
            continue;
        };
        let commit = ObjectId::from_hex(tip.commit.as_bytes()).map_err(|_| {
            let what = format!("branch {} points to {:?}, which is not a commit id", tip.branch, tip.commit);
            StepError::open(job, SourceError::from(CallError::malformed("GetBranch", what)))
        })?;
        if commit != job.commit {
            let token = Token::new(&change.event_id, &job.repository, &reference, commit, &job.pipeline);
            moved.push(Job { commit, token, ..job.clone() });
        }
    }
    Ok(moved)
}
