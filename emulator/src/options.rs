//! The options of an emulator, and the environment of its function.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::account::{ACCESS_KEY, FUNCTION, REGION, SECRET_KEY};
use crate::codepipeline::StartRate;
use crate::event_bridge::EventLag;
use crate::faults::Fault;
use crate::git_http;

/// The options that an emulator starts with.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder whose subfolders `name` and `name.git` are the repositories, bare or not.
    pub repositories: Option<PathBuf>,
    /// Single repositories by name; they take precedence over those of the folder.
    pub repository: Vec<(String, PathBuf)>,
    /// The port on loopback; 0 selects a free port.
    pub port: u16,
    /// The Lambda function to run as a child process.
    pub function: Option<PathBuf>,
    /// Additional environment variables of the function.
    pub environment: Vec<(String, String)>,
    /// The policy of the function's role, for IAM's simulation; without it the role may do everything.
    pub role_policy: Option<Value>,
    /// Drops the function's standard output, which is its log and its metrics, instead of copying it to standard error.
    pub quiet: bool,
    /// Prints a line for each request on standard error.
    pub request_log: bool,
    /// The timeout of an invocation.
    pub timeout: Duration,
    /// A versioned bucket to create.
    pub bucket: Option<String>,
    /// A pipeline to create, which reads `key` in `bucket`.
    pub pipeline: Option<String>,
    /// The key that the pipeline reads.
    pub key: String,
    /// Keeps executions of pipelines in progress after their source actions.
    pub hold_executions: bool,
    /// The time from the start of an execution until CodePipeline shows it.
    pub visibility_lag: Duration,
    /// The duration of source actions.
    pub source_duration: Duration,
    /// The rate beyond which CodePipeline throttles starts; `None` admits all.
    pub start_rate: Option<StartRate>,
    /// Sends EventBridge's events of pull requests and executions to the function with this lag; `None` sends none.
    pub events: Option<EventLag>,
    /// The latency of every request.
    pub latency: Duration,
    /// The number of requests admitted per second; `None` admits all.
    pub rate: Option<f64>,
    /// The faults that are set from the start.
    pub faults: Vec<Fault>,
    /// The page size of CodeCommit's lists.
    pub page_size: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            repositories: None,
            repository: Vec::new(),
            port: 0,
            function: None,
            environment: Vec::new(),
            role_policy: None,
            quiet: false,
            request_log: false,
            timeout: Duration::from_mins(5),
            bucket: None,
            pipeline: None,
            key: "source.zip".to_owned(),
            hold_executions: false,
            visibility_lag: Duration::ZERO,
            source_duration: Duration::ZERO,
            start_rate: None,
            events: None,
            latency: Duration::ZERO,
            rate: None,
            faults: Vec::new(),
            page_size: 100,
        }
    }
}

impl Options {
    /// Returns the environment variables that point any AWS client at an emulator on this address.
    pub(crate) fn client_environment(address: SocketAddr) -> [(&'static str, String); 6] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{address}")),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()), // the only one that boto3 and AWS CLI 1 read
            ("CODECOMMIT_GIT_URL", format!("http://{address}{}", git_http::ROOT)),
        ]
    }

    /// Returns the function's own environment variables, which its configuration shows.
    pub(crate) fn function_variables(&self) -> Vec<(String, String)> {
        let pipeline = self.pipeline.iter().map(|name| ("PIPELINE_NAME".to_owned(), name.clone()));
        pipeline.chain(self.environment.iter().cloned()).collect()
    }

    /// Returns the function's command, with the environment that Lambda sets.
    pub(crate) fn function_command(&self, address: SocketAddr) -> Option<impl Fn() -> Command + Send + use<>> {
        let function = self.function.clone()?;
        let mut variables: Vec<(String, String)> =
            Self::client_environment(address).map(|(name, value)| (name.to_owned(), value)).into();
        let mut add = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
        add("AWS_LAMBDA_RUNTIME_API", &address.to_string());
        add("AWS_LAMBDA_FUNCTION_NAME", FUNCTION);
        add("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        if std::env::var_os(MEMORY).is_none() {
            add(MEMORY, "512");
        }
        variables.extend(self.function_variables());
        let quiet = self.quiet;
        Some(move || {
            let mut command = Command::new(&function);
            // The caller's AWS settings are for real accounts: the function must not use them.
            let foreign = std::env::vars_os().map(|(name, _)| name);
            for name in foreign.filter(|name| is_foreign(name)) {
                command.env_remove(name);
            }
            // Standard output is for the emulator's own text.
            let output = if quiet { Stdio::null() } else { std::io::stderr().into() };
            command.envs(variables.clone()).stdin(Stdio::null()).stdout(output);
            command
        })
    }
}

fn is_foreign(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"AWS_")
        && name != MEMORY
        && !name.as_encoded_bytes().starts_with(b"AWS_LAMBDA_LOG_")
}

const MEMORY: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
