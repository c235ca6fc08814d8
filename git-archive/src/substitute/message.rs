//! The parts of a commit's message, as git's pretty.c divides it.

use bstr::ByteSlice;

use crate::object::Commit;

/// The whole message; to git it is a string, which a NUL ends.
pub(super) fn raw(commit: &Commit) -> &[u8] {
    let message = commit.message.as_bytes();
    &message[..message.find_byte(0).unwrap_or(message.len())]
}

/// The message from its first line that is not blank.
pub(super) fn subject(commit: &Commit) -> &[u8] {
    skip_blank_lines(raw(commit))
}

/// What follows the first paragraph.
pub(super) fn body(commit: &Commit) -> &[u8] {
    let mut rest = subject(commit);
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        if is_blank(line) {
            break;
        }
    }
    skip_blank_lines(rest)
}

/// Adds the first paragraph as one line.
pub(super) fn subject_line(output: &mut Vec<u8>, subject: &[u8]) {
    let paragraph = subject.split(|&byte| byte == b'\n').take_while(|line| !is_blank(line));
    for (index, line) in paragraph.enumerate() {
        if index > 0 {
            output.push(b' ');
        }
        output.extend_from_slice(trim_end(line));
    }
}

/// Adds the first line as it can be the name of a file.
pub(super) fn file_name(output: &mut Vec<u8>, subject: &[u8]) {
    let line = &subject[..subject.find_byte(b'\n').unwrap_or(subject.len())];
    let start = output.len();
    let mut bytes = line.iter().copied().peekable();
    let mut is_gap = false;
    while let Some(byte) = bytes.next() {
        if !byte.is_ascii_alphanumeric() && byte != b'.' && byte != b'_' {
            is_gap = true;
            continue;
        }
        if is_gap && output.len() > start {
            output.push(b'-');
        }
        is_gap = false;
        output.push(byte);
        if byte == b'.' {
            while bytes.next_if_eq(&b'.').is_some() {}
        }
    }
    while output.len() > start && output.last().is_some_and(|last| b".-".contains(last)) {
        output.pop();
    }
}

/// The first line with its end, and the rest.
pub(super) fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    Some(text.split_at(text.find_byte(b'\n').map_or(text.len(), |end| end + 1)))
}

/// What counts as white space in git; vertical tabs and form feeds do not.
pub(super) fn is_space(byte: u8) -> bool {
    b" \t\n\r".contains(&byte)
}

pub(super) fn is_blank(line: &[u8]) -> bool {
    line.iter().copied().all(is_space)
}

pub(super) fn trim_end(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last + 1)]
}

fn skip_blank_lines(mut text: &[u8]) -> &[u8] {
    while let Some((_, rest)) = split_line(text).filter(|(line, _)| is_blank(line)) {
        text = rest;
    }
    text
}
