//! Wrapping with `%w(…)`, as `strbuf_add_wrapped_text` of git's utf8.c does it.

use bstr::ByteSlice;

use super::columns::{LIMIT, char_width, escape_length, integer, split_char};
use crate::convert::error::ConvertError;
use crate::object::message::is_space;
use crate::sink::Sink;

/// The wrapping of the text from `start` on.
#[derive(Clone, Copy, Default)]
pub(super) struct Wrap {
    start: usize,
    /// The width. With 0, only the indents count.
    width: i64,
    first_indent: usize,
    indent: usize,
}

impl Wrap {
    /// Starts without wrapping.
    pub(super) fn from(start: usize) -> Wrap {
        Wrap { start, ..Wrap::default() }
    }

    /// Parses `w(72,4,2)`. Returns its length, or 0 if git does not know the placeholder.
    ///
    /// The text before it is wrapped with the previous settings, and the text after it with the new ones.
    pub(super) fn parse(&mut self, output: &mut Sink<'_>, rest: &[u8]) -> Result<usize, ConvertError> {
        let Some(inner) = rest.strip_prefix(b"w(") else {
            return Ok(0);
        };
        let end = inner.find_byte(b')');
        output.spend_bytes(end.unwrap_or(inner.len()))?;
        let Some(end) = end else {
            return Ok(0);
        };
        let mut numbers = [0; 3];
        let mut at = 0;
        for (index, number) in numbers.iter_mut().enumerate().filter(|_| end > 0) {
            if index > 0 {
                if inner[at] != b',' {
                    break;
                }
                at += 1;
            }
            let (value, length) = integer(&inner[at..]).unwrap_or_default();
            *number = value;
            at += length;
        }
        let is_allowed = numbers.iter().all(|number| (0..=LIMIT).contains(number));
        if end > 0 && inner[at] != b')' || !is_allowed {
            return Ok(0);
        }
        let [_, first_indent, indent] = numbers.map(|number| usize::try_from(number).unwrap_or_default());
        self.change(output, numbers[0], first_indent, indent)?;
        Ok(end + 3)
    }

    /// Wraps the text since the last change, unless the wrapping stays the same.
    pub(super) fn change(
        &mut self,
        output: &mut Sink<'_>,
        width: i64,
        first_indent: usize,
        indent: usize,
    ) -> Result<(), ConvertError> {
        if (self.width, self.first_indent, self.indent) == (width, first_indent, indent) {
            return Ok(());
        }
        if self.start < output.len() {
            let text = output.split_off(self.start);
            self.wrap(output, &text[..text.find_byte(0).unwrap_or(text.len())])?;
        }
        *self = Wrap { start: output.len(), width, first_indent, indent };
        Ok(())
    }

    /// Wraps by columns, or by bytes if the text is not UTF-8.
    fn wrap(&self, output: &mut Sink<'_>, text: &[u8]) -> Result<(), ConvertError> {
        output.spend_bytes(16 * text.len())?;
        if self.width == 0 {
            return self.indent_lines(output, text);
        }
        let start = output.len();
        if Wrapping::of(self, output, text).run(true)?.is_none() {
            output.truncate(start);
            Wrapping::of(self, output, text).run(false)?;
        }
        Ok(())
    }

    fn indent_lines(&self, output: &mut Sink<'_>, text: &[u8]) -> Result<(), ConvertError> {
        for (index, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let indent = if index == 0 { self.first_indent } else { self.indent };
            output.fill(b' ', indent)?;
            output.extend(line)?;
        }
        Ok(())
    }
}

/// The state of wrapping one text.
struct Wrapping<'a, 'w> {
    wrap: &'a Wrap,
    output: &'a mut Sink<'w>,
    text: &'a [u8],
    at: usize,
    /// The start of the line that is not written yet.
    line: usize,
    /// The space at which the line may end.
    space: Option<usize>,
    indent: usize,
    columns: i64,
}

/// The next part of the text after a word.
enum After {
    Nothing,
    /// Another word on the same line.
    Word,
    /// Another line, from this space on.
    Line(usize),
}

impl<'a, 'w> Wrapping<'a, 'w> {
    fn of(wrap: &'a Wrap, output: &'a mut Sink<'w>, text: &'a [u8]) -> Wrapping<'a, 'w> {
        let indent = wrap.first_indent;
        Wrapping { wrap, output, text, at: 0, line: 0, space: None, indent, columns: to_columns(indent) }
    }

    /// Wraps the text. Returns `None` if it should be UTF-8 but is not.
    fn run(mut self, is_utf8: bool) -> Result<Option<()>, ConvertError> {
        loop {
            self.skip_escapes();
            let next = self.text.get(self.at).copied();
            if next.is_some_and(|byte| !is_space(byte)) {
                if self.skip_character(is_utf8).is_none() {
                    return Ok(None);
                }
                continue;
            }
            match self.end_word(next)? {
                After::Nothing => return Ok(Some(())),
                After::Word => {}
                After::Line(space) => self.start_line(space)?,
            }
        }
    }

    fn skip_escapes(&mut self) {
        while let length @ 1.. = escape_length(&self.text[self.at..]) {
            self.at += length;
        }
    }

    fn skip_character(&mut self, is_utf8: bool) -> Option<()> {
        if is_utf8 {
            let (c, rest) = split_char(&self.text[self.at..])?;
            // A control character subtracts one column, because its width is -1.
            self.columns += char_width(c);
            self.at = self.text.len() - rest.len();
        } else {
            self.columns += 1;
            self.at += 1;
        }
        Some(())
    }

    /// Writes the word, unless it belongs to the next line.
    fn end_word(&mut self, next: Option<u8>) -> Result<After, ConvertError> {
        if let Some(space) = self.space.filter(|_| self.columns > self.wrap.width) {
            return Ok(After::Line(space));
        }
        if next.is_none() && self.at == self.line {
            return Ok(After::Nothing);
        }
        if self.space.is_none() {
            self.output.fill(b' ', self.indent)?;
        }
        self.output.extend(&self.text[self.space.unwrap_or(self.line)..self.at])?;
        let Some(byte) = next else {
            return Ok(After::Nothing);
        };
        let mut space = self.at;
        if byte == b'\t' {
            self.columns |= 7;
        } else if byte == b'\n' {
            space += 1;
            match self.text.get(space) {
                Some(b'\n') => {
                    self.output.push(b'\n')?;
                    return Ok(After::Line(space));
                }
                Some(byte) if byte.is_ascii_alphanumeric() => self.output.push(b' ')?,
                _ => return Ok(After::Line(space)),
            }
        }
        self.space = Some(space);
        self.columns += 1;
        self.at += 1;
        Ok(After::Word)
    }

    fn start_line(&mut self, space: usize) -> Result<(), ConvertError> {
        self.output.push(b'\n')?;
        self.at = space + usize::from(self.text.get(space).is_some_and(|&byte| is_space(byte)));
        self.line = self.at;
        self.space = None;
        self.indent = self.wrap.indent;
        self.columns = to_columns(self.indent);
        Ok(())
    }
}

fn to_columns(indent: usize) -> i64 {
    i64::try_from(indent).unwrap_or(i64::MAX)
}
