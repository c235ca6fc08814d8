//! The states of attributes, and the attributes of one path.

use bstr::{BStr, BString};

/// The state of one attribute of one path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// No line decides, or the last one that matches says `!name`.
    #[default]
    Unspecified,
    /// The attribute is set: `name`.
    Set,
    /// The attribute is unset: `-name`.
    Unset,
    /// The attribute has a value: `name=value`, even if the value is `true` or empty.
    Value(BString),
}

impl State {
    /// Returns the value, if there is one.
    pub fn value(&self) -> Option<&BStr> {
        match self {
            State::Value(value) => Some(value.as_ref()),
            _ => None,
        }
    }
}

/// The attributes of one path that an archive asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PathAttributes {
    /// True if `export-ignore` is set: the path and everything under it is left out.
    pub export_ignore: bool,
    /// True if `export-subst` is set: `$Format:…$` is expanded.
    pub export_subst: bool,
    /// `diff`, which decides whether the entry is text.
    pub diff: State,
    /// `text`, which decides whether line endings are converted.
    pub text: State,
    /// `crlf`, the old name of `text`, used if `text` does not decide.
    pub crlf: State,
    /// `eol`, the line endings.
    pub eol: State,
    /// True if `ident` is set: `$Id$` is expanded.
    pub ident: bool,
    /// `working-tree-encoding`, the encoding that UTF-8 content is converted to.
    pub working_tree_encoding: State,
    /// `filter`, a driver such as `lfs`. A driver needs configuration, so none runs here.
    pub filter: State,
}
