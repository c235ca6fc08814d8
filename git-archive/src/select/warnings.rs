//! Warnings for names that are archived unchanged, but cause trouble when the archive is unpacked.

use std::fmt;

use bstr::{BString, ByteSlice};
use unicode_normalization::UnicodeNormalization as _;

use crate::names;
use crate::object::Entry;

/// The names of devices on Windows, with any extension. Some may have a number after them.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// The constructor of a warning for one path.
type Warning = fn(BString) -> NameWarning;

/// A name that is archived unchanged, but causes trouble on other systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameWarning {
    /// The path has Windows' separator, which may lead out of the folder.
    Backslash(BString),
    /// The path begins like a path on a Windows drive.
    DriveLetter(BString),
    /// The name has a character that Windows does not allow, such as `:` or a control character.
    Character(BString),
    /// The name ends in a dot or a space, which Windows removes.
    Ending(BString),
    /// The name is the name of a device on Windows.
    Device(BString),
    /// The name has a mark that changes the direction of text, so it is displayed as another name.
    Direction(BString),
    /// The path has a part that macOS treats as `.git`.
    GitOnMac(BString),
    /// Two paths that are equal without regard to case and to the form of accents.
    Alike(BString, BString),
}

impl fmt::Display for NameWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backslash(path) => write!(f, "{path}: on Windows the backslash separates folders"),
            Self::DriveLetter(path) => write!(f, "{path}: on Windows the path begins like one on a drive"),
            Self::Character(path) => write!(f, "{path:?}: Windows does not allow a character of the name"),
            Self::Ending(path) => write!(f, "{path:?}: Windows removes the dot or space at the end of the name"),
            Self::Device(path) => write!(f, "{path}: on Windows the name is that of a device"),
            Self::Direction(path) => write!(f, "{path:?}: the name has a mark that changes the direction of text"),
            Self::GitOnMac(path) => write!(f, "{path}: macOS treats a part of the path as .git"),
            Self::Alike(one, other) => {
                write!(f, "{one}, {other}: one path where neither case nor the form of accents matters")
            }
        }
    }
}

/// Returns the warnings for the names of entries, each name once.
pub fn warnings(entries: &[Entry]) -> Vec<NameWarning> {
    let mut warnings = Vec::new();
    let mut folded: Vec<(String, &BString)> = Vec::new();
    for Entry { path, .. } in entries {
        let name = path.rsplit_once_str("/").map_or(path.as_slice(), |(_, name)| name);
        let drive = matches!(path.as_slice(), [drive, b':', ..] if drive.is_ascii_alphabetic());
        let name_after_drive = if drive && name.len() == path.len() { &name[2..] } else { name };
        let checks: [(bool, Warning); 7] = [
            (path.contains(&b'\\'), NameWarning::Backslash),
            (drive, NameWarning::DriveLetter),
            (name_after_drive.iter().any(|&byte| is_not_allowed(byte)), NameWarning::Character),
            (name.ends_with(b".") || name.ends_with(b" "), NameWarning::Ending),
            (is_device(name), NameWarning::Device),
            (!name.is_ascii() && name.chars().any(is_direction_mark), NameWarning::Direction),
            (names::is_git_on_hfs(path.as_ref()), NameWarning::GitOnMac),
        ];
        warnings.extend(checks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, warning)| warning(path.clone())));
        if let Ok(path_text) = path.to_str() {
            let is_ascii = path_text.is_ascii();
            let fold = || path_text.nfc().flat_map(char::to_lowercase).collect();
            folded.push((if is_ascii { path_text.to_ascii_lowercase() } else { fold() }, path));
        }
    }
    folded.sort_by(|a, b| a.0.cmp(&b.0));
    let alike = folded.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    warnings.extend(alike.map(|pair| NameWarning::Alike(pair[0].1.clone(), pair[1].1.clone())));
    warnings
}

fn is_not_allowed(byte: u8) -> bool {
    byte < b' ' || b"<>:\"|?*".contains(&byte)
}

/// Returns whether Windows reads a name as a device: in any case, up to the first dot or colon.
fn is_device(name: &[u8]) -> bool {
    let end = name.find_byteset(b".:").unwrap_or(name.len());
    let Ok(stem) = name[..end].to_str() else { return false };
    let stem = stem.trim_end_matches(' ').to_lowercase();
    let is_number = |number: &str| matches!(number, "\u{b9}" | "\u{b2}" | "\u{b3}") || is_digit(number);
    DEVICES.contains(&stem.as_str())
        || NUMBERED_DEVICES.iter().any(|device| stem.strip_prefix(device).is_some_and(is_number))
}

fn is_digit(number: &str) -> bool {
    number.len() == 1 && number.as_bytes()[0].is_ascii_digit()
}

fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
