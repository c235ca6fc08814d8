//! `export-subst` against `git archive`.

use std::borrow::Cow;

use bstr::{BString, ByteSlice};
use git_archive::convert::Bounds;
use git_archive::object::{Commit, ObjectId, Signature};
use git_archive::substitute::{self, SubstituteWarning};
use git_archive::work::Work;

use oracle::{CommitText, Member, Random, Repository, Tree, script, trials};

const FILES: usize = 40;
/// The `core.abbrev` of the repositories.
const ABBREVIATION: usize = 12;

#[test]
fn random_formats_become_what_git_makes_of_them() {
    let count = trials(40);
    let mut streams = Vec::new();
    let mut cases = Vec::new();
    for trial in 0..count {
        let mut random = Random::of("substitute", trial);
        let (text, commit) = commit(&mut random);
        let mut tree = Tree::default();
        tree.add(".gitattributes", "100644", "f* export-subst\n");
        for file in 0..FILES {
            tree.add(format!("f{file}"), "100644", content(&mut random));
        }
        let mut stream = tree.commit(&format!("refs/heads/t{trial}"), &text);
        if trial > 1 && random.one_in(2) {
            let parents = format!("from refs/heads/t{}\nmerge refs/heads/t{}\ndeleteall\n", trial - 1, trial - 2);
            stream = after_message(&stream, &text.message, parents.as_bytes());
        }
        streams.push(stream);
        cases.push((tree, commit));
    }
    let repository = Repository::import(&streams.concat());

    for (trial, (tree, mut commit)) in cases.into_iter().enumerate() {
        let treeish = format!("t{trial}");
        identify(&mut commit, &repository, &treeish);
        for member in archived(&repository, &treeish, &tree) {
            let stored = &tree.0[&member.path].1;
            if !member.path.starts_with(b"f") {
                continue;
            }
            let ours = substitute(Cow::Borrowed(stored), &commit, ABBREVIATION, &mut Vec::new());
            assert!(
                ours.as_bstr() == member.content.as_bstr(),
                "trial {trial}, {}: {commit:?}\nformat {:?}\nours   {:?}\ntheirs {:?}\n{}",
                member.path,
                stored.as_bstr(),
                ours.as_bstr(),
                member.content.as_bstr(),
                script(&streams[..=trial].concat(), &format!("git archive {treeish} {} | tar xO", member.path)),
            );
        }
    }
}

#[test]
fn what_the_commit_does_not_say_stays_and_is_reported() {
    let commit = commit(&mut Random::of("reported", 0)).1;
    let content = b"$Format:%d %D %(decorate:prefix=x) %(describe:tags) %G? %GS %ar %ch %d$";
    let mut warnings = Vec::new();
    let ours = substitute(Cow::Borrowed(content), &commit, ABBREVIATION, &mut warnings);
    assert_eq!(ours.as_bstr(), "%d %D %(decorate:prefix=x) %(describe:tags) %G? %GS %ar %ch %d");
    let expected = ["%d", "%D", "%(decorate:prefix=x)", "%(describe:tags)", "%G?", "%GS", "%ar", "%ch"];
    assert_eq!(warnings, expected.map(|placeholder| SubstituteWarning::NotDerivable(placeholder.into())));

    warnings.clear();
    let ours = substitute(Cow::Borrowed(b"$Format:%aN%cL%C(always,purple)$"), &commit, 7, &mut warnings);
    assert_eq!(ours.as_bstr(), "A Ucommit%C(always,purple)");
    let mailmap = |name: &str| SubstituteWarning::Mailmap(name.into());
    assert_eq!(warnings, [mailmap("%aN"), mailmap("%cL"), SubstituteWarning::Color("purple".into())]);
}

#[test]
fn content_without_a_format_is_not_copied() {
    let commit = commit(&mut Random::of("borrowed", 0)).1;
    for content in ["", "text", "$Format", "$Format:%H", "$Format:%H\n"] {
        let ours = substitute(Cow::Borrowed(content.as_bytes()), &commit, 7, &mut Vec::new());
        assert!(matches!(ours, Cow::Borrowed(same) if same == content.as_bytes()));
    }
}

/// Returns the members of an archive, without those for which git fails: a padding has removed the place where `%+`
/// or `% ` inserts.
fn archived(repository: &Repository, treeish: &str, tree: &Tree) -> Vec<Member> {
    let one = |path: &BString| {
        let archive = repository.archive(treeish, std::slice::from_ref(path));
        archive.unwrap_or_else(|error| {
            assert!(error.contains_str("is too far after the end of the buffer"), "{error}");
            Vec::new()
        })
    };
    repository.archive(treeish, &[]).unwrap_or_else(|_| tree.0.keys().flat_map(one).collect())
}

fn substitute<'a>(
    content: Cow<'a, [u8]>,
    commit: &Commit,
    abbreviation: usize,
    warnings: &mut Vec<SubstituteWarning>,
) -> Cow<'a, [u8]> {
    let bounds = Bounds { limit: 1 << 24, work: &Work::default() };
    substitute::substitute(content, commit, abbreviation, bounds, warnings).expect("it fits")
}

fn identify(commit: &mut Commit, repository: &Repository, treeish: &str) {
    commit.id = repository.id(treeish);
    commit.tree = repository.id(&format!("{treeish}^{{tree}}"));
    let parents = repository.run(&["rev-parse", &format!("{treeish}^@")], b"");
    commit.parents = parents.lines().map(|id| ObjectId::from_hex(id).expect("an id")).collect();
}

fn after_message(stream: &[u8], message: &[u8], insert: &[u8]) -> Vec<u8> {
    let start = stream.find("\ndata ").expect("there is one") + 1;
    let end = start + stream[start..].find_byte(b'\n').expect("its length ends") + 1 + message.len() + 1;
    [&stream[..end], insert, &stream[end..]].concat()
}

/// Makes a commit for `git fast-import`, and the same commit for the library, without its ids.
fn commit(random: &mut Random) -> (CommitText, Commit) {
    let (author, author_text) = person(random, "A U", "thor@example.com");
    let (committer, committer_text) = person(random, "C Ömitter", "commit@example.com");
    let message = message(random);
    let id = ObjectId::null(gix_hash::Kind::Sha1);
    let commit = Commit { id, tree: id, parents: Vec::new(), author, committer, message: message.clone().into() };
    (CommitText { author: author_text, committer: committer_text, message }, commit)
}

fn person(random: &mut Random, name: &str, email: &str) -> (Signature, Vec<u8>) {
    let name = if random.one_in(8) { "日本" } else { name };
    let email = if random.one_in(8) { "nobody" } else { email };
    let seconds = match random.below(5) {
        0 => 86_400,
        1 => 86_400 + random.below(4_000_000_000),
        2 => 951_782_399 + random.below(3),
        3 => 86_400 + random.below(250_000_000_000),
        _ => 1_700_000_000,
    };
    let offset_minutes = *random.pick(&[0, 60, -420, 345, -210, 840, -720, 30, -30]);
    let hours = i32::abs(offset_minutes) / 60 * 100 + i32::abs(offset_minutes) % 60;
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let seconds = i64::try_from(seconds).expect("it is small");
    let text = format!("{name} <{email}> {seconds} {sign}{hours:04}").into_bytes();
    (Signature { name: name.into(), email: email.into(), seconds, offset_minutes, is_dated: true }, text)
}

fn message(random: &mut Random) -> Vec<u8> {
    const LINES: [&str; 32] = [
        "Subject of it",
        "A second line",
        "  indented",
        "",
        "",
        "",
        " ",
        "Signed-off-by: A <a@b>",
        "Signed-off-by: A <a@b>",
        "(cherry picked from commit 1234)",
        "Key: value",
        "key : other value",
        "Key:",
        "Reviewed-By: B\n  and more",
        "\tcontinued",
        " # no comment",
        "# comment",
        "é日本 wide … characters",
        "...dots.. and_others.-",
        "Conflicts:",
        "\tfile.c",
        "not a trailer",
        "a long line of words that must be wrapped somewhere in the middle of it, if not before",
        "trailing space  ",
        "-dash: x",
        "Two words: x",
        "tab\tin it",
        "\u{AD}soft\u{200B}zero",
        "\x1b[31mred\x1b[m",
        "x\x01y",
        "# ------------------------ >8 ------------------------",
        "A:b",
    ];
    let mut message = Vec::new();
    for _ in 0..random.below(12) {
        message.extend_from_slice(random.pick(&LINES).as_bytes());
        message.push(b'\n');
    }
    match random.below(12) {
        0 => message.extend_from_slice(b"no end"),
        1 => message.extend_from_slice(b"\xff\xfe broken\n"),
        2 => message.insert(0, b'\n'),
        _ => {}
    }
    message
}

fn content(random: &mut Random) -> Vec<u8> {
    const AROUND: [&str; 14] = [
        "text ",
        "\n",
        "a: ",
        "$",
        "$Id$",
        "   ",
        "$Format",
        "é日本 ",
        "\0",
        "\n\n\n",
        "$Format:$",
        "\x1b[1m ",
        "\t",
        "$Format:\n",
    ];
    let mut content = Vec::new();
    for _ in 0..=random.below(3) {
        for _ in 0..random.below(3) {
            content.extend_from_slice(random.pick(&AROUND).as_bytes());
        }
        content.extend_from_slice(b"$Format:");
        content.extend_from_slice(&format(random));
        content.extend_from_slice(random.pick(&["$", "$", "$", "$", "$\n", ""]).as_bytes());
    }
    content
}

const PLACEHOLDERS: [&str; 75] = [
    "%H",
    "%h",
    "%T",
    "%t",
    "%P",
    "%p",
    "%an",
    "%ae",
    "%al",
    "%at",
    "%ad",
    "%aD",
    "%ai",
    "%aI",
    "%as",
    "%cn",
    "%ce",
    "%cl",
    "%ct",
    "%cd",
    "%cD",
    "%ci",
    "%cI",
    "%cs",
    "%aN",
    "%cE",
    "%aL",
    "%e",
    "%s",
    "%s",
    "%s",
    "%f",
    "%f",
    "%b",
    "%b",
    "%B",
    "%B",
    "%N",
    "%S",
    "%m",
    "%n",
    "%%",
    "%x41",
    "%x00",
    "%xe9",
    "%x4",
    "%xzz",
    "%C(auto)",
    "%C(red)",
    "%Cred",
    "%Creset",
    "%Cpurple",
    "%C(",
    "%C(always,red)",
    "%C(always,bold ul brightblue #fff)",
    "%C(always,reset)",
    "%C(auto,always,17)",
    "%gd",
    "%gs",
    "%gn",
    "%ge",
    "%gx",
    "%ax",
    "%a",
    "%c",
    "%z",
    "%",
    "%(trailers)",
    "%(trailers",
    "%(bogus)",
    "%GZ",
    "%C(always,normal red noul)",
    "%C(always,7 200 dim italic)",
    "%C(always,default default blink reverse strike)",
    "%C(always, )",
];
const MODIFIERS: [&str; 34] = [
    "%<(10)",
    "%<(20,trunc)",
    "%<(6,ltrunc)",
    "%<(7,mtrunc)",
    "%>(10)",
    "%>(50)",
    "%>(8,trunc)",
    "%><(21)",
    "%><(3,mtrunc)",
    "%>>(20)",
    "%>>(3,ltrunc)",
    "%<|(20)",
    "%<|(40,trunc)",
    "%>|(30)",
    "%>>|(25)",
    "%><|(30)",
    "%<|(-20)",
    "%<(0)",
    "%<(-5)",
    "%<(1,trunc)",
    "%<(10,bogus)",
    "%<(x)",
    "%<( 9 )",
    "%<()",
    "%<",
    "%>",
    "%<(99999)",
    "%w(20)",
    "%w(30,4,2)",
    "%w()",
    "%w(0,3,5)",
    "%w(20,1",
    "%w(-1)",
    "%w(40,2,8,)",
];

fn format(random: &mut Random) -> Vec<u8> {
    let mut format = Vec::new();
    for _ in 0..=random.below(7) {
        if random.one_in(4) {
            format.extend_from_slice(random.pick(&MODIFIERS).as_bytes());
        }
        let placeholder = if random.one_in(6) { trailers(random) } else { (*random.pick(&PLACEHOLDERS)).to_owned() };
        match random.below(10) {
            0 => format.extend_from_slice(&[b"%+", &placeholder.as_bytes()[1..]].concat()),
            1 => format.extend_from_slice(&[b"%-", &placeholder.as_bytes()[1..]].concat()),
            2 => format.extend_from_slice(&[b"% ", &placeholder.as_bytes()[1..]].concat()),
            _ => format.extend_from_slice(placeholder.as_bytes()),
        }
        format.extend_from_slice(random.pick(&["", "", " ", "|", "\n", "text", "\n\n", "%n", "\t"]).as_bytes());
    }
    if random.one_in(60) {
        format.push(0);
    }
    format
}

fn trailers(random: &mut Random) -> String {
    const OPTIONS: [&str; 26] = [
        "only",
        "only=no",
        "only=yes",
        "unfold",
        "unfold=false",
        "keyonly",
        "valueonly",
        "key=Key",
        "key=signed-off-by:",
        "key=",
        "key",
        "separator=%x2C ",
        "separator=",
        "separator",
        "separator=%n%%",
        "key_value_separator= -> ",
        "key_value_separator",
        "only=maybe",
        "bogus",
        "valueonly=1",
        "keyonly=0",
        "separator=%xg",
        "key=reviewed-by",
        "only=",
        "unfold=on",
        "",
    ];
    let options: Vec<_> = (0..=random.below(3)).map(|_| *random.pick(&OPTIONS)).collect();
    format!("%(trailers:{})", options.join(","))
}

#[test]
fn the_name_of_a_path_is_not_needed() {
    // A format may fill the whole file, and a file may have many.
    let commit = commit(&mut Random::of("whole", 0)).1;
    let ours = substitute(Cow::Owned(BString::from("$Format:%an$$Format:%n$").into()), &commit, 7, &mut Vec::new());
    assert_eq!(ours.as_bstr(), "A U\n");
}
