//! A second opinion: the zip beside what `git archive` makes of the same commit on this machine.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::process::Stdio;

use zip::ZipArchive;

use super::Push;
use super::report::grouped;
use crate::stage::git_command;

/// What is compared of one entry: all that an unpacked archive shows.
#[derive(PartialEq, Eq)]
struct Entry {
    name: Vec<u8>,
    mode: Option<u32>,
    size: u64,
    checksum: u32,
    time: Option<zip::DateTime>,
}

/// Compares entry by entry. A file that `COMMIT_INFO` adds is in no tree, so there is nothing to compare with then.
pub(super) fn with_git(out: &mut impl Write, push: &Push, zip: &[u8]) -> io::Result<()> {
    if std::env::var_os("COMMIT_INFO").is_some_and(|value| !value.is_empty()) {
        return Ok(());
    }
    let ours = ZipArchive::new(Cursor::new(zip))?;
    let git = ZipArchive::new(git_archive(push)?)?;
    let comment = (ours.comment().to_vec(), git.comment().to_vec());
    let (ours, git) = (entries(ours)?, entries(git)?);
    let differs = ours.iter().zip(&git).find(|(ours, git)| ours != git).map(|(_, git)| git.name.as_slice());
    let missing = || git.get(ours.len()).or_else(|| ours.get(git.len())).map(|entry| entry.name.as_slice());
    if let Some(name) = differs.or_else(missing) {
        let message = format!("the zip is not what git archive makes, first at {}", String::from_utf8_lossy(name));
        return Err(io::Error::other(message));
    }
    if comment.0 != comment.1 {
        return Err(io::Error::other("the zip's comment is not git archive's"));
    }
    let count = grouped(git.len() as u64);
    writeln!(
        out,
        "\n{count} entries, and git archive makes the same: names, order, kinds, modes, times, contents, comment."
    )
}

/// `git archive` into an unlinked file. Its abbreviated ids depend on the size of a repository, which `CodeCommit` does not tell;
/// the function's have seven digits.
fn git_archive(push: &Push) -> io::Result<impl Read + Seek> {
    let mut file = tempfile::tempfile()?;
    let mut command = git_command(&push.path);
    command.args(["-c", "core.abbrev=7", "archive", "--format=zip", "-0", &push.commit]).env("TZ", "UTC");
    let status = command.stdin(Stdio::null()).stdout(file.try_clone()?).status()?;
    if !status.success() {
        return Err(io::Error::other("git archive failed"));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(io::BufReader::new(file))
}

fn entries(mut zip: ZipArchive<impl Read + Seek>) -> io::Result<Vec<Entry>> {
    let count = zip.len();
    let read = (0..count).map(|index| {
        let entry = zip.by_index_raw(index)?;
        Ok(Entry {
            name: entry.name_raw().to_vec(),
            mode: entry.unix_mode(),
            size: entry.size(),
            checksum: entry.crc32(),
            time: entry.last_modified(),
        })
    });
    read.collect()
}
