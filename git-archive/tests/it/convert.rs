//! The conversion of content against `git archive`.

use std::borrow::Cow;

use bstr::{BString, ByteSlice};
use git_archive::attributes::{Attributes, PathAttributes, State};
use git_archive::convert::{self, Bounds, ConvertError, ConvertWarning, is_binary, is_binary_entry, needs_conversion};
use git_archive::object::{Kind, ObjectId};
use git_archive::work::Work;

use oracle::{CommitText, Member, Random, Repository, Tree, script, text_bits, trials};

const FILES: usize = 40;

#[test]
fn random_contents_become_what_git_makes_of_them() {
    let count = trials(30);
    let trees: Vec<_> = (0..count).map(|trial| tree(&mut Random::of("convert", trial))).collect();
    let commits = trees.iter().enumerate();
    let commits = commits.map(|(at, tree)| tree.commit(&format!("refs/heads/t{at}"), &CommitText::default()));
    let streams: Vec<_> = commits.collect();
    let repository = Repository::import(&streams.concat());

    for (trial, tree) in trees.iter().enumerate() {
        let treeish = format!("t{trial}");
        let script = script(&streams[trial], &format!("git archive {treeish} | tar x"));
        let entries = repository.entries(&treeish);
        let attributes = tree.attributes(&entries);
        let members = repository.archive(&treeish, &[]).expect("git archives it");
        let bits = text_bits(&repository.run(&["archive", "--format=zip", &treeish], b""));
        for entry in entries.iter().filter(|entry| entry.kind == Kind::File) {
            let of = attributes.of(entry.path.as_ref(), false, &Work::default()).expect("little work");
            let stored = tree.0[&entry.path].1.as_slice();
            let mut warnings = Vec::new();
            let ours = convert(Cow::Borrowed(stored), &of, entry.id, &mut warnings).expect("all of it is supported");
            let theirs = members.iter().find(|member| member.path == entry.path).expect("it is archived");
            assert!(
                ours.as_bstr() == theirs.content.as_bstr(),
                "trial {trial}, {}: {of:?}\nstored {:?}\nours   {:?}\ntheirs {:?}\n{script}",
                entry.path,
                stored.as_bstr(),
                ours.as_bstr(),
                theirs.content.as_bstr(),
            );
            assert!(needs_conversion(&of) || matches!(ours, Cow::Borrowed(_)), "{of:?}");
            let is_text = !is_binary_entry(&of, &ours);
            assert_eq!(is_text, bits[&entry.path], "trial {trial}, {}: {of:?}\n{script}", entry.path);
        }
    }
}

#[test]
fn encodings_have_the_characters_that_iconv_gives_them() {
    let characters = characters();
    let mut stream = characters.commit("refs/heads/characters", &CommitText::default());
    for (at, encoding) in ENCODINGS.iter().enumerate() {
        let mut attributes = Tree::default();
        attributes.add(".gitattributes", "100644", format!("*.c working-tree-encoding={encoding}\n"));
        let commit = attributes.commit(&format!("refs/heads/t{at}"), &CommitText::default());
        stream.extend(commit.replacen(b"M 100644", b"from refs/heads/characters\nM 100644", 1));
    }
    let repository = Repository::import(&stream);

    for (at, encoding) in ENCODINGS.iter().enumerate() {
        let working_tree_encoding = State::Value((*encoding).into());
        let of = PathAttributes { working_tree_encoding, ..PathAttributes::default() };
        for Member { path, content } in repository.archive(&format!("t{at}"), &[]).expect("git archives it") {
            let Some((_, stored)) = characters.0.get(&path) else {
                continue;
            };
            let ours = convert(Cow::Borrowed(stored), &of, null(), &mut Vec::new()).expect("it is supported");
            assert!(ours.as_bstr() == content.as_bstr(), "{encoding}: {path} is {content:x?}, not {ours:x?}");
        }
    }
}

/// Makes a file for each single-byte character and for some of the others. With enough trials, for all of them.
fn characters() -> Tree {
    let step = u32::try_from(3000 / trials(30)).unwrap_or(0).max(1);
    let mut tree = Tree::default();
    let characters = (1..0x2_0000).filter_map(char::from_u32).filter(|c| !is_disputed(*c));
    for c in characters.filter(|c| (*c as u32) < 0x250 || (*c as u32).is_multiple_of(step)) {
        tree.add(format!("{:x}/{:x}.c", c as u32 / 4096, c as u32), "100644", c.to_string());
    }
    tree
}

#[test]
fn an_encoding_without_a_value_is_an_error_as_in_git() {
    for (state, is_refused) in [("working-tree-encoding", true), ("-working-tree-encoding", false)] {
        let mut tree = Tree::default();
        tree.add(".gitattributes", "100644", format!("a {state}\n"));
        tree.add("a", "100644", "");
        let repository = Repository::import(&tree.commit("refs/heads/t", &CommitText::default()));
        assert_eq!(repository.archive("t", &[]).is_err(), is_refused);
        let of =
            tree.attributes(&repository.entries("t")).of("a".into(), false, &Work::default()).expect("little work");
        assert_eq!(needs_conversion(&of), is_refused);
        let converted = convert(Cow::Borrowed(b""), &of, null(), &mut Vec::new());
        assert_eq!(converted.err(), is_refused.then_some(ConvertError::EncodingWithoutValue));
    }
}

#[test]
fn an_encoding_that_only_iconv_knows_is_an_error() {
    for name in ["EBCDIC-US", "BIG5", "EUC-JP", "IBM037", "CP1255", "UTF-7", "ISO-2022-JP", "ASCII//TRANSLIT", "1026"] {
        let of = Attributes::new(
            [(BString::default(), format!("a working-tree-encoding={name}\n").into_bytes())],
            &Work::default(),
        )
        .expect("little work")
        .of("a".into(), false, &Work::default())
        .expect("little work");
        let converted = convert(Cow::Borrowed(b"a"), &of, null(), &mut Vec::new());
        assert_eq!(converted, Err(ConvertError::UnsupportedEncoding(name.into())));
    }
}

#[test]
fn binary_is_a_nul_in_the_first_8000_bytes() {
    let mut content = vec![b'a'; 8001];
    content[8000] = 0;
    assert!(!is_binary(&content));
    content[7999] = 0;
    assert!(is_binary(&content));
    assert!(!is_binary(b""));
}

/// All supported encodings, and some unknown ones.
const ENCODINGS: [&str; 44] = [
    "UTF-16",
    "utf16",
    "UTF-16LE",
    "UTF-16BE",
    "UTF-16LE-BOM",
    "utf-16be-bom",
    "UTF-32",
    "UTF-32LE",
    "UTF-32BE",
    "ASCII",
    "us-ascii",
    "SHIFT-JIS",
    "sjis",
    "CP932",
    "windows-31j",
    "ISO-8859-1",
    "latin1",
    "latin-1",
    "ISO-8859-2",
    "ISO8859-3",
    "ISO_8859-4",
    "8859_5",
    "ISO-8859-6",
    "ISO-8859-7",
    "ISO-8859-8",
    "ISO-8859-9",
    "latin6",
    "ISO-8859-13",
    "latin8",
    "ISO-8859-15",
    "ISO-8859-16",
    "CP866",
    "KOI8-R",
    "UHC",
    "GBK",
    "GB18030",
    "CP874",
    "windows-1250",
    "cp1251",
    "CP1252",
    "CP1253",
    "CP1254",
    "CP1256",
    "CP1257",
];

fn is_disputed(c: char) -> bool {
    matches!(c, '\u{E5E5}' | '\u{E78D}'..='\u{E796}' | '\u{E816}'..='\u{E864}')
}

fn convert<'a>(
    content: Cow<'a, [u8]>,
    attributes: &PathAttributes,
    blob: ObjectId,
    warnings: &mut Vec<ConvertWarning>,
) -> Result<Cow<'a, [u8]>, ConvertError> {
    convert::convert(content, attributes, blob, Bounds { limit: 1 << 20, work: &Work::default() }, warnings)
}

fn null() -> ObjectId {
    ObjectId::null(gix_hash::Kind::Sha1)
}

fn tree(random: &mut Random) -> Tree {
    const STATES: [&str; 20] = [
        "text",
        "-text",
        "text=auto",
        "text=auto",
        "text=input",
        "text=odd",
        "crlf",
        "-crlf",
        "crlf=input",
        "crlf=auto",
        "eol=crlf",
        "eol=crlf",
        "eol=crlf",
        "eol=lf",
        "eol",
        "ident",
        "-ident",
        "binary",
        "diff",
        "-diff",
    ];
    const UNKNOWN: [&str; 11] =
        ["garbage", "x-none", "UTF-8", "utf8", "", "foo_bar", "UTF-8-BOM", "UTF-32LE-BOM", "UTF_16", "utf_8", "1"];
    let mut tree = Tree::default();
    let mut attributes = String::new();
    for file in 0..FILES {
        let states: Vec<_> = (0..random.below(5)).map(|_| *random.pick(&STATES)).collect();
        attributes.extend([format!("f{file} "), states.join(" ")]);
        if random.one_in(3) {
            let encoding = if random.one_in(6) { random.pick(&UNKNOWN) } else { random.pick(&ENCODINGS) };
            attributes.extend([" working-tree-encoding=", encoding]);
        }
        attributes.push('\n');
        tree.add(format!("f{file}"), "100644", content(random));
    }
    tree.add(".gitattributes", "100644", attributes);
    tree
}

fn content(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 34] = [
        b"a line\n", b"a line\n", b"text", b" ", b"\n", b"\r\n", b"\r", b"\t", b"\0", b"\x01", b"\x7f", b"\x1a", b"\x1b", b"$Id$",
        b"$Id: 1234567890123456789012345678901234567890 $", b"$Id:$", b"$Id: $", b"$Id: a b $", b"$Id: a\n$", b"$Id", b"$", b"$Id:a$",
        b"$Id:a $", b"$Idx$", b"$Id: a b", b"$Id :$", b"Id: a$", "é".as_bytes(), "日本語".as_bytes(), "€".as_bytes(), "\u{1F600}".as_bytes(),
        b"\xff", "\u{FEFF}".as_bytes(), b"a long line of text that keeps what cannot be printed below one part in so many, as it were, and on and on it goes ...\n",
    ];
    let odd = random.below(3);
    let mut content = Vec::new();
    for _ in 0..random.below(9) {
        let piece = match odd {
            0 => random.pick(&PIECES[..6]),
            1 => random.pick(&[b"\n", PIECES[33], PIECES[0], PIECES[13], PIECES[27], PIECES[28]][..]),
            _ => random.pick(&PIECES),
        };
        content.extend_from_slice(piece);
    }
    if random.one_in(20) {
        content.resize(7998 + random.below(4), b'x');
        content.push(0);
    }
    content
}
