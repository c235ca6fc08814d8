//! The calls to `CodeCommit`: branches, triggers and tips of a repository.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use aws_sdk_codecommit::Client;
use aws_sdk_codecommit::types::RepositoryTrigger;
use codecommit::aws::CallError;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::error::TriggersError;
use super::trigger::Trigger;

/// The number of tips read at the same time: high enough to hide latency, low enough to avoid throttling.
const TIPS_AT_ONCE: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Returns all triggers of a repository, of all owners.
pub async fn list(client: &Client, repository: &str) -> Result<Vec<Trigger>, TriggersError> {
    Ok(Snapshot::read(client, repository).await?.triggers)
}

/// Returns the tips of these branches, without branches that are gone.
pub async fn tips(client: &Client, repository: &str, branches: &[String]) -> Result<Vec<Tip>, TriggersError> {
    let tips = stream::iter(branches.to_vec()).map(|branch| tip(client, repository, branch)).buffered(TIPS_AT_ONCE);
    tips.try_filter_map(async |tip| Ok(tip)).try_collect().await
}

/// The tip of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// The branch's name.
    pub branch: String,
    /// The commit that it points to.
    pub commit: String,
}

/// The triggers of a repository at one moment.
pub(super) struct Snapshot {
    pub(super) triggers: Vec<Trigger>,
    /// An id that changes with every write.
    pub(super) configuration_id: Option<String>,
}

impl Snapshot {
    pub(super) async fn read(client: &Client, repository: &str) -> Result<Self, TriggersError> {
        let sent = client.get_repository_triggers().repository_name(repository).send().await;
        let answer = sent.map_err(|error| TriggersError::Read {
            repository: repository.to_owned(),
            source: CallError::new("GetRepositoryTriggers", error),
        })?;
        Ok(Snapshot {
            triggers: answer.triggers.unwrap_or_default().into_iter().map(Trigger::from).collect(),
            configuration_id: answer.configuration_id,
        })
    }
}

pub(super) async fn branches(client: &Client, repository: &str) -> Result<Vec<String>, TriggersError> {
    let pages = client.list_branches().repository_name(repository).into_paginator().items().send();
    let branches: Result<Vec<String>, _> = pages.collect().await;
    branches.map_err(|error| TriggersError::Branches {
        repository: repository.to_owned(),
        source: CallError::new("ListBranches", error),
    })
}

/// Replaces all triggers. Returns false if others used up the repository's triggers meanwhile: a new plan may still
/// fit.
pub(super) async fn write(client: &Client, repository: &str, wanted: Vec<Trigger>) -> Result<bool, TriggersError> {
    let failed = |source| TriggersError::Write { repository: repository.to_owned(), source };
    let triggers: Result<Vec<RepositoryTrigger>, _> = wanted.into_iter().map(RepositoryTrigger::try_from).collect();
    let triggers = triggers.map_err(|error| failed(CallError::malformed("PutRepositoryTriggers", error)))?;
    let request = client.put_repository_triggers().repository_name(repository).set_triggers(Some(triggers));
    match request.send().await.map_err(|error| CallError::new("PutRepositoryTriggers", error)) {
        Ok(_) => Ok(true),
        Err(call) if call.is(&["MaximumRepositoryTriggersExceededException"]) => Ok(false),
        Err(call) => Err(failed(call)),
    }
}

/// Waits before another attempt, longer each time. The pause is random between a half and the whole, so that two
/// writers do not collide again.
pub(super) async fn pause(attempt: u32) {
    let longest = PAUSE.saturating_mul(1 << attempt.min(10)).min(PAUSE_MAX);
    let chance = u32::try_from(RandomState::new().hash_one(attempt) % 1_000).unwrap_or_default();
    tokio::time::sleep(longest / 2 + longest * chance / 2_000).await;
}

async fn tip(client: &Client, repository: &str, branch: String) -> Result<Option<Tip>, TriggersError> {
    let sent = client.get_branch().repository_name(repository).branch_name(&branch).send().await;
    match sent.map_err(|error| CallError::new("GetBranch", error)) {
        Ok(answer) => {
            let commit = answer.branch.and_then(|info| info.commit_id);
            Ok(commit.map(|commit| Tip { branch, commit }))
        }
        Err(call) if call.is(&["BranchDoesNotExistException"]) => Ok(None),
        Err(source) => Err(TriggersError::Tip { repository: repository.to_owned(), branch, source }),
    }
}
