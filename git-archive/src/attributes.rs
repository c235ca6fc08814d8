//! The `.gitattributes` files of one tree, compiled, and the attributes of a path.
//!
//! As for `git archive` without `--worktree-attributes`, only the files in the archived tree count, from the root to
//! the leaf. A deeper file wins over a higher one, and a later line over an earlier one. Only the root's file defines
//! macros, and `binary` is built in. A `.gitattributes` in a folder with `export-ignore` still counts for the paths in
//! that folder. If a `.gitattributes` is a symbolic link, the path that is stored in the link is parsed as the content,
//! because git reads it from the index as a blob of any kind.

use std::collections::HashMap;
use std::ops::Range;

use bstr::{BStr, BString, ByteSlice};
use gix_attributes::StateRef;
use gix_attributes::parse::{Iter, Kind};

use crate::wildmatch::{STEPS, TooManySteps};
use crate::work::{Stopped, Work};

mod line;
mod state;

use line::{Line, RelativePath};
pub use state::{PathAttributes, State};

/// `ATTR_MAX_LINE_LENGTH` of git's attr.h: a line of this length or more is ignored.
const MAX_LINE_LENGTH: usize = 2048;

/// The macro that is built in.
const BUILT_IN: &[u8] = b"[attr]binary -diff -merge -text";

/// The attributes that an archive asks for. An attribute's number is its place in this list.
const ASKED: [&str; 9] =
    ["export-ignore", "export-subst", "diff", "text", "crlf", "eol", "ident", "working-tree-encoding", "filter"];

/// The number of the state `name`. The numbers of values follow those of the three fixed states.
const SET: u32 = 1;
const FIXED_STATES: [State; 3] = [State::Unspecified, State::Set, State::Unset];

/// The compiled `.gitattributes` files of one tree, which threads may share.
///
/// `gix-attributes` parses the lines. The evaluation is here, because that crate evaluates with a state that cannot
/// be shared, and does not limit the work.
#[derive(Debug, Default)]
pub struct Attributes {
    /// The numbers of all attributes.
    numbers: HashMap<Box<str>, u32>,
    /// The values by the numbers of their states.
    values: Vec<State>,
    value_numbers: HashMap<BString, u32>,
    /// The patterns of all lines, one after the other.
    texts: Vec<u8>,
    assignments: Vec<Assignment>,
    macros: HashMap<u32, Range<usize>>,
    /// The macros with only the attributes that archives ask for.
    asked_macros: HashMap<u32, Vec<Assignment>>,
    /// The lines by folder, `""` for the root.
    files: HashMap<BString, Vec<Line>>,
    /// The length of the longest of these folders. Folders with longer paths need no lookup.
    longest_folder: usize,
}

/// The number of an attribute and of its state.
type Assignment = (u32, u32);

impl Attributes {
    /// Compiles the content of each `.gitattributes` file, given with its folder (`""` for the root).
    ///
    /// Lines that git ignores are ignored. The caller limits the bytes of the files. [`Attributes::memory`] returns
    /// the size of the compiled form.
    pub fn new(files: impl IntoIterator<Item = (BString, Vec<u8>)>, work: &Work) -> Result<Attributes, Stopped> {
        let mut attributes = Attributes::default();
        for (number, name) in (0..).zip(ASKED) {
            attributes.numbers.insert(name.into(), number);
        }
        attributes.read(BUILT_IN, true, work)?;
        for (folder, content) in files {
            let lines = attributes.read(&content, folder.is_empty(), work)?;
            if !lines.is_empty() {
                attributes.longest_folder = attributes.longest_folder.max(folder.len());
                attributes.files.insert(folder, lines);
            }
        }
        attributes.texts.shrink_to_fit();
        attributes.assignments.shrink_to_fit();
        attributes.asked_macros = attributes.reduced_macros();
        Ok(attributes)
    }

    /// Returns whether no file has a line. Then nothing is ignored, converted or substituted, and lookups cost
    /// nothing.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the approximate size of the compiled form in bytes.
    pub fn memory(&self) -> u64 {
        let lines: usize = self.files.values().map(|lines| lines.capacity() * size_of::<Line>()).sum();
        let assignments: usize = self.asked_macros.values().map(|list| 32 + list.capacity() * 8).sum();
        let names: usize = self.numbers.keys().map(|name| 56 + name.len()).sum();
        let values: usize = self.value_numbers.keys().map(|value| 112 + 2 * value.len()).sum();
        let macros = 64 * self.macros.len();
        (lines + assignments + names + values + macros + self.texts.capacity() + 8 * self.assignments.capacity()) as u64
    }

    /// Returns the attributes of `path`, which has no slash at its end. A submodule is looked up as a directory.
    pub fn of(&self, path: &BStr, is_dir: bool, work: &Work) -> Result<PathAttributes, Stopped> {
        if self.is_empty() {
            return Ok(PathAttributes::default());
        }
        let found = self.evaluate(path, is_dir, true, work)?;
        let state = |number: usize| self.state(found.asked[number]);
        let is_set = |number: usize| found.asked[number] == Some(SET);
        Ok(PathAttributes {
            export_ignore: is_set(0),
            export_subst: is_set(1),
            diff: state(2),
            text: state(3),
            crlf: state(4),
            eol: state(5),
            ident: is_set(6),
            working_tree_encoding: state(7),
            filter: state(8),
        })
    }

    /// Returns the states of any attributes, in the order of `names`, for pathspecs such as `:(attr:generated)`.
    pub fn states(&self, path: &BStr, is_dir: bool, names: &[&str], work: &Work) -> Result<Vec<State>, Stopped> {
        let found = self.evaluate(path, is_dir, false, work)?;
        let number = |name: &&str| self.numbers.get(*name).copied();
        Ok(names.iter().map(|name| self.state(number(name).and_then(|number| found.get(number)))).collect())
    }

    fn state(&self, number: Option<u32>) -> State {
        let Some(number) = number.map(|number| number as usize) else { return State::Unspecified };
        let fixed = FIXED_STATES.get(number).cloned();
        fixed.unwrap_or_else(|| self.values[number - FIXED_STATES.len()].clone())
    }

    /// Evaluates the lines as `collect_some_attrs` of git's attr.c does. Files go from the one beside the path up to
    /// the root, lines from the last to the first, and the assignments of a line from its end. The first state that
    /// is found counts.
    fn evaluate(&self, path: &BStr, is_dir: bool, only_asked: bool, work: &Work) -> Result<Found, Stopped> {
        work.metered(STEPS, |steps| {
            let mut found = Found::default();
            let name = path.rfind_byte(b'/').map_or(0, |slash| slash + 1);
            let mut folder_end = Some(match name.saturating_sub(1) {
                end if end <= self.longest_folder => end,
                _ => path[..=self.longest_folder].rfind_byte(b'/').unwrap_or(0),
            });
            while let Some(end) = folder_end {
                if let Some(lines) = self.files.get(path[..end].as_bstr()) {
                    let start = if end == 0 { 0 } else { end + 1 };
                    let relative = RelativePath { path: &path[start..], name: name.saturating_sub(start), is_dir };
                    for line in lines.iter().rev() {
                        if line.matches(relative, &self.texts, steps)? {
                            self.fill(&mut found, line.assignments(), only_asked, steps)?;
                        }
                    }
                }
                folder_end = (end > 0).then(|| path[..end].rfind_byte(b'/').unwrap_or(0));
            }
            Ok::<_, TooManySteps>(found)
        })
    }

    /// Adds the states that are not known yet. A macro that is set adds its own assignments.
    fn fill(
        &self,
        found: &mut Found,
        assignments: Range<usize>,
        only_asked: bool,
        steps: &mut u64,
    ) -> Result<(), TooManySteps> {
        let mut waiting = vec![&self.assignments[assignments]];
        while let Some(list) = waiting.last_mut() {
            let Some((&(number, state), rest)) = list.split_last() else {
                waiting.pop();
                continue;
            };
            *list = rest;
            *steps = steps.checked_sub(1).ok_or(TooManySteps)?;
            let is_asked = (number as usize) < ASKED.len() || self.asked_macros.contains_key(&number);
            if only_asked && !is_asked || !found.insert(number, state) || state != SET {
                continue;
            }
            if only_asked {
                waiting.extend(self.asked_macros.get(&number).map(Vec::as_slice));
            } else {
                waiting.extend(self.macros.get(&number).map(|range| &self.assignments[range.clone()]));
            }
        }
        Ok(())
    }

    /// Returns each macro that sets an attribute that archives ask for, directly or through other macros. Keeps only
    /// the assignments that are needed for this.
    fn reduced_macros(&self) -> HashMap<u32, Vec<Assignment>> {
        let mut leading: HashMap<u32, Vec<u32>> = HashMap::new();
        for (&number, range) in &self.macros {
            for (assigned, _) in &self.assignments[range.clone()] {
                leading.entry(*assigned).or_default().push(number);
            }
        }
        let mut asked = vec![false; self.numbers.len()];
        let mut waiting: Vec<u32> = (0..).take(ASKED.len()).collect();
        while let Some(number) = waiting.pop() {
            if !std::mem::replace(&mut asked[number as usize], true) {
                waiting.extend(leading.get(&number).into_iter().flatten());
            }
        }
        let macros = self.macros.iter().filter(|(number, _)| asked[**number as usize]);
        let is_asked = |(number, _): &&Assignment| asked[*number as usize];
        macros
            .map(|(number, range)| {
                (*number, self.assignments[range.clone()].iter().filter(is_asked).copied().collect())
            })
            .collect()
    }

    /// Compiles the lines of a file. Macros are kept apart, and only if the file may define them.
    ///
    /// Git reads a file up to its first NUL.
    fn read(&mut self, content: &[u8], may_define: bool, work: &Work) -> Result<Vec<Line>, Stopped> {
        let content = &content[..content.find_byte(0).unwrap_or(content.len())];
        let mut lines = Vec::new();
        let mut buffer = Vec::new();
        for line in content.split(|&byte| byte == b'\n') {
            work.spend(1 + line.len() as u64 / 16)?;
            if line.len() >= MAX_LINE_LENGTH {
                continue;
            }
            parsable(line, &mut buffer);
            for (kind, assignments, _) in gix_attributes::parse(&buffer).filter_map(Result::ok) {
                let start = self.assignments.len();
                if !self.add_assignments(assignments) {
                    self.assignments.truncate(start);
                    continue;
                }
                let range = start..self.assignments.len();
                match kind {
                    Kind::Pattern(pattern) => {
                        let line = Line::compile(&pattern, range, &mut self.texts);
                        lines.push(line.ok_or(Stopped::TooMuchWork)?);
                    }
                    Kind::Macro(name) if may_define => {
                        let number = self.number(name.as_str());
                        self.macros.insert(number, range);
                    }
                    Kind::Macro(_) => {}
                }
            }
        }
        lines.shrink_to_fit();
        Ok(lines)
    }

    /// Adds the assignments of one line. Returns false if any is invalid, in which case git ignores the line.
    fn add_assignments(&mut self, assignments: Iter<'_>) -> bool {
        for assignment in assignments {
            let Ok(assignment) = assignment else { return false };
            let state = match assignment.state {
                StateRef::Unspecified => 0,
                StateRef::Set => SET,
                StateRef::Unset => 2,
                StateRef::Value(value) => self.value_number(value.as_bstr()),
            };
            let number = self.number(assignment.name.as_str());
            self.assignments.push((number, state));
        }
        true
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.into(), next);
        next
    }

    fn value_number(&mut self, value: &BStr) -> u32 {
        if let Some(number) = self.value_numbers.get(value) {
            return *number;
        }
        let next = u32::try_from(FIXED_STATES.len() + self.values.len()).unwrap_or(u32::MAX);
        self.values.push(State::Value(value.to_owned()));
        self.value_numbers.insert(value.to_owned(), next);
        next
    }
}

/// The states of one path that are known so far, by the numbers of attributes.
#[derive(Default)]
struct Found {
    asked: [Option<u32>; ASKED.len()],
    others: HashMap<u32, u32>,
}

impl Found {
    fn get(&self, number: u32) -> Option<u32> {
        self.asked.get(number as usize).copied().unwrap_or_else(|| self.others.get(&number).copied())
    }

    /// Sets a state, unless one is known already. Returns whether it was set.
    fn insert(&mut self, number: u32, state: u32) -> bool {
        if self.get(number).is_some() {
            return false;
        }
        match self.asked.get_mut(number as usize) {
            Some(asked) => *asked = Some(state),
            None => drop(self.others.insert(number, state)),
        }
        true
    }
}

/// Writes a line into the buffer so that `gix-attributes` parses it as git does.
///
/// The crate skips a byte order mark at the start of its input. Git does not skip it in a file of a tree: there, the
/// mark is a part of the first pattern. So a newline is written before the line.
fn parsable(line: &[u8], buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.push(b'\n');
    match quoted_blanks(line) {
        Some((blanks, rest)) => {
            buffer.push(b'"');
            buffer.extend_from_slice(&b"[ ]".repeat(blanks));
            buffer.extend_from_slice(rest);
        }
        None => buffer.extend_from_slice(line),
    }
}

/// Returns the number of blanks in a line whose pattern is only blanks, such as `" " text`, and the text after them.
///
/// The crate ignores such a pattern, but accepts it in the form of a class of characters.
fn quoted_blanks(line: &[u8]) -> Option<(usize, &[u8])> {
    let quoted = line.trim_ascii_start().strip_prefix(b"\"")?;
    let blanks = quoted.iter().take_while(|&&byte| byte == b' ').count();
    (blanks > 0 && quoted.get(blanks) == Some(&b'"')).then(|| (blanks, &quoted[blanks..]))
}
