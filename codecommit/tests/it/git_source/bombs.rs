//! Small packs that cause an enormous amount of work. Each is refused early, with a permanent error.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use codecommit::source::git::{Limits, ObjectKind, Pack, PackError};

use super::packs::{Item, append, id, limits, pack, receive, receive_limited, tree};

const BLOB: ObjectKind = ObjectKind::Blob;

#[test]
fn a_delta_bomb_is_refused_when_its_promises_exceed_the_limit() {
    let base = vec![0; 8 << 20];
    let mut items = vec![Item::Whole(BLOB, base.clone())];
    items.extend((1..300).map(|back| Item::OffsetDelta(back, append(base.len(), b"x"))));
    let bytes = pack(&items);
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let limits = Limits { delta_bytes: 100 << 20, ..limits() };
    // The announced sizes of thirteen deltas exceed the limit, so the other deltas are not even read.
    let mut read = 0;
    let pieces = bytes.chunks(100).inspect(|piece| read += piece.len()).map(Bytes::copy_from_slice);
    let error = Pack::receive(pieces, &limits).unwrap_err();
    assert!(matches!(error, PackError::DeltaWork { .. }), "{error:?}");
    assert!(error.is_permanent());
    assert!(bytes.len() - read > 270 * 10, "the last {} bytes were not read", bytes.len() - read);
}

#[test]
fn reading_deltas_over_and_over_is_counted_too() {
    let base = vec![b'x'; 100_000];
    let items = [Item::Whole(BLOB, base.clone()), Item::OffsetDelta(1, append(base.len(), b"y"))];
    let limits = Limits { delta_bytes: 1 << 20, ..limits() };
    let pack = receive_limited(&pack(&items), &limits).unwrap();
    let content = [&base[..], b"y"].concat();
    let mut reader = pack.reader(0);
    let results: Vec<_> = (0..20).map(|_| reader.blob(id(BLOB, &content))).collect();
    let made = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(made, 4, "each time base and result, 200 kB");
    assert!(matches!(results.last(), Some(Err(PackError::DeltaWork { .. }))));
}

#[test]
fn a_chain_that_is_longer_than_gits_is_refused() {
    let deltas = (1..5000).map(|length| Item::OffsetDelta(1, append(length, b"x")));
    let items: Vec<Item> = std::iter::once(Item::Whole(BLOB, b"x".to_vec())).chain(deltas).collect();
    assert!(receive(&pack(&items[..4096])).is_ok(), "git's own limit");
    let error = receive(&pack(&items)).unwrap_err();
    assert!(matches!(error, PackError::DeltaDepth { limit: 4095, .. }), "{error:?}");
    assert!(error.is_permanent());
}

#[test]
fn a_tree_bomb_is_refused_before_it_is_listed() {
    let mut below = tree(&[("100644", "f", id(BLOB, b""))]);
    let mut items = vec![Item::Whole(BLOB, Vec::new())];
    // Ten folders of ten folders. Eight levels list more than a hundred million entries.
    for _ in 0..8 {
        let object = id(ObjectKind::Tree, &below);
        let names: Vec<String> = (0..10).map(|name| name.to_string()).collect();
        let entries: Vec<_> = names.iter().map(|name| ("40000", name.as_str(), object)).collect();
        items.push(Item::Whole(ObjectKind::Tree, std::mem::replace(&mut below, tree(&entries))));
    }
    let root = id(ObjectKind::Tree, &below);
    items.push(Item::Whole(ObjectKind::Tree, below));
    let limits = Limits { entries: 1000, ..limits() };
    let error = receive_limited(&pack(&items), &limits).unwrap().reader(1 << 20).walk(root).unwrap_err();
    assert!(matches!(error, PackError::TooManyEntries { limit: 1000, .. }), "{error:?}");
    assert!(error.is_permanent());
}

#[test]
fn nothing_goes_on_once_it_is_cancelled() {
    let content = vec![b'x'; 10_000];
    let bytes = pack(&[Item::Whole(BLOB, content.clone())]);
    let limits = limits();
    let pack = Arc::new(receive_limited(&bytes, &limits).unwrap());
    let mut reader = pack.reader(1000);
    let mut stream = reader.stream(id(BLOB, &content)).unwrap();
    limits.cancelled.store(true, Ordering::Relaxed);
    assert!(matches!(reader.blob(id(BLOB, &content)), Err(PackError::Cancelled)));
    assert!(matches!(pack.raw(0..10), Err(PackError::Cancelled)));
    assert!(std::io::Read::read(&mut stream, &mut [0; 10]).is_err());
    let error = receive_limited(&bytes, &limits).unwrap_err();
    assert!(matches!(error, PackError::Cancelled) && !error.is_permanent(), "{error:?}");
}
