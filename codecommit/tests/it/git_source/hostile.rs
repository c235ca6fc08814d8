//! Hostile packs and trees. Each is refused, none causes a panic, and none returns content that does not match its id.

use std::sync::LazyLock;

use codecommit::source::git::{Limits, ObjectKind as Kind, PackError};
use git_archive::object::ObjectId;
use proptest::prelude::*;

use super::packs::{self, Item, append, id, limits, pack, receive, receive_limited, tree};
use super::repository::Repository;

/// A small pack with every form of object in it.
static PACK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let base = b"a base of some length, so that a delta pays\n".to_vec();
    let delta = append(base.len(), b"one more line\n");
    let blob = id(Kind::Blob, &base);
    let folder = tree(&[("100644", "file", blob)]);
    let root = tree(&[("40000", "folder", id(Kind::Tree, &folder)), ("120000", "link", blob)]);
    pack(&[
        Item::Whole(Kind::Blob, base.clone()),
        Item::OffsetDelta(1, delta),
        Item::IdDelta(blob, append(base.len(), b"another\n")),
        Item::Whole(Kind::Tree, root),
        Item::Whole(Kind::Tree, folder),
        Item::Whole(Kind::Blob, vec![b'z'; 70_000]),
    ])
});

/// Checks that every accepted object matches its id.
fn check(bytes: &[u8]) {
    let limits = Limits { working: 1 << 20, ..limits() };
    let Ok(pack) = receive_limited(bytes, &limits) else {
        return;
    };
    let mut reader = pack.reader(1000);
    for object in pack.ids() {
        match pack.kind(object) {
            Some(Kind::Blob) => {
                let content = reader.blob(object).expect("what was hashed can be read");
                assert_eq!(id(Kind::Blob, &content), object);
            }
            Some(Kind::Tree) => drop(reader.walk(object)),
            Some(Kind::Commit) => drop(reader.commit(object)),
            Some(Kind::Tag) | None => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_pack_is_refused(length in 0..PACK.len()) {
        prop_assert!(receive(&PACK[..length]).is_err());
        if length >= 20 {
            check(&packs::with_checksum(PACK[..length].to_vec()));
        }
    }

    #[test]
    fn a_changed_pack_is_refused(position in 0..PACK.len(), bit in 0..8_u32) {
        let mut bytes = PACK.clone();
        bytes[position] ^= 1_u8 << bit;
        prop_assert!(receive(&bytes).is_err());
        check(&packs::with_checksum(bytes));
    }

    #[test]
    fn bytes_in_the_middle_may_be_anything(start in 12..PACK.len(), replaced in 0_usize..8, bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
        let mut changed = PACK.clone();
        let end = (start + replaced).min(changed.len());
        changed.splice(start..end, bytes);
        check(&packs::with_checksum(changed));
    }

    #[test]
    fn instructions_may_be_anything(instructions in proptest::collection::vec(any::<u8>(), 0..40)) {
        check(&pack(&[Item::Whole(Kind::Blob, b"base".to_vec()), Item::OffsetDelta(1, instructions)]));
    }

    #[test]
    fn a_tree_may_be_anything(content in proptest::collection::vec(any::<u8>(), 0..60)) {
        check(&pack(&[Item::Whole(Kind::Tree, content.clone()), Item::Whole(Kind::Commit, content)]));
    }
}

#[test]
fn the_untouched_pack_is_taken() {
    let pack = receive(&PACK).unwrap();
    assert_eq!(pack.len(), 6);
    check(&PACK);
}

#[test]
fn a_circle_of_deltas_is_refused() {
    let ids = [ObjectId::Sha1([1; 20]), ObjectId::Sha1([2; 20])];
    let error =
        receive(&pack(&[Item::IdDelta(ids[1], append(4, b"x")), Item::IdDelta(ids[0], append(4, b"x"))])).unwrap_err();
    assert!(matches!(error, PackError::MissingBase { .. }), "{error:?}");
    let error =
        receive(&pack(&[Item::IdDelta(ids[0], append(4, b"x")), Item::OffsetDelta(1, append(5, b"x"))])).unwrap_err();
    assert!(matches!(error, PackError::MissingBase { base, .. } if base == ids[0]), "{error:?}");
}

#[test]
fn an_offset_that_is_no_start_of_an_object_is_refused() {
    for back in [0, 1, 300_u16] {
        let mut bytes = pack(&[Item::Whole(Kind::Blob, b"base".to_vec()), Item::OffsetDelta(1, append(4, b"x"))]);
        let header = 12 + bytes[12..].windows(2).position(|pair| pair[0] >> 4 == 6).unwrap();
        let end = bytes.len();
        bytes.splice(header + 1..header + 2, u8::try_from(back).map_or(vec![0x81, 0x2c], |back| vec![back]));
        bytes.truncate(end + usize::from(back > 255));
        let error = receive(&packs::with_checksum(bytes)).unwrap_err();
        assert!(matches!(error, PackError::Corrupt { .. }), "{error:?}");
    }
}

#[test]
fn a_delta_that_makes_more_than_memory_is_refused_before_it_is_made() {
    let mut instructions = vec![4];
    instructions.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x90, 4]);
    let error =
        receive(&pack(&[Item::Whole(Kind::Blob, b"base".to_vec()), Item::OffsetDelta(1, instructions)])).unwrap_err();
    assert!(matches!(error, PackError::Memory { .. }), "{error:?}");
}

#[test]
fn a_count_that_memory_has_no_index_for_is_refused() {
    let mut bytes = PACK.clone();
    bytes[8..12].copy_from_slice(&[0xff; 4]);
    let error = receive(&packs::with_checksum(bytes)).unwrap_err();
    assert!(matches!(error, PackError::Memory { .. }), "{error:?}");
}

#[test]
fn more_behind_the_checksum_is_refused() {
    let mut bytes = PACK.clone();
    bytes.extend_from_slice(&[0; 20]);
    assert!(matches!(receive(&bytes).unwrap_err(), PackError::Corrupt { .. }));
    let error = receive(&packs::with_checksum(bytes)).unwrap_err();
    assert!(matches!(error, PackError::Corrupt { .. }), "{error:?}");
}

#[test]
fn a_walk_finds_what_is_missing_or_wrong() {
    let missing = ObjectId::Sha1([3; 20]);
    let blob = id(Kind::Blob, b"x");
    for (mode, object) in [("100644", missing), ("40000", missing), ("40000", blob)] {
        let content = tree(&[(mode, "name", object)]);
        let root = id(Kind::Tree, &content);
        let pack = receive(&pack(&[Item::Whole(Kind::Blob, b"x".to_vec()), Item::Whole(Kind::Tree, content)])).unwrap();
        let error = pack.reader(1000).walk(root).unwrap_err();
        assert!(
            matches!(error, PackError::MissingObject(id) if id == missing)
                || matches!(error, PackError::WrongKind { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_tree_of_five_thousand_levels() {
    let mut items = vec![Item::Whole(Kind::Blob, b"x".to_vec())];
    let mut below = tree(&[("100644", "f", id(Kind::Blob, b"x"))]);
    for _ in 0..5000 {
        let above = tree(&[("40000", "d", id(Kind::Tree, &below))]);
        items.push(Item::Whole(Kind::Tree, below));
        below = above;
    }
    let root = id(Kind::Tree, &below);
    items.push(Item::Whole(Kind::Tree, below));
    let listing = receive(&pack(&items)).unwrap().reader(1000).walk(root).unwrap();
    assert_eq!(listing.len(), 5001);
    assert_eq!(listing[5000].path.len(), 10_001);
}

/// Thirty trees that list each other twice would give two billion paths.
#[test]
fn a_tree_that_unfolds_without_end_is_refused() {
    let mut items = Vec::new();
    let mut below = tree(&[]);
    for _ in 0..30 {
        let object = id(Kind::Tree, &below);
        let above = tree(&[("40000", "a", object), ("40000", "b", object)]);
        items.push(Item::Whole(Kind::Tree, below));
        below = above;
    }
    let root = id(Kind::Tree, &below);
    items.push(Item::Whole(Kind::Tree, below));
    let pack = receive_limited(&pack(&items), &Limits { working: 1 << 20, ..limits() }).unwrap();
    let error = pack.reader(1 << 20).walk(root).unwrap_err();
    assert!(matches!(error, PackError::Memory { .. }), "{error:?}");
}

#[test]
fn a_repository_is_no_pack() {
    let repository = Repository::various();
    let archive = repository.git(&["archive", "--format=tar", "HEAD"]);
    assert!(matches!(receive(&archive), Err(PackError::Corrupt { offset: 0, .. })));
}
