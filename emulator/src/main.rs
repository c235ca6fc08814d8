//! `emulator`: serves Git repositories as CodeCommit, beside CodePipeline, S3 and a Lambda function, until it is ended; or shows
//! what the function does with a push.

mod arguments;
mod demo;
mod notify;
mod run;
mod serve;
mod stage;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let Arguments { command, serve } = Arguments::parse();
    let done = match &command {
        None => serve::serve(serve),
        Some(Command::Notify(notice)) => notify::send(notice),
        Some(Command::Run(play)) => run::run(play),
        Some(Command::Demo(scene)) => demo::demo(scene),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS, // the reader has seen enough
        Err(error) => {
            let _unheard = writeln!(io::stderr(), "emulator: {error}");
            ExitCode::FAILURE
        }
    }
}
