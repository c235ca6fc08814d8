//! One pathspec in its parts.

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
    /// Wildcards do not match `/`.
    pub(super) is_glob: bool,
    /// The length that is compared exactly even if case is ignored.
    pub(super) prefix: usize,
    /// The length before the first wildcard.
    pub(super) literal: usize,
    /// A single `*` is the only wildcard, so that the rest is compared with the end of the path.
    pub(super) is_one_star: bool,
    /// The states that `attr:` demands.
    pub(super) attributes: Vec<(String, State)>,
}
