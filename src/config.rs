//! Settings, read from the environment and checked once. No other module reads environment variables.

use std::fmt;

use crate::authority::{ACCOUNT, PipelineName, Pipelines, Repositories};
use crate::branches::Branches;
use crate::path_globs::Paths;
use codecommit::aws::Concurrency;
use codecommit::source;

/// The settings of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting that is on or off")]
pub struct Config {
    /// `PIPELINE_NAME`: the dev pipeline, unless the trigger's custom data names another one. `{repository}` in it
    /// stands for the repository's name.
    pub pipeline_name: Option<PipelineName>,
    /// `PIPELINES`: the pipelines that a trigger's custom data may name. If unset, `PIPELINE_NAME` alone.
    pub pipelines: Option<Pipelines>,
    /// `SOURCE_ACTION`: the S3 source action to use if the pipeline has several.
    pub source_action: Option<String>,
    /// `BRANCHES`: the branches that go through the dev pipeline.
    pub branches: Branches,
    /// `REPOSITORIES`: the repositories whose events are accepted. If unset, all of them.
    pub repositories: Option<Repositories>,
    /// `SOURCE`, `CODECOMMIT_GIT_URL`, `GIT_FROM_REQUESTS`, the function's memory and ephemeral storage: how commits
    /// are read.
    pub source: source::SourceOptions,
    /// `SOURCE_ROLE_ARN`: the role that reads the repository if it is in another account. `{account}` in it stands for
    /// that account.
    pub source_role: Option<String>,
    /// `CACHE`: whether an archive copies unchanged entries from the previous archive.
    pub cache: bool,
    /// `REQUESTS_AT_ONCE`: the most requests to `CodeCommit` in flight.
    pub requests_at_once: usize,
    /// `REUSE_DEFLATE`: whether deflate streams of the commit's pack and of the previous archive are copied.
    pub reuse_deflate: bool,
    /// `COMMIT_INFO`: the path of a JSON file about the commit in the archive.
    pub commit_info: Option<String>,
    /// `SIZE_LIMIT_MIB`: the largest total size of a commit's files, in bytes. Larger commits are refused.
    pub size_limit: Option<u64>,
    /// `WINDOWS_NAMES`: true if names that cause trouble on Windows or macOS are refused, instead of warned of.
    pub refuse_names: bool,
    /// `BRANCH_TRIGGERS`, `TRIGGER_PREFIX`, `TRIGGER_FUNCTION_ARN`: how triggers follow the branches.
    pub lifecycle: Lifecycle,
    /// `PATHS`: a branch runs only if it changed one of these paths since it left the trunk.
    pub paths: Option<Paths>,
    /// `TRUNK`: the branch that others leave from, if it is not the repository's default branch.
    pub trunk: Option<String>,
    /// `SUPERSEDE`: whether the run of a branch's tip stops older runs of the same branch.
    pub supersede: bool,
    /// `REPORT`, `APPROVE`: how a run's result is reported to the branch's pull requests.
    pub reporting: Reporting,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`: the function's memory in bytes.
    pub memory: u64,
}

/// The report of a run's result to pull requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reporting {
    /// No report.
    Off,
    /// The result, as a comment.
    Comment,
    /// The result as a comment, and as the approval state of the revision.
    CommentAndApproval,
}

/// The settings of the repository's triggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// `BRANCH_TRIGGERS`: true if every branch is named in a trigger. If false, one trigger covers all branches, and
    /// the function filters by `BRANCHES`.
    pub branch_triggers: bool,
    /// `TRIGGER_PREFIX`: the first part of our triggers' names.
    pub prefix: String,
    /// `TRIGGER_FUNCTION_ARN`: the function that the triggers invoke. If unset, this function.
    pub function_arn: Option<String>,
}

impl Lifecycle {
    /// Returns whether this function may write triggers: the updates function may not.
    pub fn writes_triggers(&self) -> bool {
        self.branch_triggers || self.function_arn.is_some()
    }

    /// Returns the function that delivers pushes, if that is not this function.
    pub fn other_function(&self, own_arn: &str) -> Option<&str> {
        self.function_arn.as_deref().filter(|arn| *arn != own_arn)
    }
}

/// Every invalid setting, reported together so that all can be fixed at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub Vec<InvalidSetting>);

/// One setting and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSetting {
    /// The name of the environment variable.
    pub setting: &'static str,
    /// The text that says what is wrong with the value.
    pub reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<String> = self.0.iter().map(|one| format!("{} {}", one.setting, one.reason)).collect();
        write!(f, "wrong settings: {}", reasons.join("; "))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the settings of this process.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads the settings through `lookup`. An empty value counts as unset.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut settings = Environment { lookup, invalid: Vec::new() };
        let memory = settings.checked("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", mebibytes).unwrap_or(512 << 20);
        let config = Self {
            pipeline_name: settings.checked("PIPELINE_NAME", str::parse),
            pipelines: settings.checked("PIPELINES", str::parse),
            source_action: settings.checked("SOURCE_ACTION", action_name),
            branches: settings.checked("BRANCHES", str::parse).unwrap_or_default(),
            repositories: settings.checked("REPOSITORIES", str::parse),
            source: settings.source(memory),
            source_role: settings.checked("SOURCE_ROLE_ARN", |arn| an_arn(arn, "iam")),
            cache: settings.checked("CACHE", on_or_off).unwrap_or(true),
            requests_at_once: settings
                .checked("REQUESTS_AT_ONCE", requests_at_once)
                .unwrap_or_else(|| Concurrency::default().most),
            reuse_deflate: settings.checked("REUSE_DEFLATE", on_or_off).unwrap_or(true),
            commit_info: settings.checked("COMMIT_INFO", relative_path),
            size_limit: settings.checked("SIZE_LIMIT_MIB", mebibytes),
            refuse_names: settings.checked("WINDOWS_NAMES", warn_or_refuse).unwrap_or(false),
            paths: settings.checked("PATHS", str::parse),
            trunk: settings.checked("TRUNK", branch_name),
            supersede: settings.checked("SUPERSEDE", on_or_off).unwrap_or(false),
            reporting: settings.reporting(),
            lifecycle: Lifecycle {
                branch_triggers: settings.checked("BRANCH_TRIGGERS", on_or_off).unwrap_or(false),
                prefix: settings
                    .checked("TRIGGER_PREFIX", trigger_prefix)
                    .unwrap_or_else(|| "codecommit-multibranch".into()),
                function_arn: settings.checked("TRIGGER_FUNCTION_ARN", |arn| an_arn(arn, "lambda")),
            },
            memory,
        };
        if settings.invalid.is_empty() { Ok(config) } else { Err(ConfigError(settings.invalid)) }
    }
}

impl Config {
    /// Returns the pipeline of this repository, unless its trigger's custom data names another one.
    pub fn pipeline_of(&self, repository: &str) -> Option<String> {
        self.pipeline_name.as_ref().map(|name| name.of(repository))
    }

    /// Returns whether this pipeline may run pushes of this repository. `*` stands for any repository.
    pub fn allows_pipeline(&self, pipeline: &str, repository: &str) -> bool {
        self.pipeline_name.as_ref().is_some_and(|name| name.is(pipeline, repository))
            || self.pipelines.as_ref().is_some_and(|pipelines| pipelines.allow(pipeline, repository))
    }

    /// Returns how the source key of every pipeline of this repository must begin, or `None` if any key will do. Where
    /// one function serves several repositories, no repository can start the pipeline of another one.
    pub fn key_prefix(&self, account: &str, repository: &str) -> Option<String> {
        let each = self.pipeline_name.as_ref().is_some_and(PipelineName::is_for_each_repository);
        // Without a list and without a choice, somebody has connected one fixed pipeline by hand.
        let may_choose = || self.pipelines.is_some() || each;
        let of_several = self.repositories.as_ref().map_or_else(may_choose, Repositories::are_several);
        let prefix = if self.reads_each_account() {
            // Two accounts may have repositories of the same name.
            format!("{account}/{repository}/")
        } else {
            format!("{repository}/")
        };
        of_several.then_some(prefix)
    }

    /// Returns whether a repository is read with a role of its own account.
    pub fn reads_each_account(&self) -> bool {
        self.source_role.as_ref().is_some_and(|role| role.contains(ACCOUNT))
    }

    /// Returns how many bytes may be held between the source and the archive: a quarter of the function's memory. For
    /// a moment, a file is in memory as received, decoded and compressed, and the parts of the upload need memory
    /// too.
    pub fn budget(&self) -> u64 {
        self.memory / 4
    }
}

/// Returns whether this process is the stack's lifecycle function, even if its settings are invalid. Only that
/// function has `TRIGGER_FUNCTION_ARN`.
pub fn is_lifecycle() -> bool {
    std::env::var_os("TRIGGER_FUNCTION_ARN").is_some_and(|arn| !arn.is_empty())
}

struct Environment<L> {
    lookup: L,
    invalid: Vec<InvalidSetting>,
}

impl<L: Fn(&str) -> Option<String>> Environment<L> {
    fn source(&mut self, memory: u64) -> source::SourceOptions {
        let defaults = source::SourceOptions::default();
        source::SourceOptions {
            mode: self.checked("SOURCE", str::parse).unwrap_or_default(),
            git_url: self.checked("CODECOMMIT_GIT_URL", http_url),
            git_from_requests: self.checked("GIT_FROM_REQUESTS", count).unwrap_or(defaults.git_from_requests),
            memory: memory / 2,
            ..defaults
        }
    }

    fn reporting(&mut self) -> Reporting {
        let report = self.checked("REPORT", on_or_off).unwrap_or(false);
        let approve = self.checked("APPROVE", on_or_off).unwrap_or(false);
        match (report, approve) {
            (false, _) => Reporting::Off,
            (true, false) => Reporting::Comment,
            (true, true) => Reporting::CommentAndApproval,
        }
    }

    fn checked<T>(&mut self, setting: &'static str, check: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let value = (self.lookup)(setting).filter(|value| !value.trim().is_empty())?;
        check(value.trim()).map_err(|reason| self.invalid.push(InvalidSetting { setting, reason })).ok()
    }
}

/// Checks a pipeline name against the names that `CodePipeline` allows.
pub fn pipeline_name(value: &str) -> Result<String, String> {
    named(value, "a pipeline's name")
}

fn action_name(value: &str) -> Result<String, String> {
    named(value, "an action's name")
}

fn named(value: &str, what: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".@-_".contains(c);
    if value.len() <= 100 && value.chars().all(allowed) {
        return Ok(value.to_owned());
    }
    Err(format!("is {value:?}, which is not {what}: 1 to 100 of letters, digits and .@-_"))
}

fn branch_name(value: &str) -> Result<String, String> {
    if value.starts_with("refs/") || value.contains(char::is_whitespace) {
        return Err(format!("is {value:?}, which is not the name of a branch"));
    }
    Ok(value.to_owned())
}

fn on_or_off(value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("is {value:?}, which is neither on nor off")),
    }
}

/// Returns whether to refuse.
fn warn_or_refuse(value: &str) -> Result<bool, String> {
    match value {
        "warn" => Ok(false),
        "refuse" => Ok(true),
        _ => Err(format!("is {value:?}, which is neither warn nor refuse")),
    }
}

fn an_arn(value: &str, service: &str) -> Result<String, String> {
    let fields: Vec<&str> = value.splitn(6, ':').collect();
    if fields.len() == 6 && fields[0] == "arn" && fields[2] == service {
        return Ok(value.to_owned());
    }
    Err(format!("is {value:?}, which is not an ARN of {service}"))
}

fn relative_path(value: &str) -> Result<String, String> {
    let proper = value.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if proper { Ok(value.to_owned()) } else { Err(format!("is {value:?}, which is not a path within the archive")) }
}

fn trigger_prefix(value: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if value.len() <= 80 && value.chars().all(allowed) {
        return Ok(value.to_owned());
    }
    Err(format!("is {value:?}, which cannot begin a trigger's name: 1 to 80 of letters, digits and ._-"))
}

fn http_url(value: &str) -> Result<String, String> {
    if value.starts_with("https://") || value.starts_with("http://") {
        return Ok(value.to_owned());
    }
    Err(format!("is {value:?}, which is not an http(s) address"))
}

fn count(value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| format!("is {value:?}, which is not a number"))
}

fn requests_at_once(value: &str) -> Result<usize, String> {
    let number = count(value)?;
    if (1..=1000).contains(&number) { Ok(number) } else { Err(format!("is {value:?}, which is not 1 to 1000")) }
}

fn mebibytes(value: &str) -> Result<u64, String> {
    let size = value.parse::<u64>().ok().and_then(|size| size.checked_mul(1 << 20));
    size.ok_or_else(|| format!("is {value:?}, which is not a number of MiB"))
}
