//! The match of one pathspec with one entry, as `do_match` of git's tree-walk.c and `match_pathspec_item` of its
//! dir.c.
//!
//! The parts that only make git's walk end sooner are left out.

use bstr::{BStr, BString, ByteSlice};

use super::spec::Pathspec;
use crate::attributes::{Attributes, State};
use crate::object::Kind;
use crate::wildmatch::{Mode, STEPS, wildmatch};
use crate::work::{Stopped, Work};

/// An entry, and the data for deciding whether a pathspec matches it.
pub(super) struct Question<'a> {
    pub(super) path: &'a BStr,
    pub(super) kind: Kind,
    pub(super) attributes: &'a Attributes,
    pub(super) work: &'a Work,
}

/// The entries that a walk needs for a pathspec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interest {
    /// The entry is not needed.
    None,
    /// The entry is needed, or for a directory perhaps something in it.
    Entry,
    /// Everything in the same folder and below it is needed.
    All,
}

impl Pathspec {
    pub(super) fn interest(&self, question: &Question<'_>) -> Result<Interest, Stopped> {
        let Question { path, kind, .. } = *question;
        let (base, name) = path.split_at(path.rfind_byte(b'/').map_or(0, |slash| slash + 1));
        if base.len() >= self.path.len() && self.covers(base) {
            return if self.attributes.is_empty() { Ok(Interest::All) } else { self.by_attributes(question) };
        }
        let is_match = if base.len() < self.path.len() && self.is_same_base(base, base.len()) {
            self.names(name, &self.path[base.len()..], kind)
                || self.has_wildcard()
                    && self.wildmatch(
                        &self.path[base.len()..],
                        name,
                        self.literal.saturating_sub(base.len()),
                        question,
                    )?
        } else if self.has_wildcard() && self.is_same_base(base, self.literal.min(base.len())) {
            self.wildmatch(&self.path, path, self.literal, question)?
        } else {
            return Ok(Interest::None);
        };
        match (is_match, kind) {
            (true, _) => self.by_attributes(question),
            // Something in it may match.
            (false, Kind::Directory) if self.has_wildcard() => Ok(Interest::Entry),
            (false, _) => Ok(Interest::None),
        }
    }

    /// Returns whether the pathspec matches the path itself, and not only something in it.
    pub(super) fn matches_path(&self, question: &Question<'_>) -> Result<bool, Stopped> {
        let Question { path, kind, .. } = *question;
        if self.ignores_case && !path.starts_with(&self.path[..self.prefix]) {
            return Ok(false);
        }
        if !self.attributes.is_empty() && !self.has_attributes(question)? {
            return Ok(false);
        }
        if self.path.is_empty() {
            return Ok(true);
        }
        let pattern = self.path.as_bytes();
        let is_leading = path.get(..pattern.len()).is_some_and(|start| self.is_same(pattern, start));
        let at_boundary =
            path.len() == pattern.len() || pattern.ends_with(b"/") || path.get(pattern.len()) == Some(&b'/');
        let is_named_as_folder =
            kind == Kind::Directory && pattern.strip_suffix(b"/").is_some_and(|pattern| self.is_same(pattern, path));
        Ok(is_leading && at_boundary
            || is_named_as_folder
            || self.has_wildcard() && self.wildmatch(pattern, path, self.literal, question)?)
    }

    /// Returns whether everything in a folder matches, with any attributes.
    pub(super) fn covers_all_under(&self, folder: &BStr) -> bool {
        let base = [folder.as_bytes(), b"/"].concat();
        self.attributes.is_empty() && base.len() >= self.path.len() && self.covers(&base)
    }

    /// Checks the attributes of files only, because entries in a folder may have other attributes.
    fn by_attributes(&self, question: &Question<'_>) -> Result<Interest, Stopped> {
        let is_match =
            self.attributes.is_empty() || question.kind == Kind::Directory || self.has_attributes(question)?;
        Ok(if is_match { Interest::Entry } else { Interest::None })
    }

    fn has_attributes(&self, question: &Question<'_>) -> Result<bool, Stopped> {
        let names: Vec<_> = self.attributes.iter().map(|(name, _)| name.as_str()).collect();
        // Git looks up the bare path here, so a submodule does not count as a directory.
        let Question { path, kind, attributes, work } = *question;
        let states = attributes.states(path, false, &names, work)?;
        Ok(self
            .attributes
            .iter()
            .zip(states)
            .all(|((name, wanted), state)| *wanted == if name == "builtin_objectmode" { mode_of(kind) } else { state }))
    }

    fn has_wildcard(&self) -> bool {
        self.literal < self.path.len()
    }

    /// Returns whether `base`, a folder with its slash, is the pathspec's folder or lies in it.
    fn covers(&self, base: &[u8]) -> bool {
        let length = self.path.len();
        self.is_same_base(base, length) && (length == 0 || self.path.ends_with(b"/") || base.get(length) == Some(&b'/'))
    }

    /// Returns whether `rest` names the entry, or something in it.
    fn names(&self, name: &[u8], rest: &[u8], kind: Kind) -> bool {
        let Some(start) = rest.get(..name.len()) else {
            return false;
        };
        let may_lead = match rest.len() - name.len() {
            0 => true,
            1 => rest[name.len()] == b'/' && !kind.has_content(),
            _ => rest[name.len()] == b'/' && kind == Kind::Directory,
        };
        may_lead && self.is_same(start, name)
    }

    /// `basecmp` of git's tree-walk.c: the prefix is compared exactly even if case is ignored.
    fn is_same_base(&self, base: &[u8], length: usize) -> bool {
        let exact = if self.ignores_case { self.prefix.min(length) } else { 0 };
        base[..exact] == self.path[..exact] && self.is_same(&base[exact..length], &self.path[exact..length])
    }

    fn is_same(&self, left: &[u8], right: &[u8]) -> bool {
        if self.ignores_case { left.eq_ignore_ascii_case(right) } else { left == right }
    }

    /// Matches as `git_fnmatch` of git's dir.c. The first `literal` bytes are compared exactly.
    fn wildmatch(&self, pattern: &[u8], text: &[u8], literal: usize, question: &Question<'_>) -> Result<bool, Stopped> {
        if !text.get(..literal).is_some_and(|start| self.is_same(start, &pattern[..literal])) {
            return Ok(false);
        }
        let (pattern, text) = (&pattern[literal..], &text[literal..]);
        if self.is_one_star {
            let ending = pattern.get(1..).unwrap_or_default();
            return Ok(text.len() >= ending.len() && self.is_same(&text[text.len() - ending.len()..], ending));
        }
        let mode = Mode { pathname: self.is_glob, ignore_case: self.ignores_case };
        question.work.metered(STEPS, |steps| wildmatch(pattern, text, mode, steps))
    }
}

/// Returns the value of `builtin_objectmode`, the only attribute that git computes itself: a directory has none.
fn mode_of(kind: Kind) -> State {
    match kind {
        Kind::Directory => State::Unspecified,
        _ => State::Value(BString::from(kind.mode())),
    }
}
