//! Deflate streams that an archive may copy from a pack, and those that it must not.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use codecommit::source::git::{BlobFacts, EarlyDeflate, Limits, ObjectKind, Pack, PackError, Reuse};
use flate2::read::DeflateDecoder;
use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression, FlushCompress};
use git_archive::deflate::deflate;

use super::packs::{Item, append, id, limits, pack, pack_of_streams, receive, receive_limited};
use super::repository::Repository;

const BLOB: ObjectKind = ObjectKind::Blob;

fn facts(pack: &Pack, content: &[u8]) -> BlobFacts {
    pack.facts(id(BLOB, content)).expect("it is a blob of the pack")
}

/// Checks that the facts match the content, and that a range that may be copied is exactly its raw deflate.
#[track_caller]
fn check(pack: &Pack, content: &[u8]) -> Reuse {
    let facts = facts(pack, content);
    assert_eq!(facts.size, content.len() as u64);
    assert_eq!(facts.crc, crc32fast::hash(content));
    assert_eq!(facts.has_nul, content.iter().take(8000).any(|byte| *byte == 0));
    if let Reuse::Deflated(range) = &facts.reuse {
        let raw = pack.raw(range.clone()).expect("the pack is there");
        assert!(raw.len() < content.len());
        let mut decoder = DeflateDecoder::new(&raw[..]);
        let mut inflated = Vec::new();
        decoder.read_to_end(&mut inflated).expect("it is deflate");
        assert!(inflated == content);
        assert_eq!(decoder.total_in(), raw.len() as u64, "nothing is behind it");
    }
    facts.reuse
}

fn text() -> Vec<u8> {
    (0..4000_u32).flat_map(|line| format!("line {line} of {}\n", line * 7919 % 1009).into_bytes()).collect()
}

pub(super) fn zlib(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// A stream that is flushed behind each piece of the content.
pub(super) fn flushed(content: &[u8], piece: usize, flushes: usize) -> Vec<u8> {
    let mut compress = Compress::new(Compression::default(), true);
    let mut stream = Vec::with_capacity(content.len() * 2 + 1000 + 16 * flushes * (content.len() / piece + 1));
    for piece in content.chunks(piece) {
        compress.compress_vec(piece, &mut stream, FlushCompress::None).expect("there is room");
        for _ in 0..flushes {
            compress.compress_vec(&[], &mut stream, FlushCompress::Full).expect("there is room");
        }
    }
    compress.compress_vec(&[], &mut stream, FlushCompress::Finish).expect("there is room");
    stream
}

/// A zlib stream with `empty` empty stored blocks before it.
pub(super) fn padded(content: &[u8], empty: usize) -> Vec<u8> {
    let mut raw = zlib(content, 6);
    let tail = raw.split_off(2);
    for _ in 0..empty {
        raw.extend_from_slice(&[0, 0, 0, 0xff, 0xff]);
    }
    raw.extend(tail);
    raw
}

#[test]
fn streams_of_every_level_and_shape() {
    let content = text();
    for level in 1..=9 {
        let pack = receive(&pack_of_streams(&[(content.len(), zlib(&content, level))])).unwrap();
        assert!(matches!(check(&pack, &content), Reuse::Deflated(_)), "level {level}");
    }
    let pack = receive(&pack_of_streams(&[(content.len(), flushed(&content, 5000, 1))])).unwrap();
    assert!(matches!(check(&pack, &content), Reuse::Deflated(_)), "split by flushes");
    let stored = receive(&pack_of_streams(&[(content.len(), zlib(&content, 0))])).unwrap();
    assert_eq!(check(&stored, &content), Reuse::None, "stored though it can be deflated");
}

#[test]
fn what_does_not_get_smaller_is_stored() {
    let noise: Vec<u8> = (0..500_u32)
        .flat_map(|number| *id(BLOB, &number.to_le_bytes()).as_bytes().first_chunk::<20>().expect("an id"))
        .collect();
    let pack = receive(&pack_of_streams(&[(noise.len(), zlib(&noise, 6)), (0, zlib(b"", 6))])).unwrap();
    assert_eq!(check(&pack, &noise), Reuse::Incompressible);
    assert_eq!(check(&pack, b""), Reuse::Incompressible);
}

#[test]
fn empty_blocks_without_end_are_not_copied() {
    let content = text();
    for empty in [10_000, 100_000] {
        let stream = padded(&content, empty);
        let pack = receive(&pack_of_streams(&[(content.len(), stream)])).unwrap();
        assert_eq!(check(&pack, &content), Reuse::None, "{empty}");
    }
}

#[test]
fn a_preset_dictionary_and_trailing_bytes_are_refused() {
    let content = text();
    let mut dictionary = Compress::new(Compression::default(), true);
    dictionary.set_dictionary(&content[..1000]).expect("nothing is compressed yet");
    let mut stream = Vec::with_capacity(content.len() + 1000);
    dictionary.compress_vec(&content, &mut stream, FlushCompress::Finish).expect("there is room");
    let error = receive(&pack_of_streams(&[(content.len(), stream)])).unwrap_err();
    assert!(matches!(error, PackError::Corrupt { .. }), "{error:?}");
    let mut trailing = zlib(&content, 6);
    trailing.extend_from_slice(&[0; 7]);
    let error = receive(&pack_of_streams(&[(content.len(), trailing)])).unwrap_err();
    assert!(matches!(error, PackError::Corrupt { .. }), "{error:?}");
    let mut wrong_adler = zlib(&content, 6);
    *wrong_adler.last_mut().expect("it is not empty") ^= 1;
    let error = receive(&pack_of_streams(&[(content.len(), wrong_adler)])).unwrap_err();
    assert!(matches!(error, PackError::Corrupt { .. }), "{error:?}");
}

#[test]
fn deltas_and_duplicates_have_facts_too() {
    let base = text();
    let on_base: Vec<u8> = [&base[..], b"one more\0"].concat();
    let on_that: Vec<u8> = [&on_base[..], b"and more"].concat();
    let items = [
        Item::Whole(BLOB, base.clone()),
        Item::OffsetDelta(1, append(base.len(), b"one more\0")),
        Item::IdDelta(id(BLOB, &on_base), append(on_base.len(), b"and more")),
        Item::Whole(BLOB, base.clone()),
    ];
    let pack = receive(&pack(&items)).unwrap();
    assert_eq!(check(&pack, &on_base), Reuse::None);
    assert_eq!(check(&pack, &on_that), Reuse::None);
    assert!(matches!(check(&pack, &base), Reuse::Deflated(_)));
}

/// Deflates a content, and counts the calls.
fn counted(content: &[u8], level: u8) -> Option<Vec<u8>> {
    CALLS.fetch_add(1, Ordering::Relaxed);
    deflate(content, level)
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn what_deltas_make_is_deflated_once_while_the_pack_arrives() {
    let base = text();
    let contents: Vec<Vec<u8>> = (0..200).map(|line| [&base[..], format!("{line}").as_bytes()].concat()).collect();
    let far: Vec<u8> = [&base[..], b"far"].concat();
    let noise: Vec<u8> = (0..9_u64).flat_map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()).collect();
    let noise_and_more = [&noise[..], b"\xb7\xe1"].concat();
    let mut items = vec![Item::Whole(BLOB, base.clone()), Item::Whole(BLOB, noise.clone())];
    let deltas = contents.iter().zip(2..);
    items.extend(deltas.map(|(content, index)| Item::OffsetDelta(index, append(base.len(), &content[base.len()..]))));
    // The base is so far away that this delta is resolved after the end. Deflate does not make the last one smaller.
    items.push(Item::IdDelta(id(BLOB, &base), append(base.len(), b"far")));
    items.push(Item::IdDelta(id(BLOB, &noise), append(noise.len(), b"\xb7\xe1")));
    let early = EarlyDeflate { deflate: counted, level: 6, bytes: 16 << 20 };
    let pack = receive_limited(&pack(&items), &Limits { early_deflate: Some(early), ..limits() }).unwrap();
    assert!(contents.iter().map(Vec::len).sum::<usize>() > 8 << 20, "more than what is kept of recent objects");
    assert_eq!(CALLS.load(Ordering::Relaxed), 202, "one for each delta");
    let mut bytes = 0;
    for content in contents.iter().chain([&far]) {
        let expected = deflate(content, 6).expect("it gets smaller");
        bytes += expected.len() as u64;
        assert_eq!(check(&pack, content), Reuse::DeflatedEarly { level: 6, data: expected.into() });
    }
    assert_eq!(pack.early_bytes(), bytes + 201 * 32, "32 bytes for the place of each");
    assert_eq!(check(&pack, &noise_and_more), Reuse::None);
    assert!(matches!(check(&pack, &base), Reuse::Deflated(_)), "what is whole is copied");
}

/// A pack of a content and of many deltas on it.
fn pack_of_deltas() -> Vec<u8> {
    let base = text();
    let mut items = vec![Item::Whole(BLOB, base.clone())];
    items.extend((1..200).map(|back| Item::OffsetDelta(back, append(base.len(), format!("{back}").as_bytes()))));
    pack(&items)
}

#[test]
#[should_panic(expected = "a scoped thread panicked")]
fn a_deflate_that_panics_ends_the_pack() {
    let early = EarlyDeflate { deflate: |_, _| panic!("on purpose"), level: 6, bytes: 16 << 20 };
    receive_limited(&pack_of_deltas(), &Limits { early_deflate: Some(early), ..limits() }).ok();
}

static CANCELLED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

#[test]
fn a_pack_that_is_cancelled_while_it_is_deflated_ends() {
    let deflate = |_: &[u8], _| {
        CANCELLED.store(true, Ordering::Relaxed);
        None
    };
    let early_deflate = Some(EarlyDeflate { deflate, level: 6, bytes: 16 << 20 });
    let cancelled = Limits { early_deflate, cancelled: CANCELLED.clone(), ..limits() };
    let ended = receive_limited(&pack_of_deltas(), &cancelled);
    assert!(matches!(ended, Err(PackError::Cancelled)), "{ended:?}");
}

#[test]
fn early_deflate_is_bounded_in_bytes_and_work() {
    let base = vec![0; 100_000];
    let contents: Vec<Vec<u8>> = (0..100).map(|number: u8| [&base[..], &[number]].concat()).collect();
    let mut items = vec![Item::Whole(BLOB, base.clone())];
    items.extend(
        contents.iter().zip(1..).map(|(content, back)| Item::OffsetDelta(back, append(100_000, &content[100_000..]))),
    );
    // A content counts as an eighth of its size, although its deflate has only a hundred bytes.
    let early = EarlyDeflate { deflate, level: 6, bytes: 60_000 };
    let pack = receive_limited(&pack(&items), &Limits { early_deflate: Some(early), ..limits() }).unwrap();
    let made = contents.iter().filter(|content| matches!(check(&pack, content), Reuse::DeflatedEarly { .. })).count();
    assert!((1..=4).contains(&made), "{made}");
    assert!(pack.early_bytes() < 1000);
}

#[test]
fn every_blob_of_a_pack_of_gits_in_memory_and_on_disk() {
    let repository = Repository::various();
    let spooled = Limits { in_memory: 1000, ..limits() };
    for (options, limits) in [(&[][..], limits()), (&["--compression=0"][..], limits()), (&[][..], spooled)] {
        let pack: Arc<Pack> = receive_limited(&repository.pack("HEAD\nv1", options), &limits).unwrap();
        for (object, (kind, content)) in repository.objects() {
            if kind == "blob" {
                check(&pack, &content);
            } else {
                assert_eq!(pack.facts(object), None);
            }
        }
    }
}
