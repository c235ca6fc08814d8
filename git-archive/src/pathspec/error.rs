//! The errors of pathspecs, in git's words.

use bstr::BString;

/// The reason why a pathspec is invalid or selects nothing. The texts are git's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathspecError {
    /// The pathspec is empty.
    #[error("empty string is not a valid pathspec. please use . instead if you meant to match all paths")]
    Empty,
    /// The path is absolute, or `..` leads out of the tree.
    #[error("'{0}' is outside the directory tree")]
    Outside(BString),
    /// Git does not know a word of magic. The second text is the whole pathspec.
    #[error("invalid pathspec magic '{0}' in '{1}'")]
    UnknownMagic(BString, BString),
    /// Git does not know a sign of short magic. The second text is the whole pathspec.
    #[error("unimplemented pathspec magic '{0}' in '{1}'")]
    UnknownSign(char, BString),
    /// The `)` after `:(` is missing.
    #[error("missing ')' at the end of pathspec magic in '{0}'")]
    NoEndOfMagic(BString),
    /// Two kinds of magic exclude each other.
    #[error("{0}: 'literal' and 'glob' are incompatible")]
    LiteralGlob(BString),
    /// The value of `prefix:` is not a number, or is longer than the path.
    #[error("invalid parameter for pathspec magic 'prefix' in '{0}'")]
    Prefix(BString),
    /// The `attr:` has no name, or has characters that are not allowed.
    #[error("invalid attr: in pathspec '{0}'")]
    Attribute(BString),
    /// There is a second `attr:`.
    #[error("only one 'attr:' specification is allowed in '{0}'")]
    SecondAttribute(BString),
    /// The pathspec matches nothing in the tree.
    #[error("pathspec '{0}' did not match any files")]
    NoMatch(BString),
}
