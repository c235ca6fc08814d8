//! `codecommit`: git archive for AWS `CodeCommit`, and the triggers and pipelines of its branches. Wiring only.

mod archive;
mod arguments;
mod client;
mod date;
mod doctor;
mod escape;
mod extra;
mod interrupt;
mod manual;
mod output;
mod rules;
mod runs;
mod start;
mod triggers;
mod usage;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, Command};
use interrupt::unless_interrupted;
use output::{Failure, Printer};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::end(usage::answer(&error)),
    };
    let printer = Printer { quiet: arguments.quiet, json: arguments.json };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return output::end(Err(Failure::new(&error, "RuntimeFailed"))),
    };
    let ended = runtime.block_on(unless_interrupted(run(arguments, &printer)));
    // A write to a pipe that nobody reads must not delay the end.
    runtime.shutdown_background();
    match ended {
        Ok(ended) => output::end(ended),
        Err(interrupted) => {
            output::end(Err(Failure::of("interrupted", "Interrupted")));
            interrupted.die()
        }
    }
}

async fn run(arguments: Arguments, printer: &Printer) -> Result<(), Failure> {
    let Arguments { client, command, .. } = arguments;
    let (client, printer) = (&client, printer.clone());
    // Boxed: the nested future type is too deep for rustc.
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
        Command::Man { folder } => manual::write(&folder),
    }
}
