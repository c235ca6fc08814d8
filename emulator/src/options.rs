//! What an emulator is started with, and what that means for its function.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::credentials::{ACCESS_KEY, FUNCTION, REGION, SECRET_KEY};
use crate::faults::Fault;
use crate::git_http;

/// What an emulator serves, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder whose subfolders `name` and `name.git` are repositories, bare or ordinary.
    pub repositories: Option<PathBuf>,
    /// Single repositories by name, wherever they are; they go before the folder's.
    pub repository: Vec<(String, PathBuf)>,
    /// The port on loopback; 0 takes a free one.
    pub port: u16,
    /// The Lambda function to run as a child.
    pub function: Option<PathBuf>,
    /// Further variables of the function's environment.
    pub environment: Vec<(String, String)>,
    /// Whether the function's standard output, which is its log and its metrics, is dropped; else it goes to standard error.
    pub quiet: bool,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// A versioned bucket to make.
    pub bucket: Option<String>,
    /// A pipeline to make, which reads `key` in `bucket`.
    pub pipeline: Option<String>,
    /// The key that the pipeline reads.
    pub key: String,
    /// How long each request waits.
    pub latency: Duration,
    /// How many requests a second are let in.
    pub rate: Option<f64>,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// How long a page of CodeCommit's lists is.
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
            quiet: false,
            timeout: Duration::from_mins(5),
            bucket: None,
            pipeline: None,
            key: "source.zip".to_owned(),
            latency: Duration::ZERO,
            rate: None,
            faults: Vec::new(),
            page_size: 100,
        }
    }
}

impl Options {
    /// What points any AWS client, and ours, at an emulator on this address.
    pub(crate) fn client_environment(address: SocketAddr) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{address}")),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("CODECOMMIT_GIT_URL", format!("http://{address}{}", git_http::ROOT)),
        ]
    }

    /// The child that is the function, in the environment that Lambda gives to it.
    pub(crate) fn function_command(&self, address: SocketAddr) -> Option<impl Fn() -> Command + Send + use<>> {
        let function = self.function.clone()?;
        let mut variables: Vec<(String, String)> =
            Self::client_environment(address).map(|(name, value)| (name.to_owned(), value)).into();
        let mut add = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
        add("AWS_LAMBDA_RUNTIME_API", &address.to_string());
        add("AWS_LAMBDA_FUNCTION_NAME", FUNCTION);
        add("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        add("AWS_DEFAULT_REGION", REGION);
        if std::env::var_os(MEMORY).is_none() {
            add(MEMORY, "512");
        }
        if let Some(pipeline) = &self.pipeline {
            add("PIPELINE_NAME", pipeline);
        }
        variables.extend(self.environment.iter().cloned());
        let quiet = self.quiet;
        Some(move || {
            let mut command = Command::new(&function);
            // What the caller's shell says of AWS is about other accounts; it must not lead the function there.
            let foreign = std::env::vars_os().map(|(name, _)| name);
            for name in foreign.filter(|name| is_foreign(name)) {
                command.env_remove(name);
            }
            // The emulator's own output stays free of the function's.
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
