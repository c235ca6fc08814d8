//! `emulator` without a subcommand: serves until it is stopped.

use std::io::{self, Write};

use emulator::{Emulator, Options};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::ServeArguments;
use crate::stage::{self, checked_function};
use crate::text::printable;

/// The number of branches that the introduction names for each repository.
const BRANCHES: usize = 5;

/// Serves until Ctrl-C or SIGTERM.
pub(crate) fn serve(arguments: ServeArguments) -> io::Result<()> {
    let connected = arguments.connect;
    let mut options = Options::from(arguments);
    options.function = options.function.as_deref().map(checked_function).transpose()?;
    let waiter = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    waiter.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let emulator = Emulator::start(options.clone()).map_err(hint)?;
        let repositories = repositories(&emulator).await?;
        if connected {
            for (name, _) in &repositories {
                stage::connect(&emulator, name).await?;
            }
        }
        introduce(&mut io::stdout().lock(), &emulator, &options, &repositories)?;
        warn(&emulator, &options, &repositories)?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        drop(emulator);
        Ok(())
    })
}

fn hint(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => io::Error::new(
            error.kind(),
            format!("{error}; choose another port with --port, or any free one with --port 0"),
        ),
        _ => error,
    }
}

/// Returns the served repositories with their branches.
async fn repositories(emulator: &Emulator) -> io::Result<Vec<(String, Vec<String>)>> {
    let texts = |list: &Value, key: Option<&str>| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        items.filter_map(|item| key.map_or(item, |key| &item[key]).as_str().map(str::to_owned)).collect()
    };
    let listed = emulator.codecommit("ListRepositories", json!({})).await.map_err(io::Error::other)?;
    let mut repositories = Vec::new();
    for name in texts(&listed["repositories"], Some("repositoryName")) {
        let input = json!({ "repositoryName": name });
        let branches = emulator.codecommit("ListBranches", input).await;
        let branches = branches.map_err(|error| {
            io::Error::other(format!("the branches of repository {name} cannot be listed: {error}"))
        })?;
        repositories.push((name, texts(&branches["branches"], None)));
    }
    Ok(repositories)
}

/// Prints the environment variables for clients and, as comments, what is served. A shell can `eval` all of it.
fn introduce(
    out: &mut impl Write,
    emulator: &Emulator,
    options: &Options,
    repositories: &[(String, Vec<String>)],
) -> io::Result<()> {
    writeln!(out, "# endpoint {}", emulator.endpoint())?;
    writeln!(out, "export EMULATOR_CONTROL_TOKEN={}", emulator.control_token())?;
    for (name, value) in emulator.client_environment() {
        writeln!(out, "export {name}={value}")?;
    }
    if let Some(path) = &options.function {
        writeln!(out, "# function {}: {}", emulator::FUNCTION, path.display())?;
    }
    if let Some(bucket) = &options.bucket {
        writeln!(out, "# versioned bucket {bucket}")?;
    }
    if let Some(pipeline) = &options.pipeline {
        writeln!(out, "# pipeline {pipeline}, which reads {}", options.key)?;
    }
    for (name, branches) in repositories {
        writeln!(out, "# repository {name}: {}", some(branches))?;
    }
    if let Some((name, _)) = repositories.first() {
        clone_commands(out, emulator, name)?;
    }
    out.flush()
}

/// Prints two ways to clone a repository.
fn clone_commands(out: &mut impl Write, emulator: &Emulator, name: &str) -> io::Result<()> {
    writeln!(out, "# clone with a password that is valid for 15 minutes:")?;
    writeln!(out, "#   git clone {}", emulator.clone_url(name))?;
    writeln!(out, "# clone with the AWS CLI's credential helper and the variables above:")?;
    writeln!(
        out,
        "#   git -c credential.helper='!f() {{ [ \"$1\" != get ] || aws codecommit credential-helper --ignore-host-check get; }}; f' \
         -c credential.useHttpPath=true clone {}{name}",
        emulator.git_url()
    )
}

/// Prints warnings about repositories that the user may miss.
fn warn(emulator: &Emulator, options: &Options, repositories: &[(String, Vec<String>)]) -> io::Result<()> {
    let mut err = io::stderr().lock();
    for (path, reason) in emulator.unserved_repositories() {
        let shown = printable(&path.display().to_string());
        writeln!(err, "emulator: warning: {shown} is not served: {reason}")?;
    }
    if repositories.is_empty() {
        let folder = options.repositories.as_ref().map(|folder| folder.display().to_string());
        let message = match folder {
            Some(folder) => format!("there is no repository in {}", printable(&folder)),
            None => "no repository is served: name one with --repository or a folder with --repositories".to_owned(),
        };
        writeln!(err, "emulator: warning: {message}")?;
    }
    Ok(())
}

fn some(branches: &[String]) -> String {
    let names: Vec<String> = branches.iter().take(BRANCHES).map(|name| printable(name)).collect();
    match branches.len() {
        0 => "no branches".to_owned(),
        count if count > BRANCHES => format!("{} and more", names.join(", ")),
        _ => names.join(", "),
    }
}
