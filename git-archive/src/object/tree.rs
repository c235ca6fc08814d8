//! The parser of tree objects: as strict as git's `fsck`, with canonical modes as in git's `canon_mode`.

use std::cmp::Ordering;

use bstr::{BStr, BString, ByteSlice};
use gix_hash::ObjectId;

use super::entry::Kind;
use super::order::compare_names;

const HASH_BYTES: usize = 20;

/// An entry of one tree, borrowed from the object's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// The kind, by its canonical mode.
    pub kind: Kind,
    /// The name, without any folder.
    pub name: &'a BStr,
    /// The id of the blob, tree or commit.
    pub id: ObjectId,
}

/// The reason why content is not a tree that git would write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The content ends within an entry, or the mode is not octal.
    #[error("the tree has a malformed entry at byte {0}")]
    Malformed(usize),
    /// A name is empty or contains a slash.
    #[error("the tree has an entry with the invalid name {0:?}")]
    Name(BString),
    /// The entry does not follow the one before it in git's order.
    #[error("the tree has the entry {0:?} out of order")]
    Unsorted(BString),
    /// Two entries have the same name.
    #[error("the tree has two entries with the name {0:?}")]
    Duplicate(BString),
}

/// Parses the content of a tree object, without the `tree <size>` header that is hashed before it, in stored order.
pub fn parse_tree(data: &[u8]) -> Result<Vec<TreeEntry<'_>>, TreeError> {
    let mut entries: Vec<TreeEntry<'_>> = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (entry, behind) = parse_entry(rest).ok_or(TreeError::Malformed(data.len() - rest.len()))?;
        check_name(entry.name)?;
        check_order(&entries, &entry)?;
        entries.push(entry);
        rest = behind;
    }
    Ok(entries)
}

fn parse_entry(data: &[u8]) -> Option<(TreeEntry<'_>, &[u8])> {
    let (mode, rest) = data.split_once_str(" ")?;
    let (name, rest) = rest.split_once_str("\0")?;
    let (id, rest) = rest.split_at_checked(HASH_BYTES)?;
    let entry = TreeEntry { kind: canonical(octal(mode)?), name: name.as_bstr(), id: ObjectId::try_from(id).ok()? };
    Some((entry, rest))
}

fn octal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    digits.iter().try_fold(0, |mode, digit| match digit {
        b'0'..=b'7' => Some((mode << 3) | u32::from(digit - b'0')),
        _ => None,
    })
}

/// Returns the kind of a mode, as git's `canon_mode` does. A mode that is not a file, link or folder counts as a
/// submodule.
fn canonical(mode: u32) -> Kind {
    match mode & 0o170_000 {
        0o100_000 if mode & 0o100 != 0 => Kind::Executable,
        0o100_000 => Kind::File,
        0o120_000 => Kind::Link,
        0o040_000 => Kind::Directory,
        _ => Kind::Submodule,
    }
}

fn check_name(name: &BStr) -> Result<(), TreeError> {
    if name.is_empty() || name.contains(&b'/') {
        return Err(TreeError::Name(name.into()));
    }
    Ok(())
}

/// Checks that entries ascend in git's order.
///
/// A folder's name is sorted as if it ended in `/`, so a file and a folder with the same name need not be neighbors
/// (`a`, `a.b`, `a/`). Therefore this looks for the file among the earlier entries.
fn check_order(before: &[TreeEntry<'_>], entry: &TreeEntry<'_>) -> Result<(), TreeError> {
    let Some(last) = before.last() else {
        return Ok(());
    };
    let duplicate = match compare(last, entry) {
        Ordering::Greater => return Err(TreeError::Unsorted(entry.name.into())),
        Ordering::Equal => true,
        Ordering::Less if entry.kind != Kind::Directory => false,
        Ordering::Less => {
            let as_file = TreeEntry { kind: Kind::File, ..*entry };
            before.binary_search_by(|other| compare(other, &as_file)).is_ok()
        }
    };
    if duplicate {
        return Err(TreeError::Duplicate(entry.name.into()));
    }
    Ok(())
}

fn compare(a: &TreeEntry<'_>, b: &TreeEntry<'_>) -> Ordering {
    compare_names((a.name, a.kind), (b.name, b.kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut data = Vec::new();
        for (mode, name) in entries {
            data.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            data.extend_from_slice(&[7; HASH_BYTES]);
        }
        data
    }

    #[test]
    fn modes_are_canonical() {
        for (mode, kind) in [
            ("100644", Kind::File),
            ("100664", Kind::File),
            ("100600", Kind::File),
            ("100755", Kind::Executable),
            ("100775", Kind::Executable),
            ("120000", Kind::Link),
            ("40000", Kind::Directory),
            ("040000", Kind::Directory),
            ("160000", Kind::Submodule),
            ("10644", Kind::Submodule),
        ] {
            let data = tree(&[(mode, "x")]);
            assert_eq!(parse_tree(&data).unwrap()[0].kind, kind, "{mode}");
        }
    }

    #[test]
    fn order_is_gits() {
        let data = tree(&[("100644", "a"), ("100644", "a.b"), ("40000", "b"), ("100644", "b0"), ("100644", "\u{e9}")]);
        assert_eq!(parse_tree(&data).unwrap().len(), 5);
        let data = tree(&[("100644", "a.b"), ("40000", "a"), ("100644", "a0"), ("160000", "c"), ("100644", "c.d")]);
        assert_eq!(parse_tree(&data).unwrap().len(), 5);
    }

    #[test]
    fn what_git_would_not_write_is_refused() {
        let unsorted = |name: &str| Err(TreeError::Unsorted(name.into()));
        let duplicate = |name: &str| Err(TreeError::Duplicate(name.into()));
        let name = |name: &str| Err(TreeError::Name(name.into()));
        for (entries, expected) in [
            (&[("100644", "b"), ("100644", "a")][..], unsorted("a")),
            (&[("40000", "a"), ("100644", "a.b")], unsorted("a.b")),
            (&[("100644", "a"), ("100644", "a")], duplicate("a")),
            (&[("100644", "a"), ("40000", "a")], duplicate("a")),
            (&[("100644", "a"), ("100644", "a.b"), ("40000", "a")], duplicate("a")),
            (&[("100644", "")], name("")),
            (&[("100644", "a/b")], name("a/b")),
        ] {
            assert_eq!(parse_tree(&tree(entries)).map(|_| ()), expected, "{entries:?}");
        }
    }

    #[test]
    fn a_cut_or_garbled_tree_is_refused() {
        let data = tree(&[("100644", "a"), ("100644", "b")]);
        for end in (1..data.len()).filter(|end| *end != data.len() / 2) {
            assert!(matches!(parse_tree(&data[..end]), Err(TreeError::Malformed(_))), "{end}");
        }
        for mode in ["", "10a644", " 100644", "-1", "77777777777"] {
            assert_eq!(parse_tree(&tree(&[(mode, "a")])), Err(TreeError::Malformed(0)), "{mode}");
        }
    }
}
