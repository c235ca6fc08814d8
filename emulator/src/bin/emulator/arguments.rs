//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use emulator::codepipeline::StartRate;
use emulator::{EventLag, Fault, Options};

/// Serves Git repositories as CodeCommit, with CodePipeline, S3 and Lambda, on one loopback port
#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,
    #[command(flatten)]
    pub(crate) serve: ServeArguments,
}

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Fire a repository's triggers for a branch that changed without a push to the emulator
    Notify(NotifyArguments),
    /// Play the push of a branch's last commit through the function and show the result
    Run(RunArguments),
    /// Show the life of a branch in a copy of the repository: two runs, a failure, a fix, an approval, the end
    Demo(DemoArguments),
}

#[derive(Args)]
pub(crate) struct DemoArguments {
    /// The repository, bare or not; the emulator only reads it
    #[arg(long, env = "REPO", value_name = "PATH")]
    pub(crate) repository: PathBuf,
    /// The built Lambda function
    #[arg(long, value_name = "PATH")]
    pub(crate) function: PathBuf,
}

#[derive(Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) demo: DemoArguments,
    /// The branch; by default the one that is checked out
    #[arg(long, env = "BRANCH", value_name = "NAME")]
    pub(crate) branch: Option<String>,
    /// The event of a repository's trigger; repository, branch and commit are filled in
    #[arg(long, value_name = "FILE")]
    pub(crate) event: PathBuf,
}

#[derive(Args)]
pub(crate) struct NotifyArguments {
    /// The address of the emulator
    #[arg(long, env = "AWS_ENDPOINT_URL", default_value = "http://127.0.0.1:4566")]
    pub(crate) endpoint: String,
    /// The control token that the emulator printed
    #[arg(long, env = "EMULATOR_CONTROL_TOKEN")]
    pub(crate) token: String,
    /// The repository
    #[arg(long)]
    pub(crate) repository: String,
    /// The branch
    #[arg(long)]
    pub(crate) branch: String,
    /// The previous commit of the branch; without it the branch counts as new
    #[arg(long, value_name = "COMMIT")]
    pub(crate) old: Option<String>,
}

#[derive(Args)]
pub(crate) struct ServeArguments {
    /// A folder whose subfolders `name` and `name.git` are the repositories, bare or not
    #[arg(long, value_name = "DIR")]
    repositories: Option<PathBuf>,
    /// A single repository; it takes precedence over those of the folder
    #[arg(long, value_name = "NAME=PATH", value_parser = named_path)]
    repository: Vec<(String, PathBuf)>,
    /// The port on loopback; 0 selects a free port
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// The built Lambda function to run
    #[arg(long, value_name = "PATH")]
    function: Option<PathBuf>,
    /// A file with the policy of the function's role, for IAM's simulation; by default it may do everything
    #[arg(long, value_name = "FILE", value_parser = policy)]
    role_policy: Option<serde_json::Value>,
    /// Give every repository a trigger to the function for all branches
    #[arg(long, requires = "function")]
    pub(crate) connect: bool,
    /// Print neither a line for each request nor the function's log
    #[arg(long)]
    quiet: bool,
    /// The timeout of the function
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    /// A versioned bucket to create
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// A pipeline to create, which reads the key in the bucket
    #[arg(long, value_name = "NAME", requires = "bucket")]
    pipeline: Option<String>,
    /// The key that the pipeline reads
    #[arg(long, default_value = "source.zip")]
    key: String,
    /// Keep executions in progress after their source actions, until the control address ends them
    #[arg(long)]
    hold: bool,
    /// The time from the start of an execution until CodePipeline shows it
    #[arg(long, value_name = "MS", default_value_t = 0)]
    visibility_lag: u64,
    /// The duration of source actions
    #[arg(long, value_name = "MS", default_value_t = 0)]
    source_duration: u64,
    /// The number of starts in a row, and per second, beyond which CodePipeline throttles them
    #[arg(long, value_name = "BURST[:PER_SECOND]")]
    start_rate: Option<StartRate>,
    /// Send EventBridge's events of pull requests and executions to the function, this late: 0, or 1000-12000
    #[arg(long, value_name = "MS[-MS]", requires = "function")]
    events: Option<EventLag>,
    /// The latency of every request
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// The number of requests per second above which the emulator throttles
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<f64>,
    /// A fault to inject: `GetBlob:2:reset`, `GetBlob:2x3:throttle-xml`, `*:every:status:503`
    #[arg(long, value_name = "OPERATION:NTH:KIND")]
    fault: Vec<Fault>,
    /// The page size of CodeCommit's lists
    #[arg(long, value_name = "N", default_value_t = 100)]
    page_size: usize,
}

impl From<ServeArguments> for Options {
    fn from(arguments: ServeArguments) -> Self {
        Self {
            repositories: arguments.repositories,
            repository: arguments.repository,
            port: arguments.port,
            function: arguments.function,
            environment: Vec::new(),
            role_policy: arguments.role_policy,
            quiet: arguments.quiet,
            request_log: !arguments.quiet,
            timeout: Duration::from_secs(arguments.timeout),
            bucket: arguments.bucket,
            pipeline: arguments.pipeline,
            key: arguments.key,
            hold_executions: arguments.hold,
            visibility_lag: Duration::from_millis(arguments.visibility_lag),
            source_duration: Duration::from_millis(arguments.source_duration),
            start_rate: arguments.start_rate,
            events: arguments.events,
            latency: Duration::from_millis(arguments.latency),
            rate: arguments.rate,
            faults: arguments.fault,
            page_size: arguments.page_size,
        }
    }
}

fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("expected NAME=PATH".to_owned()),
    }
}

fn policy(path: &str) -> Result<serde_json::Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// Parses `10` or `10/s`.
fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).parse();
    let valid = number.ok().filter(|&rate: &f64| rate > 0.0 && rate.is_finite());
    valid.ok_or_else(|| "expected a number above 0".to_owned())
}
