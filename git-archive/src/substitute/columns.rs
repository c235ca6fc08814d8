//! Columns as git's utf8.c counts them: without escape sequences for colors, and with wide and combining characters.

use unicode_width::UnicodeWidthChar;

use crate::convert::error::ConvertError;
use crate::sink::Sink;

/// `FORMATTING_LIMIT` of git's pretty.h, the largest width that a format may ask for.
pub(super) const LIMIT: i64 = 16 * 1024;

/// The columns of the output's last line, updated as the output grows. A NUL ends the output, because it is a string
/// in git.
#[derive(Default)]
pub(super) struct LastLine {
    /// The number of bytes counted so far. The rest may begin a character or an escape sequence.
    counted: usize,
    /// The start of the line, or the line end before it, which has no column.
    start: usize,
    columns: i64,
    is_not_utf8: bool,
    /// The NUL that ended the output.
    end: Option<usize>,
}

impl LastLine {
    /// Returns the columns of the output's last line, or its bytes if it is not UTF-8.
    pub(super) fn columns(&mut self, output: &mut Sink<'_>) -> Result<i64, ConvertError> {
        if output.mark() < self.counted {
            *self = Self::default();
        }
        output.spend_bytes(16 * (output.len() - self.counted))?;
        let text = output.as_slice();
        while self.end.is_none() && self.count_one(text) {}
        let tail = &text[self.counted..];
        let end = self.end.unwrap_or(text.len());
        if self.is_not_utf8 || self.end.is_none() && !is_utf8(tail) {
            return Ok(to_columns(end - self.start));
        }
        Ok(if self.end.is_some() { self.columns } else { self.columns + width(tail) })
    }

    /// Counts the next character or escape sequence, unless it may be incomplete.
    fn count_one(&mut self, text: &[u8]) -> bool {
        let rest = &text[self.counted..];
        let Some(&byte) = rest.first() else { return false };
        if byte == 0 {
            self.end = Some(self.counted);
            return true;
        }
        if byte == b'\n' {
            *self = Self { counted: self.counted + 1, start: self.counted, ..Self::default() };
            return true;
        }
        let escape = escape_length(rest);
        let is_open_escape = byte == b'\x1b' && escape == 0 && {
            let parameters = rest[1..].strip_prefix(b"[").unwrap_or(&rest[1..]);
            parameters.iter().all(|byte| byte.is_ascii_digit() || *byte == b';')
        };
        match split_char(rest) {
            _ if is_open_escape => return false,
            _ if escape > 0 => self.counted += escape,
            Some((c, after)) => {
                self.columns += char_width(c).max(0);
                self.counted += rest.len() - after.len();
            }
            None if rest.len() < 4 && !rest.iter().any(u8::is_ascii) => return false,
            None => {
                self.is_not_utf8 = true;
                self.counted += 1;
            }
        }
        true
    }
}

fn is_utf8(mut text: &[u8]) -> bool {
    while !text.is_empty() {
        let Some((_, rest)) = split_char(text) else { return false };
        text = rest;
    }
    true
}

fn to_columns(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Replaces `columns` columns, starting at `from`, with `..`, unless the text is not UTF-8.
///
/// This is `strbuf_utf8_replace` of git's utf8.c.
pub(super) fn cut(text: &mut Vec<u8>, from: i64, columns: i64) {
    let mut kept = Vec::with_capacity(text.len());
    let mut dots = Some(b"..");
    let mut column = 0;
    let mut rest = text.as_slice();
    loop {
        let escape = escape_length(rest);
        kept.extend_from_slice(&rest[..escape]);
        rest = &rest[escape..];
        if escape > 0 {
            continue;
        }
        if rest.is_empty() {
            break;
        }
        let Some((c, after)) = split_char(rest) else {
            return;
        };
        let width = char_width(c).max(0);
        if width > 0 && column >= from && column < from + columns {
            kept.extend_from_slice(dots.take().map_or(b"", |dots| &dots[..]));
        } else {
            kept.extend_from_slice(&rest[..rest.len() - after.len()]);
        }
        column += width;
        rest = after;
    }
    *text = kept;
}

/// Counts columns without escape sequences and control characters, or bytes if the text is not UTF-8.
///
/// This is `utf8_strnwidth` of git's utf8.c.
pub(super) fn width(text: &[u8]) -> i64 {
    let mut columns = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let escape = escape_length(rest);
        rest = &rest[escape..];
        if escape > 0 {
            continue;
        }
        let Some((c, after)) = split_char(rest) else {
            return to_columns(text.len());
        };
        columns += char_width(c).max(0);
        rest = after;
    }
    columns
}

/// Returns the columns of a character, or -1 for a control character.
///
/// Git's table differs for some marks of rare scripts, and for additions of newer Unicode versions.
pub(super) fn char_width(c: char) -> i64 {
    match c.width() {
        _ if c == '\0' => 0,
        // The soft hyphen is visible at the end of a line.
        _ if c == '\u{AD}' => 1,
        Some(columns) => i64::try_from(columns).unwrap_or_default(),
        None => -1,
    }
}

/// Splits off the first character. Git refuses U+FFFE and U+FFFF as UTF-8, too.
pub(super) fn split_char(text: &[u8]) -> Option<(char, &[u8])> {
    let (c, length) = bstr::decode_utf8(text);
    c.filter(|c| !matches!(c, '\u{FFFE}' | '\u{FFFF}')).map(|c| (c, &text[length..]))
}

/// Returns the length of a color's escape sequence at the start, or 0.
pub(super) fn escape_length(text: &[u8]) -> usize {
    let Some(parameters) = text.strip_prefix(b"\x1b[") else {
        return 0;
    };
    let length = parameters.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    if parameters.get(length) == Some(&b'm') { length + 3 } else { 0 }
}

/// Returns the number at the start of a text, and its length.
pub(super) fn integer(text: &[u8]) -> Option<(i64, usize)> {
    let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x0b).count();
    let sign = usize::from(matches!(text.get(blanks), Some(b'+' | b'-')));
    let digits = text[blanks + sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = blanks + sign + digits;
    let number = std::str::from_utf8(&text[blanks..end]).ok().filter(|_| digits > 0)?;
    Some((number.parse().unwrap_or(i64::MAX), end))
}
