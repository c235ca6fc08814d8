//! The selection of an archive's entries from those of the whole tree.
//!
//! Directories are written late, as by `queue_or_write_archive_entry` of git's archive.c. A directory waits until a
//! pathspec selects the first entry in it or below it that is not a directory. Git then *visits* that entry, and only
//! afterwards checks whether it is ignored. For example, a tree has `a/x`, `b/c/y` and the empty directory `e`:
//!
//! | attributes and pathspecs | entries of the archive |
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

use bstr::{BString, ByteSlice};

use crate::attributes::Attributes;
use crate::names;
use crate::object::{Entry, Kind, compare_names};
use crate::pathspec::{PathspecError, Pathspecs, is_under};
use crate::work::{Stopped, Work};

mod warnings;

pub use warnings::{NameWarning, warnings};

/// The reason why a tree is not archived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Git refuses the path. See [`names::is_refused`].
    #[error("invalid path '{0}'")]
    InvalidPath(BString),
    /// Two entries have the same name. Git would archive both.
    #[error("'{0}' is twice in its tree")]
    Duplicate(BString),
    /// The entry is not in git's order, or its directory did not come before it. Git would archive it.
    #[error("'{0}' is not in the order of a tree")]
    OutOfOrder(BString),
    /// A pathspec has no match.
    #[error(transparent)]
    Pathspec(#[from] PathspecError),
    /// The work was cancelled, or exceeds its limit.
    #[error("failed to select the entries of the archive")]
    Stopped(#[from] Stopped),
}

/// Returns the entries to write, in git's order.
///
/// `entries` are those of the whole tree in pre-order, directories included. Those in a folder for which
/// [`Pathspecs::may_match_under`] returns false may be left out.
pub fn select(
    entries: impl IntoIterator<Item = Entry>,
    attributes: &Attributes,
    pathspecs: &Pathspecs,
    work: &Work,
) -> Result<Vec<Entry>, SelectError> {
    let entries: Vec<Entry> = entries.into_iter().collect();
    check(&entries)?;
    if let Some(unmatched) = pathspecs.unmatched(&entries, attributes, work)?.first() {
        return Err(PathspecError::NoMatch((*unmatched).to_owned()).into());
    }

    let mut selected = Vec::with_capacity(entries.len());
    let mut waiting: Vec<Entry> = Vec::new();
    let mut pruned: Option<BString> = None;
    for entry in entries {
        work.spend(1)?;
        if pruned.as_ref().is_some_and(|folder| is_under(entry.path.as_ref(), folder.as_ref())) {
            continue;
        }
        while waiting.last().is_some_and(|folder| !is_under(entry.path.as_ref(), folder.path.as_ref())) {
            waiting.pop();
        }
        let is_matched = pathspecs.matches(entry.path.as_ref(), entry.kind, attributes, work)?;
        if entry.kind == Kind::Directory {
            if is_matched && !attributes.of(entry.path.as_ref(), true, work)?.export_ignore {
                waiting.push(entry);
            } else {
                pruned = Some(entry.path);
            }
        } else if is_matched {
            selected.append(&mut waiting);
            let is_submodule = entry.kind == Kind::Submodule;
            if !attributes.of(entry.path.as_ref(), is_submodule, work)?.export_ignore {
                selected.push(entry);
            }
        }
    }
    Ok(selected)
}

/// Checks that each path may be archived and is in the right order.
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

/// Returns whether an entry may come next in pre-order.
///
/// It is the first entry in the directory before it, or it is in the same folder as the entry before it or as one of
/// that entry's parents, and is sorted after that one.
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
