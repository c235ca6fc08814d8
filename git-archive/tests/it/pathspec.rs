//! Pathspecs against `git archive`.

use bstr::{BString, ByteSlice};
use git_archive::object::{Entry, Kind};
use git_archive::pathspec::{PathspecError, Pathspecs};
use git_archive::select::{SelectError, select};
use git_archive::work::Work;

use crate::attributes::attribute_file;
use oracle::{CommitText, FOLDERS, NAMES, Random, Repository, Tree, member_path, script, trials};

#[test]
fn random_pathspecs_select_what_git_selects() {
    let count = trials(300);
    let trees: Vec<_> = (0..count.div_ceil(5)).map(|trial| with_attributes(&mut Random::of("trees", trial))).collect();
    let commits = trees.iter().enumerate();
    let commits = commits.map(|(at, tree)| tree.commit(&format!("refs/heads/t{at}"), &CommitText::default()));
    let streams: Vec<_> = commits.collect();
    let repository = Repository::import(&streams.concat());
    let entries: Vec<_> = (0..trees.len()).map(|at| repository.entries(&format!("t{at}"))).collect();

    let (mut selected, mut refused) = (0, 0);
    for trial in 0..count {
        let at = usize::try_from(trial / 5).expect("a small number");
        let mut random = Random::of("pathspec", trial);
        let specs = pathspecs(&mut random, &entries[at]);
        let theirs = repository.archive(&format!("t{at}"), &specs);
        let theirs = theirs.map(|members| members.into_iter().map(|member| member.path).collect::<Vec<_>>());
        match &theirs {
            Ok(paths) => selected += u64::from(!paths.is_empty()),
            Err(_) => refused += 1,
        }
        let words: Vec<_> = specs.iter().map(|spec| format!("{:?}", spec.as_bstr())).collect();
        let script = script(&streams[at], &format!("git archive t{at} -- {} | tar t", words.join(" ")));
        let mut listings = vec![entries[at].clone()];
        if !excludes_all_that_is_listed(&entries[at], &trees[at], &specs) {
            listings.push(listed(&entries[at], &specs));
        }
        for listed in listings {
            compare(&trees[at], listed, &specs, &theirs, &format!("trial {trial}\n{script}"));
        }
    }
    assert!(selected > count / 5 && refused > count / 20, "{selected} and {refused} of {count} show little");
}

fn compare(tree: &Tree, entries: Vec<Entry>, specs: &[BString], theirs: &Result<Vec<BString>, BString>, script: &str) {
    let attributes = tree.attributes(&entries);
    let ours = Pathspecs::parse(specs)
        .map_err(SelectError::from)
        .and_then(|specs| select(entries, &attributes, &specs, &Work::default()))
        .map(|selected| selected.iter().map(member_path).collect::<Vec<_>>());
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(&ours, theirs, "{specs:?} {script}"),
        (Err(SelectError::Pathspec(PathspecError::NoMatch(spec))), Err(theirs)) => {
            assert!(theirs.contains_str([b"'", spec.as_slice(), b"' did not match"].concat()), "{theirs} {script}");
        }
        (Err(_), Err(theirs)) => assert!(!theirs.contains_str("did not match any files"), "{theirs} {script}"),
        (ours, theirs) => panic!("{ours:?}\nbut git\n{theirs:?}\n{specs:?} {script}"),
    }
}

/// Returns whether a known difference applies: a pathspec excludes everything that the others reach, but not the
/// whole tree.
fn excludes_all_that_is_listed(entries: &[Entry], tree: &Tree, specs: &[BString]) -> bool {
    let Ok(parsed) = Pathspecs::parse(specs) else {
        return false;
    };
    let attributes = tree.attributes(entries);
    let unmatched = parsed.unmatched(entries, &attributes, &Work::default()).expect("little work");
    let unmatched_when_listed = |spec: &BString| {
        let listed = listed(entries, specs);
        parsed.unmatched(&listed, &attributes, &Work::default()).expect("little work").contains(&spec.as_bstr())
    };
    specs.iter().any(|spec| {
        let excludes = Pathspecs::parse(std::slice::from_ref(spec)).is_ok_and(|spec| spec.only_excludes());
        excludes && !unmatched.contains(&spec.as_bstr()) && unmatched_when_listed(spec)
    })
}

/// Returns the entries that a walk lists if it asks before each folder.
fn listed(entries: &[Entry], specs: &[BString]) -> Vec<Entry> {
    let Ok(specs) = Pathspecs::parse(specs) else {
        return entries.to_vec();
    };
    let mut denied: Vec<&BString> = Vec::new();
    let mut listed = Vec::new();
    for entry in entries {
        let is_below =
            |folder: &&BString| entry.path.starts_with(folder) && entry.path.get(folder.len()) == Some(&b'/');
        if denied.iter().any(is_below) {
            continue;
        }
        if entry.kind == Kind::Directory && !specs.may_match_under(entry.path.as_ref(), &Work::default()) {
            denied.push(&entry.path);
        }
        listed.push(entry.clone());
    }
    listed
}

fn with_attributes(random: &mut Random) -> Tree {
    let mut tree = Tree::random(random);
    for _ in 0..random.below(3) {
        let folder = if random.one_in(2) { String::new() } else { format!("{}/", random.pick(&FOLDERS)) };
        let file = attribute_file(random).to_str_lossy().replace("working-tree-encoding", "x");
        tree.add(format!("{folder}.gitattributes"), "100644", file);
    }
    tree
}

fn pathspecs(random: &mut Random, entries: &[Entry]) -> Vec<BString> {
    (0..=random.below(3)).map(|_| pathspec(random, entries)).collect()
}

const MAGIC: [&str; 36] = [
    "",
    "",
    "",
    "",
    "",
    "",
    ":",
    ":/",
    ":!",
    ":^",
    ":/!",
    ":!:",
    "::",
    ":(top)",
    ":(icase)",
    ":(glob)",
    ":(literal)",
    ":(exclude)",
    ":(exclude,glob)",
    ":(icase,glob)",
    ":(icase,exclude)",
    ":(attr:one)",
    ":(attr:-two)",
    ":(attr:!one)",
    ":(attr:one=1)",
    ":(attr:text one)",
    ":(exclude,attr:text)",
    ":(attr:builtin_objectmode=100755)",
    ":(attr)",
    ":(attr,icase)A",
    ":(prefix:1)",
    ":(icase,prefix:2)",
    ":(,top,)",
    ":()",
    ":(glob,attr:text=auto)",
    ":(top,literal)",
];
const ODD: [&str; 16] = [
    ":(bogus)a",
    ":(top",
    ":@a",
    ":(literal,glob)a",
    "/a",
    "../a",
    "a/../../b",
    ":(attr:)a",
    ":(attr:a/b)a",
    ":(attr:x=$)a",
    ":(prefix:x)a",
    ":(attr:one,attr:two)a",
    ":(attr:-)a",
    ":(attr:\\a)",
    ":(prefix:)a",
    ":(icase,prefix:-3)A",
];

fn path(random: &mut Random, entry: &[u8]) -> Vec<u8> {
    let (folder, name) = (random.pick(&FOLDERS).as_bytes(), random.pick(&NAMES).as_bytes());
    let at = random.below(entry.len());
    match random.below(14) {
        0..=4 => entry.to_vec(),
        5 => [entry, b"/"].concat(),
        6 => [&entry[..=at], b"*"].concat(),
        7 => [b"*", &entry[at..]].concat(),
        8 => [folder, b"/**/", name].concat(),
        9 => [b"*/", name].concat(),
        10 => [b"**/", name].concat(),
        11 => [b"./", folder, b"//", name, b"/../"].concat(),
        12 => random.pick(&PATTERNS).as_bytes().to_vec(),
        _ => name.to_vec(),
    }
}

const PATTERNS: [&str; 13] = ["*", ".", "**", "?", "*.txt", "[a-e]", "[!a]*", "f*", "d/*", "*/*", "", "D/", "d/."];

fn pathspec(random: &mut Random, entries: &[Entry]) -> BString {
    if random.one_in(25) {
        return (*random.pick(&ODD)).into();
    }
    let mut spec = BString::from(*random.pick(&MAGIC));
    let entry = random.pick(entries);
    let mut path = path(random, &entry.path);
    match random.below(12) {
        0 => path = path.to_ascii_uppercase(),
        1 if !path.is_empty() => {
            let at = random.below(path.len());
            path[at] = b'?';
        }
        2 if !path.is_empty() => path[0] = b'*',
        _ => {}
    }
    spec.extend_from_slice(&path);
    spec
}
