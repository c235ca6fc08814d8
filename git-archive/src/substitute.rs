//! `export-subst`: `$Format:…$` in a file, expanded as `git log --format` would, as far as the commit itself says it.
//!
//! All placeholders of git 2.47 are known. What depends on more than the commit is left as git leaves placeholders
//! that it does not know, and a [`SubstituteWarning`] names it:
//!
//! | placeholder | would need |
//! |---|---|
//! | `%d`, `%D`, `%(decorate)`, `%(describe)` | the references of the repository |
//! | `%G?`, `%GG`, `%GS`, `%GK`, `%GF`, `%GP`, `%GT` | the signature, and the keys |
//! | `%ar`, `%ah`, `%cr`, `%ch` | the time of day |
//!
//! `%aN`, `%aE`, `%aL` and the committer's are the names without a mailmap, with a warning, too. `%h`, `%t` and `%p`
//! have the length that was asked for: git's depends on the objects of the repository. `%N`, `%S` and the unknown stay
//! as they are and `%g…` is empty, as in `git archive`.

use std::borrow::Cow;
use std::fmt;

use bstr::{BString, ByteSlice};

use crate::object::{Commit, ObjectId, Signature, message};

mod color;
mod columns;
mod date;
mod hex;
mod padding;
mod trailers;
mod wrap;

use hex::hex_byte;
use padding::{Padding, Truncation};
use wrap::Wrap;

/// What was not expanded as git does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubstituteWarning {
    /// The placeholder depends on more than the commit and stays as it is.
    NotDerivable(BString),
    /// The name or address is the commit's; git would look it up in a mailmap.
    Mailmap(BString),
    /// A color that git does not know, where it would end.
    Color(BString),
}

impl fmt::Display for SubstituteWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDerivable(placeholder) => {
                write!(f, "{placeholder} depends on more than the commit and stays as it is")
            }
            Self::Mailmap(placeholder) => write!(f, "{placeholder} is the commit's own, not that of a mailmap"),
            Self::Color(color) => write!(f, "git knows no color '{color}', so its placeholder stays as it is"),
        }
    }
}

/// Expands each `$Format:…$` of a file, which may span lines; one without its end stays.
///
/// `abbreviation` is the number of digits of `%h`, `%t` and `%p`. A warning is added once, however often it comes up.
pub fn substitute<'a>(
    content: Cow<'a, [u8]>,
    commit: &Commit,
    abbreviation: usize,
    warnings: &mut Vec<SubstituteWarning>,
) -> Cow<'a, [u8]> {
    let Some((start, _)) = find_format(&content) else {
        return content;
    };
    let mut output = Vec::with_capacity(content.len() + 64);
    output.extend_from_slice(&content[..start]);
    let mut rest = &content[start..];
    while let Some((start, end)) = find_format(rest) {
        output.extend_from_slice(&rest[..start]);
        let format = &rest[start + OPENING.len()..end];
        Expansion::new(commit, abbreviation, output.len(), warnings).expand(&mut output, format);
        rest = &rest[end + 1..];
    }
    output.extend_from_slice(rest);
    Cow::Owned(output)
}

const OPENING: &[u8] = b"$Format:";
const ALL_DIGITS: usize = usize::MAX;

/// Where the next `$Format:` begins, and where the `$` is that ends it.
fn find_format(content: &[u8]) -> Option<(usize, usize)> {
    let start = content.find(OPENING)?;
    let end = start + OPENING.len() + content[start + OPENING.len()..].find_byte(b'$')?;
    Some((start, end))
}

/// The expansion of one format, `struct format_commit_context` of git's pretty.c.
struct Expansion<'c> {
    commit: &'c Commit,
    abbreviation: usize,
    warnings: &'c mut Vec<SubstituteWarning>,
    /// What was announced for the next placeholder.
    padding: Option<Padding>,
    /// That of the last padding, which stays.
    truncation: Truncation,
    wrap: Wrap,
}

impl<'c> Expansion<'c> {
    fn new(
        commit: &'c Commit,
        abbreviation: usize,
        start: usize,
        warnings: &'c mut Vec<SubstituteWarning>,
    ) -> Expansion<'c> {
        Expansion {
            commit,
            abbreviation,
            warnings,
            padding: None,
            truncation: Truncation::None,
            wrap: Wrap::from(start),
        }
    }

    /// Adds the expansion to the output. Some placeholders look back at, and change, what is there already: `%-`
    /// takes away line ends, `%>>` spaces, `%<|` counts columns; and what is there may be the file's own text.
    fn expand(mut self, output: &mut Vec<u8>, format: &[u8]) {
        // To git this is a string, which a NUL ends.
        let mut rest = &format[..format.find_byte(0).unwrap_or(format.len())];
        while let Some(percent) = rest.find_byte(b'%') {
            output.extend_from_slice(&rest[..percent]);
            rest = &rest[percent + 1..];
            if let Some(after) = rest.strip_prefix(b"%") {
                output.push(b'%');
                rest = after;
                continue;
            }
            match self.item(output, rest) {
                0 => output.push(b'%'),
                length => rest = &rest[length..],
            }
        }
        output.extend_from_slice(rest);
        self.wrap.change(output, 0, 0, 0);
    }

    /// One placeholder, with `+`, `-` or a space before it and the padding that was announced. Answers its length, 0
    /// for an unknown one.
    fn item(&mut self, output: &mut Vec<u8>, rest: &[u8]) -> usize {
        let magic = rest.first().copied().filter(|first| b"+- ".contains(first));
        let Some(magic) = magic else {
            return self.padded(output, rest);
        };
        let rest = &rest[1..];
        if rest.starts_with(b"w") {
            return 0;
        }
        let before = output.len();
        let length = self.padded(output, rest);
        match (magic, output.len() == before) {
            (b'-', true) => output.truncate(output.trim_end_with(|c| c == '\n').len()),
            (b'+', false) if output.len() > before => output.insert(before, b'\n'),
            (b' ', false) if output.len() > before => output.insert(before, b' '),
            _ => {}
        }
        1 + length
    }

    /// One placeholder, padded if `%<(…)` or the like came before.
    fn padded(&mut self, output: &mut Vec<u8>, rest: &[u8]) -> usize {
        let Some(padding) = self.padding.take() else {
            return self.one(output, rest);
        };
        let mut expanded = Vec::new();
        let mut length = 0;
        loop {
            let is_color = rest.get(length) == Some(&b'C');
            length += self.one(&mut expanded, &rest[length..]);
            // A color takes the placeholder after it along.
            if !is_color || rest.get(length) != Some(&b'%') {
                break;
            }
            length += 1;
        }
        // Where the padded placeholder announces a padding itself, its kind counts, with the width of the first.
        self.padding.take().unwrap_or(padding).as_wide_as(padding).apply(output, expanded);
        length
    }

    /// `format_commit_one` of git's pretty.c.
    fn one(&mut self, output: &mut Vec<u8>, rest: &[u8]) -> usize {
        let Some(&first) = rest.first() else { return 0 };
        match first {
            b'n' => output.push(b'\n'),
            b'x' => return hex_byte(output, rest),
            b'C' => return self.color(output, rest),
            b'w' => return self.wrap.parse(output, rest),
            b'<' | b'>' => return self.announce_padding(rest),
            b'(' => return self.parenthesis(output, rest),
            b'H' => id(output, self.commit.id, ALL_DIGITS),
            b'h' => id(output, self.commit.id, self.abbreviation),
            b'T' => id(output, self.commit.tree, ALL_DIGITS),
            b't' => id(output, self.commit.tree, self.abbreviation),
            b'P' => self.parents(output, ALL_DIGITS),
            b'p' => self.parents(output, self.abbreviation),
            b'm' => output.push(b'>'),
            b'd' | b'D' => return self.not_derivable(&rest[..1]),
            b'g' => {
                return if rest.get(1).is_some_and(|part| b"dDsnNeE".contains(part)) { 2 } else { 0 };
            }
            b'G' if rest.get(1).is_some_and(|part| b"G?SKFPT".contains(part)) => {
                return self.not_derivable(&rest[..2]);
            }
            b'a' => return self.person(output, &self.commit.author, rest),
            b'c' => return self.person(output, &self.commit.committer, rest),
            // The commit has no encoding but UTF-8, as far as is known here.
            b'e' => {}
            b'B' => output.extend_from_slice(message::raw(&self.commit.message)),
            b's' => output.extend_from_slice(&self.commit.subject()),
            b'f' => output.extend_from_slice(&message::file_name(self.message())),
            b'b' => output.extend_from_slice(message::body(self.message())),
            _ => return 0,
        }
        1
    }

    fn parenthesis(&mut self, output: &mut Vec<u8>, rest: &[u8]) -> usize {
        if let Some(options) = rest.strip_prefix(b"(trailers") {
            return match trailers::expand(output, self.message(), options) {
                0 => 0,
                length => rest.len() - options.len() + length,
            };
        }
        match rest.find_byte(b')') {
            Some(end) if rest.starts_with(b"(describe") || rest.starts_with(b"(decorate") => {
                self.not_derivable(&rest[..=end])
            }
            _ => 0,
        }
    }

    fn person(&mut self, output: &mut Vec<u8>, person: &Signature, rest: &[u8]) -> usize {
        let Some(&part) = rest.get(1) else { return 0 };
        if b"NEL".contains(&part) {
            self.warn(SubstituteWarning::Mailmap([b"%", &rest[..2]].concat().into()));
        }
        let local_part = || person.email.split(|&byte| byte == b'@').next().unwrap_or_default();
        match part {
            b'n' | b'N' => output.extend_from_slice(&person.name),
            b'e' | b'E' => output.extend_from_slice(&person.email),
            b'l' | b'L' => output.extend_from_slice(local_part()),
            b't' | b'd' | b'D' | b'i' if !person.is_dated => {}
            b'I' | b's' if !person.is_dated => return 0,
            b't' => output.extend_from_slice(person.seconds.to_string().as_bytes()),
            b'd' => output.extend_from_slice(date::normal(person).as_bytes()),
            b'D' => output.extend_from_slice(date::rfc2822(person).as_bytes()),
            b'i' => output.extend_from_slice(date::iso8601(person).as_bytes()),
            b'I' => output.extend_from_slice(date::iso8601_strict(person).as_bytes()),
            b's' => output.extend_from_slice(date::short(person).as_bytes()),
            b'r' | b'h' => return self.not_derivable(&rest[..2]),
            _ => return 0,
        }
        2
    }

    /// Only `%C(always,…)` shows: an archive is no terminal.
    fn color(&mut self, output: &mut Vec<u8>, rest: &[u8]) -> usize {
        if let Some(inner) = rest.strip_prefix(b"C(") {
            let Some(end) = inner.find_byte(b')') else {
                return 0;
            };
            if let Some(wanted) = inner[..end].strip_prefix(b"always,") {
                let Some(sequence) = color::escape_sequence(wanted) else {
                    self.warn(SubstituteWarning::Color(wanted.into()));
                    return 0;
                };
                output.extend_from_slice(sequence.as_bytes());
            }
            return end + 3;
        }
        let basic = ["Cred", "Cgreen", "Cblue", "Creset"];
        basic.iter().find(|name| rest.starts_with(name.as_bytes())).map_or(0, |name| name.len())
    }

    fn announce_padding(&mut self, rest: &[u8]) -> usize {
        let (padding, length) = Padding::parse(rest, self.truncation);
        if let Some(padding) = padding {
            self.truncation = padding.truncation;
            self.padding = Some(padding);
        }
        length
    }

    /// Returns the message without blank lines at its beginning.
    fn message(&self) -> &'c [u8] {
        message::subject(message::raw(&self.commit.message))
    }

    fn parents(&self, output: &mut Vec<u8>, digits: usize) {
        for (index, parent) in self.commit.parents.iter().enumerate() {
            if index > 0 {
                output.push(b' ');
            }
            id(output, *parent, digits);
        }
    }

    fn not_derivable(&mut self, placeholder: &[u8]) -> usize {
        self.warn(SubstituteWarning::NotDerivable([b"%", placeholder].concat().into()));
        0
    }

    fn warn(&mut self, warning: SubstituteWarning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

fn id(output: &mut Vec<u8>, id: ObjectId, digits: usize) {
    let all = id.to_string();
    // Git never shows fewer than four.
    output.extend_from_slice(&all.as_bytes()[..digits.clamp(4, all.len())]);
}
