//! Globs that select paths, in the syntax of `PATHS` and custom data.

use std::fmt;
use std::str::FromStr;

use crate::branches::Branches;

/// Globs over the paths of a repository, in the syntax of `BRANCHES`. `src/**` matches everything below `src`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths(Branches);

impl Paths {
    /// Returns whether the path is selected.
    pub fn select(&self, path: &str) -> bool {
        self.0.select(path)
    }
}

impl FromStr for Paths {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        value
            .parse()
            .map(Self)
            .map_err(|reason: String| reason.replace("branch names", "paths").replace("branch", "path"))
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
