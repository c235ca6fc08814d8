//! Pathspecs as `git archive` takes them, at the root of the tree.
//!
//! All magic of git 2.47 is supported: `top`, `literal`, `glob`, `icase`, `exclude`, `attr` and `prefix`, long and
//! short. Matching follows git's tree walk (`tree_entry_interesting`), not its index. A folder is walked if something
//! in it *may* match, and a plain `f*` matches across `/`.

use bstr::{BStr, BString, ByteSlice};

use crate::attributes::Attributes;
use crate::object::{Entry, Kind};
use crate::work::{Stopped, Work};

mod error;
mod matching;
mod parse;
mod spec;

pub use error::PathspecError;
use matching::{Interest, Question};
use spec::Pathspec;

/// The pathspecs of one archive. Without any, everything is selected.
#[derive(Debug, Clone, Default)]
pub struct Pathspecs {
    /// The pathspecs that were given.
    given: Vec<Pathspec>,
    /// The pathspec `.`, which is implied if all given pathspecs exclude.
    all: Option<Pathspec>,
}

impl Pathspecs {
    /// Parses pathspecs, given as on a command line after the tree-ish.
    pub fn parse(specs: &[BString]) -> Result<Pathspecs, PathspecError> {
        let given = specs.iter().map(|spec| parse::pathspec(spec.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let only_excludes = !given.is_empty() && given.iter().all(|spec| spec.is_excluded);
        Ok(Pathspecs { given, all: only_excludes.then(Pathspec::default) })
    }

    /// Returns whether there are none. Then everything is selected.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Returns whether all of them exclude. Then the rest is selected.
    pub fn only_excludes(&self) -> bool {
        self.all.is_some()
    }

    /// Returns whether an entry is selected. For a directory, returns whether something in it may be selected.
    ///
    /// Call this only for entries of a folder for which it returned true: an excluded folder excludes everything in
    /// it.
    pub fn matches(&self, path: &BStr, kind: Kind, attributes: &Attributes, work: &Work) -> Result<bool, Stopped> {
        self.selects(&Question { path, kind, attributes, work })
    }

    /// Returns whether a folder must be listed to know which entries are selected and whether each pathspec has a
    /// match.
    ///
    /// The answer needs no attributes. Call this from the root down. Below a false answer, no other answer is needed.
    /// If the answer costs too much work, it is true, and [`select`](crate::select::select) fails later.
    pub fn may_match_under(&self, folder: &BStr, work: &Work) -> bool {
        self.is_empty() || folder.is_empty() || self.may_match_in(folder, work).unwrap_or(true)
    }

    /// Returns the pathspecs that match nothing in the tree, as they were given. Git refuses to archive with such a
    /// pathspec.
    ///
    /// Each pathspec is checked alone, before anything is ignored. A pathspec that matches only ignored files has a
    /// match, and so does one that matches an empty folder. `entries` are those of the tree, as `select` takes them.
    pub fn unmatched(&self, entries: &[Entry], attributes: &Attributes, work: &Work) -> Result<Vec<&BStr>, Stopped> {
        let mut unmatched = Vec::new();
        for spec in &self.given {
            if !spec.alone().has_match(entries, attributes, work)? {
                unmatched.push(spec.original.as_ref());
            }
        }
        Ok(unmatched)
    }

    fn selects(&self, question: &Question<'_>) -> Result<bool, Stopped> {
        if self.is_empty() {
            return Ok(true);
        }
        if !any(self.positive(), |spec| Ok(spec.interest(question)? != Interest::None))? {
            return Ok(false);
        }
        Ok(match self.exclusion(question)? {
            Interest::None => true,
            Interest::Entry => question.kind == Kind::Directory,
            Interest::All => false,
        })
    }

    fn may_match_in(&self, folder: &BStr, work: &Work) -> Result<bool, Stopped> {
        let none = Attributes::default();
        let question = Question { path: folder, kind: Kind::Directory, attributes: &none, work };
        let is_excluded = self.exclusion(&question)? == Interest::All
            || self.given.iter().any(|spec| spec.is_excluded && spec.covers_all_under(folder));
        // An excluded folder matters only if it may contain the only match of a pathspec.
        any(self.positive(), |spec| {
            Ok(spec.interest(&question)? != Interest::None && !(is_excluded && spec.matches_path(&question)?))
        })
    }

    fn has_match(&self, entries: &[Entry], attributes: &Attributes, work: &Work) -> Result<bool, Stopped> {
        let mut skipped: Option<&BStr> = None;
        any(entries.iter(), |entry| {
            work.spend(1)?;
            let path = entry.path.as_bstr();
            if skipped.is_some_and(|folder| is_under(path, folder)) {
                return Ok(false);
            }
            let question = Question { path, kind: entry.kind, attributes, work };
            let is_directory = entry.kind == Kind::Directory;
            if !self.selects(&question)? {
                skipped = is_directory.then_some(path).or(skipped);
                return Ok(false);
            }
            Ok(!is_directory || self.matches_path(&question)?)
        })
    }

    /// Returns whether a directory itself matches, as `match_pathspec` of git's dir.c does.
    fn matches_path(&self, question: &Question<'_>) -> Result<bool, Stopped> {
        let mut excluding = self.given.iter().filter(|spec| spec.is_excluded);
        Ok(any(self.positive(), |spec| spec.matches_path(question))?
            && !any(&mut excluding, |spec| spec.matches_path(question))?)
    }

    fn positive(&self) -> impl Iterator<Item = &Pathspec> {
        self.given.iter().filter(|spec| !spec.is_excluded).chain(&self.all)
    }

    fn exclusion(&self, question: &Question<'_>) -> Result<Interest, Stopped> {
        let mut most = Interest::None;
        for spec in self.given.iter().filter(|spec| spec.is_excluded) {
            most = most.max(spec.interest(question)?);
        }
        Ok(most)
    }
}

/// Works like `Iterator::any`, but the question can fail.
fn any<T>(items: impl Iterator<Item = T>, mut is_so: impl FnMut(T) -> Result<bool, Stopped>) -> Result<bool, Stopped> {
    for item in items {
        if is_so(item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Pathspec {
    fn alone(&self) -> Pathspecs {
        Pathspecs { given: vec![self.clone()], all: self.is_excluded.then(Pathspec::default) }
    }
}

/// Returns whether a path lies in a folder, at any depth.
pub(crate) fn is_under(path: &BStr, folder: &BStr) -> bool {
    path.strip_prefix(folder.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'/'))
}
