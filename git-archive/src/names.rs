//! Which paths git refuses to put into an index, and so into an archive, at its defaults on Linux: `verify_path` of
//! git's read-cache.c with `core.protectNTFS` on and `core.protectHFS` off.

use bstr::{BStr, ByteSlice};

use crate::object::Kind;

/// What disguises `.gitmodules` in a short name of NTFS, beside `gitmod~1` to `gitmod~4`.
const SHORT_NAME: &[u8] = b"gi7eba";

/// Whether a name can be that of one entry of a tree: not empty, without `/` and NUL.
///
/// For whoever reads trees; a path does not show any more what was a name.
pub fn is_name(name: &BStr) -> bool {
    !name.is_empty() && !name.contains(&b'/') && !name.contains(&0)
}

/// Whether git refuses the path of a file, link or submodule; that of a directory it never sees.
///
/// Refused are `.git` in any case, `.`, `..`, and an empty or absolute path anywhere in it, NTFS's disguises of
/// `.git` (`git~1`, `.git.`, `.git::$INDEX_ALLOCATION`, with `\` as a separator, too), and for links `.gitmodules`.
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

/// Whether macOS would take a component for `.git`, which git only refuses there.
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

/// `is_ntfs_dotgit`: after the name come only dots and spaces, up to a separator or the name of a stream.
fn is_git_on_ntfs(rest: &[u8]) -> bool {
    let after = strip_ignoring_case(rest, b".git").or_else(|| strip_ignoring_case(rest, b"git~1"));
    after.is_some_and(|after| after.iter().find(|byte| !b". ".contains(byte)).is_none_or(|byte| b"/\\:".contains(byte)))
}

/// `is_ntfs_dotgitmodules`, which does not know separators.
fn is_gitmodules_on_ntfs(rest: &[u8]) -> bool {
    let after = strip_ignoring_case(rest, b".gitmodules")
        .or_else(|| strip_ignoring_case(rest, b"gitmod~").and_then(|rest| strip_one_of(rest, b"1234")))
        .or_else(|| strip_fallback_short_name(rest));
    after.is_some_and(|after| after.iter().find(|byte| !b". ".contains(byte)).is_none_or(|&byte| byte == b':'))
}

/// `gi7eba~1` and the like: eight characters, a part of the name, `~`, and a number.
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
