//! Prints the entries of a zip.

use std::io::{self, Cursor, Read as _, Write};

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::text::{grouped, printable};

/// The maximum number of printed entries.
const LINES: usize = 40;

/// Prints the first entries and the number of the others.
pub(crate) fn print(out: &mut impl Write, zip: &[u8]) -> io::Result<()> {
    let mut zip = ZipArchive::new(Cursor::new(zip))?;
    writeln!(out, "\nContents of the zip in S3")?;
    let entries = zip.len();
    for index in 0..entries.min(LINES) {
        let mut entry = zip.by_index(index)?;
        writeln!(out, "  {:<10} {:>11}  {}", kind(&entry), length(&entry), path(&mut entry)?)?;
    }
    if entries > LINES {
        writeln!(out, "  … and {} more", grouped((entries - LINES) as u64))?;
    }
    Ok(())
}

fn kind<R: io::Read>(entry: &ZipFile<'_, R>) -> &'static str {
    match entry {
        entry if entry.is_symlink() => "link",
        entry if entry.is_dir() => "folder",
        entry if entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0) => "executable",
        _ => "file",
    }
}

fn length<R: io::Read>(entry: &ZipFile<'_, R>) -> String {
    if entry.is_file() { grouped(entry.size()) } else { String::new() }
}

/// Returns the path, and the target of a symbolic link.
fn path<R: io::Read>(entry: &mut ZipFile<'_, R>) -> io::Result<String> {
    let mut path = String::from_utf8_lossy(entry.name_raw()).into_owned();
    if entry.is_symlink() {
        let mut target = Vec::new();
        entry.read_to_end(&mut target)?;
        path.push_str(" → ");
        path.push_str(&String::from_utf8_lossy(&target));
    }
    Ok(printable(&path))
}
