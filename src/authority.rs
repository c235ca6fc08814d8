//! The repositories that the function serves, and the pipelines that their pushes may start.

use std::str::FromStr;

use git_archive::wildmatch::{Mode, STEPS, wildmatch};

use crate::names::RepositoryArn;

/// The placeholder in the name of a pipeline, which stands for the repository's name.
const REPOSITORY: &str = "{repository}";
/// The placeholder in the ARN of a role, which stands for the repository's account.
pub const ACCOUNT: &str = "{account}";

/// `*` stops at a slash, which no name has.
const NAMES: Mode = Mode { pathname: true, ignore_case: false };

/// A pipeline's name, as in `PIPELINE_NAME`. It may contain `{repository}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineName(String);

impl PipelineName {
    /// Returns the name of the pipeline of this repository.
    pub fn of(&self, repository: &str) -> String {
        self.0.replace(REPOSITORY, repository)
    }

    /// Returns whether this is the name of the repository's pipeline. `*` stands for any repository.
    pub fn is(&self, pipeline: &str, repository: &str) -> bool {
        matches(&self.of(repository), pipeline)
    }

    /// Returns whether each repository has a pipeline of its own.
    pub fn is_for_each_repository(&self) -> bool {
        self.0.contains(REPOSITORY)
    }
}

impl FromStr for PipelineName {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".@-_".contains(c);
        let beside = value.replace(REPOSITORY, "");
        if beside.len() <= 100 && beside.chars().all(allowed) && !value.is_empty() {
            return Ok(Self(value.to_owned()));
        }
        Err(format!(
            "is {value:?}, which is not a pipeline's name: 1 to 100 of letters, digits and .@-_, and {REPOSITORY}"
        ))
    }
}

/// Globs over pipeline names, separated by commas, as in `PIPELINES`. They may contain `{repository}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipelines(Vec<String>);

impl Pipelines {
    /// Returns whether custom data in an event of this repository may name this pipeline.
    pub fn allow(&self, pipeline: &str, repository: &str) -> bool {
        self.0.iter().any(|glob| matches(&glob.replace(REPOSITORY, repository), pipeline))
    }
}

impl FromStr for Pipelines {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        let globs = listed(value);
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".@-_*?[]".contains(c);
        match globs.iter().find(|glob| !glob.replace(REPOSITORY, "").chars().all(allowed)) {
            Some(glob) => Err(format!("has {glob:?}, which is not a glob over the names of pipelines")),
            None if globs.is_empty() => Err(format!("is {value:?}, which names no pipeline")),
            None => Ok(Self(globs)),
        }
    }
}

/// Repositories by name, or by ARN if the account and the region matter. Both may have `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repositories(Vec<String>);

impl Repositories {
    /// Returns whether events of this repository are accepted.
    pub fn allow(&self, repository: &RepositoryArn) -> bool {
        let subject =
            |glob: &str| if glob.contains(':') { repository.arn.clone() } else { repository.name().to_owned() };
        self.0.iter().any(|glob| matches(glob, &subject(glob)))
    }

    /// Returns whether a repository of this name is among them, in any account.
    pub fn allow_name(&self, name: &str) -> bool {
        self.0.iter().any(|glob| matches(name_in(glob), name))
    }

    /// Returns the names that the list has in full, without those that a wildcard stands for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|glob| name_in(glob)).filter(|name| !has_wildcard(name))
    }

    /// Returns whether there may be more than one.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1 || self.0.iter().any(|glob| has_wildcard(glob))
    }
}

impl FromStr for Repositories {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        let globs = listed(value);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-*?".contains(c);
        let wrong = |glob: &&String| {
            let is_arn = glob.contains(':');
            (is_arn && RepositoryArn::from_arn(glob).is_none()) || !name_in(glob).chars().all(allowed)
        };
        match globs.iter().find(wrong) {
            Some(glob) => Err(format!("has {glob:?}, which is neither a repository's name nor its ARN")),
            None => Ok(Self(globs)),
        }
    }
}

fn name_in(glob: &str) -> &str {
    glob.rsplit(':').next().unwrap_or(glob)
}

fn has_wildcard(glob: &str) -> bool {
    glob.contains(['*', '?'])
}

fn listed(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|one| !one.is_empty()).map(Into::into).collect()
}

fn matches(glob: &str, name: &str) -> bool {
    let mut steps = STEPS;
    wildmatch(glob.as_bytes(), name.as_bytes(), NAMES, &mut steps) == Ok(true)
}
