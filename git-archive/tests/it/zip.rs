//! The container. With classic zlib, it equals the output of `git archive` byte for byte, and the crate `zip` can
//! read it.

mod huge;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use bstr::{BStr, BString, ByteSlice as _};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use git_archive::attributes::Attributes;
use git_archive::object::{Commit, Kind};
use git_archive::work::Work;
use git_archive::zip::{DataHeader, LONGEST_PATH, Member, Method, Writer, member_path};
use git_archive::{Packer, deflate};

use oracle::zip::{self as listing, assert_equal_bytes};
use oracle::zlib;
use oracle::{BRANCH, CommitText, Repository, Tree, every_kind, noise};

/// Makes the archive of a tree without attributes, using only the container.
fn contained(repository: &Repository, treeish: &str) -> Vec<u8> {
    let id = repository.id(treeish);
    let commit = Commit::parse(id, &repository.run(&["cat-file", "commit", treeish], b"")).expect("a commit");
    let mut zip = Writer::new(Vec::new(), commit.committer.seconds);
    let attributes = Attributes::default();
    let (limit, work) = (1 << 30, Work::default());
    let packer = Packer {
        commit: None,
        attributes,
        abbreviation: 12,
        level: 6,
        deflate: zlib,
        reuse_deflate: false,
        tagged: false,
        limit,
        work,
    };
    let mut blobs = HashMap::new();
    for entry in repository.entries(treeish) {
        let path = member_path(BStr::new(""), entry.path.as_bstr(), entry.kind);
        let member = Member { path: path.as_bstr(), kind: entry.kind, extra: &[] };
        if matches!(entry.kind, Kind::Directory | Kind::Submodule) {
            zip.member(member, DataHeader::NONE, &[]).expect("memory takes all");
            continue;
        }
        let read = || repository.run(&["cat-file", "blob", &entry.id.to_string()], b"");
        let blob: &Vec<u8> = blobs.entry(entry.id).or_insert_with(read);
        let file = packer
            .pack(&entry, &packer.attributes_of(&entry).expect("little work"), blob.clone().into())
            .expect("nothing is converted");
        zip.member(member, file.content, &file.data).expect("memory takes all");
    }
    zip.finish(Some(id)).expect("memory takes all")
}

#[test]
fn more_entries_than_16_bits_count() {
    let mut stream = String::from("blob\nmark :1\ndata 2\nx\n");
    for count in [65_535, 65_536] {
        let commit = "committer A <a@b> 1700000000 +0000\ndata 0\n";
        writeln!(stream, "commit refs/heads/c{count}\n{commit}").expect("memory takes all");
        for number in 0..count {
            writeln!(stream, "M 100644 :1 f{number:05}").expect("memory takes all");
        }
    }
    let repository = Repository::import(stream.as_bytes());
    for count in [65_535, 65_536] {
        let branch = format!("refs/heads/c{count}");
        let ours = contained(&repository, &branch);
        assert_equal_bytes(&ours, &repository.zip(&[], &branch), &branch);
        let has_zip64_end = ours.windows(4).rev().take(200).any(|window| window == b"PK\x06\x06");
        assert_eq!(has_zip64_end, count > 65_535, "{count}");
        assert_eq!(zip::ZipArchive::new(Cursor::new(ours)).unwrap().len(), count);
    }
}

#[test]
fn years_that_ms_dos_does_not_know_wrap_as_in_git() {
    let repository = Repository::import(&every_kind().commit(BRANCH, &CommitText::default()));
    let tree = repository.id(&format!("{BRANCH}^{{tree}}"));
    for time in [
        "283996800",    // 1979-01-01
        "315532799",    // a second before 1980
        "315532800",    // 1980-01-01
        "4354819199",   // the last second of 2107
        "4354819200",   // 2108-01-01
        "1709208000",   // 2024-02-29
        "4294967296",   // more than 32 bits
        "253402300800", // the year 10000
        "0",
        "1",
        "-1",
        "-86400",
        "nonsense",
    ] {
        let text = format!("tree {tree}\nauthor A <a@b> {time} +0000\ncommitter A <a@b> {time} +0000\n\nx\n");
        let arguments = ["hash-object", "-t", "commit", "-w", "--literally", "--stdin"];
        let id = BString::from(repository.run(&arguments, text.as_bytes()).trim_ascii());
        let treeish = id.to_str().unwrap();
        let git = repository.output(&["archive", "--format=zip", treeish], b"");
        if !git.status.success() {
            assert!(git.stderr.contains_str("timestamp too large"), "{}", git.stderr.as_bstr());
            continue;
        }
        let gits = rows_without_attributes(&git.stdout);
        let ours = rows_without_attributes(&contained(&repository, treeish));
        for (our, git) in ours.iter().zip(&gits) {
            assert_eq!((our.time_and_date, &our.extra), (git.time_and_date, &git.extra), "{time}: {}", our.path);
        }
    }
}

fn rows_without_attributes(zip: &[u8]) -> Vec<listing::Row> {
    let (mut rows, _) = listing::read(zip);
    rows.truncate(1);
    rows
}

#[test]
fn a_path_may_have_65535_bytes() {
    for (length, fits) in [(4_096, true), (LONGEST_PATH, true), (LONGEST_PATH + 1, false)] {
        // Components of 250 bytes, as many as needed.
        let path: String = (0..length).map(|at| if at % 251 == 250 && at + 1 < length { '/' } else { 'p' }).collect();
        let mut tree = Tree::default();
        tree.add(path.as_str(), "100644", "x");
        let repository = Repository::import(&tree.commit(BRANCH, &CommitText::default()));
        let git = repository.output(&["archive", "--format=zip", BRANCH], b"");
        assert_eq!(git.status.success(), fits, "{length}: {}", git.stderr.as_bstr());
        if fits {
            assert_equal_bytes(&contained(&repository, BRANCH), &git.stdout, "long path");
        }
        let mut zip = Writer::new(Vec::new(), 0);
        let member = Member { path: BStr::new(&path), kind: Kind::File, extra: &[] };
        assert_eq!(zip.member(member, DataHeader::NONE, &[]).is_ok(), fits, "{length}");
    }
}

/// Git streams files above `core.bigFileThreshold`, with a data descriptor.
#[test]
fn a_streamed_entry_is_byte_for_byte_gits() {
    let mut tree = Tree::default();
    tree.add("nul", "100644", [&b"words "[..], &[0]].concat().repeat(9000));
    tree.add("noise", "100755", noise(100_000));
    tree.add("text", "100644", "words and words\n".repeat(10_000));
    let repository = Repository::import(&tree.commit(BRANCH, &CommitText::default()));
    for level in [6, 0] {
        let arguments = ["-c", "core.bigFileThreshold=1k", "archive", "--format=zip", &format!("-{level}"), BRANCH];
        assert_equal_bytes(&streamed(&repository, &tree, level), &repository.run(&arguments, b""), "streams");
    }
}

fn streamed(repository: &Repository, tree: &Tree, level: u32) -> Vec<u8> {
    let mut zip = Writer::new(Vec::new(), 1_112_911_993);
    for entry in repository.entries(BRANCH) {
        let content = &tree.0[&entry.path].1;
        let method = if level == 0 { Method::Stored } else { Method::Deflated };
        let member = Member { path: entry.path.as_bstr(), kind: entry.kind, extra: &[] };
        let mut stream = zip.stream(member, method, content.len() as u64).expect("memory takes all");
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(content).expect("memory takes all");
        let data = if level == 0 { content.clone() } else { encoder.finish().expect("memory takes all") };
        for chunk in data.chunks(10_000) {
            stream.chunk(chunk).expect("memory takes all");
        }
        let text = !content.contains(&0);
        let crc = crc32fast::hash(content);
        let (size, compressed) = (content.len() as u64, data.len() as u64);
        stream.end(DataHeader { method, crc, size, compressed, text }).expect("memory takes all");
    }
    zip.finish(Some(repository.id(BRANCH))).expect("memory takes all")
}

#[test]
fn an_entry_of_known_size_must_keep_what_its_header_said() {
    let mut zip = Writer::new(Vec::new(), 0);
    let content = DataHeader { method: Method::Stored, crc: 1, size: 4, compressed: 4, text: true };
    let member = Member { path: BStr::new("a"), kind: Kind::File, extra: &[] };
    let mut stream = zip.sized(member, content).unwrap();
    stream.chunk(b"abcd").unwrap();
    assert!(stream.end(DataHeader { crc: 2, ..content }).is_err());
}

fn open(zip: Vec<u8>) -> zip::ZipArchive<Cursor<Vec<u8>>> {
    zip::ZipArchive::new(Cursor::new(zip)).expect("a zip")
}

#[test]
fn an_empty_archive_is_gits_too() {
    let repository = Repository::import(&Tree::default().commit(BRANCH, &CommitText::default()));
    let gits = repository.zip(&[], BRANCH);
    assert_equal_bytes(&contained(&repository, BRANCH), &gits, "an empty tree");
    assert_eq!(open(gits).len(), 0);
}

/// Inflate restores the content of both deflates, and both store content that does not get smaller.
#[test]
fn the_deflate_that_ships_gives_none_where_it_gains_nothing() {
    for level in 1..=9 {
        assert_eq!(deflate::deflate(noise(5000), level), None);
        let text = "words and words\n".repeat(100);
        let deflated = deflate::deflate(text.as_bytes(), level).expect("it is smaller");
        let mut inflated = Vec::new();
        std::io::copy(&mut flate2::read::DeflateDecoder::new(&deflated[..]), &mut inflated).unwrap();
        assert_eq!(inflated, text.as_bytes());
    }
}
