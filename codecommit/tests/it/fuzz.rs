//! A short run of the client's fuzz targets, on seeded mutations of packs and answers that git made.

mod targets;

use std::fmt::Write as _;

use codecommit::source::git::ObjectKind;
use git_archive::object::{ObjectId, hash};
use oracle::fuzz;

use super::git_source::packs::{self, Item, append};

#[test]
fn every_target_runs_on_mutations_of_its_corpus() {
    for (name, target) in targets::TARGETS {
        fuzz::run(name, target, if name == "packet_lines" { exchanges() } else { packs() });
    }
}

#[test]
fn every_target_has_its_program() {
    for (name, _) in targets::TARGETS {
        fuzz::check_program(name);
    }
}

/// Packs without their checksum, behind the size of the chunks: all kinds of objects and of deltas, a thin one, and
/// one with objects twice.
fn packs() -> Vec<Vec<u8>> {
    let blob = |content: &[u8]| Item::Whole(ObjectKind::Blob, content.to_vec());
    let base = vec![b'x'; 300];
    let id = packs::id(ObjectKind::Blob, &base);
    let tree = packs::tree(&[
        ("100644", "a", id),
        ("40000", "b", ObjectId::from_bytes_or_panic(&hash::EMPTY_TREE)),
        ("120000", "c", id),
    ]);
    let root = packs::id(ObjectKind::Tree, &tree);
    let commit = format!("tree {root}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nmessage\n");
    let tag = format!("object {root}\ntype tree\ntag t\ntagger A <a> 1 +0000\n\nmessage\n");
    let items = [
        vec![blob(b""), blob(&base), Item::OffsetDelta(1, append(300, b"!")), Item::IdDelta(id, append(300, b"?"))],
        vec![
            Item::Whole(ObjectKind::Commit, commit.into_bytes()),
            Item::Whole(ObjectKind::Tree, tree),
            Item::Whole(ObjectKind::Tag, tag.into_bytes()),
            Item::Whole(ObjectKind::Tree, Vec::new()),
            blob(&base),
        ],
        vec![Item::IdDelta(id, append(300, b"early")), blob(&base), blob(&base), Item::IdDelta(id, append(300, b"e"))],
        vec![Item::IdDelta(packs::id(ObjectKind::Blob, b""), vec![0, 3, 3, b'n', b'e', b'w']), blob(b"1")],
    ];
    let bodies = items.iter().map(|items| packs::pack(items));
    let mut packs: Vec<_> = bodies.map(|pack| [b"\x07", &pack[..pack.len() - 20]].concat()).collect();
    packs.push(b"\0PACK\0\0\0\x02\0\0\0\0".to_vec());
    packs
}

/// Advertisements with answers to a fetch behind them, as CodeCommit and git write them.
fn exchanges() -> Vec<Vec<u8>> {
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let (tip, other) = (ObjectId::from_bytes_or_panic(&[0x11; 20]), ObjectId::from_bytes_or_panic(&[0x22; 20]));
    let offered = [
        "multi_ack_detailed shallow side-band-64k thin-pack allow-tip-sha1-in-want allow-reachable-sha1-in-want",
        "multi_ack shallow ofs-delta no-progress side-band-64k agent=git/2.47",
    ];
    let answers = [
        format!("{}0000{}{}0000", line(&format!("shallow {tip}")), line("NAK\n"), line("\x01PACKxy")),
        format!("0000{}{}{}0000", line(&format!("ACK {other} common\n")), line("\x02so far"), line("\x01PACK")),
        format!("0000{}{}", line("NAK\n"), line("\x03no room")),
        line("ERR refused\n"),
    ];
    let mut exchanges = Vec::new();
    for capabilities in offered {
        for answer in &answers {
            let mut text = format!("{}0000", line("# service=git-upload-pack\n"));
            text += &line(&format!("{other} HEAD\0{capabilities}\n"));
            write!(text, "{}0000{answer}", line(&format!("{tip} refs/heads/main\n"))).expect("memory takes everything");
            exchanges.push([b"\x02", text.as_bytes()].concat());
        }
    }
    exchanges
}
