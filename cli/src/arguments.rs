//! The arguments of the command line. Their spelling is a contract: other programs use it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use codecommit::source::Mode;
use codecommit_multibranch::authority::PipelineName;
use codecommit_multibranch::branches::Branches;

use crate::date;
use crate::extra::{Level, Prefixed};

const AFTER_HELP: &str = "\
Region, credentials, profile and endpoints come from the environment and the files in ~/.aws, as in every AWS tool.
The exit status is 0, or 1 with one line on standard error: what failed, why, and a stable code in parentheses.";

/// The heading in the help for options about AWS.
const AWS: &str = "AWS";
/// The heading in the help for options about the output.
const OUTPUT: &str = "Output";

/// git archive for AWS CodeCommit without Git, and the triggers and pipelines of its branches
#[derive(Debug, Parser)]
#[command(name = "codecommit", version, after_help = AFTER_HELP, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) client: Client,
    /// Print neither progress nor warnings
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    pub(crate) quiet: bool,
    /// Print results as JSON
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options about AWS.
#[derive(Debug, Clone, Args)]
pub(crate) struct Client {
    /// The profile in ~/.aws; its credentials override those of the environment
    #[arg(long, global = true, value_name = "NAME", help_heading = AWS)]
    pub(crate) profile: Option<String>,
    /// The region
    #[arg(long, global = true, value_name = "REGION", help_heading = AWS)]
    pub(crate) region: Option<String>,
    /// The endpoint of all services, instead of AWS's own
    #[arg(long, global = true, value_name = "URL", help_heading = AWS)]
    pub(crate) endpoint_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the zip that git archive makes of a commit
    #[command(after_help = ARCHIVE_HELP)]
    Archive(Box<Archive>),
    /// List, connect, sync or disconnect the triggers that send pushes to the function
    #[command(subcommand)]
    Triggers(Triggers),
    /// Archive a branch and start the dev pipeline on it, as a push to the branch does
    #[command(after_help = START_HELP)]
    Start(Start),
    /// List the last runs of a repository's branches, or wait for the end of one
    #[command(after_help = RUNS_HELP)]
    Runs(Runs),
    /// Check everything that a push needs to run through a pipeline, and say what to fix
    #[command(after_help = DOCTOR_HELP)]
    Doctor(Doctor),
    /// Print the completions for a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages, one for each command
    #[command(after_help = MAN_HELP)]
    Man {
        /// The folder, which is created if it is missing
        folder: PathBuf,
    },
}

const CUSTOM_DATA: &str =
    "The custom data of the events, such as {\"pipeline_name\": \"dev\"}; without it each trigger keeps its own";

const START_HELP: &str = "\
The run is pinned to the commit that the branch has now. [skip ci] in its message has no effect: \
it applies to pushes only.";

const RUNS_HELP: &str = "\
It reads the last hundred executions from CodePipeline and shows those whose variables name the repository.
With --watch the exit status is 0 if the run succeeded, and 1 if it ended otherwise or did not end in time.

Examples:
  codecommit runs project --pipeline dev
  git push && codecommit runs project feature/login --pipeline dev --watch";

const COMPLETIONS_HELP: &str = "\
Examples:
  codecommit completions bash > ~/.local/share/bash-completion/completions/codecommit
  codecommit completions fish > ~/.config/fish/completions/codecommit.fish";

const MAN_HELP: &str = "\
Examples:
  codecommit man ~/.local/share/man/man1
  man codecommit-archive";

const DOCTOR_HELP: &str = "\
The checks use your credentials. What the function may do is simulated by IAM, without its role; see docs/deploy.md.
They start no run and leave nothing behind: an upload is begun and aborted.
Each check is one line: ok, warn or FAIL. The exit status is 1 if a check fails.";

const ARCHIVE_HELP: &str = "\
A tree-ish is a branch, a tag, the full ID of a commit, a full reference name or HEAD; \
~2, ^2, ^{commit} or ^{tree} may follow.
It is resolved once, so that a push at the same time does not mix two commits.

Examples:
  codecommit archive project main -o main.zip
  codecommit archive project v1.0 --prefix=project-1.0/ -9 > project-1.0.zip
  codecommit archive project HEAD -o src.zip -- src ':!src/tests'
  codecommit archive project main --add-virtual-file=version.txt:1.0 | aws s3 cp - s3://bucket/main.zip";

#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// The repository's name
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) repository: String,
    /// The branch, tag or commit to archive
    #[arg(value_name = "TREE-ISH", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) treeish: String,
    /// The paths to archive, from the root; by default all. A pathspec without a match is an error
    #[arg(value_name = "PATHSPEC", value_parser = OsStringValueParser::new().try_map(not_empty))]
    pub(crate) paths: Vec<OsString>,
    /// The file to write, under a temporary name until it is complete; by default standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) prefixed: Prefixed,
    #[command(flatten)]
    pub(crate) level: Level,
    /// Read over the API, over Git, or over whichever is faster: auto, api or git
    #[arg(long, value_name = "SOURCE", default_value = "auto", value_parser = mode)]
    pub(crate) source: Mode,
    /// The time of all entries instead of the commit's: @SECONDS, ISO 8601 or RFC 2822; UTC unless it has a zone
    #[arg(long, value_name = "TIME", value_parser = date::parse)]
    pub(crate) mtime: Option<i64>,
    /// Copy deflate streams that the server made, over Git at level 6: faster, but the same commit may get other bytes
    #[arg(long)]
    pub(crate) reuse_deflate: bool,
    /// Print the entries of the archive instead of writing it
    #[arg(long)]
    pub(crate) list: bool,
    /// The format, which is always zip
    #[arg(long, value_name = "FORMAT", value_parser = ["zip"])]
    pub(crate) format: Option<String>,
    /// The URL that the repository's name is appended to for Git, instead of AWS's own
    #[arg(long, value_name = "URL", env = "CODECOMMIT_GIT_URL", hide_env_values = true, help_heading = AWS)]
    pub(crate) git_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Triggers {
    /// List all triggers of a repository, whoever owns them
    List {
        /// The repository's name
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        repository: String,
    },
    /// Connect a function; refused if another trigger or a rule invokes it already, since each push would start twice
    Connect(Wanted),
    /// Update the function's triggers to the present branches
    Sync(Wanted),
    /// Remove the function's triggers, and no others
    Disconnect(Wanted),
}

/// The function's triggers. Those of others, which differ in name prefix or destination, stay as they are.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The repository's name
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) repository: String,
    /// The ARN of the function that archives and starts
    #[arg(long, value_name = "ARN", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) function: String,
    /// The ARN of the function that keeps a trigger for each branch; without it one trigger serves all branches
    #[arg(long, value_name = "ARN", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lifecycle_function: Option<String>,
    /// The globs of the selected branches, as in the function's setting BRANCHES. With --lifecycle-function these
    /// branches get triggers; otherwise the globs become a part of the custom data
    #[arg(long, value_name = "GLOBS")]
    pub(crate) branches: Option<Branches>,
    /// The custom data of the events; without it each trigger keeps its own
    #[arg(long, value_name = "JSON", help = CUSTOM_DATA)]
    pub(crate) custom_data: Option<String>,
    /// The beginning of the names of the function's triggers
    #[arg(long, value_name = "PREFIX", default_value = "codecommit-multibranch")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) prefix: String,
    /// Print the difference, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The repository's name
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) repository: String,
    /// The branch
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) branch: String,
    /// The pipeline; {repository} in the name stands for the repository's name
    #[arg(long, value_name = "NAME", value_parser = pipeline_name())]
    pub(crate) pipeline: PipelineName,
    /// The pipeline's S3 source action, if it has several
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) source_action: Option<String>,
    /// Wait for the end of the run, at most an hour; any end but success is a failure
    #[arg(long)]
    pub(crate) wait: bool,
    /// The longest time in minutes until the run is started; more than a function has, for what is too large for one
    #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) timeout: u16,
    /// The ID of the event; the same ID starts the same commit only once. By default a new one
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) event_id: Option<String>,
    /// Read over the API, over Git, or over whichever is faster: auto, api or git
    #[arg(long, value_name = "SOURCE", default_value = "auto", value_parser = mode)]
    pub(crate) source: Mode,
    /// The URL that the repository's name is appended to for Git, instead of AWS's own
    #[arg(long, value_name = "URL", env = "CODECOMMIT_GIT_URL", hide_env_values = true, help_heading = AWS)]
    pub(crate) git_url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// The repository's name
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) repository: String,
    /// The branch; by default all branches
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) branch: Option<String>,
    /// The pipeline; {repository} in the name stands for the repository's name
    #[arg(long, value_name = "NAME", value_parser = pipeline_name())]
    pub(crate) pipeline: PipelineName,
    /// The number of runs to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Wait for the end of the run of a commit
    #[arg(long)]
    pub(crate) watch: bool,
    /// The commit whose run to wait for, or the beginning of its ID; by default the branch's last commit
    #[arg(long, value_name = "ID", requires = "watch", value_parser = commit_id())]
    pub(crate) commit: Option<String>,
    /// The longest wait in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub(crate) timeout: u64,
}

impl Runs {
    pub(crate) fn pipeline(&self) -> String {
        self.pipeline.of(&self.repository)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout * 60)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The pipeline; {repository} in the name stands for the name of --repository
    #[arg(value_parser = pipeline_name())]
    pub(crate) pipeline: PipelineName,
    /// The repository whose pushes the pipeline runs
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) repository: Option<String>,
    /// The pipeline's S3 source action, if it has several
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) source_action: Option<String>,
    /// The function that starts the pipeline, by name or ARN; by default the one that a trigger or a rule names
    #[arg(long, value_name = "FUNCTION", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) function: Option<String>,
    /// The URL that the repository's name is appended to for Git, instead of AWS's own
    #[arg(long, value_name = "URL", env = "CODECOMMIT_GIT_URL", hide_env_values = true, help_heading = AWS)]
    pub(crate) git_url: Option<String>,
}

fn mode(value: &str) -> Result<Mode, String> {
    value.parse()
}

fn pipeline_name() -> impl TypedValueParser<Value = PipelineName> {
    NonEmptyStringValueParser::new().try_map(|name| name.parse::<PipelineName>())
}

fn commit_id() -> impl TypedValueParser<Value = String> {
    NonEmptyStringValueParser::new().try_map(|id| {
        let is_id = id.len() <= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { Ok(id.to_ascii_lowercase()) } else { Err("is not the beginning of a commit's ID") }
    })
}

/// Refuses an empty pathspec, as git does.
fn not_empty(pathspec: OsString) -> Result<OsString, &'static str> {
    if pathspec.is_empty() { Err("an empty string is not a pathspec; write . for all paths") } else { Ok(pathspec) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_options_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
