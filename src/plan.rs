//! Turns changes and settings into jobs and skipped references, each with its reason. Pure: no call, no clock.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::branches::Branches;
use crate::config::{self, Config};
use crate::event::{Change, ChangeKind};
use crate::names::{Reference, RepositoryArn};
use crate::path_globs::Paths;
use git_archive::object::ObjectId;

/// The plan of one invocation.
#[derive(Debug, Default)]
pub struct Plan {
    /// The branches to deliver, in the order of the event.
    pub jobs: Vec<Job>,
    /// The references that are skipped, with the reasons.
    pub skipped: Vec<Skipped>,
}

/// One branch to archive and start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The repository.
    pub repository: RepositoryArn,
    /// The branch as a full reference.
    pub reference: Reference,
    /// The commit that was pushed.
    pub commit: ObjectId,
    /// The name of the dev pipeline.
    pub pipeline: String,
    /// The S3 source action to use if the pipeline has several.
    pub source_action: Option<String>,
    /// The id of the event.
    pub event_id: String,
    /// The token of the delivery. It is known before anything is uploaded and is the same at every delivery of the
    /// event, so that the pipeline starts only once.
    pub token: Token,
    /// The paths of which the branch must have changed one.
    pub paths: Option<Paths>,
    /// The custom data of the event, for a function that the job is handed over to.
    pub custom_data: Option<String>,
    /// True if a person asked for the run: then a mark such as `[skip ci]` is ignored.
    pub by_hand: bool,
}

impl Job {
    /// Returns the branch's name.
    pub fn branch(&self) -> &str {
        self.reference.branch().unwrap_or(&self.reference.0)
    }
}

impl Job {
    /// Returns this job as skipped.
    pub fn skipped(&self, reason: Reason) -> Skipped {
        let (repository, reference) = (self.repository.name().to_owned(), self.reference.0.clone());
        Skipped { repository, reference, commit: Some(self.commit.to_string()), reason }
    }
}

/// The token of a delivery: 64 hexadecimal digits, which fit `StartPipelineExecution`'s `clientRequestToken`
/// (`[a-zA-Z0-9-]{1,128}`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl Token {
    /// Computes the token from the event and its pipeline: two rules with different settings send one event to two
    /// pipelines.
    pub fn new(
        event_id: &str,
        repository: &RepositoryArn,
        reference: &Reference,
        commit: ObjectId,
        pipeline: &str,
    ) -> Self {
        let mut hasher = Sha256::new();
        for field in [event_id, &repository.arn, &reference.0, &commit.to_string(), pipeline] {
            hasher.update(field.len().to_be_bytes());
            hasher.update(field);
        }
        Self(hex::encode(hasher.finalize()))
    }
}

/// One reference that is skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The repository's name.
    pub repository: String,
    /// The full reference.
    pub reference: String,
    /// The commit, if the event has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The reason.
    pub reason: Reason,
}

/// The reason why a reference is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The reference was deleted.
    Deleted,
    /// The reference is a tag or something else that is not a branch.
    NotABranch,
    /// Somebody tests the trigger.
    TestEvent,
    /// The commit is all zeros, as in an empty repository.
    ZeroCommit,
    /// `BRANCHES` does not select the branch.
    NotSelected,
    /// The branch or the commit was gone before it could be read.
    Gone,
    /// The branch changed nothing that `PATHS` selects.
    PathsNotChanged,
    /// With `SUPERSEDE=on`: the branch has moved on, and the newer push has an event of its own.
    Overtaken,
    /// The branch does not contain the commit: a force push removed it, or the event names another branch's commit.
    NotOnBranch,
    /// No reference leads to the commit any more. Git does not serve such a commit, and the API cannot read its files
    /// over 6 MB.
    Unreachable,
    /// The commit's message says `[skip ci]` or `[ci skip]`.
    SkipCi,
}

/// An event that cannot be planned. Another attempt does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The settings do not allow the event's repository, account or region.
    #[error("events of {arn} are not allowed: see REPOSITORIES")]
    Refused {
        /// The repository's ARN.
        arn: String,
    },
    /// Neither the environment nor the custom data names a pipeline.
    #[error("no pipeline for {repository}: set PIPELINE_NAME, or pipeline_name in the trigger's custom data")]
    NoPipeline {
        /// The repository's name.
        repository: String,
    },
    /// The custom data names a pipeline that the operator did not allow.
    #[error(
        "the custom data of a trigger of {repository} names pipeline {pipeline}, which is not allowed: see PIPELINES"
    )]
    PipelineRefused {
        /// The repository's name.
        repository: String,
        /// The pipeline's name.
        pipeline: String,
    },
    /// The custom data has one of our fields with an invalid value.
    #[error("the custom data of a trigger of {repository}: {field} {reason}")]
    CustomData {
        /// The repository's name.
        repository: String,
        /// The name of the field.
        field: &'static str,
        /// The text that says what is wrong with the value.
        reason: String,
    },
    /// The event says that a branch moved, but not to which commit.
    #[error("the event names no commit for {reference} of {repository}")]
    NoCommit {
        /// The repository's name.
        repository: String,
        /// The full reference.
        reference: String,
    },
}

/// Sorts the changes into jobs and skipped references. A change that cannot be planned does not affect the others.
pub fn plan(changes: Vec<Change>, config: &Config) -> (Plan, Vec<(Change, PlanError)>) {
    let (mut plan, mut failed) = (Plan::default(), Vec::new());
    let mut seen = HashSet::new();
    for change in changes {
        let Change { repository, reference, commit, custom_data, .. } = &change;
        if !seen.insert((repository.clone(), reference.clone(), *commit, custom_data.clone())) {
            continue;
        }
        match decide(&change, config) {
            Ok(Decision::Deliver(job)) => plan.jobs.push(*job),
            Ok(Decision::Skip(reason)) => plan.skipped.push(skipped(&change, reason)),
            Err(error) => failed.push((change, error)),
        }
    }
    (plan, failed)
}

enum Decision {
    Deliver(Box<Job>),
    Skip(Reason),
}

fn decide(change: &Change, config: &Config) -> Result<Decision, PlanError> {
    let is_listed = config.repositories.as_ref().is_none_or(|allowed| allowed.allow(&change.repository));
    if !is_listed || (config.reads_each_account() && !change.repository.has_account()) {
        return Err(PlanError::Refused { arn: change.repository.arn.clone() });
    }
    let Some(branch) = change.reference.branch() else {
        return Ok(Decision::Skip(Reason::NotABranch));
    };
    match change.kind {
        ChangeKind::Tested => return Ok(Decision::Skip(Reason::TestEvent)),
        ChangeKind::Deleted => return Ok(Decision::Skip(Reason::Deleted)),
        ChangeKind::Created | ChangeKind::Updated => {}
    }
    let overrides = Overrides::of(change)?;
    // Custom data can only narrow the operator's settings.
    if !config.branches.select(branch) || !overrides.select(change, branch)? {
        return Ok(Decision::Skip(Reason::NotSelected));
    }
    let repository = || change.repository.name().to_owned();
    let commit = change
        .commit
        .ok_or_else(|| PlanError::NoCommit { repository: repository(), reference: change.reference.0.clone() })?;
    if commit.is_null() {
        return Ok(Decision::Skip(Reason::ZeroCommit));
    }
    if let Some(pipeline) =
        overrides.pipeline_name.as_ref().filter(|name| !config.allows_pipeline(name, change.repository.name()))
    {
        return Err(PlanError::PipelineRefused { repository: repository(), pipeline: pipeline.clone() });
    }
    // `SOURCE_ACTION` does not apply to a pipeline that the custom data names.
    let source_action = if overrides.pipeline_name.is_some() { None } else { config.source_action.clone() };
    let pipeline = overrides
        .pipeline_name
        .or_else(|| config.pipeline_of(change.repository.name()))
        .ok_or_else(|| PlanError::NoPipeline { repository: repository() })?;
    Ok(Decision::Deliver(Box::new(Job {
        token: Token::new(&change.event_id, &change.repository, &change.reference, commit, &pipeline),
        repository: change.repository.clone(),
        reference: change.reference.clone(),
        commit,
        pipeline,
        source_action: overrides.source_action.or(source_action),
        event_id: change.event_id.clone(),
        paths: overrides.paths.or_else(|| config.paths.clone()),
        custom_data: change.custom_data.clone(),
        by_hand: false,
    })))
}

fn skipped(change: &Change, reason: Reason) -> Skipped {
    Skipped {
        repository: change.repository.name().to_owned(),
        reference: change.reference.0.clone(),
        commit: change.commit.map(|commit| commit.to_string()),
        reason,
    }
}

/// The settings in a trigger's custom data. They narrow the function's own.
#[derive(Debug, Default)]
struct Overrides {
    pipeline_name: Option<String>,
    source_action: Option<String>,
    branches: Option<Branches>,
    paths: Option<Paths>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CustomData {
    pipeline_name: Option<String>,
    source_action: Option<String>,
    branches: Option<String>,
    paths: Option<String>,
}

impl Overrides {
    /// Returns whether the custom data selects the branch.
    fn select(&self, change: &Change, branch: &str) -> Result<bool, PlanError> {
        let decided = self.branches.as_ref().map_or(Ok(true), |globs| globs.decide(branch));
        decided.map_err(|error| PlanError::CustomData {
            repository: change.repository.name().to_owned(),
            field: "branches",
            reason: error.to_string(),
        })
    }

    /// Custom data that is not a JSON object is not for this function and is ignored.
    fn of(change: &Change) -> Result<Self, PlanError> {
        let text = change.custom_data.as_deref().unwrap_or_default();
        let Ok(object) = serde_json::from_str::<serde_json::Map<String, Value>>(text) else {
            return Ok(Self::default());
        };
        let fault =
            |field, reason| PlanError::CustomData { repository: change.repository.name().to_owned(), field, reason };
        // An empty value counts as unset, as in the environment.
        let object: Value = object.into_iter().filter(|(_, value)| *value != "").collect();
        let data: CustomData = serde_json::from_value(object).map_err(|error| fault("as JSON", error.to_string()))?;
        let check = |field, value: Option<String>| {
            value.map(|value| config::pipeline_name(&value).map_err(|reason| fault(field, reason))).transpose()
        };
        Ok(Self {
            pipeline_name: check("pipeline_name", data.pipeline_name)?,
            source_action: check("source_action", data.source_action)?,
            branches: data
                .branches
                .map(|globs| globs.parse().map_err(|reason| fault("branches", reason)))
                .transpose()?,
            paths: data.paths.map(|globs| globs.parse().map_err(|reason| fault("paths", reason))).transpose()?,
        })
    }
}
