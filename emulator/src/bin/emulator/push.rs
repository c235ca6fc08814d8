//! A branch of a local repository, as if it had been pushed.

use std::io;
use std::path::PathBuf;

use crate::arguments::RunArguments;
use crate::local_git::{check_repository, git, some_branches};

pub(crate) struct Push {
    pub(crate) path: PathBuf,
    pub(crate) branch: String,
    pub(crate) commit: String,
    /// The commit's subject and author.
    pub(crate) subject: String,
}

impl Push {
    /// Reads the branch that the arguments name, or the one that is checked out.
    pub(crate) fn of(arguments: &RunArguments) -> io::Result<Self> {
        let path = arguments.demo.repository.clone();
        check_repository(&path)?;
        let shown = path.display();
        let branch = match arguments.branch.as_deref().filter(|branch| !branch.is_empty()) {
            Some(branch) => branch.to_owned(),
            None => git(&path, &["symbolic-ref", "--short", "HEAD"]).map_err(|_| {
                io::Error::other(format!("{shown} has no branch checked out: choose one with BRANCH=name"))
            })?,
        };
        let commit = git(&path, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}^{{commit}}")])
            .map_err(|_| io::Error::other(format!("{shown} has no branch {branch}. {}", some_branches(&path))))?;
        let subject = git(&path, &["show", "--no-patch", "--format=%s (%an)", &commit])?;
        Ok(Self { path, branch, commit, subject })
    }
}
