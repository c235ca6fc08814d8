//! `emulator run`: plays the push of a branch's last commit.

use std::io;
use std::path::Path;

use emulator::{ACCOUNT, Options, REGION};
use serde_json::Value;

use crate::answer::FunctionAnswer;
use crate::arguments::RunArguments;
use crate::comparison;
use crate::listing;
use crate::push::Push;
use crate::report;
use crate::stage::Stage;
use crate::text::function_error;

/// Plays the push. Fails if the function fails, or if S3 or CodePipeline do not hold what the function's answer says.
pub(crate) fn run(arguments: &RunArguments) -> io::Result<()> {
    let push = Push::of(arguments)?;
    let stage = Stage::start(&arguments.demo.function, &push.path, Options::default())?;
    let event = event(&arguments.event, &stage.name, &push)?;
    let mut out = io::stdout().lock();
    report::push(&mut out, &stage.name, &push)?;
    let waiter = tokio::runtime::Builder::new_current_thread().build()?;
    let answer = waiter.block_on(stage.emulator.invoke(event));
    let answer = answer.map_err(|error| io::Error::other(function_error(&error.payload)))?;
    let answer: FunctionAnswer = serde_json::from_value(answer)?;
    for run in &answer.started {
        report::run(&mut out, &stage, run)?;
        let object = stage.object(&run.bucket, &run.key, &run.version_id)?;
        let zip = object.bytes()?;
        listing::print(&mut out, &zip)?;
        comparison::with_git(&mut out, &push, &zip)?;
    }
    for skipped in &answer.skipped {
        report::skipped(&mut out, skipped, &push)?;
    }
    Ok(())
}

/// Reads the event of a repository's trigger and fills in this push.
fn event(file: &Path, repository: &str, push: &Push) -> io::Result<Value> {
    let invalid = |why: &dyn std::fmt::Display| io::Error::other(format!("the event in {}: {why}", file.display()));
    let text = std::fs::read(file).map_err(|error| invalid(&error))?;
    let mut event: Value = serde_json::from_slice(&text).map_err(|error| invalid(&error))?;
    let record = event.pointer_mut("/Records/0").ok_or_else(|| invalid(&"it is not from a repository's trigger"))?;
    record["awsRegion"] = REGION.into();
    record["eventSourceARN"] = format!("arn:aws:codecommit:{REGION}:{ACCOUNT}:{repository}").into();
    let reference = record.pointer_mut("/codecommit/references/0").ok_or_else(|| invalid(&"it has no reference"))?;
    reference["ref"] = format!("refs/heads/{}", push.branch).into();
    reference["commit"] = push.commit.clone().into();
    Ok(event)
}
