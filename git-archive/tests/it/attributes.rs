//! Attributes against `git check-attr --source`.

use bstr::{BStr, BString, ByteSlice};
use git_archive::attributes::{Attributes, PathAttributes, State};
use git_archive::object::Kind;
use git_archive::work::Work;

use oracle::{CommitText, FOLDERS, NAMES, Random, Repository, Tree, script, trials};

const ASKED: [&str; 14] = [
    "export-ignore",
    "export-subst",
    "diff",
    "text",
    "crlf",
    "eol",
    "ident",
    "working-tree-encoding",
    "filter",
    "binary",
    "merge",
    "one",
    "two",
    "three",
];

#[test]
fn random_files_say_what_git_reads_in_them() {
    let count = trials(150);
    let trees: Vec<_> = (0..count).map(|trial| with_attributes(&mut Random::of("attributes", trial))).collect();
    let commits = trees.iter().enumerate();
    let commits = commits.map(|(at, tree)| tree.commit(&format!("refs/heads/t{at}"), &CommitText::default()));
    let streams: Vec<_> = commits.collect();
    let repository = Repository::import(&streams.concat());

    for (trial, tree) in trees.iter().enumerate() {
        let treeish = format!("t{trial}");
        let entries = repository.entries(&treeish);
        let attributes = tree.attributes(&entries);
        let is_directory = |kind: Kind| matches!(kind, Kind::Directory | Kind::Submodule);
        let mut input = Vec::new();
        for entry in &entries {
            input.extend_from_slice(&entry.path);
            input.extend_from_slice(if is_directory(entry.kind) { b"/\0" } else { b"\0" });
        }
        let source = format!("--source={treeish}");
        let arguments = [&["check-attr", &source, "-z", "--stdin"], &ASKED[..]].concat();
        let answer = repository.run(&arguments, &input);
        let mut fields = answer.split(|&byte| byte == 0);
        for entry in &entries {
            let states = attributes
                .states(entry.path.as_ref(), is_directory(entry.kind), &ASKED, &Work::default())
                .expect("little work");
            let found = of(&attributes, entry.path.as_ref(), is_directory(entry.kind));
            for (name, state) in ASKED.iter().zip(states) {
                let expected = fields.nth(2).expect("a state for each").as_bstr();
                assert!(
                    shown(&state) == expected,
                    "trial {trial}: {name} of {} is {state:?}, git says {expected}\n{}",
                    entry.path,
                    script(&streams[trial], &format!("git check-attr {source} -a -- '{}'", entry.path)),
                );
                let same = match *name {
                    "export-ignore" => found.export_ignore == (state == State::Set),
                    "export-subst" => found.export_subst == (state == State::Set),
                    "ident" => found.ident == (state == State::Set),
                    "text" => found.text == state,
                    "crlf" => found.crlf == state,
                    "eol" => found.eol == state,
                    "diff" => found.diff == state,
                    "filter" => found.filter == state,
                    "working-tree-encoding" => found.working_tree_encoding == state,
                    _ => true,
                };
                assert!(same, "trial {trial}: {name} of {}: {found:?}", entry.path);
            }
        }
    }
}

#[test]
fn many_threads_may_ask_at_once() {
    let attributes = compiled([(BString::default(), b"*.txt export-ignore\n/d/** export-subst\n".to_vec())]);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let attributes = &attributes;
            scope.spawn(move || {
                for at in 0..500 {
                    let path = BString::from(format!("d/{thread}/{at}.{}", if at % 2 == 0 { "txt" } else { "c" }));
                    let found = of(attributes, path.as_ref(), false);
                    assert_eq!((found.export_ignore, found.export_subst), (at % 2 == 0, true));
                }
            });
        }
    });
}

#[test]
fn no_file_says_nothing() {
    assert!(compiled([]).is_empty());
    assert!(compiled([(BString::default(), Vec::new())]).is_empty());
    assert_eq!(of(&Attributes::default(), "a".into(), false), <_>::default());
}

fn compiled<const N: usize>(files: [(BString, Vec<u8>); N]) -> Attributes {
    Attributes::new(files, &Work::default()).expect("little work")
}

fn of(attributes: &Attributes, path: &BStr, is_dir: bool) -> PathAttributes {
    attributes.of(path, is_dir, &Work::default()).expect("little work")
}

/// Returns the state in the words of `git check-attr`.
fn shown(state: &State) -> BString {
    match state {
        State::Unspecified => "unspecified".into(),
        State::Set => "set".into(),
        State::Unset => "unset".into(),
        State::Value(value) => value.clone(),
    }
}

fn with_attributes(random: &mut Random) -> Tree {
    let mut tree = Tree::random(random);
    let folders: Vec<BString> = tree.0.keys().flat_map(folders_of).collect();
    for _ in 0..=random.below(4) {
        let folder = if random.one_in(2) || folders.is_empty() { "".into() } else { random.pick(&folders).clone() };
        let mut path = folder;
        path.extend_from_slice(b".gitattributes");
        let mode = if random.one_in(8) { "120000" } else { "100644" };
        tree.add(path, mode, attribute_file(random));
    }
    tree
}

/// Returns the parent folders of a path, each with its slash.
fn folders_of(path: &BString) -> Vec<BString> {
    path.find_iter(b"/").map(|slash| path[..=slash].into()).collect()
}

pub(crate) fn attribute_file(random: &mut Random) -> Vec<u8> {
    let mut file = Vec::new();
    if random.one_in(12) {
        file.extend_from_slice("\u{FEFF}".as_bytes());
    }
    for _ in 0..=random.below(7) {
        let line = match random.below(24) {
            0 => b"# comment".to_vec(),
            1 => format!("[attr]{} {}", random.pick(&["one", "two", "three", "binary"]), states(random)).into_bytes(),
            2 => format!("{} {}", "x".repeat(2040 + random.below(10)), states(random)).into_bytes(),
            3 => format!("* {}{}", " ".repeat(2030 + random.below(12)), states(random)).into_bytes(),
            4 if random.one_in(4) => b"a text\0b text".to_vec(),
            _ => {
                format!("{}{}{}", pattern(random), random.pick(&[" ", "\t", "  ", " \r "]), states(random)).into_bytes()
            }
        };
        file.extend_from_slice(random.pick(&["", "", "", " ", "\t"]).as_bytes());
        file.extend_from_slice(&line);
        file.extend_from_slice(random.pick(&["\n", "\n", "\n", "\r\n", " \n", "\n\n"]).as_bytes());
    }
    file
}

fn states(random: &mut Random) -> String {
    const STATES: [&str; 40] = [
        "export-ignore",
        "export-ignore",
        "-export-ignore",
        "!export-ignore",
        "export-ignore=true",
        "export-subst",
        "-export-subst",
        "text",
        "-text",
        "!text",
        "text=auto",
        "text=input",
        "crlf",
        "-crlf",
        "crlf=input",
        "eol=lf",
        "eol=crlf",
        "eol",
        "ident",
        "-ident",
        "diff",
        "-diff",
        "diff=cpp",
        "binary",
        "-binary",
        "!binary",
        "one",
        "-one",
        "two",
        "three",
        "one=1",
        "filter=lfs",
        "working-tree-encoding=UTF-16",
        "x=",
        "two=a=b",
        "!two=1",
        "-one=2",
        "--x",
        "builtin_x",
        "a/b",
    ];
    let states: Vec<_> = (0..random.below(4)).map(|_| *random.pick(&STATES)).collect();
    let space = *random.pick(&[" ", "  ", "\t"]);
    states.join(space)
}

fn pattern(random: &mut Random) -> String {
    let (name, folder) = (*random.pick(&NAMES), *random.pick(&FOLDERS));
    let plain = name.replace([' ', '\t'], "?");
    match random.below(22) {
        0 => "*".into(),
        1 => "*.txt".into(),
        2 => format!("/{plain}"),
        3 => format!("{folder}/{plain}"),
        4 => format!("{folder}/"),
        5 => format!("**/{plain}"),
        6 => format!("{folder}/**"),
        7 => format!("\"{folder}/{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        8 => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        9 => "[a-f]*".into(),
        10 => "[!a]*".into(),
        11 => format!("\\{plain}"),
        12 => format!("!{plain}"),
        13 => format!("{folder}/*/{plain}"),
        14 => format!("{folder}/**/{plain}"),
        15 => "?".into(),
        16 => format!("/{folder}/"),
        17 => format!("*/{plain}"),
        18 => "*c".into(),
        19 => "\"unfinished".into(),
        _ => plain,
    }
}

/// An extra file's path may begin with a slash. As in git, the path after the folder's slash is then matched.
#[test]
fn a_path_may_have_an_empty_part() {
    let attributes = compiled([("d".into(), b"/x diff\ny diff\n*/z diff\n".to_vec())]);
    let is_set = |path: &str| of(&attributes, path.into(), false).diff == State::Set;
    assert_eq!(["d/x", "d//x", "d//y", "d//z"].map(is_set), [true, false, true, true]);
}
