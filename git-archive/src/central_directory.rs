//! The directory of an archive that we wrote earlier, as a cache that is never trusted.
//!
//! Files, links and submodules carry their Git id, a version and the compressor in an extra field of the central directory. What
//! it says of folders counts only where the tree ids recomputed from it are those that are wanted, what it says of contents only
//! where they hash to the wanted ids. So a foreign, a truncated or a hostile archive costs time, but never a byte of the next one.

use std::borrow::Cow;
use std::collections::HashMap;

use bstr::{BString, ByteSlice};

use crate::deflate;
use crate::object::hash;
use crate::object::{Kind, ObjectId};
use crate::zip::Method;

/// The extra field's id, of those that APPNOTE leaves to third parties: "CM".
const EXTRA_GIT: u16 = 0x4d43;
/// The version of what is in it, and of what the compressor makes: libdeflate's output may change with its version.
const VERSION: u8 = 1;
const EXTRA_ZIP64: u16 = 0x0001;
const END: &[u8] = &[0x50, 0x4b, 0x05, 0x06];
const END_LENGTH: usize = 22;
const COMMENT_LENGTH: usize = 40;
/// The zip64 end record and its locator, directly before the end record.
const WIDE_END_LENGTH: usize = 56 + 20;
/// A local header of ours without the path: its fixed part, and the time.
const LOCAL_HEADER_LENGTH: u64 = 30 + 9;

/// One folder's entries, in any order.
pub type Folder = Vec<(Kind, BString, ObjectId)>;

/// Where a content is in an archive, and what its headers claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// Where its data begins.
    pub start: u64,
    /// Its size in the archive in bytes.
    pub compressed: u64,
    /// Its uncompressed size in bytes.
    pub size: u64,
    /// How it is kept.
    pub method: Method,
}

/// What the directory of an archive tells.
#[derive(Debug, Default)]
pub struct Directory {
    /// The folders whose entries it knows, by the tree ids that they have.
    pub folders: HashMap<ObjectId, Folder>,
    /// The contents, by their ids and whether they are links (which are never compressed).
    pub contents: HashMap<(ObjectId, bool), Located>,
}

/// The extra field of an entry.
pub fn tag(id: ObjectId, level: u8) -> Vec<u8> {
    let mut field = Vec::with_capacity(26);
    field.extend_from_slice(&EXTRA_GIT.to_le_bytes());
    field.extend_from_slice(&22_u16.to_le_bytes());
    field.extend_from_slice(&[VERSION, level]);
    field.extend_from_slice(id.as_bytes());
    field
}

/// Where the directory is, by the last bytes of an archive of ours: its offset and its size. None for what we did not write.
pub fn locate(tail: &[u8], archive: u64) -> Option<(u64, u64)> {
    let end = tail.len().checked_sub(END_LENGTH + COMMENT_LENGTH)?;
    let record = tail[end..].strip_prefix(END)?;
    let (mut size, mut offset) = (u64::from(u32_at(record, 8)?), u64::from(u32_at(record, 12)?));
    if size == 0xffff_ffff || offset == 0xffff_ffff || u16_at(record, 6)? == 0xffff {
        let wide = tail.get(end.checked_sub(WIDE_END_LENGTH)?..)?.strip_prefix(&[0x50, 0x4b, 0x06, 0x06])?;
        (size, offset) = (u64_at(wide, 36)?, u64_at(wide, 44)?);
    }
    (offset.checked_add(size)? <= archive).then_some((offset, size))
}

impl Located {
    /// The content that these data are, if they are that and no more.
    pub fn content<'a>(&self, data: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match self.method {
            Method::Stored => Some(data.into()),
            Method::Deflated => Some(deflate::inflate(data, usize::try_from(self.size).ok()?)?.into()),
        }
    }
}

impl Directory {
    /// Reads a central directory as far as it makes sense. Only entries that the same compressor at the same level has made
    /// give contents.
    pub fn parse(mut bytes: &[u8], level: u8) -> Self {
        let mut directory = Self::default();
        let mut open = Open { folders: &mut directory.folders, path: vec![(b"", Folder::new())] };
        while let Some((row, rest)) = row(bytes) {
            bytes = rest;
            let path = row.path.strip_suffix(b"/").unwrap_or(row.path);
            // No name has a NUL, and with one an entry could hash as if it were several.
            if path.contains(&0) {
                continue;
            }
            let (folder, name) = path.rsplit_once_str("/").unwrap_or((b"", path));
            match row.tag {
                Some((id, made_at)) => {
                    if made_at == level && row.kind != Kind::Submodule {
                        directory.contents.insert((id, row.kind == Kind::Link), row.located);
                    }
                    open.entry(folder, (row.kind, name.into(), id));
                }
                None if row.path.ends_with(b"/") => open.folder(folder, path),
                None => {}
            }
        }
        open.close();
        directory
    }
}

/// The folders that lead to the row that is read, the root first. In git's order a folder's row comes before what is in it, and all
/// of that stands together; what stands elsewhere is left out, and then the folder does not have its tree id. So there are never
/// more folders than rows.
struct Open<'a, 'd> {
    folders: &'d mut HashMap<ObjectId, Folder>,
    path: Vec<(&'a [u8], Folder)>,
}

impl<'a> Open<'a, '_> {
    fn entry(&mut self, folder: &[u8], entry: (Kind, BString, ObjectId)) {
        if let Some(entries) = self.enter(folder) {
            entries.push(entry);
        }
    }

    fn folder(&mut self, parent: &[u8], path: &'a [u8]) {
        if self.enter(parent).is_some() {
            self.path.push((path, Folder::new()));
        }
    }

    /// Closes what is open until this folder is the last; none if it is not open.
    fn enter(&mut self, folder: &[u8]) -> Option<&mut Folder> {
        while self.path.len() > 1 && self.path.last().is_some_and(|(path, _)| *path != folder) {
            self.close_one();
        }
        self.path.last_mut().filter(|(path, _)| *path == folder).map(|(_, entries)| entries)
    }

    /// Computes the last folder's tree id, into its parent's entries.
    fn close_one(&mut self) {
        let Some((path, mut entries)) = self.path.pop() else { return };
        let id = hash::tree_id(&mut entries);
        self.folders.insert(id, entries);
        if let Some((_, parent)) = self.path.last_mut() {
            let name = path.rsplit_once_str("/").map_or(path, |(_, name)| name);
            parent.push((Kind::Directory, name.into(), id));
        }
    }

    fn close(mut self) {
        while !self.path.is_empty() {
            self.close_one();
        }
    }
}

struct Row<'a> {
    path: &'a [u8],
    kind: Kind,
    located: Located,
    tag: Option<(ObjectId, u8)>,
}

fn row(bytes: &[u8]) -> Option<(Row<'_>, &[u8])> {
    let rest = bytes.strip_prefix(&[0x50, 0x4b, 0x01, 0x02])?;
    let [path, extra, comment] = [24, 26, 28].map(|at| u16_at(rest, at).map(usize::from));
    let (path, extra, comment) = (path?, extra?, comment?);
    let variable = rest.get(42..)?;
    let next = variable.get(path + extra + comment..)?;
    let (path, extra) = (&variable[..path], &variable[path..path + extra]);
    let method = match u16_at(rest, 6)? {
        0 => Method::Stored,
        8 => Method::Deflated,
        _ => return None,
    };
    let tag = fields(extra).find(|(id, _)| *id == EXTRA_GIT).and_then(|(_, field)| tag_of(field));
    let mut located = Located {
        start: u32_at(rest, 38)?.into(),
        compressed: u32_at(rest, 16)?.into(),
        size: u32_at(rest, 20)?.into(),
        method,
    };
    widen(&mut located, extra);
    // What has a longer local header than ours is not found there, as its hash will tell.
    located.start = located.start.saturating_add(LOCAL_HEADER_LENGTH + path.len() as u64);
    Some((Row { path, kind: kind_of(path, u32_at(rest, 34)?), located, tag }, next))
}

fn tag_of(field: &[u8]) -> Option<(ObjectId, u8)> {
    let (head, id) = field.split_at_checked(2)?;
    (head[0] == VERSION && id.len() == 20).then(|| (ObjectId::from_bytes_or_panic(id), head[1]))
}

/// A directory that carries an id is a submodule; directories themselves carry none.
fn kind_of(path: &[u8], external: u32) -> Kind {
    match external >> 16 {
        _ if path.ends_with(b"/") => Kind::Submodule,
        0o120_777 => Kind::Link,
        0o100_755 => Kind::Executable,
        _ => Kind::File,
    }
}

/// Takes from the zip64 field what the row itself has no room for, in the field's order.
fn widen(located: &mut Located, extra: &[u8]) {
    let Some((_, mut field)) = fields(extra).find(|(id, _)| *id == EXTRA_ZIP64) else { return };
    for value in [&mut located.size, &mut located.compressed, &mut located.start] {
        if *value == 0xffff_ffff
            && let Some(wide) = u64_at(field, 0)
        {
            *value = wide;
            field = &field[8..];
        }
    }
}

fn fields(mut extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (id, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let field = extra.get(4..4 + length)?;
        extra = &extra[4 + length..];
        Some((id, field))
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}
