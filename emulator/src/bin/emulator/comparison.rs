//! Compares the zip with the one that `git archive` on this machine makes of the same commit.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::process::Stdio;

use zip::ZipArchive;

use crate::local_git::git_command;
use crate::push::Push;
use crate::text::grouped;

/// The parts of a zip entry that show after unpacking.
#[derive(PartialEq, Eq)]
struct ZipEntry {
    name: Vec<u8>,
    mode: Option<u32>,
    size: u64,
    checksum: u32,
    time: Option<zip::DateTime>,
}

/// Compares the zips entry by entry. Does nothing if `COMMIT_INFO` adds a file, which no tree has.
pub(crate) fn with_git(out: &mut impl Write, push: &Push, zip: &[u8]) -> io::Result<()> {
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
        let message = format!("the zip differs from that of git archive, first at {}", String::from_utf8_lossy(name));
        return Err(io::Error::other(message));
    }
    if comment.0 != comment.1 {
        return Err(io::Error::other("the comment of the zip differs from that of git archive"));
    }
    let count = grouped(git.len() as u64);
    writeln!(
        out,
        "\nIdentical to git archive: {count} entries with their names, order, types, modes, times and contents, and \
         the comment."
    )
}

/// Runs `git archive` into an unlinked file. Its abbreviated IDs depend on the size of the repository, which the
/// function does not know: the function's have seven digits.
fn git_archive(push: &Push) -> io::Result<impl Read + Seek> {
    let mut file = tempfile::tempfile()?;
    let mut command = git_command(&push.path);
    command.args(["-c", "core.abbrev=7", "archive", "--format=zip", "-0", &push.commit]).env("TZ", "UTC");
    let status = command.stdin(Stdio::null()).stdout(file.try_clone()?).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("git archive of {} in {} failed", push.commit, push.path.display())));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(io::BufReader::new(file))
}

fn entries(mut zip: ZipArchive<impl Read + Seek>) -> io::Result<Vec<ZipEntry>> {
    let count = zip.len();
    let read = (0..count).map(|index| {
        let entry = zip.by_index_raw(index)?;
        Ok(ZipEntry {
            name: entry.name_raw().to_vec(),
            mode: entry.unix_mode(),
            size: entry.size(),
            checksum: entry.crc32(),
            time: entry.last_modified(),
        })
    });
    read.collect()
}
