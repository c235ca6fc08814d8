//! The conversion of a regular file's content on its way out of the repository, as git's convert.c does it on
//! checkout with `core.autocrlf`, `core.eol` and `filter.*` at their defaults: first `ident`, then line endings, then
//! `working-tree-encoding`. A `filter` needs configuration, so that none runs: content that a filter stored stays.
//!
//! Symbolic links are never converted, nor are files over 512 MiB (`core.bigFileThreshold`); both are the caller's to
//! know.

use std::borrow::Cow;
use std::fmt;

use bstr::{BString, ByteSlice};

use crate::attributes::{PathAttributes, State};
use crate::object::ObjectId;

mod encoding;

use encoding::Encoded;

/// How much of the content `buffer_is_binary` of git's xdiff-interface.c looks at.
const FIRST_FEW_BYTES: usize = 8000;

/// Why a file cannot be converted. Git ends here too, or this crate must, rather than archive other bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// `working-tree-encoding` without a value, where git ends with these words.
    #[error("true/false are no valid working-tree-encodings")]
    EncodingWithoutValue,
    /// An encoding that git may know through iconv, and this crate does not.
    #[error("working-tree-encoding {0} is not supported")]
    UnsupportedEncoding(BString),
}

/// What git complains of on standard error, and then goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConvertWarning {
    /// The content is not UTF-8, or the encoding lacks a character, or nobody knows the encoding; so it stays UTF-8.
    NotEncoded {
        /// The `working-tree-encoding`.
        encoding: BString,
    },
}

impl fmt::Display for ConvertWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::NotEncoded { encoding } = self;
        write!(f, "it cannot be encoded as {encoding} and stays as it is stored")
    }
}

/// The line endings that a file gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEndings {
    AsStored,
    Crlf,
    /// CRLF where the content looks like text and has none yet.
    CrlfIfText,
}

/// Converts the content of a regular file; `blob` is its id, which `$Id$` shows.
///
/// Borrowed content comes back borrowed where nothing had to change.
pub fn convert<'a>(
    content: Cow<'a, [u8]>,
    attributes: &PathAttributes,
    blob: ObjectId,
    warnings: &mut Vec<ConvertWarning>,
) -> Result<Cow<'a, [u8]>, ConvertError> {
    let encoding = encoding(attributes)?;
    let mut content = content;
    if attributes.ident && has_keyword(&content) {
        content = Cow::Owned(expand_ident(&content, blob));
    }
    if wants_crlf(&content, line_endings(attributes)) {
        content = Cow::Owned(to_crlf(&content));
    }
    let Some(name) = encoding.filter(|_| !content.is_empty()) else {
        return Ok(content);
    };
    match encoding::encode(&content, name) {
        Encoded::Done(encoded) => Ok(Cow::Owned(encoded)),
        Encoded::Unsupported => Err(ConvertError::UnsupportedEncoding(name.into())),
        Encoded::Refused | Encoded::Unknown => {
            warnings.push(ConvertWarning::NotEncoded { encoding: name.into() });
            Ok(content)
        }
    }
}

/// Whether [`convert`] may change content or fail, so that an entry that was compressed before cannot be used again.
pub fn needs_conversion(attributes: &PathAttributes) -> bool {
    attributes.ident
        || line_endings(attributes) != LineEndings::AsStored
        || encoding(attributes).map_or(true, |encoding| encoding.is_some())
}

/// Whether the content of an entry counts as binary in the archive: the attribute `diff` decides, else the content as
/// it is after conversion (`entry_is_binary` of git's archive-zip.c).
pub fn is_binary_entry(attributes: &PathAttributes, converted: &[u8]) -> bool {
    match attributes.diff {
        State::Set => false,
        State::Unset => true,
        State::Unspecified | State::Value(_) => is_binary(converted),
    }
}

/// Whether there is a NUL in the first 8,000 bytes.
pub fn is_binary(content: &[u8]) -> bool {
    content[..content.len().min(FIRST_FEW_BYTES)].contains(&0)
}

/// The encoding to convert to, if it is not UTF-8 itself.
fn encoding(attributes: &PathAttributes) -> Result<Option<&[u8]>, ConvertError> {
    match &attributes.working_tree_encoding {
        // Git means to end for `-working-tree-encoding`, too, but takes it for an empty value first.
        State::Unspecified | State::Unset => Ok(None),
        State::Set => Err(ConvertError::EncodingWithoutValue),
        State::Value(name) => {
            let is_utf8 = name.eq_ignore_ascii_case(b"UTF-8") || name.eq_ignore_ascii_case(b"UTF8");
            Ok((!name.is_empty() && !is_utf8).then_some(name.as_bytes()))
        }
    }
}

/// `convert_attrs` of git's convert.c, with `core.autocrlf=false` and a native line ending of LF.
fn line_endings(attributes: &PathAttributes) -> LineEndings {
    let decided = |state: &State| match state.value().map(|value| value.as_bytes()) {
        None => *state != State::Unspecified,
        Some(value) => value == b"input" || value == b"auto",
    };
    let text = if decided(&attributes.text) { &attributes.text } else { &attributes.crlf };
    let is_crlf = attributes.eol.value().is_some_and(|eol| eol == "crlf");
    match text.value() {
        _ if *text == State::Unset || !is_crlf => LineEndings::AsStored,
        Some(value) if value == "auto" => LineEndings::CrlfIfText,
        _ => LineEndings::Crlf,
    }
}

/// Counts of a content, as git's heuristics want them.
#[derive(Default)]
struct Statistics {
    nul: usize,
    lone_cr: usize,
    lone_lf: usize,
    crlf: usize,
    printable: usize,
    not_printable: usize,
}

impl Statistics {
    fn of(content: &[u8]) -> Statistics {
        let mut statistics = Statistics::default();
        let mut bytes = content.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\r' if bytes.next_if_eq(&b'\n').is_some() => statistics.crlf += 1,
                b'\r' => statistics.lone_cr += 1,
                b'\n' => statistics.lone_lf += 1,
                b'\x08' | b'\t' | b'\x1b' | b'\x0c' => statistics.printable += 1,
                0 => {
                    statistics.nul += 1;
                    statistics.not_printable += 1;
                }
                127 | ..32 => statistics.not_printable += 1,
                _ => statistics.printable += 1,
            }
        }
        // The end-of-file character of CP/M and DOS.
        if content.last() == Some(&0x1a) {
            statistics.not_printable -= 1;
        }
        statistics
    }

    fn looks_binary(&self) -> bool {
        self.lone_cr > 0 || self.nul > 0 || self.printable / 128 < self.not_printable
    }
}

fn wants_crlf(content: &[u8], endings: LineEndings) -> bool {
    match endings {
        LineEndings::AsStored => false,
        LineEndings::Crlf => content.contains(&b'\n'),
        LineEndings::CrlfIfText => {
            let statistics = Statistics::of(content);
            statistics.lone_lf > 0 && statistics.crlf == 0 && !statistics.looks_binary()
        }
    }
}

fn to_crlf(content: &[u8]) -> Vec<u8> {
    let mut converted = Vec::with_capacity(content.len() + content.len() / 16);
    let mut last = 0;
    for &byte in content {
        if byte == b'\n' && last != b'\r' {
            converted.push(b'\r');
        }
        converted.push(byte);
        last = byte;
    }
    converted
}

/// `count_ident` of git's convert.c, as far as it asks for one; it reads a little differently from [`expand_ident`].
fn has_keyword(content: &[u8]) -> bool {
    let mut rest = content;
    while let Some(at) = rest.find_byte(b'$') {
        rest = &rest[at + 1..];
        if rest.len() < 3 {
            return false;
        }
        if !rest.starts_with(b"Id") {
            continue;
        }
        let end = rest[2];
        rest = &rest[3..];
        if end == b'$' {
            return true;
        }
        if end == b':' {
            match rest.find_byteset(b"$\n") {
                Some(at) if rest[at] == b'$' => return true,
                Some(at) => rest = &rest[at + 1..],
                None => return false,
            }
        }
    }
    false
}

fn expand_ident(content: &[u8], blob: ObjectId) -> Vec<u8> {
    let mut expanded = Vec::with_capacity(content.len() + 64);
    let mut rest = content;
    while let Some(at) = rest.find_byte(b'$') {
        expanded.extend_from_slice(&rest[..=at]);
        rest = &rest[at + 1..];
        let end = match rest.get(2) {
            Some(b'$') if rest.starts_with(b"Id") => 2,
            Some(b':') if rest.starts_with(b"Id") => match rest[3..].find_byte(b'$') {
                Some(length) if is_ours(&rest[3..3 + length]) => 3 + length,
                Some(_) => continue,
                None => break,
            },
            _ => continue,
        };
        expanded.extend_from_slice(format!("Id: {blob} $").as_bytes());
        rest = &rest[end + 1..];
    }
    expanded.extend_from_slice(rest);
    expanded
}

/// Whether this, between `$Id:` and `$`, is an id that git wrote; other systems write more than one word.
fn is_ours(value: &[u8]) -> bool {
    if value.contains(&b'\n') {
        return false;
    }
    match value.get(1..).and_then(|words| words.find_byte(b' ')) {
        Some(space) => 1 + space >= value.len() - 1,
        None => true,
    }
}
