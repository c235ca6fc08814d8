//! A short run of each fuzz target, on seeded mutations of its corpus.

use bstr::ByteSlice;
use git_archive::central_directory;
use git_archive::object::{Kind, hash};
use git_archive::zip::{DataHeader, Member, Writer};

use oracle::fuzz::{self, TARGETS};

#[test]
fn every_target_runs_on_mutations_of_its_corpus() {
    for (name, target, corpus) in TARGETS {
        let mut corpus: Vec<_> = corpus.iter().map(|input| input.to_vec()).collect();
        if name == "central_directory" {
            corpus.extend(old_archive());
        }
        fuzz::run(name, target, corpus);
    }
}

#[test]
fn every_target_has_its_program() {
    for (name, ..) in TARGETS {
        fuzz::check_program(name);
    }
}

/// Makes an archive of ours with a folder in it, and its directory alone.
fn old_archive() -> [Vec<u8>; 2] {
    let mut zip = Writer::new(Vec::new(), 0);
    let id = hash::blob_id(b"content").expect("no collision");
    let content = DataHeader { crc: crc32fast::hash(b"content"), size: 7, compressed: 7, ..DataHeader::NONE };
    let tag = central_directory::tag(id, 6, false);
    for (path, kind, extra) in [("a", Kind::File, &tag[..]), ("d/", Kind::Directory, &[]), ("d/l", Kind::Link, &tag)] {
        let member = Member { path: path.into(), kind, extra };
        match kind {
            Kind::Directory => zip.member(member, DataHeader::NONE, b"").expect("memory takes all"),
            _ => zip.member(member, content, b"content").expect("memory takes all"),
        }
    }
    let zip = zip.finish(Some(id)).expect("memory takes all");
    let start = zip.find("PK\x01\x02").expect("the directory");
    [zip[start..].to_vec(), zip]
}
