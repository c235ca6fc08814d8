//! A zip, read field by field from its central directory and its local headers.

/// All fields of a zip that do not depend on the deflate. The deflate also decides whether a short content is
/// compressed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Zip {
    pub(crate) entries: Vec<Entry>,
    comment: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    path: String,
    made_by: u16,
    needed: u16,
    flags: u16,
    time: u32,
    crc: u32,
    size: u32,
    internal: u16,
    external: u32,
    extra: Vec<u8>,
    local: Local,
    content: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
struct Local {
    path: String,
    needed: u16,
    flags: u16,
    time: u32,
    crc: u32,
    size: u32,
    extra: Vec<u8>,
}

impl Zip {
    pub(crate) fn read(zip: &[u8]) -> Self {
        let end = zip.windows(4).rposition(|window| window == b"PK\x05\x06").expect("an end of the central directory");
        let mut rest = &zip[index(u32_at(zip, end + 16))..end];
        let mut entries = Vec::new();
        while rest.starts_with(b"PK\x01\x02") {
            let (name, extra, comment) = (length(rest, 28), length(rest, 30), length(rest, 32));
            entries.push(entry(zip, rest, name, extra));
            rest = &rest[46 + name + extra + comment..];
        }
        assert!(rest.is_empty() && entries.len() == length(zip, end + 10), "the directory has what it says");
        Self { entries, comment: zip[end + 22..].to_vec() }
    }
}

fn entry(zip: &[u8], header: &[u8], name: usize, extra: usize) -> Entry {
    let start = index(u32_at(header, 42));
    let local = &zip[start..];
    assert!(local.starts_with(b"PK\x03\x04"), "a local header");
    let (local_name, local_extra) = (length(local, 26), length(local, 28));
    let data = &local[30 + local_name + local_extra..][..index(u32_at(header, 20))];
    let (method, size) = (u16_at(header, 10), u32_at(header, 24));
    assert_eq!(method, u16_at(local, 8), "both headers say the same");
    assert!(if method == 0 { data.len() == index(size) } else { data.len() < index(size) }, "stored unless smaller");
    Entry {
        path: text(&header[46..46 + name]),
        made_by: u16_at(header, 4),
        needed: u16_at(header, 6),
        flags: u16_at(header, 8),
        time: u32_at(header, 12),
        crc: u32_at(header, 16),
        size,
        internal: u16_at(header, 36),
        external: u32_at(header, 38),
        extra: header[46 + name..46 + name + extra].to_vec(),
        local: Local {
            path: text(&local[30..30 + local_name]),
            needed: u16_at(local, 4),
            flags: u16_at(local, 6),
            time: u32_at(local, 10),
            crc: u32_at(local, 14),
            size: u32_at(local, 22),
            extra: local[30 + local_name..30 + local_name + local_extra].to_vec(),
        },
        content: if method == 0 { data.to_vec() } else { inflated(data) },
    }
}

fn inflated(data: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::DeflateDecoder::new(data), &mut content).expect("deflated data");
    content
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("it fits")
}

fn length(bytes: &[u8], at: usize) -> usize {
    u16_at(bytes, at).into()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}
