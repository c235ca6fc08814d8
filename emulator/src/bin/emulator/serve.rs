//! `emulator` without a subcommand: serves until it is stopped.

use std::io::{self, Write as _};

use emulator::{Emulator, Options};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::ServeArguments;
use crate::stage;

/// Serves until Ctrl-C or SIGTERM.
pub(crate) fn serve(arguments: ServeArguments) -> io::Result<()> {
    let connected = arguments.connect;
    let options = Options::from(arguments);
    let waiter = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    waiter.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let introduction = introduction(&options);
        let emulator = Emulator::start(options)?;
        introduce(&emulator, &introduction)?;
        if connected {
            connect(&emulator).await?;
        }
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        drop(emulator);
        Ok(())
    })
}

/// Prints the endpoint and the environment variables for clients, in a form that a shell can `eval`.
fn introduce(emulator: &Emulator, introduction: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "# endpoint {}", emulator.endpoint())?;
    for (name, value) in emulator.client_environment() {
        writeln!(out, "export {name}={value}")?;
    }
    for line in introduction {
        writeln!(out, "# {line}")?;
    }
    out.flush()
}

/// Gives every repository a trigger to the function, and prints the addresses for clones.
async fn connect(emulator: &Emulator) -> io::Result<()> {
    let listed = emulator.codecommit("ListRepositories", json!({})).await.map_err(io::Error::other)?;
    let names = listed["repositories"].as_array().into_iter().flatten();
    for name in names.filter_map(|repository| repository["repositoryName"].as_str()) {
        stage::connect(emulator, name).await?;
        let mut out = io::stdout().lock();
        writeln!(out, "# a push to this clone runs the function; the password is valid for 15 minutes:")?;
        writeln!(out, "#   git clone {}", emulator.clone_url(name))?;
        out.flush()?;
    }
    Ok(())
}

fn introduction(options: &Options) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(options.repositories.iter().map(|folder| format!("repositories in {}", folder.display())));
    lines.extend(options.repository.iter().map(|(name, path)| format!("repository {name}: {}", path.display())));
    lines.extend(options.function.iter().map(|path| format!("function {}: {}", emulator::FUNCTION, path.display())));
    lines.extend(options.bucket.iter().map(|bucket| format!("versioned bucket {bucket}")));
    lines.extend(options.pipeline.iter().map(|pipeline| format!("pipeline {pipeline}, which reads {}", options.key)));
    lines
}
