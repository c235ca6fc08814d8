//! Thin packs, in which deltas may be on objects that only the receiver has.

use bytes::Bytes;
use codecommit::source::git::{ObjectKind, Pack, PackError, ThinPack};
use git_archive::object::ObjectId;

use super::packs::{Item, append, id, limits, pack};

const BLOB: ObjectKind = ObjectKind::Blob;

/// A thin pack of two deltas: one on an old content, and before it one on what that makes. Also returns the contents.
fn chain() -> (ThinPack, [Vec<u8>; 3]) {
    let old = b"the old content\n".to_vec();
    let new = [&old[..], b"a line\n"].concat();
    let copy = [&new[..], b"a copy\n"].concat();
    let items = [
        Item::IdDelta(id(BLOB, &new), append(new.len(), b"a copy\n")),
        Item::IdDelta(id(BLOB, &old), append(old.len(), b"a line\n")),
    ];
    let thin = ThinPack::receive([Bytes::from(pack(&items))], &limits()).expect("a good pack");
    (thin, [old, new, copy])
}

fn sorted<const N: usize>(mut ids: [ObjectId; N]) -> [ObjectId; N] {
    ids.sort_unstable();
    ids
}

#[test]
fn what_a_delta_of_the_pack_makes_is_not_missing_once_it_is_resolved() {
    let (mut thin, [old, new, copy]) = chain();
    assert_eq!(thin.missing(), sorted([id(BLOB, &old), id(BLOB, &new)]));
    thin.add(BLOB, &old).expect("there is room");
    assert_eq!(thin.missing(), [id(BLOB, &new)]);
    let thin = thin.resolved().expect("good deltas");
    assert!(thin.missing().is_empty());
    let pack = Pack::complete(thin).expect("all bases are there");
    let mut reader = pack.reader(1000);
    for content in [&old, &new, &copy] {
        assert_eq!(reader.blob(id(BLOB, content)).expect("it is there"), content);
    }
}

#[test]
fn a_base_that_was_not_added_is_named() {
    let (thin, _) = chain();
    let missing = thin.missing();
    let error = Pack::complete(thin).unwrap_err();
    assert!(matches!(error, PackError::MissingBase { base, .. } if missing.contains(&base)), "{error:?}");
}
