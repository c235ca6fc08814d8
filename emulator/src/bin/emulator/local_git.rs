//! Git on a repository of this machine.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns the standard output of `git` without its last line feed.
pub(crate) fn git(repository: &Path, arguments: &[&str]) -> io::Result<String> {
    let output = git_command(repository).args(arguments).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("git {}: {}", arguments.join(" "), stderr.trim())))
}

/// Returns `git` for a repository, whoever owns it, without the configuration of the user and the system.
pub(crate) fn git_command(repository: &Path) -> Command {
    let mut command = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
        command.env_remove(variable);
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("LC_ALL", "C");
    command.args(["-c", "safe.directory=*", "-C"]).arg(repository);
    command
}

/// Checks that there is a repository at `path`.
pub(crate) fn check_repository(path: &Path) -> io::Result<()> {
    let shown = path.display();
    if !path.exists() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no repository at {shown}: no such path"),
        ));
    }
    if !path.is_dir() {
        return Err(io::Error::other(format!("there is no repository at {shown}: it is not a folder")));
    }
    match git(path, &["rev-parse", "--show-prefix"]).as_deref() {
        Ok("") => Ok(()),
        Ok(_) => {
            Err(io::Error::other(format!("there is no repository at {shown}: it is a folder inside a repository")))
        }
        Err(error) => Err(io::Error::other(format!("there is no repository at {shown}: {error}"))),
    }
}

/// Returns a sentence with a few names of branches.
pub(crate) fn some_branches(path: &Path) -> String {
    let listed = git(path, &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"]).unwrap_or_default();
    let names: Vec<&str> = listed.lines().take(8).collect();
    let more = if listed.lines().nth(8).is_some() { " and more" } else { "" };
    if names.is_empty() { "It has no branches.".to_owned() } else { format!("It has {}{more}.", names.join(", ")) }
}
