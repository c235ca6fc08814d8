//! `emulator`: serves Git repositories as CodeCommit, with CodePipeline, S3 and a Lambda function, until it is stopped;
//! or shows how the function handles a push.

mod arguments;

mod notify;
mod serve;

mod comparison;
mod demo;
mod listing;
mod report;
mod run;

mod answer;
mod local_git;
mod paint;
mod push;
mod stage;
mod text;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Action, Arguments};

fn main() -> ExitCode {
    let Arguments { action, serve } = Arguments::parse();
    let done = match &action {
        None => serve::serve(serve),
        Some(Action::Notify(arguments)) => notify::send(arguments),
        Some(Action::Run(arguments)) => run::run(arguments),
        Some(Action::Demo(arguments)) => demo::demo(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS, // for example `emulator run | head`
        Err(error) => {
            let _stderr_closed = writeln!(io::stderr(), "emulator: {error}");
            ExitCode::FAILURE
        }
    }
}
