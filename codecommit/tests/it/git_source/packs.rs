//! Packs made by hand for cases that git would not write, and the limits for reading them.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use codecommit::source::git::{Limits, ObjectKind, Pack, PackError};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use git_archive::object::ObjectId;
use sha1::{Digest, Sha1};

/// One object of a pack.
pub(in super::super) enum Item {
    Whole(ObjectKind, Vec<u8>),
    /// The size of the content, and its zlib stream.
    Stream(ObjectKind, usize, Vec<u8>),
    /// The id of the base, and instructions.
    IdDelta(ObjectId, Vec<u8>),
    /// The distance to the base in objects, and the instructions.
    OffsetDelta(usize, Vec<u8>),
}

/// Makes a pack of these objects, with a valid checksum.
pub(in super::super) fn pack(items: &[Item]) -> Vec<u8> {
    let mut bytes = b"PACK\0\0\0\x02".to_vec();
    bytes.extend_from_slice(&u32::try_from(items.len()).expect("few objects").to_be_bytes());
    let mut offsets = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let offset = bytes.len();
        offsets.push(offset);
        let content = match item {
            Item::Whole(kind, content) => {
                header(&mut bytes, number(*kind), content.len());
                content
            }
            Item::Stream(kind, size, stream) => {
                header(&mut bytes, number(*kind), *size);
                bytes.extend_from_slice(stream);
                continue;
            }
            Item::IdDelta(base, content) => {
                header(&mut bytes, 7, content.len());
                bytes.extend_from_slice(base.as_slice());
                content
            }
            Item::OffsetDelta(back, content) => {
                header(&mut bytes, 6, content.len());
                distance(&mut bytes, offset - offsets[index - back]);
                content
            }
        };
        let mut deflate = ZlibEncoder::new(&mut bytes, Compression::fast());
        deflate.write_all(content).expect("memory takes everything");
        deflate.finish().expect("memory takes everything");
    }
    bytes.extend_from_slice(&[0; 20]);
    with_checksum(bytes)
}

/// Makes a pack of blobs from their sizes and zlib streams.
pub(super) fn pack_of_streams(streams: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"PACK\0\0\0\x02".to_vec();
    bytes.extend_from_slice(&u32::try_from(streams.len()).expect("few objects").to_be_bytes());
    for (size, stream) in streams {
        header(&mut bytes, 3, *size);
        bytes.extend_from_slice(stream);
    }
    bytes.extend_from_slice(&[0; 20]);
    with_checksum(bytes)
}

/// Replaces the pack's last twenty bytes with its checksum.
pub(super) fn with_checksum(mut pack: Vec<u8>) -> Vec<u8> {
    let end = pack.len() - 20;
    let checksum = Sha1::digest(&pack[..end]);
    pack[end..].copy_from_slice(&checksum);
    pack
}

/// Returns the id of an object, computed with gitoxide's own hash.
pub(in super::super) fn id(kind: ObjectKind, content: &[u8]) -> ObjectId {
    let mut hash = gix_hash::hasher(gix_hash::Kind::Sha1);
    hash.update(format!("{kind} {}\0", content.len()).as_bytes());
    hash.update(content);
    hash.try_finalize().expect("no collision is tried here")
}

/// Makes instructions that copy a whole base, which is not empty, and add at most 127 bytes.
pub(in super::super) fn append(base_size: usize, added: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    size(&mut data, base_size);
    size(&mut data, base_size + added.len());
    let [a, b, c, ..] = base_size.to_le_bytes();
    data.extend_from_slice(&[0xf0, a, b, c]);
    data.push(u8::try_from(added.len()).expect("few bytes are added"));
    data.extend_from_slice(added);
    data
}

/// Makes a tree from the mode, name and id of each entry.
pub(in super::super) fn tree(entries: &[(&str, &str, ObjectId)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend_from_slice(id.as_slice());
    }
    bytes
}

/// Returns limits that these tests do not reach, unless they change them.
pub(super) fn limits() -> Limits {
    Limits::new(256 << 20, 1 << 30, std::env::temp_dir())
}

pub(super) fn receive(pack: &[u8]) -> Result<Arc<Pack>, PackError> {
    receive_limited(pack, &limits())
}

pub(super) fn receive_limited(pack: &[u8], limits: &Limits) -> Result<Arc<Pack>, PackError> {
    Pack::receive([Bytes::copy_from_slice(pack)], limits).map(Arc::new)
}

fn number(kind: ObjectKind) -> usize {
    let kinds = [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag];
    kinds.iter().position(|other| *other == kind).expect("all kinds are there") + 1
}

fn header(bytes: &mut Vec<u8>, number: usize, size: usize) {
    let first = number << 4 | size & 0x0f;
    let mut rest = size >> 4;
    let more = |rest: usize| if rest > 0 { 0x80 } else { 0 };
    bytes.push(byte(first) | more(rest));
    while rest > 0 {
        let low = byte(rest & 0x7f);
        rest >>= 7;
        bytes.push(low | more(rest));
    }
}

fn distance(bytes: &mut Vec<u8>, mut distance: usize) {
    let mut digits = vec![byte(distance & 0x7f)];
    while distance > 0x7f {
        distance = (distance >> 7) - 1;
        digits.push(byte(distance & 0x7f) | 0x80);
    }
    bytes.extend(digits.iter().rev());
}

fn size(bytes: &mut Vec<u8>, mut size: usize) {
    while size > 0x7f {
        bytes.push(byte(size & 0x7f) | 0x80);
        size >>= 7;
    }
    bytes.push(byte(size));
}

fn byte(value: usize) -> u8 {
    u8::try_from(value).expect("it is masked")
}
