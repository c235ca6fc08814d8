//! Lifecycle: with `BRANCH_TRIGGERS=on`, a branch that appears or goes has its repository trigger added or removed.

use std::collections::BTreeSet;

use crate::config::{Config, Repositories};
use crate::error::{Failed, StepError};
use crate::event::{Change, What};
use crate::names::{Reference, RepositoryArn};
use crate::plan::{Job, Token};
use crate::triggers::{self, Goal, TriggerSettings};
use codecommit::aws::{Aws, CallError};
use codecommit::source::SourceError;
use git_archive::object::ObjectId;

/// Brings the triggers to the branches, for each repository of which the changes say that a branch appeared or went. What moved
/// before its trigger was there is a job of its own.
pub(crate) async fn follow(
    config: &Config,
    aws: &Aws,
    own_arn: &str,
    changes: &[Change],
    jobs: &mut Vec<Job>,
) -> Vec<Failed> {
    let mut failed = Vec::new();
    let mut done = BTreeSet::new();
    for change in changes.iter().filter(|change| matches!(change.what, What::Created | What::Deleted)) {
        let allowed = config.repositories.as_ref().is_none_or(|all| all.allow(&change.repository));
        if !allowed || change.reference.branch().is_none() || !done.insert(change.repository.arn.clone()) {
            continue;
        }
        let created = created_in(&change.repository, changes);
        match reconciled(config, aws, own_arn, &change.repository, &created).await {
            Ok(tips) => match moved(change, tips, jobs) {
                Ok(moved) => jobs.extend(moved),
                Err(error) => failed.push(Failed::new(&change.repository, &change.reference, error)),
            },
            Err(error) => failed.push(Failed::new(&change.repository, &change.reference, error)),
        }
    }
    failed
}

/// Brings the triggers of all repositories in the settings to their branches, as the schedule wants it.
pub(crate) async fn follow_all(config: &Config, aws: &Aws, own_arn: &str) -> Vec<Failed> {
    let mut failed = Vec::new();
    let repositories = config.repositories.iter().flat_map(Repositories::names);
    for name in repositories {
        let repository = RepositoryArn { arn: format!("arn:aws:codecommit:::{name}") };
        if let Err(error) = reconciled(config, aws, own_arn, &repository, &[]).await {
            failed.push(Failed::new(&repository, &Reference("every branch".to_owned()), error));
        }
    }
    failed
}

/// The branches of the event that are new: each may have moved before its trigger was there, also if an earlier delivery of the
/// event or another call has made the trigger.
fn created_in(repository: &RepositoryArn, changes: &[Change]) -> Vec<String> {
    let created = changes.iter().filter(|change| change.what == What::Created && change.repository == *repository);
    created.filter_map(|change| change.reference.branch()).map(str::to_owned).collect()
}

/// Brings the triggers to the branches, and then reads where these branches point.
async fn reconciled(
    config: &Config,
    aws: &Aws,
    own_arn: &str,
    repository: &RepositoryArn,
    created: &[String],
) -> Result<Vec<triggers::Tip>, StepError> {
    let lifecycle = &config.lifecycle;
    let settings = TriggerSettings {
        prefix: lifecycle.prefix.clone(),
        updates_arn: lifecycle.function_arn.clone().unwrap_or_else(|| own_arn.to_owned()),
        lifecycle_arn: Some(own_arn.to_owned()),
        custom_data: None,
    };
    let branches = config.branches.clone();
    let selects = move |branch: &str| branches.select(branch);
    let failed = |source| StepError::Triggers { repository: repository.name().to_owned(), source };
    let client = &aws.codecommit;
    let goal = Goal::reconciled(&settings, &selects);
    let applied = triggers::apply(client, repository.name(), &goal).await.map_err(failed)?;
    let difference = applied.difference();
    if !difference.is_empty() {
        tracing::info!(outcome = "triggers", repository = repository.name(), %difference, before = ?applied.before);
    }
    for warning in &applied.warnings {
        tracing::warn!(repository = repository.name(), ?warning, "triggers");
    }
    triggers::tips(client, repository.name(), created).await.map_err(failed)
}

/// The branches that point elsewhere than their jobs say, as jobs of the same event: no trigger told of that push.
fn moved(change: &Change, tips: Vec<triggers::Tip>, jobs: &[Job]) -> Result<Vec<Job>, StepError> {
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
            let token = Token::new(&change.event_id, &job.repository, &reference, commit);
            moved.push(Job { commit, token, ..job.clone() });
        }
    }
    Ok(moved)
}
