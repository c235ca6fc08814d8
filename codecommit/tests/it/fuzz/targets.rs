//! The bodies of the client's fuzz targets. They take any bytes, must not panic, and check what must be true.
//!
//! The programs in `fuzz` share this file.

use std::fmt::Write as _;
use std::io::Read as _;

use bytes::Bytes;
use codecommit::source::git::{
    Advertisement, EarlyDeflate, FetchResponse, Limits, Lines, ObjectKind, Pack, Reader, Reuse, ThinPack,
};
use git_archive::deflate::{deflate, inflate};
use git_archive::object::{ObjectId, hash};
use sha1::{Digest as _, Sha1};

/// Receives a pack, whose checksum is made right, and reads every object in it.
pub(super) fn pack(data: &[u8]) {
    let Some((chunk, pack)) = with_checksum(data) else { return };
    let limits = limits();
    let chunks = || pack.chunks(chunk).map(Bytes::copy_from_slice);
    let in_memory = Pack::receive(chunks(), &limits);
    let on_disk = Pack::receive([Bytes::copy_from_slice(&pack)], &Limits { in_memory: 100, ..limits });
    let (Ok(in_memory), Ok(on_disk)) = (&in_memory, &on_disk) else {
        // What is said of damage may depend on the chunks.
        assert_eq!(in_memory.is_ok(), on_disk.is_ok(), "where the pack is does not matter");
        return;
    };
    assert!(in_memory.ids().eq(on_disk.ids()));
    let (mut reader, mut other) = (in_memory.reader(1 << 16), on_disk.reader(0));
    for id in in_memory.ids() {
        let content = object(in_memory, &mut reader, id);
        assert_eq!(content, object(on_disk, &mut other, id));
    }
}

/// Receives a thin pack, adds what it lacks if that is an empty blob or tree, and reads every object.
pub(super) fn thin_pack(data: &[u8]) {
    let Some((chunk, pack)) = with_checksum(data) else { return };
    let chunks = pack.chunks(chunk).map(Bytes::copy_from_slice);
    let Ok(mut thin) = ThinPack::receive(chunks, &limits()) else { return };
    let missing = thin.missing();
    assert!(missing.is_sorted());
    let Ok(()) = thin.add(ObjectKind::Blob, b"").and_then(|()| thin.add(ObjectKind::Tree, b"")) else { return };
    if let Ok(pack) = Pack::complete(thin) {
        let mut reader = pack.reader(1 << 16);
        for id in pack.ids() {
            object(&pack, &mut reader, id);
        }
    }
}

/// Reads an advertisement and the answer to a fetch. It does not matter in which pieces they arrive.
pub(super) fn packet_lines(data: &[u8]) {
    let Some((&piece, data)) = data.split_first() else { return };
    assert_eq!(exchange(data, usize::from(piece) + 1), exchange(data, data.len().max(1)));
}

fn limits() -> Limits {
    let early_deflate = Some(EarlyDeflate { deflate, level: 6, bytes: 1 << 20 });
    Limits { delta_bytes: 8 << 20, entries: 1000, early_deflate, ..Limits::new(1 << 20, 1 << 20, std::env::temp_dir()) }
}

/// Takes the size of the chunks from the first byte, and appends the checksum to the others.
fn with_checksum(data: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (&chunk, pack) = data.split_first()?;
    Some((usize::from(chunk) + 1, [pack, &Sha1::digest(pack)].concat()))
}

/// Reads an object in every way, and checks it against its id and its facts. Returns what was read.
fn object(pack: &Pack, reader: &mut Reader, id: ObjectId) -> String {
    match pack.kind(id).expect("it is listed") {
        ObjectKind::Blob => {
            let content = reader.blob(id);
            let facts = pack.facts(id).expect("it is a blob");
            if let Ok(content) = &content {
                assert_eq!(hash::blob_id(content), Ok(id));
                assert_eq!((facts.size, pack.size(id)), (content.len() as u64, Some(content.len() as u64)));
                assert_eq!(facts.crc, crc32fast::hash(content));
                let mut streamed = Vec::new();
                reader.stream(id).expect("it was read").read_to_end(&mut streamed).expect("it was read");
                assert!(streamed == *content);
                match facts.reuse {
                    Reuse::Deflated(range) => {
                        assert!(range.end - range.start < facts.size);
                        pack.raw(range).expect("it is in the pack");
                    }
                    Reuse::DeflatedEarly { data, .. } => {
                        assert_eq!(inflate(&data, content.len()).as_deref(), Some(&content[..]));
                    }
                    Reuse::Incompressible | Reuse::None => {}
                }
            }
            format!("{content:?}")
        }
        ObjectKind::Tree => format!("{:?} {:?}", reader.tree(id), reader.walk(id)),
        ObjectKind::Commit => format!("{:?}", reader.commit(id)),
        ObjectKind::Tag => String::new(),
    }
}

/// Returns what the two bodies say, or how they fail.
fn exchange(data: &[u8], piece: usize) -> String {
    let (id, had) = (ObjectId::from_bytes_or_panic(&[0x11; 20]), ObjectId::from_bytes_or_panic(&[0x22; 20]));
    let (mut lines, mut said) = (Lines::default(), String::new());
    let (mut advertisement, mut response) = (Advertisement::default(), FetchResponse::default());
    for piece in data.chunks(piece) {
        lines.push(piece);
        loop {
            let line = match lines.read() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => return format!("{said}{error}"),
            };
            let read = if advertisement.is_done() {
                response.line(&line)
            } else {
                advertisement.line(&line, id).map(|()| None)
            };
            match read {
                Ok(pack) => write!(said, "{pack:?}").expect("memory takes everything"),
                Err(error) => return format!("{said}{error}"),
            }
        }
    }
    let requests = (advertisement.request(id), advertisement.difference(id, had));
    format!("{said}{requests:?}{}{}", advertisement.is_done(), response.is_done())
}

/// A target: its name and its body.
type Target = (&'static str, fn(&[u8]));

/// All targets.
pub(super) const TARGETS: [Target; 3] = [("pack", pack), ("thin_pack", thin_pack), ("packet_lines", packet_lines)];
