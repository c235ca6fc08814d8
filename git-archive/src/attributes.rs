//! The `.gitattributes` files of one tree, compiled, and what they say of a path.
//!
//! As `git archive` without `--worktree-attributes`: only the files in the archived tree count, root to leaf, the
//! deeper and then the later line wins. Macros are defined in the root's file only; `binary` is built in.
//! A `.gitattributes` inside an ignored folder still counts for the paths in it, and one that is a symbolic link is
//! read as the text of its target, because git reads it from the index as a blob of whatever kind.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};
use gix_attributes::parse::{Iter, Kind};
use gix_attributes::{Name, StateRef};
use gix_glob::pattern::Case;
use gix_glob::wildmatch::Mode;

/// `ATTR_MAX_LINE_LENGTH` of git's attr.h: a line of this length or more is ignored.
const MAX_LINE_LENGTH: usize = 2048;

/// The macro that is built in.
const BUILT_IN: &[u8] = b"[attr]binary -diff -merge -text";

/// The attributes that an archive asks for; each one's number is its place in this list.
const ASKED: [&str; 9] =
    ["export-ignore", "export-subst", "diff", "text", "crlf", "eol", "ident", "working-tree-encoding", "filter"];

/// The `.gitattributes` files of one tree, compiled. Shared freely between threads.
///
/// The lines are parsed by `gix-attributes` and matched by `gix-glob`; the evaluation is here, because that of the
/// crate works on a state that cannot go from thread to thread.
#[derive(Debug, Default)]
pub struct Attributes {
    /// The numbers of all attributes that are named anywhere.
    numbers: HashMap<String, usize>,
    macros: HashMap<usize, Vec<Assignment>>,
    /// By folder, `""` for the root.
    files: HashMap<BString, Vec<Line>>,
    /// The length of the longest of these folders, so that paths of thousands of levels are not looked up at each.
    longest_folder: usize,
}

/// The number of an attribute and what it is set to.
type Assignment = (usize, State);

/// One line of an attribute file.
#[derive(Debug)]
struct Line {
    pattern: gix_glob::Pattern,
    assignments: Vec<Assignment>,
}

/// What `.gitattributes` say of one attribute of one path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum State {
    /// Nothing, or `!name`.
    #[default]
    Unspecified,
    /// `name`.
    Set,
    /// `-name`.
    Unset,
    /// `name=value`, even where the value is `true` or empty.
    Value(BString),
}

/// What `.gitattributes` say of one path, as far as an archive needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PathAttributes {
    /// `export-ignore` is set: the path and all under it stay out.
    pub export_ignore: bool,
    /// `export-subst` is set: `$Format:…$` is expanded.
    pub export_subst: bool,
    /// `diff`: whether the entry counts as text.
    pub diff: State,
    /// `text`: whether line endings are converted.
    pub text: State,
    /// `crlf`, the former name of `text`, asked where `text` decides nothing.
    pub crlf: State,
    /// `eol`: which line endings.
    pub eol: State,
    /// `ident` is set: `$Id$` is expanded.
    pub ident: bool,
    /// `working-tree-encoding`: what UTF-8 content is converted to.
    pub working_tree_encoding: State,
    /// `filter`: a driver such as `lfs`; it needs configuration, so that none runs here.
    pub filter: State,
}

impl Attributes {
    /// Compiles the content of each `.gitattributes` file, given with the folder that it is in (`""` for the root).
    ///
    /// Lines that git ignores are ignored.
    pub fn new(files: impl IntoIterator<Item = (BString, Vec<u8>)>) -> Attributes {
        let mut attributes = Attributes::default();
        for (number, name) in ASKED.iter().enumerate() {
            attributes.numbers.insert((*name).to_owned(), number);
        }
        attributes.read(BUILT_IN, true);
        for (folder, content) in files {
            let lines = attributes.read(&effective(&content), folder.is_empty());
            if !lines.is_empty() {
                attributes.longest_folder = attributes.longest_folder.max(folder.len());
                attributes.files.insert(folder, lines);
            }
        }
        attributes
    }

    /// Whether nothing is said of any path: nothing is ignored, converted or substituted, and asking is free.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What is said of `path`, which has no slash at its end. A submodule is asked as a directory.
    pub fn of(&self, path: &BStr, is_dir: bool) -> PathAttributes {
        if self.is_empty() {
            return PathAttributes::default();
        }
        let found = self.evaluate(path, is_dir);
        let state = |number: usize| found[number].cloned().unwrap_or_default();
        let is_set = |number: usize| found[number] == Some(&State::Set);
        PathAttributes {
            export_ignore: is_set(0),
            export_subst: is_set(1),
            diff: state(2),
            text: state(3),
            crlf: state(4),
            eol: state(5),
            ident: is_set(6),
            working_tree_encoding: state(7),
            filter: state(8),
        }
    }

    /// The state of any attributes, for pathspecs such as `:(attr:generated)`; in the order of `names`.
    pub fn states(&self, path: &BStr, is_dir: bool, names: &[&str]) -> Vec<State> {
        let found = self.evaluate(path, is_dir);
        let state = |name: &&str| self.numbers.get(*name).and_then(|&number| found[number]);
        names.iter().map(|name| state(name).cloned().unwrap_or_default()).collect()
    }

    /// The state of each attribute by its number, `collect_some_attrs` of git's attr.c: from the file beside the path
    /// up to the root, in each from the last line to the first, in a line from its end; what comes first counts.
    fn evaluate(&self, path: &BStr, is_dir: bool) -> Vec<Option<&State>> {
        let mut found = vec![None; self.numbers.len()];
        let name = path.rfind_byte(b'/').map_or(0, |slash| slash + 1);
        let mut folder_end = Some(match name.saturating_sub(1) {
            end if end <= self.longest_folder => end,
            _ => path[..=self.longest_folder].rfind_byte(b'/').unwrap_or(0),
        });
        while let Some(end) = folder_end {
            if let Some(lines) = self.files.get(path[..end].as_bstr()) {
                let start = if end == 0 { 0 } else { end + 1 };
                let name = Some(name - start).filter(|&name| name > 0);
                let matching = lines.iter().rev().filter(|line| line.matches(path[start..].as_bstr(), name, is_dir));
                for line in matching {
                    self.fill(&mut found, &line.assignments);
                }
            }
            folder_end = (end > 0).then(|| path[..end].rfind_byte(b'/').unwrap_or(0));
        }
        found
    }

    /// Adds what was not known before; a macro that is set brings what it stands for.
    fn fill<'a>(&'a self, found: &mut [Option<&'a State>], assignments: &'a [Assignment]) {
        let mut waiting: Vec<&Assignment> = assignments.iter().collect();
        while let Some((number, state)) = waiting.pop() {
            if found[*number].is_some() {
                continue;
            }
            found[*number] = Some(state);
            if *state == State::Set {
                waiting.extend(self.macros.get(number).into_iter().flatten());
            }
        }
    }

    /// Reads the lines of a file; macros are kept aside, and only if they may be defined here.
    fn read(&mut self, content: &[u8], may_define: bool) -> Vec<Line> {
        let mut lines = Vec::new();
        for (kind, assignments, _) in gix_attributes::parse(content).filter_map(Result::ok) {
            let Some(assignments) = self.assignments(assignments) else {
                continue;
            };
            match kind {
                Kind::Pattern(pattern) => lines.push(Line { pattern, assignments }),
                Kind::Macro(name) if may_define => {
                    let number = self.number(&name);
                    self.macros.insert(number, assignments);
                }
                Kind::Macro(_) => {}
            }
        }
        lines
    }

    /// Nothing, where one of them is invalid.
    fn assignments(&mut self, assignments: Iter<'_>) -> Option<Vec<Assignment>> {
        let assignments = assignments.map(|assignment| {
            let assignment = assignment.ok()?;
            Some((self.number(&assignment.name.to_owned()), State::from(assignment.state)))
        });
        assignments.collect()
    }

    fn number(&mut self, name: &Name) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(name.as_str().to_owned()).or_insert(next)
    }
}

impl Line {
    /// `path` is that from the folder of the file on, and `name` where its last component begins, if it has others.
    fn matches(&self, path: &BStr, name: Option<usize>, is_dir: bool) -> bool {
        // No anchored pattern matches a path that begins with a slash, as that of an extra file may: a folder that has no name
        // stands before it.
        if path.starts_with(b"/") {
            return self.matches([b"\x01", path.as_bytes()].concat().as_bstr(), name.map(|name| name + 1), is_dir);
        }
        let mode = Mode::NO_MATCH_SLASH_LITERAL;
        self.pattern.matches_repo_relative_path(path, name, Some(is_dir), Case::Sensitive, mode)
    }
}

impl State {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&BStr> {
        match self {
            State::Value(value) => Some(value.as_ref()),
            _ => None,
        }
    }
}

impl From<StateRef<'_>> for State {
    fn from(state: StateRef<'_>) -> State {
        match state {
            StateRef::Unspecified => State::Unspecified,
            StateRef::Set => State::Set,
            StateRef::Unset => State::Unset,
            StateRef::Value(value) => State::Value(value.as_bstr().to_owned()),
        }
    }
}

/// The part of an attribute file that git reads: up to the first NUL, without the overlong lines.
///
/// The newline in front keeps the crate from skipping a byte order mark, which git skips in files of the working
/// tree, but not in those of a tree: there the first line names files that begin with the mark.
fn effective(content: &[u8]) -> Vec<u8> {
    let content = &content[..content.find_byte(0).unwrap_or(content.len())];
    let mut lines = Vec::with_capacity(content.len() + 1);
    for line in content.split(|&byte| byte == b'\n').filter(|line| line.len() < MAX_LINE_LENGTH) {
        lines.push(b'\n');
        match quoted_blanks(line) {
            Some((blanks, rest)) => {
                lines.push(b'"');
                lines.extend_from_slice(&b"[ ]".repeat(blanks));
                lines.extend_from_slice(rest);
            }
            None => lines.extend_from_slice(line),
        }
    }
    lines
}

/// The number of blanks and what follows them in a line for a name of nothing else, such as `" " text`.
///
/// The crate takes that for no pattern at all; a class of characters it takes.
fn quoted_blanks(line: &[u8]) -> Option<(usize, &[u8])> {
    let quoted = line.trim_ascii_start().strip_prefix(b"\"")?;
    let blanks = quoted.iter().take_while(|&&byte| byte == b' ').count();
    (blanks > 0 && quoted.get(blanks) == Some(&b'"')).then(|| (blanks, &quoted[blanks..]))
}
