//! The parts of one pathspec.

use bstr::BString;

use crate::attributes::State;

/// A parsed pathspec.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of magic, in any combination")]
pub(super) struct Pathspec {
    /// The text that was given.
    pub(super) original: BString,
    /// The path or pattern, without the magic.
    pub(super) path: BString,
    pub(super) is_excluded: bool,
    pub(super) ignores_case: bool,
    /// True if wildcards do not match `/`.
    pub(super) is_glob: bool,
    /// The length of the part that is compared exactly, even if case is ignored.
    pub(super) prefix: usize,
    /// The length of the part before the first wildcard.
    pub(super) literal: usize,
    /// True if a single `*` is the only wildcard. The rest is then compared with the end of the path.
    pub(super) is_one_star: bool,
    /// The states that `attr:` requires.
    pub(super) attributes: Vec<(String, State)>,
}
