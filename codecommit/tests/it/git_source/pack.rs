//! Packs that git made, object by object.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use codecommit::source::git::{Limits, ObjectKind, Pack, PackError};
use git_archive::object::{Kind, ObjectId};

use super::packs::{self, Item, append, limits, receive, receive_limited};
use super::repository::Repository;

/// Checks that the pack has exactly git's objects, with the same contents.
#[track_caller]
fn check(repository: &Repository, bytes: &[u8], limits: &Limits, chunk: usize) {
    let chunks = bytes.chunks(chunk).map(Bytes::copy_from_slice);
    let pack = Arc::new(Pack::receive(chunks, limits).expect("git made it"));
    assert_eq!(pack.bytes(), bytes.len() as u64);
    let objects = repository.objects();
    assert_eq!(pack.ids().collect::<Vec<_>>(), objects.keys().copied().collect::<Vec<_>>());
    let mut reader = pack.reader(1 << 20);
    for (id, (kind, content)) in objects {
        assert_eq!(pack.kind(id).expect("git made it").to_string(), kind);
        assert_eq!(pack.size(id), Some(content.len() as u64));
        match kind.as_str() {
            "blob" => {
                assert!(reader.blob(id).expect("git made it") == content, "blob {id}");
                for _ in 0..2 {
                    let mut streamed = Vec::new();
                    reader.stream(id).expect("git made it").read_to_end(&mut streamed).expect("git made it");
                    assert!(streamed == content, "stream of {id}");
                }
            }
            "tree" => assert_eq!(reader.tree(id).expect("git made it").len(), count_entries(repository, id)),
            "commit" => {
                assert!(content.ends_with(&reader.commit(id).expect("git made it").message));
            }
            _ => assert!(matches!(reader.blob(id), Err(PackError::WrongKind { .. }))),
        }
    }
}

fn count_entries(repository: &Repository, tree: ObjectId) -> usize {
    let listing = repository.git(&["ls-tree", "-z", &tree.to_string()]);
    listing.split(|byte| *byte == 0).count() - 1
}

#[test]
fn every_object_is_what_git_says() {
    let repository = Repository::various();
    let by_id = repository.pack("HEAD\nv1", &[]);
    let by_offset = repository.pack("HEAD\nv1", &["--delta-base-offset"]);
    assert_ne!(by_id.len(), by_offset.len(), "both forms of deltas are in play");
    let spooled = Limits { in_memory: 1000, ..limits() };
    for bytes in [by_id, by_offset] {
        check(&repository, &bytes, &limits(), usize::MAX);
        check(&repository, &bytes, &limits(), 7);
        check(&repository, &bytes, &spooled, 4096);
    }
}

#[test]
fn threads_share_a_pack() {
    fn shareable<T: Send + Sync>(_: &T) {}
    fn movable<T: Send>(_: &T) {}
    let repository = Repository::various();
    let pack = receive(&repository.pack("HEAD\nv1", &[])).unwrap();
    shareable(&pack);
    let blobs = repository.objects().into_iter().filter(|(_, (kind, _))| kind == "blob");
    let blobs: Vec<_> = blobs.map(|(id, (_, content))| (id, content)).collect();
    std::thread::scope(|scope| {
        for step in 1..=4 {
            let (pack, blobs) = (&pack, &blobs);
            scope.spawn(move || {
                let mut reader = pack.reader(step * 50_000);
                movable(&reader);
                movable(&reader.stream(blobs[0].0).unwrap());
                for (id, content) in blobs.iter().skip(step).step_by(step) {
                    assert!(reader.blob(*id).unwrap() == content, "blob {id}");
                }
            });
        }
    });
}

#[test]
fn without_deltas_and_with_the_best_compression_too() {
    let repository = Repository::various();
    check(&repository, &repository.pack("HEAD\nv1", &["--window=0", "--compression=0"]), &limits(), 1000);
    check(&repository, &repository.pack("HEAD\nv1", &["--compression=9"]), &limits(), 1000);
}

#[test]
fn a_walk_lists_what_git_lists() {
    let repository = Repository::various();
    let mut reader = receive(&repository.pack("HEAD", &[])).unwrap().reader(1 << 20);
    let commit = reader.commit(repository.id("HEAD")).unwrap();
    assert_eq!(commit.message, "second\n\nwith a body\n");
    assert_eq!(commit.author.offset_minutes, -450);
    assert_eq!(commit.parents, [repository.id("HEAD^")]);
    let listed = reader.walk(commit.tree).unwrap().into_iter().map(|entry| {
        let mode = match entry.kind {
            Kind::Directory => "040000 tree",
            Kind::File => "100644 blob",
            Kind::Executable => "100755 blob",
            Kind::Link => "120000 blob",
            Kind::Submodule => "160000 commit",
        };
        format!("{mode} {}\t{}", entry.id, entry.path)
    });
    let git = String::from_utf8(repository.git(&["ls-tree", "-r", "-t", "-z", "HEAD"])).unwrap();
    assert_eq!(listed.collect::<Vec<_>>(), git.split_terminator('\0').collect::<Vec<_>>());
}

#[test]
fn a_delta_before_its_base_and_a_long_chain() {
    let kind = ObjectKind::Blob;
    let contents: Vec<Vec<u8>> = (1..=3000).map(|length| vec![b'x'; length]).collect();
    let whole = Item::Whole(kind, contents[0].clone());
    let delta = |length: usize| Item::IdDelta(packs::id(kind, &contents[length - 1]), append(length, b"x"));
    let backwards: Vec<Item> = (1..3000).rev().map(delta).chain([whole]).collect();
    let whole = Item::Whole(kind, contents[0].clone());
    let forwards: Vec<Item> =
        std::iter::once(whole).chain((1..3000).map(|length| Item::OffsetDelta(1, append(length, b"x")))).collect();
    for items in [backwards, forwards] {
        let mut reader = receive(&packs::pack(&items)).unwrap().reader(100);
        for content in contents.iter().step_by(500).chain(contents.last()) {
            assert_eq!(reader.blob(packs::id(kind, content)).unwrap(), content);
        }
    }
}

#[test]
fn an_object_may_come_twice() {
    let kind = ObjectKind::Blob;
    let whole = || Item::Whole(kind, b"base".to_vec());
    let delta = || Item::IdDelta(packs::id(kind, b"base"), append(4, b"!"));
    let pack = receive(&packs::pack(&[whole(), delta(), whole(), delta()])).unwrap();
    assert_eq!(pack.len(), 4);
    assert_eq!(pack.reader(100).blob(packs::id(kind, b"base!")).unwrap(), "base!");
}

#[test]
fn a_thin_pack_is_refused() {
    let repository = Repository::various();
    let text = String::from_utf8(repository.git(&["show", "HEAD:versions/00.txt"])).unwrap();
    repository.write("versions/00.txt", format!("{text}one line more\n").as_bytes());
    repository.commit("third");
    let thin = repository.pack("HEAD\n^HEAD^", &["--thin"]);
    let error = receive(&thin).unwrap_err();
    assert!(matches!(error, PackError::MissingBase { .. }), "{error:?}");
}

#[test]
fn what_does_not_fit_names_the_setting() {
    let repository = Repository::various();
    let bytes = repository.pack("HEAD\nv1", &[]);
    let disk = Limits { in_memory: 1000, on_disk: 100_000, ..limits() };
    let error = receive_limited(&bytes, &disk).unwrap_err();
    assert!(error.to_string().contains("ephemeral storage"), "{error}");
    for working in [1000, 60_000] {
        let error = receive_limited(&bytes, &Limits { working, ..limits() }).unwrap_err();
        assert!(matches!(error, PackError::Memory { limit, .. } if limit == working), "{error:?}");
        assert!(error.to_string().contains("memory"), "{error}");
    }
    let whole = Limits { working: 1_000_000, ..limits() };
    let mut reader = receive_limited(&bytes, &whole).unwrap().reader(1 << 20);
    let zeros = repository.id("HEAD:zeros.bin");
    assert!(matches!(reader.blob(zeros), Err(PackError::Memory { bytes: 3_000_000, .. })));
    let mut size = 0;
    let mut stream = reader.stream(zeros).unwrap();
    let mut piece = vec![1; 50_000];
    while let Some(count) = stream.read(&mut piece).ok().filter(|count| *count > 0) {
        assert!(piece[..count].iter().all(|byte| *byte == 0));
        size += count;
    }
    assert_eq!(size, 3_000_000);
}
