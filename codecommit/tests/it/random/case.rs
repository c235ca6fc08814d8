//! One random case: a commit and the options of its archive, for git and for the library.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use bstr::{BString, ByteSlice};
use codecommit::Archive;
use codecommit::source::{Mode, SourceOptions};

use super::content;
use oracle::zlib;
use oracle::{CommitText, FOLDERS, NAMES, Random, Tree};

/// Files on disk that a case may add, with their contents. The second is executable.
pub(super) const ON_DISK: [(&str, &str); 3] =
    [("note.txt", "note\r\n$Id$ $Format:%H$\n"), ("run.sh", "#!/bin/sh\n"), ("zero", "\0\0\0\0\0\0\0\0\0\0\0\0")];

const MORE_NAMES: [&str; 15] = [
    "日本語",
    "e\u{301}",
    "\u{e9}",
    "line\nbreak",
    "C:x",
    "\u{ffff}",
    "back\\slash",
    "'$(x)'",
    "...",
    "~",
    "con",
    ".gitignore",
    ".gitmodules",
    "a.b.c.txt",
    "long-name-long-name-long-name-long-name-long-name-long-name-long-name-long-name-long-name-long-name-long-name",
];
const PREFIXES: [&str; 10] = ["p/", "p", "p//", "a/b/", "ü/", "/abs/", "./", "../x/", "p q/", "/"];
const TIMES: [i64; 8] = [0, 1, 315_532_799, 315_532_801, 2_147_483_648, 4_294_967_295, 4_294_967_297, 4_354_819_201];

/// The form of the tree-ish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Full,
    Short,
    Peeled,
    /// Git uses the current time for a tree, unless another time is given.
    Tree,
}

#[derive(Debug, Clone)]
pub(super) enum Extra {
    /// One of the files on disk, and the current prefix.
    File(usize, BString),
    Virtual(BString, BString),
}

#[derive(Clone)]
pub(super) struct Case {
    pub(super) tree: Tree,
    pub(super) commit: CommitText,
    pub(super) form: Form,
    pub(super) level: Option<u8>,
    pub(super) prefix: BString,
    pub(super) paths: Vec<BString>,
    pub(super) extra: Vec<Extra>,
    pub(super) mtime: Option<i64>,
    /// True to read over Git instead of the API. Names then need not be UTF-8.
    pub(super) over_git: bool,
}

impl Case {
    pub(super) fn random(random: &mut Random) -> Self {
        let over_git = random.one_in(6);
        let tree = tree(random, over_git);
        let mut case = Self {
            commit: content::commit(random, time),
            form: *random.pick(&[Form::Full, Form::Full, Form::Full, Form::Short, Form::Peeled, Form::Tree]),
            level: (!random.one_in(3)).then(|| u8::try_from(random.below(10)).expect("a digit")),
            prefix: if random.one_in(2) { (*random.pick(&PREFIXES)).into() } else { BString::default() },
            paths: Vec::new(),
            extra: Vec::new(),
            mtime: random.one_in(5).then(|| time(random)),
            over_git,
            tree,
        };
        if random.one_in(3) {
            case.paths = (0..=random.below(3)).map(|_| pathspec(random, &case.tree)).collect();
        }
        if random.one_in(4) {
            case.extra = (0..=random.below(3)).map(|_| extra(random, &case.prefix)).collect();
        }
        if case.form == Form::Tree {
            case.mtime.get_or_insert(1_700_000_000);
        }
        case
    }

    /// Returns the tree-ish for a commit at this branch.
    pub(super) fn treeish(&self, branch: &str) -> String {
        match self.form {
            Form::Full => format!("refs/heads/{branch}"),
            Form::Short => branch.to_owned(),
            Form::Peeled => format!("{branch}^{{commit}}"),
            Form::Tree => format!("{branch}^{{tree}}"),
        }
    }

    /// Returns the arguments of `git archive`. `folder` has the files on disk.
    pub(super) fn git(&self, branch: &str, folder: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["archive".into(), "--format=zip".into()];
        words.extend(self.level.map(|level| format!("-{level}").into()));
        words.extend(self.mtime.map(|mtime| format!("--mtime=@{mtime} +0000").into()));
        for extra in &self.extra {
            match extra {
                Extra::File(at, prefix) => {
                    words.push(option("--prefix=", prefix));
                    words.push(option("--add-file=", folder.join(ON_DISK[*at].0).as_os_str().as_encoded_bytes()));
                }
                Extra::Virtual(path, content) => {
                    let path = if path.contains(&b':') { quoted(path) } else { path.clone() };
                    words.push(option("--add-virtual-file=", &[path.as_slice(), b":", content].concat()));
                }
            }
        }
        words.push(option("--prefix=", &self.prefix));
        words.extend([self.treeish(branch).into(), "--".into()]);
        words.extend(self.paths.iter().map(|path| OsString::from_vec(path.to_vec())));
        words
    }

    /// Sets the same options for the library. Git's endpoint is at `git_url`.
    pub(super) fn library<'a>(&self, mut archive: Archive<'a>, folder: &Path, git_url: String) -> Archive<'a> {
        let mode = if self.over_git { Mode::Git } else { Mode::Auto };
        archive = archive.source(SourceOptions { mode, git_url: Some(git_url), ..SourceOptions::default() });
        for extra in &self.extra {
            archive = match extra {
                Extra::File(at, prefix) => archive.prefix(prefix.clone()).add_file(folder.join(ON_DISK[*at].0)),
                Extra::Virtual(path, content) => archive.add_virtual_file(path.clone(), content.to_vec()),
            };
        }
        archive = archive.prefix(self.prefix.clone()).paths(self.paths.clone()).deflate(zlib);
        archive = self.level.into_iter().fold(archive, Archive::level);
        self.mtime.into_iter().fold(archive, Archive::mtime)
    }

    /// Returns the size of the case, for shrinking.
    pub(super) fn weight(&self) -> usize {
        let files = self.tree.0.iter().map(|(path, (_, content))| 20 + path.len() + content.len());
        let options = [
            usize::from(self.level.is_some()),
            usize::from(self.mtime.is_some()),
            usize::from(self.form != Form::Full),
            usize::from(self.over_git),
            self.prefix.len(),
            self.paths.iter().map(|path| 10 + path.len()).sum(),
            self.extra.len() * 10,
        ];
        files.sum::<usize>() + self.commit.message.len() + options.iter().sum::<usize>()
    }
}

fn option(name: &str, value: &[u8]) -> OsString {
    OsString::from_vec([name.as_bytes(), value].concat())
}

fn quoted(path: &BString) -> BString {
    let escaped = path.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    [b"\"", escaped.as_slice(), b"\""].concat().into()
}

fn tree(random: &mut Random, over_git: bool) -> Tree {
    let mut tree = Tree::default();
    let most = if random.one_in(10) { 60 } else { 12 };
    for _ in 0..=random.below(most) {
        let deep = if random.one_in(20) { 40 } else { 4 };
        let mut path = folder(random, deep);
        let name = if over_git && random.one_in(8) { b"\xff\xc3(" } else { name(random).as_bytes() };
        path.extend_from_slice(name);
        let mode = *random.pick(&["100644", "100644", "100644", "100755", "120000", "160000"]);
        tree.add(path, mode, content::file(random));
    }
    if !random.one_in(4) {
        tree.add(".gitattributes", "100644", content::attributes(random));
        for _ in 0..random.below(3) {
            let mut path = folder(random, 4);
            path.extend_from_slice(b".gitattributes");
            let mode = if random.one_in(20) { "120000" } else { "100644" };
            tree.add(path, mode, content::attributes(random));
        }
    }
    tree
}

fn folder(random: &mut Random, deepest: usize) -> BString {
    let mut path = BString::default();
    for _ in 0..random.below(deepest) {
        path.extend_from_slice(random.pick(&FOLDERS).as_bytes());
        path.push(b'/');
    }
    path
}

fn name(random: &mut Random) -> &'static str {
    let names: &[&'static str] = if random.one_in(3) { &MORE_NAMES } else { &NAMES };
    names[random.below(names.len())]
}

fn time(random: &mut Random) -> i64 {
    if random.one_in(3) {
        return *random.pick(&TIMES);
    }
    i64::try_from(random.below(4_000_000_000)).expect("it fits")
}

fn extra(random: &mut Random, last: &BString) -> Extra {
    let prefix = if random.one_in(2) { last.clone() } else { (*random.pick(&PREFIXES)).into() };
    if random.one_in(2) {
        return Extra::File(random.below(ON_DISK.len()), prefix);
    }
    // Git reads attributes past the end of a path that is shorter than the last prefix.
    let path = [last.as_slice(), random.pick(&["virtual.txt", "v:w", "x/é", "f.c"]).as_bytes()].concat();
    Extra::Virtual(path.into(), (*random.pick(&["", "text\n", "$Id$\r\n", "a:b"])).into())
}

fn pathspec(random: &mut Random, tree: &Tree) -> BString {
    let paths: Vec<&BString> = tree.0.keys().collect();
    let path = random.pick(&paths).as_slice();
    let folder = path.rfind_byte(b'/').map_or(&b"."[..], |end| &path[..end]);
    let some = if random.one_in(2) { path } else { folder };
    let upper = some.to_ascii_uppercase();
    let with = |magic: &str, rest: &[u8]| BString::from([magic.as_bytes(), rest].concat());
    match random.below(16) {
        0..4 => some.into(),
        4 => with(":(literal)", some),
        5 => with(":(icase)", &upper),
        6 => with(":(exclude)", some),
        7 => with(":!", some),
        8 => with(":(top,glob)", some),
        9 => with(":(exclude,icase)", &upper),
        10 => with("./", some),
        11 => (*random.pick(&["*", "*.txt", "f*", "d/*", "?", "[a-f]*", "**/f", ":(glob)*", ":(glob)**/*.c"])).into(),
        12 => (*random.pick(&[
            ":/",
            ":",
            ".",
            "d/",
            "none",
            ":(attr)",
            ":(attr:text)",
            ":(attr:-diff)f*",
            ":(attr:!ident)",
        ]))
        .into(),
        13 => [some, b"/"].concat().into(),
        14 => [&some[..some.len() / 2], b"*"].concat().into(),
        _ => with(":(exclude,glob)", b"**/f*"),
    }
}
