//! `codecommit`: git archive for AWS `CodeCommit`, and the triggers and pipelines of its branches. Wiring only.

mod archive;
mod arguments;
mod client;
mod date;
mod doctor;
mod extra;
mod output;
mod rules;
mod runs;
mod start;
mod triggers;

use std::process::ExitCode;
#[cfg(unix)]
use std::task::Poll;

use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, Command};
use output::{Failure, Printer};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage(&error),
    };
    let printer = Printer { quiet: arguments.quiet, json: arguments.json };
    let ended =
        tokio::runtime::Runtime::new().map_err(|error| Failure::new(&error, "RuntimeFailed")).and_then(|runtime| {
            let ended = runtime.block_on(until_interrupted(run(arguments, &printer)));
            // Not to wait for a write to a pipe that nobody reads.
            runtime.shutdown_background();
            ended
        });
    output::end(ended)
}

async fn run(arguments: Arguments, printer: &Printer) -> Result<(), Failure> {
    let Arguments { client, command, .. } = arguments;
    let (client, printer) = (&client, printer.clone());
    // Boxed, since the types of all commands in one another are deeper than the compiler likes.
    match command {
        Command::Archive(arguments) => Box::pin(archive::run(*arguments, client, &printer)).await,
        Command::Triggers(command) => Box::pin(triggers::run(command, client, &printer)).await,
        Command::Start(arguments) => Box::pin(start::run(arguments, client, &printer)).await,
        Command::Runs(arguments) => Box::pin(runs::run(arguments, client, &printer)).await,
        Command::Doctor(arguments) => Box::pin(doctor::run(arguments, client, &printer)).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "codecommit", &mut script);
            output::print(&script)
        }
    }
}

/// Ctrl-C ends the work as a failure does: nothing half is left.
async fn until_interrupted(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::select! {
        // First, so that signals are heard before there is anything to leave behind.
        biased;
        () = interrupted() => Err(Failure::of("interrupted", "Interrupted")),
        ended = work => ended,
    }
}

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    // Also the end of a terminal, or of the connection to it.
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()];
    let Ok(mut signals) = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>() else {
        return std::future::pending().await;
    };
    std::future::poll_fn(|context| {
        let heard = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if heard { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(not(unix))]
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
