//! Columns as git's utf8.c counts them: without escape sequences for colours, with wide and combining characters.

use bstr::ByteSlice;
use unicode_width::UnicodeWidthChar;

/// `FORMATTING_LIMIT` of git's pretty.h, which keeps a format from asking for gigabytes of spaces.
pub(super) const LIMIT: i64 = 16 * 1024;

/// How many columns the last line has so far; it is a string to git, which a NUL ends.
pub(super) fn current_column(output: &[u8]) -> i64 {
    let text = &output[..output.find_byte(0).unwrap_or(output.len())];
    // From the line end itself, which takes no column.
    width(&text[text.rfind_byte(b'\n').unwrap_or(0)..])
}

/// `strbuf_utf8_replace` of git's utf8.c: puts `..` for so many columns from one on; leaves what is not UTF-8.
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

/// `utf8_strnwidth` of git's utf8.c: without escape sequences and control characters; the bytes where it is no UTF-8.
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
            return i64::try_from(text.len()).unwrap_or(i64::MAX);
        };
        columns += char_width(c).max(0);
        rest = after;
    }
    columns
}

/// The columns of a character, -1 for a control character. Git's table differs for some marks of Indic and other rare
/// scripts, and by what newer editions of Unicode added.
pub(super) fn char_width(c: char) -> i64 {
    match c.width() {
        _ if c == '\0' => 0,
        // The soft hyphen is seen at the end of a line.
        _ if c == '\u{AD}' => 1,
        Some(columns) => i64::try_from(columns).unwrap_or_default(),
        None => -1,
    }
}

/// The first character; not UTF-8 to git are also U+FFFE and U+FFFF.
pub(super) fn split_char(text: &[u8]) -> Option<(char, &[u8])> {
    let (c, length) = bstr::decode_utf8(text);
    c.filter(|c| !matches!(c, '\u{FFFE}' | '\u{FFFF}')).map(|c| (c, &text[length..]))
}

/// The length of an escape sequence for a colour at the start, or 0.
pub(super) fn escape_length(text: &[u8]) -> usize {
    let Some(parameters) = text.strip_prefix(b"\x1b[") else {
        return 0;
    };
    let length = parameters.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    if parameters.get(length) == Some(&b'm') { length + 3 } else { 0 }
}

/// The number at the start of a text, and the length of it.
pub(super) fn integer(text: &[u8]) -> Option<(i64, usize)> {
    let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x0b).count();
    let sign = usize::from(matches!(text.get(blanks), Some(b'+' | b'-')));
    let digits = text[blanks + sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = blanks + sign + digits;
    let number = std::str::from_utf8(&text[blanks..end]).ok().filter(|_| digits > 0)?;
    Some((number.parse().unwrap_or(i64::MAX), end))
}
