//! Pathspecs as `git archive` takes them, at the root of the tree: which entries of a tree they select.
//!
//! All magic of git 2.47 is here: `top`, `literal`, `glob`, `icase`, `exclude`, `attr` and `prefix`, long and short.
//! Matching is that of git's tree walk (`tree_entry_interesting`), which is not that of its index: a folder is walked
//! if something in it *may* match, and a plain `f*` matches across `/`.

use bstr::{BStr, BString, ByteSlice};

use crate::attributes::Attributes;
use crate::object::{Entry, Kind};

mod error;
mod matching;
mod parse;
mod spec;

pub use error::PathspecError;
use matching::Interest;
use spec::Pathspec;

/// The pathspecs of one archive; without any, all is selected.
#[derive(Debug, Clone, Default)]
pub struct Pathspecs {
    /// What was given.
    given: Vec<Pathspec>,
    /// `.`, which is implied where all that was given excludes.
    all: Option<Pathspec>,
}

impl Pathspecs {
    /// Takes pathspecs apart, given as on a command line after the tree-ish.
    pub fn parse(specs: &[BString]) -> Result<Pathspecs, PathspecError> {
        let given = specs.iter().map(|spec| parse::pathspec(spec.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let only_excludes = !given.is_empty() && given.iter().all(|spec| spec.is_excluded);
        Ok(Pathspecs { given, all: only_excludes.then(Pathspec::default) })
    }

    /// Whether there are none, so that all is selected.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Whether all of them exclude, so that the rest is selected.
    pub fn only_excludes(&self) -> bool {
        self.all.is_some()
    }

    /// Whether an entry is selected, or for a directory: whether something in it may be.
    ///
    /// To be asked of entries whose folder was answered with yes: a folder that is excluded takes all in it along.
    pub fn matches(&self, path: &BStr, kind: Kind, attributes: &Attributes) -> bool {
        if self.is_empty() {
            return true;
        }
        let is_wanted = self.positive().any(|spec| spec.interest(path, kind, attributes) != Interest::None);
        is_wanted
            && match self.exclusion(path, kind, attributes) {
                Interest::None => true,
                Interest::Entry => kind == Kind::Directory,
                Interest::All => false,
            }
    }

    /// Whether a folder must be listed to know what is selected and that each pathspec has a match.
    ///
    /// No attribute is needed for the answer. To be asked from the root on; what is below a no is never needed.
    pub fn may_match_under(&self, folder: &BStr) -> bool {
        if self.is_empty() || folder.is_empty() {
            return true;
        }
        let none = Attributes::default();
        let is_excluded = self.exclusion(folder, Kind::Directory, &none) == Interest::All
            || self.given.iter().any(|spec| spec.is_excluded && spec.covers_all_under(folder));
        // An excluded folder is of interest only to a pathspec that might have its one match in it.
        self.positive().any(|spec| {
            spec.interest(folder, Kind::Directory, &none) != Interest::None
                && !(is_excluded && spec.matches_path(folder, Kind::Directory, &none))
        })
    }

    /// The pathspecs that mean nothing in the tree, as they were given; git refuses to archive with such a one.
    ///
    /// Each is looked at alone, and before anything is ignored: one that matches only ignored files has its match.
    /// An empty folder is a match, too. `entries` are those of the tree, as `select` takes them.
    pub fn unmatched(&self, entries: &[Entry], attributes: &Attributes) -> Vec<&BStr> {
        let unmatched = self.given.iter().filter(|spec| !spec.alone().is_met_by(entries, attributes));
        unmatched.map(|spec| spec.original.as_ref()).collect()
    }

    fn is_met_by(&self, entries: &[Entry], attributes: &Attributes) -> bool {
        let mut skipped: Option<&BStr> = None;
        entries.iter().any(|entry| {
            let path = entry.path.as_bstr();
            if skipped.is_some_and(|folder| is_under(path, folder)) {
                return false;
            }
            let is_directory = entry.kind == Kind::Directory;
            if !self.matches(path, entry.kind, attributes) {
                skipped = is_directory.then_some(path).or(skipped);
                return false;
            }
            !is_directory || self.matches_path(path, entry.kind, attributes)
        })
    }

    /// `match_pathspec` of git's dir.c, which decides whether a directory itself is meant.
    fn matches_path(&self, path: &BStr, kind: Kind, attributes: &Attributes) -> bool {
        self.positive().any(|spec| spec.matches_path(path, kind, attributes))
            && !self.given.iter().any(|spec| spec.is_excluded && spec.matches_path(path, kind, attributes))
    }

    fn positive(&self) -> impl Iterator<Item = &Pathspec> {
        self.given.iter().filter(|spec| !spec.is_excluded).chain(&self.all)
    }

    fn exclusion(&self, path: &BStr, kind: Kind, attributes: &Attributes) -> Interest {
        let excluded = self.given.iter().filter(|spec| spec.is_excluded);
        excluded.map(|spec| spec.interest(path, kind, attributes)).max().unwrap_or(Interest::None)
    }
}

impl Pathspec {
    fn alone(&self) -> Pathspecs {
        Pathspecs { given: vec![self.clone()], all: self.is_excluded.then(Pathspec::default) }
    }
}

/// Whether a path lies in a folder, at any depth.
pub(crate) fn is_under(path: &BStr, folder: &BStr) -> bool {
    path.strip_prefix(folder.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'/'))
}
