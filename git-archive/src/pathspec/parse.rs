//! The parser of one pathspec, which follows git's pathspec.c.

use bstr::{BStr, BString, ByteSlice};

use super::error::PathspecError;
use super::spec::Pathspec;
use crate::attributes::State;

const WILDCARDS: &[u8] = b"*?[\\";

/// The magic of one pathspec.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of magic, in any combination")]
struct Magic {
    from_top: bool,
    is_literal: bool,
    is_glob: bool,
    ignores_case: bool,
    is_excluded: bool,
    prefix: Option<usize>,
    attributes: Option<Vec<(String, State)>>,
}

pub(super) fn pathspec(given: &BStr) -> Result<Pathspec, PathspecError> {
    if given.is_empty() {
        return Err(PathspecError::Empty);
    }
    let mut magic = Magic::default();
    let path = match given.strip_prefix(b":") {
        Some(rest) if rest.starts_with(b"(") => magic.read_long(given, &rest[1..])?,
        Some(rest) => magic.read_short(given, rest)?,
        None => given,
    };
    if magic.is_literal && magic.is_glob {
        return Err(PathspecError::LiteralGlob(given.to_owned()));
    }
    let path = match (magic.prefix, magic.from_top) {
        // Such a path starts at the root as it is, even with `./` before it.
        (Some(_), _) | (None, true) => BString::from(path),
        (None, false) => normal(path).ok_or_else(|| PathspecError::Outside(path.into()))?,
    };
    let prefix = magic.prefix.unwrap_or(0);
    if prefix > path.len() {
        return Err(PathspecError::Prefix(given.to_owned()));
    }
    Ok(assemble(given, path, prefix, magic))
}

fn assemble(given: &BStr, path: BString, prefix: usize, magic: Magic) -> Pathspec {
    let wildcard = if magic.is_literal { None } else { path.find_byteset(WILDCARDS) };
    let literal = wildcard.unwrap_or(path.len()).max(prefix);
    let is_one_star =
        !magic.is_glob && path.get(literal) == Some(&b'*') && path[literal + 1..].find_byteset(WILDCARDS).is_none();
    Pathspec {
        original: given.to_owned(),
        path,
        is_excluded: magic.is_excluded,
        ignores_case: magic.ignores_case,
        is_glob: magic.is_glob,
        prefix,
        literal,
        is_one_star,
        attributes: magic.attributes.unwrap_or_default(),
    }
}

impl Magic {
    /// Parses `:(word,word)path`, and returns the path.
    fn read_long<'a>(&mut self, given: &BStr, magic: &'a [u8]) -> Result<&'a [u8], PathspecError> {
        let mut rest = magic;
        while rest.first().is_some_and(|&first| first != b')') {
            let length = length_up_to(rest, b",)");
            self.read_word(given, &rest[..length])?;
            rest = &rest[length..];
            rest = rest.strip_prefix(b",").unwrap_or(rest);
        }
        rest.strip_prefix(b")").ok_or_else(|| PathspecError::NoEndOfMagic(given.to_owned()))
    }

    fn read_word(&mut self, given: &BStr, word: &[u8]) -> Result<(), PathspecError> {
        match word {
            // In git's table, "attr" is a word like the others, and without a value it requires nothing.
            b"" | b"attr" => {}
            b"top" => self.from_top = true,
            b"literal" => self.is_literal = true,
            b"glob" => self.is_glob = true,
            b"icase" => self.ignores_case = true,
            b"exclude" => self.is_excluded = true,
            _ => {
                if let Some(length) = word.strip_prefix(b"prefix:") {
                    let number = number(length).ok_or_else(|| PathspecError::Prefix(given.to_owned()))?;
                    // A negative number is ignored.
                    self.prefix = usize::try_from(number).ok();
                } else if let Some(wanted) = word.strip_prefix(b"attr:") {
                    if self.attributes.is_some() {
                        return Err(PathspecError::SecondAttribute(given.to_owned()));
                    }
                    let attributes = attributes(wanted).ok_or_else(|| PathspecError::Attribute(given.to_owned()))?;
                    self.attributes = Some(attributes);
                } else {
                    return Err(PathspecError::UnknownMagic(word.into(), given.to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Parses `:/!path` or `:!:path`, and returns the path.
    fn read_short<'a>(&mut self, given: &BStr, magic: &'a [u8]) -> Result<&'a [u8], PathspecError> {
        let mut rest = magic;
        while let Some((&sign, after)) = rest.split_first() {
            match sign {
                b'/' => self.from_top = true,
                b'!' | b'^' => self.is_excluded = true,
                b':' => return Ok(after),
                _ if b"\"#%&',-;<=>@_`~".contains(&sign) => {
                    return Err(PathspecError::UnknownSign(sign.into(), given.to_owned()));
                }
                _ => break,
            }
            rest = after;
        }
        Ok(rest)
    }
}

/// Returns the length before one of the bytes, or of the whole text. A backslash escapes the next byte.
fn length_up_to(text: &[u8], stops: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'\\' && at + 1 < text.len() {
            at += 1;
        } else if stops.contains(&text[at]) {
            break;
        }
        at += 1;
    }
    at
}

/// Parses the number after `prefix:` as C does. An empty one is zero.
fn number(text: &[u8]) -> Option<i64> {
    match std::str::from_utf8(text).ok()?.trim_start() {
        "" if text.is_empty() => Some(0),
        digits => digits.parse().ok(),
    }
}

/// Parses the attributes after `attr:`. Returns `None` if git refuses them.
fn attributes(wanted: &[u8]) -> Option<Vec<(String, State)>> {
    if wanted.is_empty() {
        return None;
    }
    let words = wanted.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (name, state) = match word[0] {
                b'!' => (&word[1..], State::Unspecified),
                b'-' => (&word[1..], State::Unset),
                _ => match word.split_once_str("=") {
                    Some((name, value)) => (name, State::Value(value_of(value)?)),
                    None => (word, State::Set),
                },
            };
            Some((name_of(name)?, state))
        })
        .collect()
}

fn name_of(name: &[u8]) -> Option<String> {
    let is_valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    let name = std::str::from_utf8(name).ok()?;
    (!name.is_empty() && !name.starts_with('-') && name.as_bytes().iter().all(is_valid)).then(|| name.to_owned())
}

fn value_of(value: &[u8]) -> Option<BString> {
    let mut unescaped = BString::default();
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'\\' { bytes.next()? } else { byte };
        if !byte.is_ascii_alphanumeric() && !b",-_".contains(&byte) {
            return None;
        }
        unescaped.push(byte);
    }
    Some(unescaped)
}

/// Normalizes a path as `normalize_path_copy` of git's path.c does. Returns `None` if the path leads out of the tree.
fn normal(path: &[u8]) -> Option<BString> {
    if path.starts_with(b"/") {
        return None;
    }
    let mut normal: Vec<u8> = Vec::with_capacity(path.len());
    let mut components = path.split(|&byte| byte == b'/').peekable();
    while let Some(component) = components.next() {
        match component {
            b"" | b"." => {}
            b".." => {
                normal.pop()?;
                normal.truncate(normal.rfind_byte(b'/').map_or(0, |slash| slash + 1));
            }
            _ => {
                normal.extend_from_slice(component);
                if components.peek().is_some() {
                    normal.push(b'/');
                }
            }
        }
    }
    Some(normal.into())
}
