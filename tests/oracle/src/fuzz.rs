//! The bodies of the fuzz targets. They take any bytes, must not panic, and check what must be true.
//!
//! `make fuzz` runs each for ten minutes. A test of each crate runs its targets on mutations of a small corpus. The
//! targets of the engine are here; those of the other crates are in their tests.

use std::borrow::Cow;
use std::path::PathBuf;

use bstr::{BString, ByteSlice as _};
use git_archive::attributes::Attributes;
use git_archive::central_directory::{self, Directory};
use git_archive::convert::{self, Bounds};
use git_archive::object::{Commit, Kind, ObjectId, Signature, hash, parse_tree};
use git_archive::pathspec::Pathspecs;
use git_archive::substitute;
use git_archive::work::{Cancel, Work};

use crate::git::{Random, trials};

/// A target: its name, its body, and the corpus of its test.
pub type Target = (&'static str, fn(&[u8]), &'static [&'static [u8]]);

/// All targets.
pub const TARGETS: [Target; 6] = [
    ("tree", tree, &[b"100644 a\0aaaaaaaaaaaaaaaaaaaa40000 b\0bbbbbbbbbbbbbbbbbbbb120000 c\0cccccccccccccccccccc", b""]),
    ("commit", commit, &[COMMIT, b"tree \nparent x\n\n", b"author A <a> 1 +0000\n\n"]),
    ("attributes", attributes, &[
        b"* text=auto\n*.c ident\n[attr]m binary\nd/** m -diff\0x working-tree-encoding=UTF-16\0d/x\0:(glob)d/**\0a\n$Id$\n",
        b"\"a b\" eol=crlf\n**/x export-ignore\n\0[a-z]* crlf\n\0d/a\0*\0\r\n",
    ]),
    ("substitute", substitute, &[
        b"%H %h %an %s%n%b%(trailers:only,unfold,separator=%x2C)%<(10,trunc)%f%>>|(9)%cd%w(20,1,2)%-B%+e",
        b"%C(always,bold red)%<|(3)%xe9%n%x00%><(5)%aN%(describe:tags)$Format:%d$",
    ]),
    ("pathspecs", pathspecs, &[b":(glob,icase,exclude)a/**/b\0a/c/b", b":!:a*\0ab", b":(attr:x=1 -y,prefix:2)d/\0d/a", b"a?[b-d]\\*\0"]),
    ("central_directory", central_directory, &[b"PK\x01\x02", b"PK\x05\x06"]),
];

const COMMIT: &[u8] = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\
    author A U <a@example.com> 1700000000 +0130\ncommitter C <> 1 -0000\ngpgsig x\n y\n\nSubject\nline\n\nBody\n\nKey: value\n";
const LIMIT: u64 = 1 << 20;

/// Returns the limit on the work for one input, so that no input is slow.
fn work() -> Work {
    Work::new(Cancel::default(), 50_000_000)
}

fn null() -> ObjectId {
    ObjectId::from_bytes_or_panic(&[0; 20])
}

/// Parses a tree object. Its entries hash to the id of the bytes, unless a mode is not canonical.
pub fn tree(data: &[u8]) {
    let Ok(entries) = parse_tree(data) else { return };
    let mut all: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.name.to_owned(), entry.id)).collect();
    let sorted = all.clone();
    let id = hash::tree_id(&mut all).expect("no collision by chance");
    assert_eq!(all, sorted, "it was in git's order");
    let written: usize = all.iter().map(|(kind, name, _)| kind.mode().len() + name.len() + 22).sum();
    let mut hasher = hash::Hasher::object("tree", data.len() as u64);
    hasher.update(data);
    let modes_are_canonical = entries.iter().all(|entry| {
        let head = [entry.kind.mode().as_bytes(), b" ", entry.name, b"\0", entry.id.as_bytes()].concat();
        data.contains_str(head)
    });
    assert!(!modes_are_canonical || written != data.len() || hasher.finish() == Ok(id));
}

/// Parses a commit object and a signature.
pub fn commit(data: &[u8]) {
    Signature::parse(data);
    if let Ok(commit) = Commit::parse(null(), data) {
        assert!(!commit.subject().contains(&b'\n'));
        assert!(data.ends_with(&commit.message));
    }
}

/// Uses two attribute files, a path, a pathspec and a content, separated by NUL.
pub fn attributes(data: &[u8]) {
    let mut parts = data.splitn(5, |&byte| byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (root, below, path, pathspec, content) = (next(), next(), next(), next(), next());
    let path = path.trim_start_with(|c| c == '/').as_bstr();
    let work = work();
    let files = [(BString::default(), root.to_vec()), ("d".into(), below.to_vec())];
    let Ok(attributes) = Attributes::new(files, &work) else { return };
    let Ok(of) = attributes.of(path, false, &work) else { return };
    let bounds = Bounds { limit: LIMIT, work: &work };
    let converted = convert::convert(Cow::Borrowed(content), &of, null(), bounds, &mut Vec::new());
    if !convert::needs_conversion(&of) {
        assert_eq!(converted.expect("there is nothing to refuse"), content);
    }
    if let Ok(pathspecs) = Pathspecs::parse(&[pathspec.into()]) {
        let _ = pathspecs.matches(path, Kind::File, &attributes, &work);
    }
}

/// Expands a format. Text without `$Format:` stays unchanged, and no expansion is longer than the limit.
pub fn substitute(data: &[u8]) {
    let commit = Commit::parse(null(), COMMIT).expect("it is one");
    let work = work();
    let bounds = Bounds { limit: LIMIT, work: &work };
    let plain = substitute::substitute(Cow::Borrowed(data), &commit, 7, bounds, &mut Vec::new());
    if !data.contains_str("$Format:") {
        assert_eq!(plain.expect("nothing is expanded"), data);
    }
    let content = [b"before $Format:", data, b"$ after"].concat();
    let mut warnings = Vec::new();
    if let Ok(expanded) = substitute::substitute(Cow::Owned(content), &commit, 7, bounds, &mut warnings) {
        assert!(expanded.len() as u64 <= LIMIT);
    }
    assert!(warnings.len() <= 32);
}

/// Uses a pathspec and a path, separated by NUL.
pub fn pathspecs(data: &[u8]) {
    let (pathspec, path) = data.split_once_str("\0").unwrap_or((data, b"a/b"));
    let Ok(pathspecs) = Pathspecs::parse(&[pathspec.into()]) else { return };
    let work = work();
    let none = Attributes::default();
    for kind in [Kind::File, Kind::Directory, Kind::Submodule] {
        let _ = pathspecs.matches(path.as_bstr(), kind, &none, &work);
    }
    pathspecs.may_match_under(path.as_bstr(), &work);
}

/// Parses the directory and the end of an old archive. Folders are known only by the ids computed from their entries.
pub fn central_directory(data: &[u8]) {
    if let Some((offset, size)) = central_directory::locate(data, data.len() as u64) {
        assert!(offset.checked_add(size).is_some_and(|end| end <= data.len() as u64));
    }
    let directory = Directory::parse(data, 6, true);
    for (id, entries) in &directory.folders {
        assert_eq!(hash::tree_id(&mut entries.clone()), Ok(*id));
    }
}

/// Runs a target on its corpus and on seeded mutations of it. With `CORPUS`, a folder, the corpus is written there for
/// the fuzzer, in a folder of the target's name.
pub fn run(name: &str, target: fn(&[u8]), mut corpus: Vec<Vec<u8>>) {
    for (number, input) in corpus.iter().enumerate() {
        target(input);
        if let Some(folder) = std::env::var_os("CORPUS") {
            let folder = PathBuf::from(folder).join(name);
            std::fs::create_dir_all(&folder).expect("folders can be made");
            std::fs::write(folder.join(format!("test-{number}")), input).expect("files can be written");
        }
    }
    let mut random = Random::of(name, 0);
    let originals = corpus.len();
    for trial in 0..trials(1) * 2000 {
        let input = mutated(&mut random, &corpus);
        let result = std::panic::catch_unwind(|| target(&input));
        assert!(result.is_ok(), "{name}, trial {trial}: {:?}", input.as_bstr());
        // Mutate some mutations further.
        if corpus.len() < originals + 200 && input.len() < 4096 && random.one_in(8) {
            corpus.push(input);
        }
    }
}

/// Fails unless the target has its program in the folder `fuzz`.
pub fn check_program(name: &str) {
    let manifest = include_str!("../../../fuzz/Cargo.toml");
    assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
}

/// Makes another input from a corpus: a few bytes are changed, removed, doubled, or taken from another input.
pub fn mutated(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut data = random.pick(corpus).clone();
    for _ in 0..=random.below(4) {
        let at = random.below(data.len() + 1);
        let end = (at + random.below(12)).min(data.len());
        match random.below(5) {
            0 => drop(data.drain(at..end)),
            1 => data.insert(at, u8::try_from(random.below(256)).expect("a byte")),
            2 => data.extend_from_within(at..end),
            3 if at < data.len() => data[at] ^= 1 << random.below(8),
            _ => {
                let other = random.pick(corpus);
                let from = random.below(other.len() + 1);
                let piece = other[from..(from + random.below(40)).min(other.len())].to_vec();
                data.splice(at..at, piece);
            }
        }
    }
    data
}
