//! From the entries of a whole tree to those that an archive has, in its order.
//!
//! Directories are written late (`queue_or_write_archive_entry` of git's archive.c): a directory waits until the first
//! entry in it, or below, that is no directory is *visited*, which means that a pathspec selects it. Whether that
//! entry is ignored is asked only then. So, for a tree of `a/x`, `b/c/y` and `e`, an empty directory:
//!
//! | attributes and pathspecs | the archive has |
//! |---|---|
//! | none | `a/`, `a/x`, `b/`, `b/c/`, `b/c/y` |
//! | `x export-ignore` | `a/`, `b/`, `b/c/`, `b/c/y` |
//! | `c export-ignore` | `a/`, `a/x` |
//! | `a b` | `a/`, `a/x`, `b/`, `b/c/`, `b/c/y` |
//! | `b/c` | `b/`, `b/c/`, `b/c/y` |
//! | `*x` | `a/`, `a/x` |
//! | `. :!a/x` | `b/`, `b/c/`, `b/c/y` |
//! | `b`, `y export-ignore` | `b/`, `b/c/` |

use std::collections::HashSet;
use std::fmt;

use bstr::{BString, ByteSlice};
use unicode_normalization::UnicodeNormalization as _;

use crate::attributes::Attributes;
use crate::names;
use crate::object::{Entry, Kind, compare_names};
use crate::pathspec::{PathspecError, Pathspecs, is_under};

/// Why a tree is not archived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// A path that git refuses, see [`names::is_refused`].
    #[error("invalid path '{0}'")]
    InvalidPath(BString),
    /// Two entries of one name. Git would archive both.
    #[error("'{0}' is twice in its tree")]
    Duplicate(BString),
    /// An entry that does not come where git sorts it, or whose directory did not come before. Git would archive it.
    #[error("'{0}' is not in the order of a tree")]
    OutOfOrder(BString),
    /// A pathspec without a match.
    #[error(transparent)]
    Pathspec(#[from] PathspecError),
}

/// What is archived as it is, and may surprise where the archive is unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameWarning {
    /// A separator on Windows.
    Backslash(BString),
    /// The path begins like one on a drive of Windows.
    DriveLetter(BString),
    /// macOS takes a part of the path for `.git`.
    GitOnMac(BString),
    /// Two paths that are one where neither case nor the form of accents matters.
    Alike(BString, BString),
}

impl fmt::Display for NameWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backslash(path) => write!(f, "{path}: on Windows the backslash separates folders"),
            Self::DriveLetter(path) => write!(f, "{path}: on Windows the path begins like one on a drive"),
            Self::GitOnMac(path) => write!(f, "{path}: macOS takes a part of the path for .git"),
            Self::Alike(one, other) => {
                write!(f, "{one}, {other}: one path where neither case nor the form of accents matters")
            }
        }
    }
}

/// The entries to write, in git's order, from those of the whole tree in pre-order, directories included.
///
/// What lies in a folder that [`Pathspecs::may_match_under`] denies may be left out of `entries`.
pub fn select(
    entries: impl IntoIterator<Item = Entry>,
    attributes: &Attributes,
    pathspecs: &Pathspecs,
) -> Result<Vec<Entry>, SelectError> {
    let entries: Vec<Entry> = entries.into_iter().collect();
    check(&entries)?;
    if let Some(unmatched) = pathspecs.unmatched(&entries, attributes).first() {
        return Err(PathspecError::NoMatch((*unmatched).to_owned()).into());
    }

    let mut selected = Vec::with_capacity(entries.len());
    let mut waiting: Vec<Entry> = Vec::new();
    let mut pruned: Option<BString> = None;
    for entry in entries {
        if pruned.as_ref().is_some_and(|folder| is_under(entry.path.as_ref(), folder.as_ref())) {
            continue;
        }
        while waiting.last().is_some_and(|folder| !is_under(entry.path.as_ref(), folder.path.as_ref())) {
            waiting.pop();
        }
        let is_matched = pathspecs.matches(entry.path.as_ref(), entry.kind, attributes);
        if entry.kind == Kind::Directory {
            if is_matched && !attributes.of(entry.path.as_ref(), true).export_ignore {
                waiting.push(entry);
            } else {
                pruned = Some(entry.path);
            }
        } else if is_matched {
            selected.append(&mut waiting);
            let is_submodule = entry.kind == Kind::Submodule;
            if !attributes.of(entry.path.as_ref(), is_submodule).export_ignore {
                selected.push(entry);
            }
        }
    }
    Ok(selected)
}

/// What the names of the entries of a tree may do elsewhere.
pub fn warnings(entries: &[Entry]) -> Vec<NameWarning> {
    let mut warnings = Vec::new();
    let mut folded: Vec<(String, &BString)> = Vec::new();
    for Entry { path, .. } in entries {
        if path.contains(&b'\\') {
            warnings.push(NameWarning::Backslash(path.clone()));
        }
        if matches!(path.as_slice(), [drive, b':', ..] if drive.is_ascii_alphabetic()) {
            warnings.push(NameWarning::DriveLetter(path.clone()));
        }
        if names::is_git_on_hfs(path.as_ref()) {
            warnings.push(NameWarning::GitOnMac(path.clone()));
        }
        if let Ok(path_text) = path.to_str() {
            folded.push((path_text.nfc().flat_map(char::to_lowercase).collect(), path));
        }
    }
    folded.sort_by(|a, b| a.0.cmp(&b.0));
    let alike = folded.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    warnings.extend(alike.map(|pair| NameWarning::Alike(pair[0].1.clone(), pair[1].1.clone())));
    warnings
}

/// Whether each path may be archived and comes where it belongs.
fn check(entries: &[Entry]) -> Result<(), SelectError> {
    let mut seen = HashSet::with_capacity(entries.len());
    let mut before: Option<&Entry> = None;
    for entry in entries {
        let path = entry.path.as_bstr();
        let may_be_refused = entry.kind != Kind::Directory || path.contains(&0);
        if may_be_refused && names::is_refused(path, entry.kind) || path.split_str("/").any(<[u8]>::is_empty) {
            return Err(SelectError::InvalidPath(entry.path.clone()));
        }
        if !seen.insert(path) {
            return Err(SelectError::Duplicate(entry.path.clone()));
        }
        if !follows(entry, before) {
            return Err(SelectError::OutOfOrder(entry.path.clone()));
        }
        before = Some(entry);
    }
    Ok(())
}

/// Whether an entry may come next in pre-order: as the first in the directory before it, or beside that or one of its
/// parents and sorted after it, where a directory sorts as if its name ended in `/`.
fn follows(entry: &Entry, before: Option<&Entry>) -> bool {
    let parent = entry.path.rfind_byte(b'/').map(|slash| entry.path[..slash].as_bstr());
    let Some(before) = before else {
        return parent.is_none();
    };
    if before.kind == Kind::Directory && parent == Some(before.path.as_bstr()) {
        return true;
    }
    let start = parent.map_or(0, |parent| parent.len() + 1);
    let is_beside = parent.is_none_or(|parent| is_under(before.path.as_ref(), parent));
    if !is_beside {
        return false;
    }
    let beside = &before.path[start..];
    let end = beside.find_byte(b'/').unwrap_or(beside.len());
    let last_kind = if end < beside.len() { Kind::Directory } else { before.kind };
    compare_names((&beside[..end], last_kind), (&entry.path[start..], entry.kind)).is_lt()
}
