//! `export-subst`: `$Format:…$` in a file, expanded as by `git log --format`, as far as this needs only the commit.
//!
//! All placeholders of git 2.47 are known. If a placeholder depends on more than the commit, it stays unchanged, like
//! one that git does not know, and a [`SubstituteWarning`] names it:
//!
//! | placeholder | needs |
//! |---|---|
//! | `%d`, `%D`, `%(decorate)`, `%(describe)` | the references of the repository |
//! | `%G?`, `%GG`, `%GS`, `%GK`, `%GF`, `%GP`, `%GT` | the signature, and the keys |
//! | `%ar`, `%ah`, `%cr`, `%ch` | the current time |
//!
//! `%aN`, `%aE`, `%aL` and the committer's counterparts give the names without a mailmap, also with a warning. `%h`,
//! `%t` and `%p` have the length that the caller gives, because git's length depends on the objects of the
//! repository. `%N`, `%S` and unknown placeholders stay unchanged, and `%g…` is empty, as in `git archive`.

use std::borrow::Cow;
use std::fmt;

use bstr::{BString, ByteSlice};

use crate::convert::error::ConvertError;
use crate::object::{Commit, Signature};
use crate::sink::{Bounds, Sink};

mod color;
mod columns;
mod commit_texts;
mod date;
mod hex;
mod padding;
mod trailers;
mod wrap;

use columns::LastLine;
use commit_texts::{CommitTexts, Digits};
use hex::hex_byte;
use padding::{Padding, Truncation};
use wrap::Wrap;

/// A placeholder that was not expanded as git does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubstituteWarning {
    /// The placeholder depends on more than the commit and stays unchanged.
    NotDerivable(BString),
    /// The name or address is the commit's. Git would look it up in a mailmap.
    Mailmap(BString),
    /// A color that git does not know, which makes git fail.
    Color(BString),
}

impl SubstituteWarning {
    /// Returns the warning with its text cut to a length that suits a log.
    fn cut(mut self) -> Self {
        let (Self::NotDerivable(text) | Self::Mailmap(text) | Self::Color(text)) = &mut self;
        text.truncate(WARNING_LENGTH);
        self
    }
}

impl fmt::Display for SubstituteWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDerivable(placeholder) => {
                write!(f, "{placeholder} depends on more than the commit and stays as it is")
            }
            Self::Mailmap(placeholder) => write!(f, "{placeholder} is the commit's own, not that of a mailmap"),
            Self::Color(color) => write!(f, "git knows no color '{color}', so that its placeholder stays as it is"),
        }
    }
}

/// Expands each `$Format:…$` of a file, which may span lines. One without its end stays unchanged.
///
/// `abbreviation` is the number of digits of `%h`, `%t` and `%p`. Each warning is added once per file, and there are
/// at most 32.
pub fn substitute<'a>(
    content: Cow<'a, [u8]>,
    commit: &Commit,
    abbreviation: usize,
    bounds: Bounds<'_>,
    warnings: &mut Vec<SubstituteWarning>,
) -> Result<Cow<'a, [u8]>, ConvertError> {
    if find_format(&content).is_none() {
        return Ok(content);
    }
    let mut output = Sink::new(bounds);
    let texts = CommitTexts::new(commit, abbreviation);
    let mut last_line = LastLine::default();
    let mut rest: &[u8] = &content;
    while let Some((start, end)) = find_format(rest) {
        output.extend(&rest[..start])?;
        let format = &rest[start + OPENING.len()..end];
        let expansion = Expansion {
            texts: &texts,
            warnings,
            last_line: &mut last_line,
            padding: None,
            truncation: Truncation::None,
            wrap: Wrap::from(output.len()),
        };
        expansion.expand(&mut output, format)?;
        rest = &rest[end + 1..];
    }
    output.extend(rest)?;
    output.finish().map(Cow::Owned)
}

const OPENING: &[u8] = b"$Format:";
/// The largest number of warnings for one file, and the largest length of each one's text.
const MOST_WARNINGS: usize = 32;
const WARNING_LENGTH: usize = 100;

/// Finds the start of the next `$Format:`, and the `$` that ends it.
fn find_format(content: &[u8]) -> Option<(usize, usize)> {
    let start = content.find(OPENING)?;
    let end = start + OPENING.len() + content[start + OPENING.len()..].find_byte(b'$')?;
    Some((start, end))
}

/// The expansion of one format, like `struct format_commit_context` of git's pretty.c.
struct Expansion<'c, 'm> {
    texts: &'c CommitTexts<'m>,
    warnings: &'c mut Vec<SubstituteWarning>,
    last_line: &'c mut LastLine,
    /// The padding for the next placeholder.
    padding: Option<Padding>,
    /// The truncation of the last padding. It applies to later paddings, too.
    truncation: Truncation,
    wrap: Wrap,
}

impl Expansion<'_, '_> {
    /// Adds the expansion to the output.
    ///
    /// Some placeholders read and change the earlier output: `%-` removes line ends, `%>>` removes spaces, and `%<|`
    /// counts columns. As in git, the earlier output may be the file's own text.
    fn expand(mut self, output: &mut Sink<'_>, format: &[u8]) -> Result<(), ConvertError> {
        // A NUL ends the format, because it is a string in git.
        let mut rest = &format[..format.find_byte(0).unwrap_or(format.len())];
        while let Some(percent) = rest.find_byte(b'%') {
            output.extend(&rest[..percent])?;
            rest = &rest[percent + 1..];
            if let Some(after) = rest.strip_prefix(b"%") {
                output.push(b'%')?;
                rest = after;
                continue;
            }
            match self.item(output, rest)? {
                0 => output.push(b'%')?,
                length => rest = &rest[length..],
            }
        }
        output.extend(rest)?;
        self.wrap.change(output, 0, 0, 0)
    }

    /// Expands one placeholder, with `+`, `-` or a space before it. Returns its length, or 0 if it is unknown.
    fn item(&mut self, output: &mut Sink<'_>, rest: &[u8]) -> Result<usize, ConvertError> {
        let magic = rest.first().copied().filter(|first| b"+- ".contains(first));
        let Some(magic) = magic else {
            return self.padded(output, rest);
        };
        let rest = &rest[1..];
        if rest.starts_with(b"w") {
            return Ok(0);
        }
        let before = output.len();
        let length = self.padded(output, rest)?;
        match (magic, output.len() == before) {
            (b'-', true) => output.truncate(output.as_slice().trim_end_with(|c| c == '\n').len()),
            (b'+', false) if output.len() > before => output.insert(before, b'\n')?,
            (b' ', false) if output.len() > before => output.insert(before, b' ')?,
            _ => {}
        }
        Ok(1 + length)
    }

    /// Expands one placeholder, padded if `%<(…)` or the like came before.
    fn padded(&mut self, output: &mut Sink<'_>, rest: &[u8]) -> Result<usize, ConvertError> {
        let Some(padding) = self.padding.take() else {
            return self.one(output, rest);
        };
        let mut expanded = output.sibling();
        let mut length = 0;
        loop {
            let is_color = rest.get(length) == Some(&b'C');
            length += self.one(&mut expanded, &rest[length..])?;
            // A color is expanded together with the placeholder after it.
            if !is_color || rest.get(length) != Some(&b'%') {
                break;
            }
            length += 1;
        }
        // If the padded placeholder is itself a padding, its kind counts, with the width of the first padding.
        let padding = self.padding.take().unwrap_or(padding).as_wide_as(padding);
        padding.apply(output, expanded.finish()?, self.last_line)?;
        Ok(length)
    }

    /// Expands one placeholder, as `format_commit_one` of git's pretty.c does. Returns its length, or 0 if it is
    /// unknown.
    fn one(&mut self, output: &mut Sink<'_>, rest: &[u8]) -> Result<usize, ConvertError> {
        let Some(&first) = rest.first() else { return Ok(0) };
        output.spend(1)?;
        match first {
            b'x' => return byte(output, rest),
            b'C' => return self.color(output, rest),
            b'w' => return self.wrap.parse(output, rest),
            b'<' | b'>' => return self.announce_padding(output, rest),
            b'(' => return self.parenthesis(output, rest),
            b'd' | b'D' => return Ok(self.not_derivable(&rest[..1])),
            b'g' => {
                return Ok(if rest.get(1).is_some_and(|part| b"dDsnNeE".contains(part)) { 2 } else { 0 });
            }
            b'G' if rest.get(1).is_some_and(|part| b"G?SKFPT".contains(part)) => {
                return Ok(self.not_derivable(&rest[..2]));
            }
            b'a' => return self.person(output, &self.texts.commit.author, rest),
            b'c' => return self.person(output, &self.texts.commit.committer, rest),
            // The encoding is always UTF-8 here, because the header is not read.
            b'e' => {}
            b'n' => output.push(b'\n')?,
            b'm' => output.push(b'>')?,
            _ => return self.text(output, first),
        }
        Ok(1)
    }

    /// Expands a placeholder for one of the commit's ids or for a part of its message.
    fn text(&self, output: &mut Sink<'_>, placeholder: u8) -> Result<usize, ConvertError> {
        let texts = self.texts;
        match placeholder {
            b'H' => output.extend(texts.id(texts.commit.id, Digits::All).as_bytes()),
            b'h' => output.extend(texts.id(texts.commit.id, Digits::Abbreviated).as_bytes()),
            b'T' => output.extend(texts.id(texts.commit.tree, Digits::All).as_bytes()),
            b't' => output.extend(texts.id(texts.commit.tree, Digits::Abbreviated).as_bytes()),
            b'P' => self.parents(output, Digits::All),
            b'p' => self.parents(output, Digits::Abbreviated),
            b'B' => output.extend(texts.raw()),
            b's' => output.extend(texts.subject_line()),
            b'f' => output.extend(texts.file_name()),
            b'b' => output.extend(texts.body()),
            _ => return Ok(0),
        }?;
        Ok(1)
    }

    fn parenthesis(&mut self, output: &mut Sink<'_>, rest: &[u8]) -> Result<usize, ConvertError> {
        if let Some(options) = rest.strip_prefix(b"(trailers") {
            let length = self.texts.trailers().expand(output, options)?;
            return Ok(if length == 0 { 0 } else { rest.len() - options.len() + length });
        }
        if !rest.starts_with(b"(describe") && !rest.starts_with(b"(decorate") {
            return Ok(0);
        }
        let end = find(output, rest, b")")?;
        Ok(end.map_or(0, |end| self.not_derivable(&rest[..=end])))
    }

    fn person(&mut self, output: &mut Sink<'_>, person: &Signature, rest: &[u8]) -> Result<usize, ConvertError> {
        let Some(&part) = rest.get(1) else { return Ok(0) };
        if b"NEL".contains(&part) {
            self.warn(SubstituteWarning::Mailmap([b"%", &rest[..2]].concat().into()));
        }
        let local_part = || person.email.split(|&byte| byte == b'@').next().unwrap_or_default();
        match part {
            b'n' | b'N' => output.extend(&person.name),
            b'e' | b'E' => output.extend(&person.email),
            b'l' | b'L' => output.extend(local_part()),
            b't' | b'd' | b'D' | b'i' if !person.is_dated => Ok(()),
            b'I' | b's' if !person.is_dated => return Ok(0),
            b't' => output.extend(person.seconds.to_string().as_bytes()),
            b'd' => output.extend(date::normal(person).as_bytes()),
            b'D' => output.extend(date::rfc2822(person).as_bytes()),
            b'i' => output.extend(date::iso8601(person).as_bytes()),
            b'I' => output.extend(date::iso8601_strict(person).as_bytes()),
            b's' => output.extend(date::short(person).as_bytes()),
            b'r' | b'h' => return Ok(self.not_derivable(&rest[..2])),
            _ => return Ok(0),
        }?;
        Ok(2)
    }

    /// Expands a color. Only `%C(always,…)` has an effect, because an archive is not a terminal.
    fn color(&mut self, output: &mut Sink<'_>, rest: &[u8]) -> Result<usize, ConvertError> {
        if let Some(inner) = rest.strip_prefix(b"C(") {
            let Some(end) = find(output, inner, b")")? else {
                return Ok(0);
            };
            if let Some(wanted) = inner[..end].strip_prefix(b"always,") {
                let Some(sequence) = color::escape_sequence(wanted) else {
                    self.warn(SubstituteWarning::Color(wanted.into()));
                    return Ok(0);
                };
                output.extend(sequence.as_bytes())?;
            }
            return Ok(end + 3);
        }
        let basic = ["Cred", "Cgreen", "Cblue", "Creset"];
        Ok(basic.iter().find(|name| rest.starts_with(name.as_bytes())).map_or(0, |name| name.len()))
    }

    fn announce_padding(&mut self, output: &mut Sink<'_>, rest: &[u8]) -> Result<usize, ConvertError> {
        find(output, rest, b",)")?;
        let (padding, length) = Padding::parse(rest, self.truncation);
        if let Some(padding) = padding {
            self.truncation = padding.truncation;
            self.padding = Some(padding);
        }
        Ok(length)
    }

    fn parents(&self, output: &mut Sink<'_>, digits: Digits) -> Result<(), ConvertError> {
        for (index, parent) in self.texts.commit.parents.iter().enumerate() {
            if index > 0 {
                output.push(b' ')?;
            }
            output.extend(self.texts.id(*parent, digits).as_bytes())?;
        }
        Ok(())
    }

    /// Leaves a placeholder unchanged, with a warning.
    fn not_derivable(&mut self, placeholder: &[u8]) -> usize {
        self.warn(SubstituteWarning::NotDerivable([b"%", placeholder].concat().into()));
        0
    }

    fn warn(&mut self, warning: SubstituteWarning) {
        let warning = warning.cut();
        if self.warnings.len() < MOST_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// Adds the byte of `x41`.
fn byte(output: &mut Sink<'_>, rest: &[u8]) -> Result<usize, ConvertError> {
    let Some(byte) = hex_byte(rest) else { return Ok(0) };
    output.push(byte)?;
    Ok(3)
}

/// Finds any of the bytes, and counts the steps of the search.
fn find(output: &mut Sink<'_>, text: &[u8], bytes: &[u8]) -> Result<Option<usize>, ConvertError> {
    let found = text.find_byteset(bytes);
    output.spend_bytes(found.unwrap_or(text.len()))?;
    Ok(found)
}
