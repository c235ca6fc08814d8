//! `emulator` without a subcommand: serves until it is ended.

use std::io::{self, Write as _};

use emulator::{Emulator, Options};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Serve;
use crate::stage;

/// Serves until Ctrl-C or SIGTERM.
pub(crate) fn serve(serve: Serve) -> io::Result<()> {
    let connected = serve.connect;
    let options = Options::from(serve);
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

/// Prints the endpoint and what points a client at it; a shell can `eval` all of it.
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

/// Connects every repository with the function, and prints how to get at them.
async fn connect(emulator: &Emulator) -> io::Result<()> {
    let listed = emulator.codecommit("ListRepositories", json!({})).await.map_err(io::Error::other)?;
    let names = listed["repositories"].as_array().into_iter().flatten();
    for name in names.filter_map(|repository| repository["repositoryName"].as_str()) {
        stage::connect(emulator, name).await?;
        let mut out = io::stdout().lock();
        writeln!(out, "# a push runs the function; the password holds for a quarter of an hour:")?;
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
    lines.extend(options.bucket.iter().map(|bucket| format!("bucket {bucket}, versioned")));
    lines.extend(options.pipeline.iter().map(|pipeline| format!("pipeline {pipeline}, reading {}", options.key)));
    lines
}
