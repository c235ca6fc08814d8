//! Git's order of the entries of a tree.

use std::cmp::Ordering;

use super::entry::Kind;

/// Compares two entries of one tree as git's `base_name_compare` does: by bytes, a folder as if its name ended in `/`.
///
/// A submodule is sorted as a plain name.
///
/// ```
/// use git_archive::object::{Kind, compare_names};
/// use std::cmp::Ordering;
///
/// assert_eq!(compare_names((b"a", Kind::File), (b"a.b", Kind::File)), Ordering::Less);
/// assert_eq!(compare_names((b"a", Kind::Directory), (b"a.b", Kind::File)), Ordering::Greater);
/// ```
pub fn compare_names(a: (&[u8], Kind), b: (&[u8], Kind)) -> Ordering {
    let common = a.0.len().min(b.0.len());
    a.0[..common].cmp(&b.0[..common]).then_with(|| byte_after(a, common).cmp(&byte_after(b, common)))
}

/// Returns the byte of a name at the index `common`. At the end of the name, this is `/` for a folder, and otherwise
/// NUL.
fn byte_after((name, kind): (&[u8], Kind), common: usize) -> u8 {
    match name.get(common) {
        Some(byte) => *byte,
        None if kind == Kind::Directory => b'/',
        None => 0,
    }
}
