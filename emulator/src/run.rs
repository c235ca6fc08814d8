//! `emulator run`: one push played through the function, and what became of it.

mod answer;
mod comparison;
mod listing;
mod report;

use std::io;
use std::path::{Path, PathBuf};

use emulator::{ACCOUNT, REGION};
use serde_json::Value;

use crate::arguments::Play;
use crate::stage::{Stage, git, in_words};

pub(crate) use answer::{Answer, Run, Skipped};
pub(crate) use report::{milliseconds, size};

/// A branch and where it leads, in a repository on this machine.
pub(crate) struct Push {
    pub(crate) path: PathBuf,
    pub(crate) branch: String,
    pub(crate) commit: String,
    pub(crate) subject: String,
}

/// Plays the push of a branch's last commit. Fails if the function does, or if what it did is not what it said.
pub(crate) fn run(play: &Play) -> io::Result<()> {
    let push = Push::of(play)?;
    let stage = Stage::set(&play.scene, &push.path)?;
    let event = event(&play.event, &stage.name, &push)?;
    let mut out = io::stdout().lock();
    report::push(&mut out, &stage.name, &push)?;
    let waiter = tokio::runtime::Builder::new_current_thread().build()?;
    let answer = waiter.block_on(stage.emulator.invoke(event));
    let answer =
        answer.map_err(|error| io::Error::other(format!("the function failed: {}", in_words(&error.payload))))?;
    let answer: Answer = serde_json::from_value(answer)?;
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

impl Push {
    fn of(play: &Play) -> io::Result<Self> {
        let path = play.scene.repository.clone();
        git(&path, &["rev-parse", "--git-dir"])?;
        let branch = match play.branch.as_deref().filter(|branch| !branch.is_empty()) {
            Some(branch) => branch.to_owned(),
            None => git(&path, &["symbolic-ref", "--short", "HEAD"])
                .map_err(|_| io::Error::other("no branch is checked out there: say which, with BRANCH=name"))?,
        };
        let commit = git(&path, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}^{{commit}}")])
            .map_err(|_| io::Error::other(format!("no branch {branch} there. {}", some_branches(&path))))?;
        let subject = git(&path, &["show", "--no-patch", "--format=%s (%an)", &commit])?;
        Ok(Self { path, branch, commit, subject })
    }
}

/// A few names to choose from.
pub(crate) fn some_branches(path: &Path) -> String {
    let listed = git(path, &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"]).unwrap_or_default();
    let names: Vec<&str> = listed.lines().take(8).collect();
    let more = if listed.lines().nth(8).is_some() { " and more" } else { "" };
    if names.is_empty() { "It has none.".to_owned() } else { format!("It has {}{more}.", names.join(", ")) }
}

/// The event in the file, as if the repository's trigger had sent it for this push.
fn event(file: &Path, repository: &str, push: &Push) -> io::Result<Value> {
    let unreadable = |why: &dyn std::fmt::Display| io::Error::other(format!("{}: {why}", file.display()));
    let text = std::fs::read(file).map_err(|error| unreadable(&error))?;
    let mut event: Value = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
    let record =
        event.pointer_mut("/Records/0").ok_or_else(|| unreadable(&"not the event of a repository's trigger"))?;
    record["awsRegion"] = REGION.into();
    record["eventSourceARN"] = format!("arn:aws:codecommit:{REGION}:{ACCOUNT}:{repository}").into();
    let reference = record.pointer_mut("/codecommit/references/0").ok_or_else(|| unreadable(&"names no reference"))?;
    reference["ref"] = format!("refs/heads/{}", push.branch).into();
    reference["commit"] = push.commit.clone().into();
    Ok(event)
}
