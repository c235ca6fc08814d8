//! The zip container as git's `archive-zip.c` writes it, without seeking.
//!
//! Entries arrive with their sizes and checksum known, so readers of the stream need no data descriptor. Only files
//! that are too large to be compressed before their header is written use [`Writer::stream`].

use std::io::{self, Write};

use bstr::{BStr, BString};

use crate::calendar::civil;
use crate::object::{Kind, ObjectId};

/// The length of the longest path that a zip can hold, in bytes.
pub const LONGEST_PATH: usize = 0xffff;

const LIMIT_16: u64 = 0xffff;
const LIMIT_32: u64 = 0xffff_ffff;
const MADE_BY_UNIX: u16 = 0x0317;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_UTF8: u16 = 1 << 11;
/// `UT`, the extended timestamp: five bytes. The first byte says that only the modification time follows.
const EXTRA_TIME: u16 = 0x5455;
const EXTRA_ZIP64: u16 = 0x0001;

/// The compression method of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// No compression.
    Stored = 0,
    /// Raw deflate.
    Deflated = 8,
}

/// The fields of an entry's headers that describe its content.
#[derive(Debug, Clone, Copy)]
pub struct DataHeader {
    /// The compression method.
    pub method: Method,
    /// CRC-32 of the uncompressed content.
    pub crc: u32,
    /// The uncompressed size in bytes.
    pub size: u64,
    /// The size in the archive in bytes.
    pub compressed: u64,
    /// True if the content is text to git (bit 0 of the internal attributes).
    pub text: bool,
}

impl DataHeader {
    /// The header of a directory or a submodule, which have no content.
    pub const NONE: Self = Self { method: Method::Stored, crc: 0, size: 0, compressed: 0, text: false };
}

/// The identity of an entry: its path, its kind and its extra field.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The path with the prefix before it. Directories and submodules end in `/`.
    pub path: &'a BStr,
    /// The kind.
    pub kind: Kind,
    /// A complete extra field with its header, for the central directory after git's own fields. Empty for none.
    pub extra: &'a [u8],
}

/// A writer of one archive, front to back.
pub struct Writer<W> {
    out: W,
    offset: u64,
    directory: Vec<u8>,
    entries: u64,
    made_by: u16,
    seconds: i64,
}

impl<W: Write> Writer<W> {
    /// Starts an archive in `out` whose entries all have the time `seconds` (since 1970, UTC).
    pub fn new(out: W, seconds: i64) -> Self {
        Self { out, offset: 0, directory: Vec::new(), entries: 0, made_by: 0, seconds }
    }

    /// Returns the output, so that the bytes in it can be taken out.
    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// Returns the number of bytes written so far.
    pub fn written(&self) -> u64 {
        self.offset
    }

    /// Returns the number of entries written so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Writes an entry whose `data` is `content.compressed` bytes long.
    ///
    /// The data is written unchanged. A raw deflate stream that was made elsewhere, for example by git itself, needs
    /// a header that says [`Method::Deflated`].
    ///
    /// # Errors
    /// Fails for a path over 65,535 bytes, and if `out` fails.
    pub fn member(&mut self, member: Member<'_>, content: DataHeader, data: &[u8]) -> io::Result<()> {
        debug_assert_eq!(content.compressed, data.len() as u64, "the header must say what follows");
        let entry = self.open(member, content, 0)?;
        self.put(data)?;
        self.close(member, content, &entry);
        Ok(())
    }

    /// Begins an entry with a known compressed size. Its data follows with [`OpenMember::chunk`].
    pub fn sized<'a, 'm>(&'a mut self, member: Member<'m>, content: DataHeader) -> io::Result<OpenMember<'a, 'm, W>> {
        let entry = self.open(member, content, 0)?;
        Ok(OpenMember { writer: self, member, content, entry })
    }

    /// Begins an entry of `size` bytes. Its checksum and compressed size follow in a data descriptor.
    ///
    /// Git does so above 512 MiB (`core.bigFileThreshold`), and then deflates even data that does not get smaller.
    pub fn stream<'a, 'm>(
        &'a mut self,
        member: Member<'m>,
        method: Method,
        size: u64,
    ) -> io::Result<OpenMember<'a, 'm, W>> {
        let compressed = if method == Method::Stored { size } else { 0 };
        let content = DataHeader { method, crc: 0, size, compressed, text: false };
        let entry = self.open(member, content, FLAG_DESCRIPTOR)?;
        Ok(OpenMember { writer: self, member, content, entry })
    }

    /// Writes the central directory and, as git does, the commit's id as the comment.
    pub fn finish(mut self, commit: Option<ObjectId>) -> io::Result<W> {
        let directory = std::mem::take(&mut self.directory);
        let (start, size) = (self.offset, directory.len() as u64);
        self.put(&directory)?;
        if self.entries > LIMIT_16 || size > LIMIT_32 || start > LIMIT_32 {
            self.put(&self.zip64_end(start, size))?;
        }
        let comment = commit.map(|id| id.to_hex().to_string()).unwrap_or_default();
        let mut end = Fields::with(0x0605_4b50_u32.to_le_bytes());
        let entries = clamp16(self.entries);
        end.u16(0).u16(0).u16(entries).u16(entries).u32(clamp32(size)).u32(clamp32(start));
        end.u16(clamp16(comment.len() as u64));
        self.put(&end.0)?;
        self.put(comment.as_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn open(&mut self, member: Member<'_>, content: DataHeader, flags: u16) -> io::Result<Opened> {
        let name_length = u16::try_from(member.path.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the path is longer than 65,535 bytes"))?;
        let streamed = flags & FLAG_DESCRIPTOR != 0;
        let wide = content.size > LIMIT_32 || content.compressed > LIMIT_32 || (streamed && content.size > 0x7fff_ffff);
        let opened =
            Opened { offset: self.offset, flags: flags | utf8_flag(member.path), version: if wide { 45 } else { 10 } };
        let mut header = Fields::with(0x0403_4b50_u32.to_le_bytes());
        let (date, time) = dos_time(self.seconds);
        header.u16(opened.version).u16(opened.flags).u16(content.method as u16).u16(time).u16(date).u32(content.crc);
        let (compressed, size) = if wide { (LIMIT_32, LIMIT_32) } else { (content.compressed, content.size) };
        header.u32(clamp32(compressed)).u32(clamp32(size)).u16(name_length).u16(if wide { 29 } else { 9 });
        header.bytes(member.path).time_extra(self.seconds);
        if wide {
            header.u16(EXTRA_ZIP64).u16(16).u64(content.size).u64(content.compressed);
        }
        self.put(&header.0)?;
        Ok(opened)
    }

    fn close(&mut self, member: Member<'_>, content: DataHeader, entry: &Opened) {
        let made_by = if matches!(member.kind, Kind::Executable | Kind::Link) { MADE_BY_UNIX } else { 0 };
        self.made_by = self.made_by.max(made_by);
        self.entries += 1;
        let wide = zip64_field(content, entry.offset);
        let extra_length = 9 + wide.len() + member.extra.len();
        let (date, time) = dos_time(self.seconds);
        let mut row = Fields(std::mem::take(&mut self.directory));
        row.u32(0x0201_4b50).u16(made_by).u16(entry.version).u16(entry.flags).u16(content.method as u16);
        row.u16(time).u16(date).u32(content.crc).u32(clamp32(content.compressed)).u32(clamp32(content.size));
        row.u16(clamp16(member.path.len() as u64)).u16(clamp16(extra_length as u64)).u16(0).u16(0);
        row.u16(u16::from(content.text)).u32(external_attributes(member.kind)).u32(clamp32(entry.offset));
        row.bytes(member.path).time_extra(self.seconds).bytes(&wide).bytes(member.extra);
        self.directory = row.0;
    }

    fn zip64_end(&self, start: u64, size: u64) -> Vec<u8> {
        let mut end = Fields::with(0x0606_4b50_u32.to_le_bytes());
        end.u64(44).u16(self.made_by).u16(45).u32(0).u32(0).u64(self.entries).u64(self.entries).u64(size).u64(start);
        end.u32(0x0706_4b50).u32(0).u64(start + size).u32(1);
        end.0
    }
}

/// An entry whose data arrives in chunks.
#[must_use = "an entry that is not ended leaves a broken archive"]
pub struct OpenMember<'a, 'm, W> {
    writer: &'a mut Writer<W>,
    member: Member<'m>,
    content: DataHeader,
    entry: Opened,
}

impl<W: Write> OpenMember<'_, '_, W> {
    /// Writes the next chunk of the entry's data. The chunk is already deflated if the entry is.
    pub fn chunk(&mut self, data: &[u8]) -> io::Result<()> {
        self.writer.put(data)
    }

    /// Returns the output, so that the bytes in it can be taken out.
    pub fn out(&mut self) -> &mut W {
        self.writer.out()
    }

    /// Ends the entry with its final header, and writes the data descriptor if one was promised.
    pub fn end(self, content: DataHeader) -> io::Result<()> {
        let Self { writer, member, content: promised, entry } = self;
        if entry.flags & FLAG_DESCRIPTOR != 0 {
            let mut descriptor = Fields::with(0x0807_4b50_u32.to_le_bytes());
            descriptor.u32(content.crc);
            if content.size >= LIMIT_32 || content.compressed >= LIMIT_32 {
                descriptor.u64(content.compressed).u64(content.size);
            } else {
                descriptor.u32(clamp32(content.compressed)).u32(clamp32(content.size));
            }
            writer.put(&descriptor.0)?;
        } else if (promised.crc, promised.size, promised.compressed) != (content.crc, content.size, content.compressed)
        {
            return Err(io::Error::other("the second compression of a large file differs from the first"));
        }
        writer.close(member, content, &entry);
        Ok(())
    }
}

/// An entry after its local header, before its row in the directory.
struct Opened {
    offset: u64,
    flags: u16,
    version: u16,
}

/// A sequence of little-endian fields.
struct Fields(Vec<u8>);

impl Fields {
    fn with(magic: [u8; 4]) -> Self {
        Self(magic.to_vec())
    }
    fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.0.extend_from_slice(value);
        self
    }
    fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
    fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
    /// Adds the extended timestamp with the low 32 bits of the time, as git does.
    fn time_extra(&mut self, seconds: i64) -> &mut Self {
        self.u16(EXTRA_TIME).u16(5).bytes(&[1]).bytes(&seconds.to_le_bytes()[..4])
    }
}

/// Returns the zip64 field of the central directory, empty if none of the three values needs it.
fn zip64_field(content: DataHeader, offset: u64) -> Vec<u8> {
    let values = [content.size, content.compressed, offset];
    if values.iter().all(|&value| value <= LIMIT_32) {
        return Vec::new();
    }
    let wide: Vec<u64> = values.into_iter().filter(|&value| value >= LIMIT_32).collect();
    let mut fields = Fields(Vec::new());
    fields.u16(EXTRA_ZIP64).u16(clamp16(8 * wide.len() as u64));
    for value in wide {
        fields.u64(value);
    }
    fields.0
}

fn external_attributes(kind: Kind) -> u32 {
    match kind {
        Kind::File => 0,
        Kind::Executable => 0o100_755 << 16,
        Kind::Link => 0o120_777 << 16,
        Kind::Directory | Kind::Submodule => 0x10,
    }
}

fn utf8_flag(path: &BStr) -> u16 {
    // Git's `is_utf8` refuses the two noncharacters at the end of the first plane.
    let is_utf8 = std::str::from_utf8(path).is_ok_and(|path| !path.contains(['\u{fffe}', '\u{ffff}']));
    if is_utf8 && !path.is_ascii() { FLAG_UTF8 } else { 0 }
}

fn clamp16(value: u64) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

fn clamp32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Returns the MS-DOS date and time in UTC. Years outside 1980–2107 wrap around, as in git.
fn dos_time(seconds: i64) -> (u16, u16) {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let date = day + month * 32 + (year - 1980) * 512;
    let time = second % 60 / 2 + second / 60 % 60 * 32 + second / 3600 * 2048;
    (low16(date), low16(time))
}

fn low16(value: i64) -> u16 {
    let bytes = value.to_le_bytes();
    u16::from_le_bytes([bytes[0], bytes[1]])
}

/// Returns the path of an entry in the archive: with the prefix, and a `/` at the end of folders and submodules.
pub fn member_path(prefix: &BStr, path: &BStr, kind: Kind) -> BString {
    let mut name = BString::from(Vec::with_capacity(prefix.len() + path.len() + 1));
    name.extend_from_slice(prefix);
    name.extend_from_slice(path);
    if !kind.has_content() {
        name.push(b'/');
    }
    name
}
