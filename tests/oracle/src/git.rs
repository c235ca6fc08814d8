//! The real `git` as the reference: repositories made by `git fast-import`, and the output of `git archive` for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bstr::{BStr, BString, ByteSlice};
use git_archive::attributes::Attributes;
use git_archive::object::{Entry, Kind, ObjectId};
use git_archive::work::Work;
use tempfile::TempDir;

/// Returns the number of trials: `TRIALS` from the environment, or the test's default.
pub fn trials(default: u64) -> u64 {
    std::env::var("TRIALS").ok().map_or(default, |trials| trials.parse().expect("TRIALS is a number"))
}

/// Pseudo-random numbers that are the same each time (`SplitMix64`).
pub struct Random(u64);

impl Random {
    pub fn of(test: &str, trial: u64) -> Random {
        let seed = test.bytes().fold(trial, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) >> 1).expect("63 bits fit") % limit
    }

    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The files of one commit, by path, with mode and content.
#[derive(Default, Clone)]
pub struct Tree(pub BTreeMap<BString, (&'static str, Vec<u8>)>);

impl Tree {
    pub fn add(&mut self, path: impl Into<BString>, mode: &'static str, content: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), (mode, content.into()));
    }

    /// Makes a tree of random files at random places.
    pub fn random(random: &mut Random) -> Tree {
        let mut tree = Tree::default();
        for _ in 0..3 + random.below(12) {
            let mut path = BString::default();
            for _ in 0..random.below(4) {
                path.extend_from_slice(random.pick(&FOLDERS).as_bytes());
                path.push(b'/');
            }
            path.extend_from_slice(random.pick(&NAMES).as_bytes());
            let mode = *random.pick(&["100644", "100644", "100644", "100755", "120000", "160000"]);
            tree.add(path, mode, "content\n");
        }
        tree
    }

    /// Returns the tree's `.gitattributes`, in the form that the library takes.
    pub fn attributes(&self, entries: &[Entry]) -> Attributes {
        let files = entries.iter().filter(|entry| entry.kind != Kind::Directory && entry.kind != Kind::Submodule);
        let attribute_files = files.filter_map(|entry| {
            let folder = entry.path.strip_suffix(b".gitattributes")?;
            let folder = folder.strip_suffix(b"/").or((folder.is_empty()).then_some(folder))?;
            Some((BString::from(folder), self.0[&entry.path].1.clone()))
        });
        Attributes::new(attribute_files, &Work::default()).expect("a real tree costs little work")
    }

    /// Returns the commands for `git fast-import` that make a commit of the tree at a reference.
    pub fn commit(&self, reference: &str, commit: &CommitText) -> Vec<u8> {
        let mut stream = format!("commit {reference}\n").into_bytes();
        stream.extend([b"author ", commit.author.as_slice(), b"\ncommitter ", &commit.committer, b"\n"].concat());
        data(&mut stream, &commit.message);
        for (path, (mode, content)) in &self.0 {
            let quoted = quoted(path.as_ref());
            if *mode == "160000" {
                stream.extend(format!("M 160000 {} {quoted}\n", "1234567890".repeat(4)).bytes());
            } else {
                stream.extend(format!("M {mode} inline {quoted}\n").bytes());
                data(&mut stream, content);
            }
        }
        stream
    }
}

pub const FOLDERS: [&str; 7] = ["d", "e", "D", "x y", "sub", "d.c", "fo*o"];
pub const NAMES: [&str; 22] = [
    "a",
    "b",
    "A",
    "f.txt",
    "g.c",
    "x y",
    "ä",
    "[z]",
    "*",
    "b\\s",
    "-q",
    "f",
    "fo*o",
    "\"q\"",
    "#h",
    "!n",
    "t\tb",
    " ",
    "d",
    "sub",
    "f.c.txt",
    "\u{FEFF}a",
];

/// The head of a commit, in the form that `git fast-import` takes.
#[derive(Clone)]
pub struct CommitText {
    pub author: Vec<u8>,
    pub committer: Vec<u8>,
    pub message: Vec<u8>,
}

impl Default for CommitText {
    fn default() -> CommitText {
        let person = b"A U Thor <author@example.com> 1112911993 -0700".to_vec();
        CommitText { author: person.clone(), committer: person, message: b"Subject\n".to_vec() }
    }
}

/// A bare repository in its own folder.
pub struct Repository(TempDir);

/// One member of an archive in tar format.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// The path, with a slash at the end for directories.
    pub path: BString,
    pub content: Vec<u8>,
}

impl Repository {
    pub fn import(stream: &[u8]) -> Repository {
        let repository = Repository(tempfile::tempdir().expect("a temporary folder"));
        repository.run(&["init", "-q", "--bare", "."], b"");
        repository.run(&["config", "core.abbrev", "12"], b"");
        repository.run(&["fast-import", "--quiet", "--date-format=raw-permissive", "--force"], stream);
        repository
    }

    /// Returns the repository's folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs git and expects it to succeed.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.output(arguments, input);
        assert!(output.status.success(), "git {arguments:?}: {}", output.stderr.as_bstr());
        output.stdout
    }

    /// Runs git without the configuration of this machine.
    pub fn output(&self, arguments: &[impl AsRef<std::ffi::OsStr>], input: &[u8]) -> Output {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("a PATH"))
            .envs([("HOME", "/nonexistent"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .envs([("GIT_ATTR_NOSYSTEM", "1"), ("TZ", "UTC"), ("LC_ALL", "C.UTF-8")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().expect("git ends")
        })
    }

    /// Returns the members of `git archive`, or its error message.
    pub fn archive(&self, treeish: &str, pathspecs: &[BString]) -> Result<Vec<Member>, BString> {
        let mut arguments: Vec<_> = ["archive", "--format=tar", treeish, "--"].map(Into::into).to_vec();
        arguments.extend(pathspecs.iter().map(|spec| spec.to_os_str().expect("on Unix").to_owned()));
        let output = self.output(&arguments, b"");
        if output.status.success() { Ok(members(&output.stdout)) } else { Err(output.stderr.into()) }
    }

    /// Returns the zip of `git archive` with these options of git and of the archive.
    pub fn zip(&self, options: &[&str], treeish: &str) -> Vec<u8> {
        self.run(&[options, &["archive", "--format=zip", treeish]].concat(), b"")
    }

    /// Returns all entries of a tree in pre-order.
    pub fn entries(&self, treeish: &str) -> Vec<Entry> {
        let listing = self.run(&["ls-tree", "-r", "-t", "-z", "--full-tree", treeish], b"");
        listing.split(|&byte| byte == 0).filter(|line| !line.is_empty()).map(entry).collect()
    }

    pub fn id(&self, name: &str) -> ObjectId {
        ObjectId::from_hex(self.run(&["rev-parse", name], b"").trim_ascii()).expect("an id")
    }
}

fn entry(line: &[u8]) -> Entry {
    let (head, path) = line.split_once_str("\t").expect("a tab before the path");
    let (mode, id) = (&head[..6], &head[head.len() - 40..]);
    let kind = match mode {
        b"040000" => Kind::Directory,
        b"100755" => Kind::Executable,
        b"120000" => Kind::Link,
        b"160000" => Kind::Submodule,
        _ => Kind::File,
    };
    Entry { path: path.into(), kind, id: ObjectId::from_hex(id).expect("an id") }
}

/// Returns the name of an entry in tar.
pub fn member_path(entry: &Entry) -> BString {
    let mut path = entry.path.clone();
    if matches!(entry.kind, Kind::Directory | Kind::Submodule) {
        path.push(b'/');
    }
    path
}

fn members(tar: &[u8]) -> Vec<Member> {
    let mut members = Vec::new();
    let mut long_path = None;
    let mut rest = tar;
    while rest.first().is_some_and(|&first| first != 0) {
        let (header, after) = rest.split_at(512);
        let size = header[124..135].to_str().expect("octal digits");
        let size = usize::from_str_radix(size, 8).expect("octal digits");
        let content = &after[..size];
        match header[156] {
            b'g' => {}
            b'x' => long_path = pax_path(content),
            _ => {
                let prefix = text(&header[345..500]);
                let slash: &[u8] = if prefix.is_empty() { b"" } else { b"/" };
                let path = [prefix, slash, text(&header[..100])].concat().into();
                members.push(Member { path: long_path.take().unwrap_or(path), content: content.to_vec() });
            }
        }
        rest = &after[size.next_multiple_of(512)..];
    }
    members
}

fn text(field: &[u8]) -> &[u8] {
    &field[..field.find_byte(0).unwrap_or(field.len())]
}

fn pax_path(records: &[u8]) -> Option<BString> {
    let start = records.find(" path=")? + 6;
    let end = start + records[start..].find_byte(b'\n')?;
    Some(records[start..end].into())
}

fn data(stream: &mut Vec<u8>, content: &[u8]) {
    stream.extend(format!("data {}\n", content.len()).bytes());
    stream.extend(content);
    stream.push(b'\n');
}

fn quoted(path: &BStr) -> String {
    let mut quoted = String::from("\"");
    for byte in path.iter() {
        write!(quoted, "\\{byte:03o}").expect("a string takes all");
    }
    quoted + "\""
}

/// Returns a script that makes the repository of one trial again.
pub fn script(stream: &[u8], then: &str) -> String {
    let mut script = String::from("git init -q --bare r && cd r && git config core.abbrev 12 && printf '");
    for &byte in stream {
        match byte {
            b'\n' => script.push_str("\\n"),
            b' '..=b'~' if !b"'\\%".contains(&byte) => script.push(byte.into()),
            _ => write!(script, "\\{byte:03o}").expect("a string takes all"),
        }
    }
    script + "' | git fast-import --quiet --date-format=raw-permissive\n" + then
}

/// Returns whether each entry of a zip is marked as text, from its central directory.
pub fn text_bits(zip: &[u8]) -> BTreeMap<BString, bool> {
    let number = |at: usize| usize::from(u16::from_le_bytes([zip[at], zip[at + 1]]));
    let end = zip.rfind(b"PK\x05\x06").expect("the end of the directory");
    let mut at = number(end + 16) + (number(end + 18) << 16);
    let mut bits = BTreeMap::new();
    while zip[at..].starts_with(b"PK\x01\x02") {
        let name = &zip[at + 46..at + 46 + number(at + 28)];
        bits.insert(name.into(), number(at + 36) & 1 == 1);
        at += 46 + number(at + 28) + number(at + 30) + number(at + 32);
    }
    bits
}
