//! The listing of an archive compared with `git archive`, and refused names.

use bstr::{BString, ByteSlice};
use git_archive::attributes::Attributes;
use git_archive::object::{Entry, Kind, ObjectId};
use git_archive::pathspec::Pathspecs;
use git_archive::select::{NameWarning, SelectError, select, warnings};
use git_archive::work::Work;
use git_archive::{names, pathspec::PathspecError};

use oracle::{CommitText, Random, Repository, Tree, member_path, script, trials};

#[test]
fn random_trees_are_listed_as_git_lists_them() {
    let count = trials(150);
    let trees: Vec<_> = (0..count).map(|trial| with_ignored(&mut Random::of("select", trial))).collect();
    let commits = trees.iter().enumerate();
    let commits = commits.map(|(at, tree)| tree.commit(&format!("refs/heads/t{at}"), &CommitText::default()));
    let streams: Vec<_> = commits.collect();
    let repository = Repository::import(&streams.concat());

    for (trial, tree) in trees.iter().enumerate() {
        let treeish = format!("t{trial}");
        let entries = repository.entries(&treeish);
        let attributes = tree.attributes(&entries);
        let selected =
            select(entries, &attributes, &Pathspecs::default(), &Work::default()).expect("git makes good trees");
        let ours: Vec<_> = selected.iter().map(member_path).collect();
        let members = repository.archive(&treeish, &[]).expect("git archives it");
        let theirs: Vec<_> = members.into_iter().map(|member| member.path).collect();
        let script = script(&streams[trial], &format!("git archive {treeish} | tar t"));
        assert_eq!(ours, theirs, "trial {trial}\n{script}");
    }
}

fn with_ignored(random: &mut Random) -> Tree {
    let mut tree = Tree::random(random);
    let paths: Vec<_> = tree.0.keys().cloned().collect();
    let folders: Vec<_> =
        paths.iter().flat_map(|path| path.find_iter(b"/").map(|slash| path[..=slash].to_vec())).collect();
    for _ in 0..=random.below(3) {
        let mut file = Vec::new();
        for _ in 0..=random.below(4) {
            let path = random.pick(&paths);
            let start = if random.one_in(2) { path.rfind_byte(b'/').map_or(0, |slash| slash + 1) } else { 0 };
            let end = start
                + if random.one_in(2) {
                    path[start..].find_byte(b'/').map_or(path.len() - start, |at| at + 1)
                } else {
                    path.len() - start
                };
            let escaped: Vec<u8> = path[start..end]
                .iter()
                .flat_map(|&byte| if b"*[\\ \t\"#!-".contains(&byte) { vec![b'?'] } else { vec![byte] })
                .collect();
            file.extend_from_slice(&escaped);
            file.extend_from_slice(
                random
                    .pick(&[" export-ignore\n", " export-ignore\n", " -export-ignore\n", "* export-ignore\n"])
                    .as_bytes(),
            );
        }
        let folder = if random.one_in(2) || folders.is_empty() { Vec::new() } else { random.pick(&folders).clone() };
        tree.add([folder, b".gitattributes".to_vec()].concat(), "100644", file);
    }
    tree
}

/// Names that are refused, and similar names that are not.
const NAMES: [&str; 42] = [
    ".git",
    ".GIT",
    ".gIt",
    "git~1",
    "GIT~1",
    "git~2",
    "git~10",
    ".git ",
    ".git.",
    ".git . ",
    ".git::$INDEX",
    ".git:",
    ".git\\x",
    ".gitx",
    "a\\.git",
    "a\\git~1",
    "a\\..",
    "a\\b",
    ".gi\u{200C}t",
    ".",
    "..",
    "...",
    "..a",
    "C:",
    "C:\\x",
    ".gitmodules",
    ".GITMODULES",
    ".gitmodules.",
    ".gitmodules :",
    "gitmod~1",
    "gitmod~4",
    "gitmod~5",
    "GITMOD~2 .",
    "gi7eba~1",
    "gi7eb~12",
    "gi7e~123",
    "gi7eba~0",
    "g~123456",
    "gi7d29~1",
    "~1234567",
    "a\\.gitmodules",
    ".gitattributes",
];

#[test]
fn git_refuses_what_we_refuse() {
    let repository = Repository::import(b"");
    let blob = repository.run(&["hash-object", "-w", "--stdin"], b"x");
    let blob = ObjectId::from_hex(blob.trim_ascii()).expect("an id");
    for name in NAMES {
        for (kind, mode) in [(Kind::File, "100644"), (Kind::Link, "120000"), (Kind::Submodule, "160000")] {
            for below in [false, true] {
                let mut tree = literal_tree(&repository, mode, if below { "x" } else { name }, blob);
                if below {
                    tree = literal_tree(&repository, "40000", name, tree);
                }
                let path = BString::from(if below { format!("{name}/x") } else { name.to_owned() });
                let git = repository.archive(&tree.to_string(), &[]);
                assert_eq!(names::is_refused(path.as_ref(), kind), git.is_err(), "{path} {kind:?}: {git:?}");
            }
        }
    }
}

fn literal_tree(repository: &Repository, mode: &str, name: &str, id: ObjectId) -> ObjectId {
    let content = [mode.as_bytes(), b" ", name.as_bytes(), b"\0", id.as_slice()].concat();
    let tree = repository.run(&["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], &content);
    ObjectId::from_hex(tree.trim_ascii()).expect("an id")
}

#[test]
fn trees_that_are_none_are_refused() {
    let refused = |paths: &[&str]| {
        select(paths.iter().map(|path| entry(path)), &Attributes::default(), &Pathspecs::default(), &Work::default())
            .map(|_| ())
    };
    assert_eq!(refused(&["a", "d/", "d/a", "d/b/", "d/b/c", "d/e", "d.c"]), Err(SelectError::OutOfOrder("d.c".into())));
    assert_eq!(refused(&["a", "d.c", "d/", "d/a", "d/b/", "d/b/c", "d/e", "d0"]), Ok(()));
    assert_eq!(refused(&["b", "a"]), Err(SelectError::OutOfOrder("a".into())));
    assert_eq!(refused(&["a", "a"]), Err(SelectError::Duplicate("a".into())));
    assert_eq!(refused(&["a", "a-", "a/"]), Err(SelectError::Duplicate("a".into())));
    assert_eq!(refused(&["a/b"]), Err(SelectError::OutOfOrder("a/b".into())));
    assert_eq!(refused(&["a/", "b/c"]), Err(SelectError::OutOfOrder("b/c".into())));
    assert_eq!(refused(&["a\0"]), Err(SelectError::InvalidPath("a\0".into())));
    assert_eq!(refused(&["a\0/"]), Err(SelectError::InvalidPath("a\0".into())));
    assert_eq!(refused(&["d/", "d//a"]), Err(SelectError::InvalidPath("d//a".into())));
    // Git reads an index, which has no directories.
    assert_eq!(refused(&[".git/"]), Ok(()));
    assert!(!names::is_name("".into()) && !names::is_name("a/b".into()) && names::is_name("a\\b".into()));
}

#[test]
fn a_pathspec_without_a_match_is_an_error() {
    let specs = Pathspecs::parse(&["d".into(), "none".into()]).expect("they are good");
    let result = select([entry("d/"), entry("d/a")], &Attributes::default(), &specs, &Work::default());
    assert_eq!(result, Err(PathspecError::NoMatch("none".into()).into()));
}

#[test]
fn names_that_may_surprise_are_reported() {
    let entries = ["A", "C:x", "a", "b\\c", ".g\u{200C}it", "e\u{301}", "é"].map(entry);
    let expected = [
        NameWarning::DriveLetter("C:x".into()),
        NameWarning::Backslash("b\\c".into()),
        NameWarning::GitOnMac(".g\u{200C}it".into()),
        NameWarning::Alike("A".into(), "a".into()),
        NameWarning::Alike("e\u{301}".into(), "é".into()),
    ];
    assert_eq!(warnings(&entries), expected);
}

#[test]
fn names_that_trouble_windows_are_reported() {
    use NameWarning::{Backslash, Character, Device, Direction, DriveLetter, Ending};
    type Warning = fn(BString) -> NameWarning;
    let kinds: [(&str, Warning); 22] = [
        ("..\\x", Backslash),
        ("C:", DriveLetter),
        ("d/a:b", Character),
        ("what?", Character),
        ("bell\x07", Character),
        ("d/dot.", Ending),
        ("d/space ", Ending),
        ("con", Device),
        ("CON.txt", Device),
        ("d/Aux.tar.gz", Device),
        ("nul .x", Device),
        ("com1", Device),
        ("lpt\u{b2}.c", Device),
        ("PRN", Device),
        ("conin$", Device),
        ("a\u{202e}txt.exe", Direction),
        ("a\u{2066}b", Direction),
        ("\u{200f}", Direction),
        ("d/\u{61c}x", Direction),
        ("\u{2069}", Direction),
        ("\u{202a}", Direction),
        ("d/x\u{200e}", Direction),
    ];
    for (path, warning) in kinds {
        assert_eq!(warnings(&[entry(path)]), [warning(path.into())], "{path:?}");
        let shown = warning(path.into()).to_string();
        assert!(!shown.contains(['\u{7}', '\u{202e}', '\u{2066}']), "{shown:?}");
    }
    for path in ["con/a.c", "concert", "com12", "comx", "a.con", "..x", ".gitignore", "a b", "日本"] {
        assert_eq!(warnings(&[entry(path)]), [], "{path:?}");
    }
}

fn entry(path: &str) -> Entry {
    let (path, kind) = path.strip_suffix('/').map_or((path, Kind::File), |path| (path, Kind::Directory));
    Entry { path: path.into(), kind, id: ObjectId::empty_blob(gix_hash::Kind::Sha1) }
}
