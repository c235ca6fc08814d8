//! Globs that select branches, in the syntax of `BRANCHES` and custom data.

use std::fmt;
use std::str::FromStr;

use git_archive::wildmatch::{Mode, STEPS, TooManySteps, wildmatch};

/// `*` stops at a slash.
const PATHS: Mode = Mode { pathname: true, ignore_case: false };

/// Globs over branch names, separated by commas. `!` excludes, and the last glob that matches decides. A glob matches
/// the whole name; `*` stops at a slash and `**` does not (git's `wildmatch`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branches(Vec<Glob>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Glob {
    pattern: String,
    includes: bool,
}

impl Branches {
    /// Returns whether the branch of this name (without `refs/heads/`) is selected. A name that takes too many steps to
    /// match is not.
    pub fn select(&self, branch: &str) -> bool {
        self.decide(branch).unwrap_or(false)
    }

    /// Returns whether the branch is selected, or fails if the globs take too many steps to tell.
    pub fn decide(&self, branch: &str) -> Result<bool, TooManySteps> {
        let mut steps = STEPS;
        for glob in self.0.iter().rev() {
            if wildmatch(glob.pattern.as_bytes(), branch.as_bytes(), PATHS, &mut steps)? {
                return Ok(glob.includes);
            }
        }
        Ok(false)
    }
}

impl Default for Branches {
    /// `**,!main,!master`: every branch except the trunk, which has the ops pipeline.
    fn default() -> Self {
        "**,!main,!master".parse().expect("the default is well formed")
    }
}

impl FromStr for Branches {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        let globs = value.split(',').map(str::trim).filter(|glob| !glob.is_empty()).map(|glob| {
            let (pattern, includes) = glob.strip_prefix('!').map_or((glob, true), |pattern| (pattern, false));
            if pattern.is_empty() || pattern.starts_with("refs/") {
                return Err(format!("has {glob:?}, which is not a glob over branch names"));
            }
            Ok(Glob { pattern: pattern.to_owned(), includes })
        });
        let globs = globs.collect::<Result<Vec<_>, _>>()?;
        if !globs.iter().any(|glob| glob.includes) {
            return Err(format!("is {value:?}, which includes no branch: begin with ** and then exclude"));
        }
        Ok(Self(globs))
    }
}

impl fmt::Display for Branches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let globs = self.0.iter().map(|glob| format!("{}{}", if glob.includes { "" } else { "!" }, glob.pattern));
        f.write_str(&globs.collect::<Vec<_>>().join(","))
    }
}
