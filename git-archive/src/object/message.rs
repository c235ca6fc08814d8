//! The parts of a commit's message, as git's pretty.c divides it.

use bstr::{BString, ByteSlice};

/// Returns the message up to the first NUL, which ends a string in git.
pub(crate) fn raw(message: &[u8]) -> &[u8] {
    &message[..message.find_byte(0).unwrap_or(message.len())]
}

/// Returns a raw message from its first line that is not blank.
pub(crate) fn subject(raw: &[u8]) -> &[u8] {
    skip_blank_lines(raw)
}

/// Returns the text after the first paragraph of a message. The message has no blank lines at its beginning.
pub(crate) fn body(subject: &[u8]) -> &[u8] {
    let mut rest = subject;
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        if is_blank(line) {
            break;
        }
    }
    skip_blank_lines(rest)
}

/// Returns the first paragraph as one line.
pub(crate) fn subject_line(subject: &[u8]) -> BString {
    let mut output = Vec::new();
    let paragraph = subject.split(|&byte| byte == b'\n').take_while(|line| !is_blank(line));
    for (index, line) in paragraph.enumerate() {
        if index > 0 {
            output.push(b' ');
        }
        output.extend_from_slice(trim_end(line));
    }
    output.into()
}

/// Returns the first line, with only the characters that suit a file name.
pub(crate) fn file_name(subject: &[u8]) -> Vec<u8> {
    let line = &subject[..subject.find_byte(b'\n').unwrap_or(subject.len())];
    let mut output = Vec::new();
    let mut bytes = line.iter().copied().peekable();
    let mut is_gap = false;
    while let Some(byte) = bytes.next() {
        if !byte.is_ascii_alphanumeric() && byte != b'.' && byte != b'_' {
            is_gap = true;
            continue;
        }
        if is_gap && !output.is_empty() {
            output.push(b'-');
        }
        is_gap = false;
        output.push(byte);
        if byte == b'.' {
            while bytes.next_if_eq(&b'.').is_some() {}
        }
    }
    while output.last().is_some_and(|last| b".-".contains(last)) {
        output.pop();
    }
    output
}

/// Splits the first line, with its end, from the rest.
pub(crate) fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    Some(text.split_at(text.find_byte(b'\n').map_or(text.len(), |end| end + 1)))
}

/// Returns whether git treats a byte as white space. Vertical tabs and form feeds do not count.
pub(crate) fn is_space(byte: u8) -> bool {
    b" \t\n\r".contains(&byte)
}

pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().copied().all(is_space)
}

pub(crate) fn trim_end(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last + 1)]
}

fn skip_blank_lines(mut text: &[u8]) -> &[u8] {
    while let Some((_, rest)) = split_line(text).filter(|(line, _)| is_blank(line)) {
        text = rest;
    }
    text
}
