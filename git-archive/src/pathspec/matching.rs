//! What one pathspec says of one entry, as `do_match` of git's tree-walk.c and `match_pathspec_item` of its dir.c.
//!
//! Left out is what only makes git's walk end sooner.

use bstr::{BStr, BString, ByteSlice};
use gix_glob::wildmatch::Mode;

use super::spec::Pathspec;
use crate::attributes::{Attributes, State};
use crate::object::Kind;

/// How far a pathspec is interested in an entry, from a walk's point of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interest {
    /// Not at all.
    None,
    /// In this entry; for a directory: perhaps in something in it.
    Entry,
    /// In all that is in the same folder, and below.
    All,
}

impl Pathspec {
    pub(super) fn interest(&self, path: &BStr, kind: Kind, attributes: &Attributes) -> Interest {
        let (base, name) = path.split_at(path.rfind_byte(b'/').map_or(0, |slash| slash + 1));
        if base.len() >= self.path.len() && self.covers(base) {
            return if self.attributes.is_empty() { Interest::All } else { self.by_attributes(path, kind, attributes) };
        }
        let is_match = if base.len() < self.path.len() && self.is_same_base(base, base.len()) {
            self.names(name, &self.path[base.len()..], kind)
                || self.has_wildcard()
                    && self.wildmatch(&self.path[base.len()..], name, self.literal.saturating_sub(base.len()))
        } else if self.has_wildcard() && self.is_same_base(base, self.literal.min(base.len())) {
            self.wildmatch(&self.path, path, self.literal)
        } else {
            return Interest::None;
        };
        match (is_match, kind) {
            (true, _) => self.by_attributes(path, kind, attributes),
            // Something in it may match.
            (false, Kind::Directory) if self.has_wildcard() => Interest::Entry,
            (false, _) => Interest::None,
        }
    }

    /// Whether the path, and not only something in it, is meant.
    pub(super) fn matches_path(&self, path: &BStr, kind: Kind, attributes: &Attributes) -> bool {
        if self.ignores_case && !path.starts_with(&self.path[..self.prefix]) {
            return false;
        }
        if !self.attributes.is_empty() && !self.has_attributes(path, kind, attributes) {
            return false;
        }
        if self.path.is_empty() {
            return true;
        }
        let pattern = self.path.as_bytes();
        let is_leading = path.get(..pattern.len()).is_some_and(|start| self.is_same(pattern, start));
        let at_boundary =
            path.len() == pattern.len() || pattern.ends_with(b"/") || path.get(pattern.len()) == Some(&b'/');
        let is_named_as_folder =
            kind == Kind::Directory && pattern.strip_suffix(b"/").is_some_and(|pattern| self.is_same(pattern, path));
        is_leading && at_boundary
            || is_named_as_folder
            || self.has_wildcard() && self.wildmatch(pattern, path, self.literal)
    }

    /// Whether all that is in a folder is meant, whatever its attributes.
    pub(super) fn covers_all_under(&self, folder: &BStr) -> bool {
        let base = [folder.as_bytes(), b"/"].concat();
        self.attributes.is_empty() && base.len() >= self.path.len() && self.covers(&base)
    }

    /// Attributes are asked of files only: those in a folder may have other ones.
    fn by_attributes(&self, path: &BStr, kind: Kind, attributes: &Attributes) -> Interest {
        let is_match =
            self.attributes.is_empty() || kind == Kind::Directory || self.has_attributes(path, kind, attributes);
        if is_match { Interest::Entry } else { Interest::None }
    }

    fn has_attributes(&self, path: &BStr, kind: Kind, attributes: &Attributes) -> bool {
        let names: Vec<_> = self.attributes.iter().map(|(name, _)| name.as_str()).collect();
        // Git asks with the bare path, so that a submodule is no directory here.
        let states = attributes.states(path, false, &names);
        self.attributes
            .iter()
            .zip(states)
            .all(|((name, wanted), state)| *wanted == if name == "builtin_objectmode" { mode_of(kind) } else { state })
    }

    fn has_wildcard(&self) -> bool {
        self.literal < self.path.len()
    }

    /// Whether `base`, a folder with its slash, is the folder that is meant or in it.
    fn covers(&self, base: &[u8]) -> bool {
        let length = self.path.len();
        self.is_same_base(base, length) && (length == 0 || self.path.ends_with(b"/") || base.get(length) == Some(&b'/'))
    }

    /// Whether an entry is named by `rest`, or leads to what it names.
    fn names(&self, name: &[u8], rest: &[u8], kind: Kind) -> bool {
        let Some(start) = rest.get(..name.len()) else {
            return false;
        };
        let may_lead = match rest.len() - name.len() {
            0 => true,
            1 => rest[name.len()] == b'/' && matches!(kind, Kind::Directory | Kind::Submodule),
            _ => rest[name.len()] == b'/' && kind == Kind::Directory,
        };
        may_lead && self.is_same(start, name)
    }

    /// `basecmp` of git's tree-walk.c: the prefix counts exactly even where case is ignored.
    fn is_same_base(&self, base: &[u8], length: usize) -> bool {
        let exact = if self.ignores_case { self.prefix.min(length) } else { 0 };
        base[..exact] == self.path[..exact] && self.is_same(&base[exact..length], &self.path[exact..length])
    }

    fn is_same(&self, left: &[u8], right: &[u8]) -> bool {
        if self.ignores_case { left.eq_ignore_ascii_case(right) } else { left == right }
    }

    /// `git_fnmatch` of git's dir.c; the first `literal` bytes are no pattern.
    fn wildmatch(&self, pattern: &[u8], text: &[u8], literal: usize) -> bool {
        if !text.get(..literal).is_some_and(|start| self.is_same(start, &pattern[..literal])) {
            return false;
        }
        let (pattern, text) = (&pattern[literal..], &text[literal..]);
        if self.is_one_star {
            let ending = pattern.get(1..).unwrap_or_default();
            return text.len() >= ending.len() && self.is_same(&text[text.len() - ending.len()..], ending);
        }
        let mut mode = Mode::empty();
        mode.set(Mode::NO_MATCH_SLASH_LITERAL, self.is_glob);
        mode.set(Mode::IGNORE_CASE, self.ignores_case);
        gix_glob::wildmatch(pattern.as_bstr(), text.as_bstr(), mode)
    }
}

/// The one attribute that git computes itself.
fn mode_of(kind: Kind) -> State {
    match kind {
        Kind::Directory => State::Unspecified,
        _ => State::Value(BString::from(kind.mode())),
    }
}
