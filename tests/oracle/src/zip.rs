//! Reads the entries of a zip exactly as the format says (`APPNOTE.TXT`), and compares zips field by field.

use std::io::Read as _;

use bstr::{BString, ByteSlice as _};
use flate2::read::DeflateDecoder;

/// One entry: all fields of its headers, except sizes and places in the file, which depend on the deflate.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub path: BString,
    pub made_by: u16,
    pub needed: u16,
    pub flags: u16,
    pub method: u16,
    pub time_and_date: u32,
    pub crc: u32,
    pub internal: u16,
    pub external: u32,
    pub extra: BString,
    pub content: Vec<u8>,
}

/// Returns the entries in the order of the central directory, and the comment. Does not support zip64.
pub fn read(zip: &[u8]) -> (Vec<Row>, BString) {
    let end = zip.rfind(b"PK\x05\x06").expect("an end of the central directory");
    let (entries, start) = (u16_at(zip, end + 10), u32_at(zip, end + 16));
    let comment = &zip[end + 22..];
    assert_eq!(comment.len(), usize::from(u16_at(zip, end + 20)), "nothing is behind the comment");
    let mut at = start as usize;
    let mut rows = Vec::new();
    for _ in 0..entries {
        let (row, next) = row(zip, at);
        rows.push(row);
        at = next;
    }
    assert_eq!(at, end, "the directory is as long as it says");
    (rows, comment.into())
}

/// Checks that two zips have the same entries in the same order.
#[track_caller]
pub fn assert_same(ours: &[u8], gits: &[u8]) {
    let ((ours, our_comment), (gits, git_comment)) = (read(ours), read(gits));
    let paths = |rows: &[Row]| rows.iter().map(|row| row.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&ours), paths(&gits));
    for (our, git) in ours.iter().zip(&gits) {
        assert_eq!(our, git);
    }
    assert_eq!(our_comment, git_comment);
}

/// Reads one row of the directory with its content. The local header must agree with the row.
fn row(zip: &[u8], at: usize) -> (Row, usize) {
    assert_eq!(u32_at(zip, at), 0x0201_4b50, "a row of the directory");
    let [name, extra, comment] = [28, 30, 32].map(|field| usize::from(u16_at(zip, at + field)));
    let (compressed, size, place) = (u32_at(zip, at + 20), u32_at(zip, at + 24), u32_at(zip, at + 42) as usize);
    assert_eq!(u32_at(zip, place), 0x0403_4b50, "a local header");
    assert_eq!(zip[place + 4..place + 14], zip[at + 6..at + 16], "version, flags, method, time");
    assert_eq!(zip[place + 26..place + 28], zip[at + 28..at + 30], "length of the name");
    let extra_here = usize::from(u16_at(zip, place + 28));
    let data = place + 30 + name + extra_here;
    let data = &zip[data..data + compressed as usize];
    let mut content = Vec::new();
    match u16_at(zip, at + 10) {
        0 => content.extend(data),
        8 => drop(DeflateDecoder::new(data).read_to_end(&mut content).expect("deflated data")),
        method => panic!("method {method}"),
    }
    assert_eq!(content.len(), size as usize);
    assert_eq!(crc32fast::hash(&content), u32_at(zip, at + 16));
    let row = Row {
        path: zip[at + 46..at + 46 + name].into(),
        made_by: u16_at(zip, at + 4),
        needed: u16_at(zip, at + 6),
        flags: u16_at(zip, at + 8),
        method: u16_at(zip, at + 10),
        time_and_date: u32_at(zip, at + 12),
        crc: u32_at(zip, at + 16),
        internal: u16_at(zip, at + 36),
        external: u32_at(zip, at + 38),
        extra: without_tag(&zip[at + 46 + name..at + 46 + name + extra]).into(),
        content,
    };
    (row, at + 46 + name + extra + comment)
}

/// Removes the field that our own archives may have for the cache, and that git does not write.
fn without_tag(mut fields: &[u8]) -> Vec<u8> {
    let mut rest = Vec::new();
    while !fields.is_empty() {
        let (field, behind) = fields.split_at(4 + usize::from(u16_at(fields, 2)));
        if !field.starts_with(b"CM") {
            rest.extend(field);
        }
        fields = behind;
    }
    rest
}

pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Checks that the bytes are equal, or names the first place where they differ.
#[track_caller]
pub fn assert_equal_bytes(ours: &[u8], gits: &[u8], what: &str) {
    let place = ours.iter().zip(gits).position(|(our, git)| our != git);
    assert!(ours == gits, "{what}: {} and {} bytes, which differ at {place:?}", ours.len(), gits.len());
}
