//! `%(trailers)` and its options, as git's trailer.c finds and writes trailers without `trailer.*` configuration.

use bstr::ByteSlice;

use super::hex::hex_byte;
use crate::convert::error::ConvertError;
use crate::object::message::{is_blank, is_space, split_line, trim_end};
use crate::sink::Sink;

const COMMENT: &[u8] = b"#";
/// The line that ends a message, as `wt_status_locate_end` of git's wt-status.c finds it.
const SCISSORS: &[u8] = b"# ------------------------ >8 ------------------------\n";

/// The options of one `%(trailers:…)`.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of git's")]
struct Options<'a> {
    only: bool,
    unfold: bool,
    key_only: bool,
    value_only: bool,
    keys: Vec<&'a [u8]>,
    separator: Option<Vec<u8>>,
    key_value_separator: Option<Vec<u8>>,
}

/// One line of the block, with the lines that continue it.
struct Trailer {
    key: Option<Vec<u8>>,
    value: Vec<u8>,
}

/// The trailers of one message, searched for only once.
pub(super) struct Trailers<'m> {
    block: &'m [u8],
    parsed: Vec<Trailer>,
}

impl<'m> Trailers<'m> {
    pub(super) fn of(message: &'m [u8]) -> Self {
        let end = end_of_message(message);
        let block = &message[block_start(&message[..end])..end];
        Self { block, parsed: trailers(block) }
    }

    /// Adds the trailers to the output. `rest` is the text after `(trailers`.
    ///
    /// Returns the length up to and including the `)`, or 0 if git does not know an option.
    pub(super) fn expand(&self, output: &mut Sink<'_>, rest: &[u8]) -> Result<usize, ConvertError> {
        let mut options = Options::default();
        let mut unread = rest;
        if let Some(after) = rest.strip_prefix(b":") {
            match options.read(after, output)? {
                Some(after) => unread = after,
                None => return Ok(0),
            }
        }
        if !unread.starts_with(b")") {
            return Ok(0);
        }
        if options.is_default() {
            output.extend(self.block)?;
        } else {
            options.write(output, &self.parsed)?;
        }
        Ok(rest.len() - unread.len() + 1)
    }
}

impl<'a> Options<'a> {
    /// Parses the options up to the `)`. Returns the rest from the `)` on, or `None` for an option that git does not
    /// know.
    fn read(&mut self, options: &'a [u8], output: &mut Sink<'_>) -> Result<Option<&'a [u8]>, ConvertError> {
        let mut rest = options;
        while !rest.starts_with(b")") {
            // The parser reads an option up to eight times.
            output.spend_bytes(8 * rest.find_byteset(b",)").unwrap_or(rest.len()))?;
            if let Some((key, after)) = option(rest, b"key") {
                let Some(key) = key else { return Ok(None) };
                self.keys.push(key.strip_suffix(b":").unwrap_or(key));
                self.only = true;
                rest = after;
            } else if let Some((value, after)) = option(rest, b"separator") {
                self.separator = Some(literal(value.unwrap_or_default()));
                rest = after;
            } else if let Some((value, after)) = option(rest, b"key_value_separator") {
                self.key_value_separator = Some(literal(value.unwrap_or_default()));
                rest = after;
            } else {
                let Some(after) = self.read_boolean(rest) else { return Ok(None) };
                rest = after;
            }
        }
        Ok(Some(rest))
    }

    /// Parses one boolean option.
    ///
    /// As in git, an invalid value is not noticed if one of the later names follows it.
    fn read_boolean(&mut self, options: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = options;
        let names: [(&[u8], &mut bool); 4] = [
            (b"only", &mut self.only),
            (b"unfold", &mut self.unfold),
            (b"keyonly", &mut self.key_only),
            (b"valueonly", &mut self.value_only),
        ];
        for (name, setting) in names {
            if let Some((value, after)) = option(rest, name) {
                rest = after;
                if let Some(value) = boolean(value) {
                    *setting = value;
                    return Some(rest);
                }
            }
        }
        None
    }

    fn is_default(&self) -> bool {
        let has_separator = self.separator.is_some() || self.key_value_separator.is_some();
        !(self.only || self.unfold || self.key_only || self.value_only || !self.keys.is_empty() || has_separator)
    }

    fn write(&self, output: &mut Sink<'_>, trailers: &[Trailer]) -> Result<(), ConvertError> {
        let start = output.len();
        for Trailer { key, value } in trailers {
            output.spend(1 + self.keys.len() as u64)?;
            let is_wanted = match key {
                Some(key) => self.keys.is_empty() || self.keys.iter().any(|wanted| wanted.eq_ignore_ascii_case(key)),
                None => !self.only,
            };
            if !is_wanted {
                continue;
            }
            if output.len() != start {
                output.extend(self.separator.as_deref().unwrap_or_default())?;
            }
            match key {
                Some(key) => self.write_pair(output, key, value)?,
                None => self.write_line(output, value)?,
            }
            if self.separator.is_none() {
                output.push(b'\n')?;
            }
        }
        Ok(())
    }

    fn write_pair(&self, output: &mut Sink<'_>, key: &[u8], value: &[u8]) -> Result<(), ConvertError> {
        let value = if self.unfold { unfolded(value) } else { value.to_vec() };
        if !self.value_only {
            output.extend(key)?;
        }
        if !self.key_only && !self.value_only {
            output.extend(self.key_value_separator.as_deref().unwrap_or(b": "))?;
        }
        if !self.key_only {
            output.extend(&value)?;
        }
        Ok(())
    }

    /// Writes a line of the trailer block that is not a trailer. Git then trims the end of the whole output.
    fn write_line(&self, output: &mut Sink<'_>, line: &[u8]) -> Result<(), ConvertError> {
        output.extend(line)?;
        if self.separator.is_some() {
            output.truncate(trim_end(output.as_slice()).len());
        }
        Ok(())
    }
}

/// Returns the value of an option with this name, and the text after it: the next option or the `)`.
fn option<'a>(options: &'a [u8], name: &[u8]) -> Option<(Option<&'a [u8]>, &'a [u8])> {
    let rest = options.strip_prefix(name)?;
    let end = rest.find_byteset(b",)")?;
    let value = rest[..end].strip_prefix(b"=");
    if value.is_none() && end > 0 {
        return None;
    }
    let after = &rest[end..];
    Some((value, after.strip_prefix(b",").unwrap_or(after)))
}

/// Expands `%n`, `%xNN` and `%%` in the text of an option.
fn literal(text: &[u8]) -> Vec<u8> {
    let mut expanded = Vec::new();
    let mut rest = text;
    while let Some(percent) = rest.find_byte(b'%') {
        expanded.extend_from_slice(&rest[..percent]);
        rest = &rest[percent + 1..];
        let length = match rest.first() {
            Some(b'n') => {
                expanded.push(b'\n');
                1
            }
            Some(b'x') => {
                expanded.extend(hex_byte(rest));
                hex_byte(rest).map_or(0, |_| 3)
            }
            _ => 0,
        };
        if length == 0 {
            expanded.push(b'%');
        }
        rest = if rest.starts_with(b"%") { &rest[1..] } else { &rest[length..] };
    }
    expanded.extend_from_slice(rest);
    expanded
}

/// Parses a boolean as `git_parse_maybe_bool` does. An option without a value is true.
fn boolean(value: Option<&[u8]>) -> Option<bool> {
    let Some(value) = value else {
        return Some(true);
    };
    let value = value.to_ascii_lowercase();
    match value.as_slice() {
        b"true" | b"yes" | b"on" => Some(true),
        b"" | b"false" | b"no" | b"off" => Some(false),
        number => std::str::from_utf8(number).ok()?.parse::<i32>().ok().map(|number| number != 0),
    }
}

/// Returns the end of the message, where the editor's comments begin, as `ignored_log_message_bytes` of git's
/// commit.c does.
fn end_of_message(message: &[u8]) -> usize {
    let scissors = [b"\n", SCISSORS].concat();
    let cut = match message.find(&scissors) {
        _ if message.starts_with(SCISSORS) => 0,
        Some(before) => before + 1,
        None => message.len(),
    };
    // The start of the comments at the end of the message, or 0 if there are none. So, as in git, comments at the start
    // of the message are not found.
    let mut comments = 0;
    let mut is_in_conflicts = false;
    let mut at = 0;
    while let Some((line, _)) = split_line(&message[at..]).filter(|_| at < cut) {
        let is_conflicts = line == b"Conflicts:\n";
        if line.starts_with(COMMENT) || line[0] == b'\n' || is_conflicts {
            is_in_conflicts |= is_conflicts;
            if comments == 0 {
                comments = at;
            }
        } else if comments > 0 && !(is_in_conflicts && line[0] == b'\t') {
            comments = 0;
            is_in_conflicts = false;
        }
        at += line.len();
    }
    if comments > 0 { comments } else { cut }
}

/// Returns the start of the trailers, as `find_trailer_block_start` of git's trailer.c does.
///
/// They are the last paragraph, unless it is also the first. Either all of its lines are trailers, or a quarter of
/// them are, and git itself writes one of them.
fn block_start(message: &[u8]) -> usize {
    let lines = line_starts(message);
    let line = |index: usize| &message[lines[index]..lines.get(index + 1).copied().unwrap_or(message.len())];
    let end_of_title = (0..lines.len()).find(|&at| !line(at).starts_with(COMMENT) && is_blank(line(at)));
    let Some(end_of_title) = end_of_title else {
        return message.len();
    };

    let (mut trailers, mut others, mut continuations) = (0, 0, 0);
    let (mut is_recognized, mut only_spaces) = (false, true);
    for at in (end_of_title..lines.len()).rev() {
        let line = line(at);
        if line.starts_with(COMMENT) {
            others += std::mem::take(&mut continuations);
        } else if is_blank(line) {
            if only_spaces {
                continue;
            }
            others += continuations;
            let is_block = is_recognized && trailers * 3 >= others || trailers > 0 && others == 0;
            return if is_block { lines.get(at + 1).copied().unwrap_or(message.len()) } else { message.len() };
        } else if line.starts_with(b"Signed-off-by: ") || line.starts_with(b"(cherry picked from commit ") {
            only_spaces = false;
            trailers += 1;
            continuations = 0;
            is_recognized = true;
        } else if separator(line).is_some() && !is_space(line[0]) {
            only_spaces = false;
            trailers += 1;
            continuations = 0;
        } else if is_space(line[0]) {
            only_spaces = false;
            continuations += 1;
        } else {
            only_spaces = false;
            others += 1 + std::mem::take(&mut continuations);
        }
    }
    message.len()
}

fn line_starts(text: &[u8]) -> Vec<usize> {
    let after_ends = text.find_iter(b"\n").map(|end| end + 1).filter(|&start| start < text.len());
    std::iter::once(0).chain(after_ends).filter(|_| !text.is_empty()).collect()
}

/// Finds the `:` between key and value, if there is a key.
fn separator(line: &[u8]) -> Option<usize> {
    let mut after_space = false;
    for (at, &byte) in line.iter().enumerate() {
        match byte {
            b':' => return Some(at).filter(|&at| at > 0),
            b'-' if !after_space => {}
            _ if !after_space && byte.is_ascii_alphanumeric() => {}
            b' ' | b'\t' if at > 0 => after_space = true,
            _ => return None,
        }
    }
    None
}

fn trailers(block: &[u8]) -> Vec<Trailer> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut may_continue = false;
    let mut rest = block;
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        match lines.last_mut() {
            Some(last) if may_continue && is_space(line[0]) => last.extend_from_slice(line),
            _ => {
                may_continue = separator(line).is_some();
                lines.push(line.to_vec());
            }
        }
    }
    let trailers = lines.iter().filter(|line| !line.starts_with(COMMENT));
    trailers
        .map(|line| match separator(line) {
            Some(at) => Trailer { key: Some(trim(&line[..at]).to_vec()), value: trim(&line[at + 1..]).to_vec() },
            None => Trailer { key: None, value: line.strip_suffix(b"\n").unwrap_or(line).to_vec() },
        })
        .collect()
}

/// Joins a value on one line.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let mut unfolded = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\n' {
            while bytes.next_if(|&byte| is_space(byte)).is_some() {}
            unfolded.push(b' ');
        } else {
            unfolded.push(byte);
        }
    }
    trim(&unfolded).to_vec()
}

fn trim(text: &[u8]) -> &[u8] {
    let text = trim_end(text);
    &text[text.iter().position(|&byte| !is_space(byte)).unwrap_or(text.len())..]
}
