//! The words of the command line. Their spelling is a contract: other programs call it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use codecommit::source::Mode;
use codecommit_multibranch::branches::Branches;
use codecommit_multibranch::config;

use crate::date;
use crate::extra::{Level, Prefixed};

const AFTER_HELP: &str = "\
Region, credentials, profile and endpoints are taken from the environment and the files in ~/.aws as every AWS tool takes them.
It ends with 0, or with 1 and one line on standard error: what failed, why, and a stable code in parentheses.";

/// Where help shows how AWS is spoken to, below what a command is about.
const AWS: &str = "AWS";
/// And how the result is shown.
const OUTPUT: &str = "Output";

/// git archive for AWS CodeCommit without Git, and the triggers and pipelines of its branches
#[derive(Debug, Parser)]
#[command(name = "codecommit", version, after_help = AFTER_HELP, disable_help_subcommand = true, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) client: Client,
    /// Neither progress nor warnings
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    pub(crate) quiet: bool,
    /// Results as JSON in place of text
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How AWS is spoken to.
#[derive(Debug, Args)]
pub(crate) struct Client {
    /// The profile of ~/.aws to use
    #[arg(long, global = true, value_name = "NAME", help_heading = AWS)]
    pub(crate) profile: Option<String>,
    /// The region to speak to
    #[arg(long, global = true, value_name = "REGION", help_heading = AWS)]
    pub(crate) region: Option<String>,
    /// The address of all services, in place of AWS's own
    #[arg(long, global = true, value_name = "URL", help_heading = AWS)]
    pub(crate) endpoint_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes the zip that git archive would make of a commit
    #[command(after_help = ARCHIVE_HELP)]
    Archive(Box<Archive>),
    /// The repository triggers that send pushes to the function
    #[command(subcommand)]
    Triggers(Triggers),
    /// Archives a branch and starts the dev pipeline on it, as a push to the branch would
    #[command(after_help = START_HELP)]
    Start(Start),
    /// Lists the last runs of a repository's branches, or waits for the end of one
    #[command(after_help = RUNS_HELP)]
    Runs(Runs),
    /// Checks all that a push needs to run through a pipeline, and says what to mend
    #[command(after_help = DOCTOR_HELP)]
    Doctor(Doctor),
    /// Prints the completions of a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

const CUSTOM_DATA: &str =
    "What the events carry along, such as {\"pipeline_name\": \"dev\"}; without it each trigger keeps what it has";

const START_HELP: &str = "\
The run is pinned to the commit that the branch has now. [skip ci] in its message does not hold it back: that is for pushes.";

const RUNS_HELP: &str = "\
It asks CodePipeline for each of the last hundred executions, and shows those whose variables name the repository.
With --watch it ends with 0 if the run succeeded, and with 1 if it ended otherwise or did not end in time.

Examples:
  codecommit runs project --pipeline dev
  git push && codecommit runs project feature/login --pipeline dev --watch";

const COMPLETIONS_HELP: &str = "\
Examples:
  codecommit completions bash > ~/.local/share/bash-completion/completions/codecommit
  codecommit completions fish > ~/.config/fish/completions/codecommit.fish";

const DOCTOR_HELP: &str = "\
It asks with your credentials: to check what the function may do, use a profile that assumes its role (output UpdatesRoleArn).
It starts no run and leaves nothing behind: an upload is begun and given up. One line for each check: ok, warn, or FAIL, at which it ends with 1.";

const ARCHIVE_HELP: &str = "\
A tree-ish is a branch, a tag, all 40 digits of a commit's id, a full reference name or HEAD, with ~2, ^2, ^{commit} or ^{tree} behind it.
It is resolved once, so that a push meanwhile does not tear the archive.

Examples:
  codecommit archive project main -o main.zip
  codecommit archive project v1.0 --prefix=project-1.0/ -9 > project-1.0.zip
  codecommit archive project HEAD -o src.zip -- src ':!src/tests'
  codecommit archive project main --add-virtual-file=version.txt:1.0 | aws s3 cp - s3://bucket/main.zip";

#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// The repository's name
    pub(crate) repository: String,
    /// What to archive: a branch, a tag, a commit
    #[arg(value_name = "TREE-ISH")]
    pub(crate) treeish: String,
    /// What to archive of it, from the root; all of it unless given. One without a match is an error
    #[arg(value_name = "PATHSPEC")]
    pub(crate) paths: Vec<OsString>,
    /// Write to a file, under a temporary name until it is whole; standard output unless given
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) prefixed: Prefixed,
    #[command(flatten)]
    pub(crate) level: Level,
    /// Read over the API, over Git, or as it suits: auto, api or git
    #[arg(long, value_name = "SOURCE", default_value = "auto", value_parser = mode)]
    pub(crate) source: Mode,
    /// The time of all entries in place of the committer's: @SECONDS, ISO 8601, RFC 2822; UTC unless it has a zone
    #[arg(long, value_name = "TIME", value_parser = date::parse)]
    pub(crate) mtime: Option<i64>,
    /// Copy deflate streams that the server made, over Git at level 6: faster, but the same commit may get other bytes
    #[arg(long)]
    pub(crate) reuse_deflate: bool,
    /// List the entries that the archive would have
    #[arg(long)]
    pub(crate) list: bool,
    /// The format; there is only zip
    #[arg(long, value_name = "FORMAT", default_value = "zip", value_parser = ["zip"], hide_default_value = true)]
    pub(crate) format: String,
    /// What a repository's name is appended to for Git, in place of AWS's own endpoint
    #[arg(long, value_name = "URL", env = "CODECOMMIT_GIT_URL", hide_env_values = true, help_heading = AWS)]
    pub(crate) git_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Triggers {
    /// Lists all triggers of a repository, whoever owns them
    List {
        /// The repository's name
        repository: String,
    },
    /// Connects a function; refused where another trigger or a rule leads to it already, since each push would then
    /// start twice
    Connect(Wanted),
    /// Brings the function's triggers to what they should be by now
    Sync(Wanted),
    /// Removes the function's triggers, and no other
    Disconnect(Wanted),
}

/// What the function's triggers are like. Triggers of others, known by name prefix and destination, stay as they are.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The repository's name
    pub(crate) repository: String,
    /// The ARN of the function that archives and starts
    #[arg(long, value_name = "ARN")]
    pub(crate) function: String,
    /// The ARN of the function that keeps a trigger for each branch; without it one trigger is on all branches
    #[arg(long, value_name = "ARN")]
    pub(crate) lifecycle_function: Option<String>,
    /// Globs that select branches, as the function's setting BRANCHES: with a lifecycle function the branches that get
    /// a trigger, else a part of the custom data
    #[arg(long, value_name = "GLOBS")]
    pub(crate) branches: Option<Branches>,
    /// What the events carry along; without it each trigger keeps what it has
    #[arg(long, value_name = "JSON", help = CUSTOM_DATA)]
    pub(crate) custom_data: Option<String>,
    /// What the names of the function's triggers begin with
    #[arg(long, value_name = "PREFIX", default_value = "codecommit-multibranch")]
    pub(crate) prefix: String,
    /// Show the difference, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The repository's name
    pub(crate) repository: String,
    /// The branch
    pub(crate) branch: String,
    /// The pipeline
    #[arg(long, value_name = "NAME", value_parser = config::pipeline_name)]
    pub(crate) pipeline: String,
    /// Its S3 source action, where it has several
    #[arg(long, value_name = "NAME")]
    pub(crate) source_action: Option<String>,
    /// Wait for the end of the run, at most an hour; any end but success is a failure
    #[arg(long)]
    pub(crate) wait: bool,
    /// The id of an event: the same id starts the same commit once only. A fresh one unless given
    #[arg(long, value_name = "ID")]
    pub(crate) event_id: Option<String>,
    /// Read over the API, over Git, or as it suits: auto, api or git
    #[arg(long, value_name = "SOURCE", default_value = "auto", value_parser = mode)]
    pub(crate) source: Mode,
    /// What a repository's name is appended to for Git, in place of AWS's own endpoint
    #[arg(long, value_name = "URL", env = "CODECOMMIT_GIT_URL", hide_env_values = true, help_heading = AWS)]
    pub(crate) git_url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// The repository's name
    pub(crate) repository: String,
    /// The branch; all branches unless given
    pub(crate) branch: Option<String>,
    /// The pipeline
    #[arg(long, value_name = "NAME", value_parser = config::pipeline_name)]
    pub(crate) pipeline: String,
    /// The number of runs to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Wait for the end of the run of a commit
    #[arg(long)]
    pub(crate) watch: bool,
    /// The commit whose run to wait for, or the beginning of its id; the branch's last commit unless given
    #[arg(long, value_name = "ID", requires = "watch")]
    pub(crate) commit: Option<String>,
    /// The minutes to wait at most
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub(crate) timeout: u64,
}

impl Runs {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout * 60)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The pipeline
    #[arg(value_parser = config::pipeline_name)]
    pub(crate) pipeline: String,
    /// The repository whose pushes it shall run
    #[arg(long, value_name = "NAME")]
    pub(crate) repository: Option<String>,
    /// The pipeline's S3 source action, where it has several
    #[arg(long, value_name = "NAME")]
    pub(crate) source_action: Option<String>,
    /// What a repository's name is appended to for Git, in place of AWS's own endpoint
    #[arg(long, value_name = "URL", env = "CODECOMMIT_GIT_URL", hide_env_values = true, help_heading = AWS)]
    pub(crate) git_url: Option<String>,
}

fn mode(value: &str) -> Result<Mode, String> {
    value.parse()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_words_do_not_contradict_each_other() {
        super::Arguments::command().debug_assert();
    }
}
