//! One line of an attribute file, compiled into a few bytes.

use std::ops::Range;

use gix_glob::pattern::Mode as PatternMode;

use crate::wildmatch::{Mode, TooManySteps, wildmatch};

/// The value for a pattern without a wildcard.
const NONE: u16 = u16::MAX;

/// A line whose pattern and assignments lie in tables that all lines share.
///
/// It is small because a file of a few megabytes can have millions of lines.
#[derive(Debug)]
pub(super) struct Line {
    text: u32,
    text_length: u16,
    first_wildcard: u16,
    mode: u8,
    assignments: u32,
    assignments_length: u16,
}

/// A path that is matched, relative to the folder of the attribute file.
#[derive(Clone, Copy)]
pub(super) struct RelativePath<'a> {
    pub(super) path: &'a [u8],
    /// The start of the last component.
    pub(super) name: usize,
    pub(super) is_dir: bool,
}

impl Line {
    /// Adds the pattern to the texts. Returns `None` if the tables are full.
    pub(super) fn compile(pattern: &gix_glob::Pattern, assignments: Range<usize>, texts: &mut Vec<u8>) -> Option<Self> {
        let line = Self {
            text: texts.len().try_into().ok()?,
            text_length: pattern.text.len().try_into().ok()?,
            first_wildcard: pattern.first_wildcard_pos.map_or(Some(NONE), |at| at.try_into().ok())?,
            mode: pattern.mode.bits().try_into().ok()?,
            assignments: assignments.start.try_into().ok()?,
            assignments_length: assignments.len().try_into().ok()?,
        };
        texts.extend_from_slice(&pattern.text);
        Some(line)
    }

    pub(super) fn assignments(&self) -> Range<usize> {
        self.assignments as usize..self.assignments as usize + usize::from(self.assignments_length)
    }

    /// Returns whether the line applies to a path, as `path_matches` of git's attr.c does.
    pub(super) fn matches(&self, path: RelativePath<'_>, texts: &[u8], steps: &mut u64) -> Result<bool, TooManySteps> {
        *steps = steps.checked_sub(1).ok_or(TooManySteps)?;
        let is = |mode: PatternMode| u32::from(self.mode) & mode.bits() != 0;
        if is(PatternMode::MUST_BE_DIR) && !path.is_dir {
            return Ok(false);
        }
        let pattern = &texts[self.text as usize..][..usize::from(self.text_length)];
        if is(PatternMode::NO_SUB_DIR) && !is(PatternMode::ABSOLUTE) {
            return self.matches_text(pattern, &path.path[path.name..], steps);
        }
        // An extra file's path may begin with a slash. No anchored pattern matches it, because its first component is
        // empty.
        if path.path.starts_with(b"/") {
            let with_component = [b"\x01", path.path].concat();
            return self.matches_text(pattern, &with_component, steps);
        }
        self.matches_text(pattern, path.path, steps)
    }

    fn matches_text(&self, pattern: &[u8], text: &[u8], steps: &mut u64) -> Result<bool, TooManySteps> {
        if self.first_wildcard == NONE {
            return Ok(pattern == text);
        }
        let literal = usize::from(self.first_wildcard);
        let is_ending = u32::from(self.mode) & PatternMode::ENDS_WITH.bits() != 0;
        if is_ending && !text.contains(&b'/') {
            return Ok(text.ends_with(&pattern[literal + 1..]));
        }
        if !text.starts_with(&pattern[..literal]) {
            return Ok(false);
        }
        wildmatch(pattern, text, Mode { pathname: true, ignore_case: false }, steps)
    }
}
