//! What is in a zip, for a person.

use std::io::{self, Cursor, Read as _, Write};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::report::grouped;

/// More would scroll the rest out of sight.
const LINES: usize = 40;

/// Lists the first entries and says how many there are.
pub(super) fn print(out: &mut impl Write, zip: &[u8]) -> io::Result<()> {
    let mut zip = ZipArchive::new(Cursor::new(zip))?;
    writeln!(out, "\nContents, as S3 holds them")?;
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

/// The path, and where a link leads. Control characters are not for a terminal.
fn path<R: io::Read>(entry: &mut ZipFile<'_, R>) -> io::Result<String> {
    let mut path = String::from_utf8_lossy(entry.name_raw()).into_owned();
    if entry.is_symlink() {
        let mut target = Vec::new();
        entry.read_to_end(&mut target)?;
        path.push_str(" → ");
        path.push_str(&String::from_utf8_lossy(&target));
    }
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Ok(path.chars().map(shown).collect())
}
