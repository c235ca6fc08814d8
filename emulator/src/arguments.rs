//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use emulator::{Fault, Options};

/// CodeCommit, CodePipeline, S3 and Lambda on one loopback port, over Git repositories.
#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Send what a repository's triggers say about a branch that was changed by other means than a push to the emulator
    Notify(Notice),
    /// Play the push of a branch's last commit through the function, and show what became of it
    Run(Play),
    /// Show the life of a branch with real pushes to a copy of the repository: created, pushed twice, deleted
    Demo(Scene),
}

#[derive(Args)]
pub(crate) struct Scene {
    /// The repository, bare or ordinary; it is only read
    #[arg(long, env = "REPO", value_name = "PATH")]
    pub(crate) repository: PathBuf,
    /// The built Lambda function
    #[arg(long, value_name = "PATH")]
    pub(crate) function: PathBuf,
}

#[derive(Args)]
pub(crate) struct Play {
    #[command(flatten)]
    pub(crate) scene: Scene,
    /// The branch; without it the one that is checked out
    #[arg(long, env = "BRANCH", value_name = "NAME")]
    pub(crate) branch: Option<String>,
    /// An event of a repository's trigger, in which repository, branch and commit are filled in
    #[arg(long, value_name = "FILE")]
    pub(crate) event: PathBuf,
}

#[derive(Args)]
pub(crate) struct Notice {
    /// The emulator's address
    #[arg(long, env = "AWS_ENDPOINT_URL", default_value = "http://127.0.0.1:4566")]
    pub(crate) endpoint: String,
    /// The repository
    #[arg(long)]
    pub(crate) repository: String,
    /// The branch
    #[arg(long)]
    pub(crate) branch: String,
    /// The branch's commit before; without it the branch is new
    #[arg(long, value_name = "COMMIT")]
    pub(crate) old: Option<String>,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// A folder whose subfolders `name` and `name.git` are the repositories, bare or ordinary
    #[arg(long, value_name = "DIR")]
    repositories: Option<PathBuf>,
    /// A single repository, wherever it is
    #[arg(long, value_name = "NAME=PATH", value_parser = named_path)]
    repository: Vec<(String, PathBuf)>,
    /// The port on loopback; 0 takes a free one
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// The built Lambda function to run
    #[arg(long, value_name = "PATH")]
    function: Option<PathBuf>,
    /// Give every repository a trigger on all branches to the function
    #[arg(long, requires = "function")]
    pub(crate) connect: bool,
    /// How long an invocation of the function may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    /// A versioned bucket to make
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// A pipeline to make, which reads the key in the bucket
    #[arg(long, value_name = "NAME", requires = "bucket")]
    pipeline: Option<String>,
    /// The key that the pipeline reads
    #[arg(long, default_value = "source.zip")]
    key: String,
    /// Lets every request wait
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// Throttles beyond so many requests a second
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<f64>,
    /// What goes wrong: `GetBlob:2:reset`, `GetBlob:2x3:throttle-xml`, `*:every:status:503`
    #[arg(long, value_name = "OPERATION:NTH:KIND")]
    fault: Vec<Fault>,
    /// How long a page of CodeCommit's lists is
    #[arg(long, value_name = "N", default_value_t = 100)]
    page_size: usize,
}

impl From<Serve> for Options {
    fn from(serve: Serve) -> Self {
        Self {
            repositories: serve.repositories,
            repository: serve.repository,
            port: serve.port,
            function: serve.function,
            environment: Vec::new(),
            quiet: false,
            timeout: Duration::from_secs(serve.timeout),
            bucket: serve.bucket,
            pipeline: serve.pipeline,
            key: serve.key,
            latency: Duration::from_millis(serve.latency),
            rate: serve.rate,
            faults: serve.fault,
            page_size: serve.page_size,
        }
    }
}

fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("not NAME=PATH".to_owned()),
    }
}

/// `10` and `10/s` are the same.
fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).parse();
    number.ok().filter(|&rate: &f64| rate > 0.0 && rate.is_finite()).ok_or_else(|| "not a number above 0".to_owned())
}
