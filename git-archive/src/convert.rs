//! The conversion of a regular file's content, as git's convert.c does it on checkout.
//!
//! `core.autocrlf`, `core.eol` and `filter.*` have their defaults. First comes `ident`, then line endings, then
//! `working-tree-encoding`. A `filter` needs configuration, so none runs, and content that a filter stored stays as
//! it is.
//!
//! The caller must not convert symbolic links, or files over 512 MiB (`core.bigFileThreshold`): git does not either.

use std::borrow::Cow;
use std::fmt;

use bstr::{BString, ByteSlice};

use crate::attributes::{PathAttributes, State};
use crate::object::ObjectId;
pub use crate::sink::Bounds;
use crate::sink::Sink;

mod encoding;
pub(crate) mod error;

use encoding::Encoded;
pub use error::ConvertError;

/// The number of bytes at the beginning of content that decide whether it is binary, as in git's xdiff-interface.c.
pub const FIRST_FEW_BYTES: usize = 8000;

/// A problem that git reports on standard error before it continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConvertWarning {
    /// The content stays unchanged: it is not UTF-8, the encoding lacks a character, or no such encoding exists.
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

/// The line endings of a file in the archive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEndings {
    AsStored,
    Crlf,
    /// CRLF if the content looks like text and has none yet.
    CrlfIfText,
}

/// Converts the content of a regular file. `blob` is its id, which `$Id$` shows.
///
/// Borrowed content is returned borrowed if nothing had to change.
pub fn convert<'a>(
    content: Cow<'a, [u8]>,
    attributes: &PathAttributes,
    blob: ObjectId,
    bounds: Bounds<'_>,
    warnings: &mut Vec<ConvertWarning>,
) -> Result<Cow<'a, [u8]>, ConvertError> {
    let encoding = encoding(attributes)?;
    let mut content = content;
    if attributes.ident && has_keyword(&content) {
        content = Cow::Owned(expand_ident(&content, blob, bounds)?);
    }
    if wants_crlf(&content, line_endings(attributes)) {
        content = Cow::Owned(to_crlf(&content, bounds)?);
    }
    let Some(name) = encoding.filter(|_| !content.is_empty()) else {
        return Ok(content);
    };
    match encoding::encode(&content, name, bounds)? {
        Encoded::Done(encoded) => Ok(Cow::Owned(encoded)),
        Encoded::Unsupported => Err(ConvertError::UnsupportedEncoding(name.into())),
        Encoded::Refused | Encoded::Unknown => {
            warnings.push(ConvertWarning::NotEncoded { encoding: name.into() });
            Ok(content)
        }
    }
}

/// Returns whether [`convert`] may change content or fail. Compressed content can then not be reused.
pub fn needs_conversion(attributes: &PathAttributes) -> bool {
    attributes.ident
        || line_endings(attributes) != LineEndings::AsStored
        || encoding(attributes).map_or(true, |encoding| encoding.is_some())
}

/// Returns whether an entry is binary in the archive, as `entry_is_binary` of git's archive-zip.c does.
///
/// The attribute `diff` decides. If it does not, the content after conversion decides.
pub fn is_binary_entry(attributes: &PathAttributes, converted: &[u8]) -> bool {
    match attributes.diff {
        State::Set => false,
        State::Unset => true,
        State::Unspecified | State::Value(_) => is_binary(converted),
    }
}

/// Returns whether a NUL is in the first 8,000 bytes.
pub fn is_binary(content: &[u8]) -> bool {
    content[..content.len().min(FIRST_FEW_BYTES)].contains(&0)
}

/// Returns the encoding to convert to, if it is not UTF-8 itself.
fn encoding(attributes: &PathAttributes) -> Result<Option<&[u8]>, ConvertError> {
    match &attributes.working_tree_encoding {
        // Git intends to fail for `-working-tree-encoding`, too, but first treats it as an empty value.
        State::Unspecified | State::Unset => Ok(None),
        State::Set => Err(ConvertError::EncodingWithoutValue),
        State::Value(name) => {
            let is_utf8 = name.eq_ignore_ascii_case(b"UTF-8") || name.eq_ignore_ascii_case(b"UTF8");
            Ok((!name.is_empty() && !is_utf8).then_some(name.as_bytes()))
        }
    }
}

/// Returns the line endings, as `convert_attrs` of git's convert.c with `core.autocrlf=false` and LF as the native
/// ending.
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

/// The counts for git's heuristics.
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

fn to_crlf(content: &[u8], bounds: Bounds<'_>) -> Result<Vec<u8>, ConvertError> {
    let mut converted = Sink::new(bounds);
    for line in content.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) if !line.ends_with(b"\r") => {
                converted.extend(line)?;
                converted.extend(b"\r\n")?;
            }
            _ => converted.extend(line)?,
        }
    }
    converted.finish()
}

/// Returns whether there is a keyword, as `count_ident` of git's convert.c does. It differs a little from
/// [`expand_ident`].
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

fn expand_ident(content: &[u8], blob: ObjectId, bounds: Bounds<'_>) -> Result<Vec<u8>, ConvertError> {
    let mut expanded = Sink::new(bounds);
    let mut rest = content;
    while let Some(at) = rest.find_byte(b'$') {
        expanded.extend(&rest[..=at])?;
        rest = &rest[at + 1..];
        let end = match rest.get(2) {
            Some(b'$') if rest.starts_with(b"Id") => 2,
            Some(b':') if rest.starts_with(b"Id") => match rest[3..].find_byte(b'$') {
                Some(length) if !is_foreign_ident(&rest[3..3 + length]) => 3 + length,
                Some(_) => continue,
                None => break,
            },
            _ => continue,
        };
        expanded.extend(format!("Id: {blob} $").as_bytes())?;
        rest = &rest[end + 1..];
    }
    expanded.extend(rest)?;
    expanded.finish()
}

/// Returns whether the text between `$Id:` and `$` is not an id that git wrote. Other systems write more than one word
/// (`is_foreign_ident` in git's convert.c).
fn is_foreign_ident(value: &[u8]) -> bool {
    if value.contains(&b'\n') {
        return true;
    }
    match value.get(1..).and_then(|words| words.find_byte(b' ')) {
        Some(space) => 1 + space < value.len() - 1,
        None => false,
    }
}
