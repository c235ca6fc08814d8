//! Random contents: files that conversions and substitutions affect, `.gitattributes`, and commits.

use oracle::{CommitText, Random};

const PIECES: [&[u8]; 24] = [
    b"text\n",
    b"text\r\n",
    b"\r",
    b"\n",
    b"\n\n",
    b"\0",
    b"$Id$",
    b"$Id: old $\n",
    b"$Id: a b $",
    b"$Id",
    b"$Id:\n$",
    b"$",
    b"$$Id$$",
    "größe ".as_bytes(),
    "日本".as_bytes(),
    b"\xff\xfe",
    b"\xc3",
    "\u{FEFF}".as_bytes(),
    "😀".as_bytes(),
    b"\x1a",
    b"\x01\x02\x03",
    b" ",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    b"$Format:",
];

/// Placeholders that need only the commit. `docs/differences.md` lists the others.
const PLACEHOLDERS: [&str; 56] = [
    "%H",
    "%h",
    "%T",
    "%t",
    "%P",
    "%p",
    "%an",
    "%ae",
    "%al",
    "%ad",
    "%aD",
    "%at",
    "%ai",
    "%aI",
    "%as",
    "%cn",
    "%ce",
    "%cl",
    "%cd",
    "%cD",
    "%ct",
    "%ci",
    "%cI",
    "%cs",
    "%s",
    "%f",
    "%b",
    "%B",
    "%e",
    "%n",
    "%%",
    "%x41",
    "%x0",
    "%m",
    "%w(20,2,4)",
    "%w(0)",
    "%<(12)",
    "%>(12)",
    "%>>(9)",
    "%><(14)",
    "%<(8,trunc)",
    "%<(8,ltrunc)",
    "%<(8,mtrunc)",
    "%<|(30)",
    "%C(red)",
    "%Cred",
    "%Creset",
    "%C(auto)",
    "%C(always,blue)",
    "%+b",
    "%-b",
    "% s",
    "%(trailers)",
    "%(trailers:key=Signed-off-by,valueonly)",
    "%Q",
    "%(nothing)",
];

const PATTERNS: [&str; 20] = [
    "*",
    "*.txt",
    "*.c",
    "f*",
    "f",
    "d",
    "d/",
    "/d/**",
    "**/f",
    "sub",
    "x*y",
    "\"x y\"",
    "\"x y/a\"",
    "ä",
    "[z]",
    "\\[z\\]",
    "?",
    "/a",
    "e/*",
    ".git*",
];
const STATES: [&str; 33] = [
    "export-ignore",
    "-export-ignore",
    "!export-ignore",
    "export-ignore=true",
    "export-subst",
    "export-subst",
    "-export-subst",
    "text",
    "-text",
    "!text",
    "text=auto",
    "text=auto eol=crlf",
    "text eol=crlf",
    "eol=crlf",
    "eol=lf",
    "crlf",
    "-crlf",
    "crlf=input",
    "ident",
    "-ident",
    "diff",
    "-diff",
    "diff=cpp",
    "!diff",
    "binary",
    "-binary",
    "filter=lfs",
    "mine",
    "working-tree-encoding=UTF-16",
    "working-tree-encoding=UTF-16LE-BOM",
    "working-tree-encoding=ISO-8859-1",
    "working-tree-encoding=utf-8",
    "working-tree-encoding=UTF-8-BOM",
];
const ODD_LINES: [&str; 12] = [
    "[attr]mine export-subst -diff",
    "[attr]binary text ident",
    "# comment * export-ignore",
    "",
    "   ",
    "!f export-ignore",
    "* =x",
    "f text text=auto",
    "\u{FEFF}a export-ignore",
    "\"unclosed export-ignore",
    "f\texport-ignore",
    "  a   ident",
];
const MESSAGES: [&str; 16] = [
    "Subject\n",
    "Subject",
    "",
    "\n\n  Two\nlines \n\nBody\n\nMore\n",
    "Sübject with ümlauts – and dashes: that go on for a while, longer than sixty characters\n",
    "a/b: fix (#1) 'x' \"y\" $z%H\n\nBody $ with dollar\n",
    "Subject\n\nBody\n\nSigned-off-by: A <a@x>\nAcked-by: B <b@x>\n  folded\n",
    "Subject\n\nSigned-off-by: A <a@x>\n",
    "Subject\r\n\r\nBody\r\n",
    "Subject\n\nBody\n\n\n\n",
    "Subject\nsecond line\n   \nBody\n",
    "日本語の件名\n\n本文\n",
    "...dots..and///slashes...\n",
    "tab\there\n\n\tindented\n",
    "Subject\n\nkey: value\nother line\nSigned-off-by: A <a@x>\n",
    "wide 😀 e\u{301} \u{200b}zero\n\nlong body word word word word word word word word word word word word word word word\n",
];
const PEOPLE: [&str; 6] =
    ["A U Thor <author@example.com>", "Ä. Ö <ä@ö.example>", "<>", "Only Name <>", "x <y>", "a b  c <d@e@f>"];

pub(super) fn file(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => Vec::new(),
        1 => many(random, 1, 40, 255),
        2 => random.pick(&[&b"text\n"[..], b"line\r\n", b"$Format:%H$ "]).repeat(1 + random.below(3000)),
        3 => {
            let mut content = b"x".repeat(7990 + random.below(20));
            content.push(0);
            content
        }
        4 => many(random, 200, 20_000, 8),
        _ => (0..=random.below(8)).flat_map(|_| piece(random)).collect(),
    }
}

pub(super) fn attributes(random: &mut Random) -> Vec<u8> {
    let mut lines = Vec::new();
    for _ in 0..=random.below(5) {
        if random.one_in(6) {
            lines.extend_from_slice(random.pick(&ODD_LINES).as_bytes());
        } else {
            lines.extend_from_slice(random.pick(&PATTERNS).as_bytes());
            for _ in 0..=random.below(3) {
                lines.push(b' ');
                lines.extend_from_slice(random.pick(&STATES).as_bytes());
            }
        }
        lines.extend_from_slice(if random.one_in(15) { b"\r\n" } else { b"\n" });
    }
    lines
}

pub(super) fn commit(random: &mut Random, time: fn(&mut Random) -> i64) -> CommitText {
    let mut person = || {
        let zone = *random.pick(&["+0000", "-0700", "+0530", "+1400", "-0015"]);
        format!("{} {} {zone}", random.pick(&PEOPLE), time(random)).into_bytes()
    };
    let (author, committer) = (person(), person());
    CommitText { author, committer, message: random.pick(&MESSAGES).as_bytes().to_vec() }
}

fn piece(random: &mut Random) -> Vec<u8> {
    if random.one_in(2) {
        return random.pick(&PIECES).to_vec();
    }
    let mut format = b"$Format:".to_vec();
    for _ in 0..=random.below(5) {
        format.extend_from_slice(random.pick(&PLACEHOLDERS).as_bytes());
        format.extend_from_slice(random.pick(&["", " ", "x", "\n", "é", "|"]).as_bytes());
    }
    format.push(b'$');
    format
}

fn many(random: &mut Random, least: usize, most: usize, values: usize) -> Vec<u8> {
    let length = least + random.below(most - least);
    (0..length).map(|_| u8::try_from(random.below(values)).expect("a byte")).collect()
}
