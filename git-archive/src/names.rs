//! Paths that git refuses to put into an index, and therefore into an archive.
//!
//! This is `verify_path` of git's read-cache.c at its defaults on Linux: `core.protectNTFS` on, `core.protectHFS`
//! off.

use bstr::{BStr, ByteSlice};

use crate::object::Kind;

/// The hash in NTFS's fallback short names of `.gitmodules`, which come after `gitmod~1` to `gitmod~4`.
const SHORT_NAME: &[u8] = b"gi7eba";

/// Returns whether a name can be the name of one entry of a tree: it is not empty and has no `/` or NUL.
///
/// Readers of trees must check each name with this, because a joined path no longer shows its names.
pub fn is_name(name: &BStr) -> bool {
    !name.is_empty() && !name.contains(&b'/') && !name.contains(&0)
}

/// Returns whether git refuses the path of a file, link or submodule. Git never checks the path of a directory
/// itself.
///
/// Git refuses the components `.git` in any case, `.`, `..` and the empty one. It refuses NTFS's other names of
/// `.git` (`git~1`, `.git.`, `.git::$INDEX_ALLOCATION`, also with `\` as a separator), and `.gitmodules` as a link.
pub fn is_refused(path: &BStr, kind: Kind) -> bool {
    let is_link = kind == Kind::Link;
    if path.contains(&0) {
        return true;
    }
    let mut rest: &[u8] = path;
    loop {
        let end = rest.find_byte(b'/').unwrap_or(rest.len());
        if is_refused_component(&rest[..end], is_link) || is_disguised(rest, is_link) {
            return true;
        }
        let after_backslash = |at: usize| is_disguised(&rest[at + 1..], is_link);
        if rest[..end].find_iter(b"\\").any(after_backslash) {
            return true;
        }
        match rest.get(end + 1..) {
            Some(next) => rest = next,
            None => return false,
        }
    }
}

/// Returns whether macOS treats a component as `.git`, which git refuses only there.
pub fn is_git_on_hfs(path: &BStr) -> bool {
    path.split_str("/").any(|component| {
        let Ok(component) = component.to_str() else {
            return false;
        };
        let shown = component.chars().filter(|c| !is_ignored_by_hfs(*c));
        component.len() > 4 && shown.flat_map(char::to_lowercase).eq(".git".chars())
    })
}

fn is_refused_component(component: &[u8], is_link: bool) -> bool {
    matches!(component, b"" | b"." | b"..")
        || component.eq_ignore_ascii_case(b".git")
        || is_link && component.eq_ignore_ascii_case(b".gitmodules")
}

fn is_disguised(rest: &[u8], is_link: bool) -> bool {
    is_git_on_ntfs(rest) || is_link && is_gitmodules_on_ntfs(rest)
}

/// Checks as `is_ntfs_dotgit` does: only dots and spaces follow the name, up to a separator or the name of a stream.
fn is_git_on_ntfs(rest: &[u8]) -> bool {
    let after = strip_ignoring_case(rest, b".git").or_else(|| strip_ignoring_case(rest, b"git~1"));
    after.is_some_and(|after| after.iter().find(|byte| !b". ".contains(byte)).is_none_or(|byte| b"/\\:".contains(byte)))
}

/// Checks as `is_ntfs_dotgitmodules` does, which knows no separators.
fn is_gitmodules_on_ntfs(rest: &[u8]) -> bool {
    let after = strip_ignoring_case(rest, b".gitmodules")
        .or_else(|| strip_ignoring_case(rest, b"gitmod~").and_then(|rest| strip_one_of(rest, b"1234")))
        .or_else(|| strip_fallback_short_name(rest));
    after.is_some_and(|after| after.iter().find(|byte| !b". ".contains(byte)).is_none_or(|&byte| byte == b':'))
}

/// Strips a name such as `gi7eba~1`: eight characters that are a part of the hash, `~` and a number.
fn strip_fallback_short_name(rest: &[u8]) -> Option<&[u8]> {
    let name = rest.get(..8)?;
    let tilde = name.find_byte(b'~').filter(|&tilde| tilde < 7)?;
    let (start, number) = (&name[..tilde], &name[tilde + 1..]);
    let is_one = start.len() <= SHORT_NAME.len()
        && start.eq_ignore_ascii_case(&SHORT_NAME[..start.len()])
        && number[0] != b'0'
        && number.iter().all(u8::is_ascii_digit);
    is_one.then_some(&rest[8..])
}

fn strip_ignoring_case<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    text.get(..start.len()).filter(|head| head.eq_ignore_ascii_case(start)).map(|_| &text[start.len()..])
}

fn strip_one_of<'a>(text: &'a [u8], bytes: &[u8]) -> Option<&'a [u8]> {
    text.split_first().filter(|(first, _)| bytes.contains(first)).map(|(_, rest)| rest)
}

fn is_ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}')
}
