//! Git as a child process, isolated from the configuration of the user and the system.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Returns `git` for one repository, whoever owns it, without replacement objects.
pub(crate) fn git(git_dir: &Path) -> Command {
    let mut command = Command::new("git");
    clean(&mut command, &[]);
    command.env("GIT_DIR", git_dir).kill_on_drop(true);
    command
}

/// Clears the environment of a Git process except for the search path, and adds Git settings.
pub(crate) fn clean(command: &mut Command, settings: &[(&str, &str)]) {
    let settings = [&[("safe.directory", "*")], settings].concat();
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (index, (key, value)) in settings.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
}

/// Runs a command with an input and returns its standard output.
pub(crate) async fn piped(mut command: Command, input: &[u8]) -> io::Result<Vec<u8>> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().expect("the child's streams are piped");
    let write = async move { stdin.write_all(input).await };
    let (written, output) = tokio::join!(write, child.wait_with_output());
    let output = output?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("git failed: {}", said.trim())));
    }
    written.map(|()| output.stdout)
}

/// Runs a command with an input and returns its one line of output.
pub(crate) async fn line(command: Command, input: &[u8]) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&piped(command, input).await?).trim_end().to_owned())
}

/// Runs `git` and returns its standard output.
pub(crate) async fn output(git_dir: &Path, arguments: &[&str]) -> io::Result<Vec<u8>> {
    let output = git(git_dir).args(arguments).stdin(Stdio::null()).output().await?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("git {}: {}", arguments.join(" "), said.trim())))
}
