//! The central directory of an earlier archive, used as a cache that is never trusted.
//!
//! Files, links and submodules have their Git id, a version and the level in an extra field of the central directory.
//! The highest bit of the level means that another program, such as the Git server, may have deflated the data, or
//! decided to store them. A reader that does not know the bit sees an unknown level, and does not reuse the entry. A
//! folder counts only under the tree id that is recomputed from its entries, and content only if it hashes to the
//! wanted id. So a foreign, truncated or hostile archive costs time, but never changes a byte of the next one.

use std::borrow::Cow;
use std::collections::HashMap;

use bstr::{BString, ByteSlice};

use crate::deflate;
use crate::object::hash;
use crate::object::{Kind, ObjectId};
use crate::zip::Method;

/// The id of the extra field, "CM", from the range that APPNOTE leaves to third parties.
const EXTRA_GIT: u16 = 0x4d43;
/// The version of the field and of the compressor's output, which may change with libdeflate.
const VERSION: u8 = 1;
/// The bit of the level that says that another program may have deflated the data.
const COPIED: u8 = 0x80;
const EXTRA_ZIP64: u16 = 0x0001;
const END: &[u8] = &[0x50, 0x4b, 0x05, 0x06];
const END_LENGTH: usize = 22;
const COMMENT_LENGTH: usize = 40;
/// The length of the zip64 end record and its locator, which precede the end record.
const ZIP64_END_LENGTH: usize = 56 + 20;
/// The length of one of our local headers without the path: the fixed part and the time.
const LOCAL_HEADER_LENGTH: u64 = 30 + 9;

/// The entries of one folder, in any order.
pub type Folder = Vec<(Kind, BString, ObjectId)>;

/// The place of content in an archive, and what its headers claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The offset of the data.
    pub start: u64,
    /// The size in the archive in bytes.
    pub compressed: u64,
    /// The uncompressed size in bytes.
    pub size: u64,
    /// The compression method.
    pub method: Method,
    /// True if another program, or another version of the engine, may have deflated the data.
    pub copied: bool,
}

/// The parsed directory of an archive.
#[derive(Debug, Default)]
pub struct Directory {
    /// The folders by their recomputed tree ids.
    pub folders: HashMap<ObjectId, Folder>,
    /// The contents by their ids and by whether they are links, which are never compressed.
    pub contents: HashMap<(ObjectId, bool), Located>,
}

/// Returns the extra field of an entry. `copied` says whether another program deflated the data.
pub fn tag(id: ObjectId, level: u8, copied: bool) -> Vec<u8> {
    let level = if copied { level | COPIED } else { level };
    let mut field = Vec::with_capacity(26);
    field.extend_from_slice(&EXTRA_GIT.to_le_bytes());
    field.extend_from_slice(&22_u16.to_le_bytes());
    field.extend_from_slice(&[VERSION, level]);
    field.extend_from_slice(id.as_bytes());
    field
}

/// Returns the commit that an archive names in its comment, by the last bytes of the archive.
pub fn commit(tail: &[u8]) -> Option<ObjectId> {
    ObjectId::from_hex(tail.get(tail.len().checked_sub(COMMENT_LENGTH)?..)?).ok()
}

/// Finds the directory by the last bytes of an archive: its offset and size, or `None` if we did not write the archive.
pub fn locate(tail: &[u8], archive: u64) -> Option<(u64, u64)> {
    let end = tail.len().checked_sub(END_LENGTH + COMMENT_LENGTH)?;
    let record = tail[end..].strip_prefix(END)?;
    let (mut size, mut offset) = (u64::from(u32_at(record, 8)?), u64::from(u32_at(record, 12)?));
    if size == 0xffff_ffff || offset == 0xffff_ffff || u16_at(record, 6)? == 0xffff {
        let wide = tail.get(end.checked_sub(ZIP64_END_LENGTH)?..)?.strip_prefix(&[0x50, 0x4b, 0x06, 0x06])?;
        (size, offset) = (u64_at(wide, 36)?, u64_at(wide, 44)?);
    }
    (offset.checked_add(size)? <= archive).then_some((offset, size))
}

impl Located {
    /// Returns the content of the data, or `None` if the data is different or too long.
    pub fn content<'a>(&self, data: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match self.method {
            Method::Stored => Some(data.into()),
            Method::Deflated => Some(deflate::inflate(data, usize::try_from(self.size).ok()?)?.into()),
        }
    }
}

impl Directory {
    /// Parses a central directory up to the first row that is malformed.
    ///
    /// `contents` lists only entries of the same version and level. Entries that were copied are listed only with
    /// `reuse_deflate`.
    pub fn parse(mut bytes: &[u8], level: u8, reuse_deflate: bool) -> Self {
        let mut directory = Self::default();
        let mut open = OpenFolders { folders: &mut directory.folders, path: vec![(b"", Folder::new())] };
        while let Some((row, rest)) = row(bytes) {
            bytes = rest;
            let path = row.path.strip_suffix(b"/").unwrap_or(row.path);
            // A real name has no NUL. With a NUL, one entry could hash like several entries.
            if path.contains(&0) {
                continue;
            }
            let (folder, name) = path.rsplit_once_str("/").unwrap_or((b"", path));
            match row.tag {
                Some(tag) => {
                    let is_usable = tag.level == level && (reuse_deflate || !tag.copied);
                    if is_usable && row.kind != Kind::Submodule {
                        directory.contents.insert((tag.id, row.kind == Kind::Link), row.located);
                    }
                    open.entry(folder, (row.kind, name.into(), tag.id));
                }
                None if row.path.ends_with(b"/") => open.folder(folder, path),
                None => {}
            }
        }
        open.close();
        directory
    }
}

/// The folders that lead to the current row, the root first.
///
/// In git's order, a folder's row comes before its entries, and all of these are adjacent. An entry anywhere else is
/// left out, and its folder then does not get its tree id. There are therefore never more folders than rows.
struct OpenFolders<'a, 'd> {
    folders: &'d mut HashMap<ObjectId, Folder>,
    path: Vec<(&'a [u8], Folder)>,
}

impl<'a> OpenFolders<'a, '_> {
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

    /// Closes folders until this one is the last, and returns its entries. Returns `None` if it is not open.
    fn enter(&mut self, folder: &[u8]) -> Option<&mut Folder> {
        while self.path.len() > 1 && self.path.last().is_some_and(|(path, _)| *path != folder) {
            self.close_one();
        }
        self.path.last_mut().filter(|(path, _)| *path == folder).map(|(_, entries)| entries)
    }

    /// Computes the last folder's tree id, and adds it to the entries of its parent.
    fn close_one(&mut self) {
        let Some((path, mut entries)) = self.path.pop() else { return };
        // If a folder's entries are a collision attack, it stays unknown, and so do its parents.
        let Ok(id) = hash::tree_id(&mut entries) else { return };
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
    tag: Option<Tag>,
}

/// The extra field of an entry.
struct Tag {
    id: ObjectId,
    level: u8,
    copied: bool,
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
        copied: tag.as_ref().is_some_and(|tag| tag.copied),
    };
    apply_zip64(&mut located, extra);
    // If the local header is longer than ours, the content is not at this place, and its hash will show that.
    located.start = located.start.saturating_add(LOCAL_HEADER_LENGTH + path.len() as u64);
    Some((Row { path, kind: kind_of(path, u32_at(rest, 34)?), located, tag }, next))
}

fn tag_of(field: &[u8]) -> Option<Tag> {
    let (head, id) = field.split_at_checked(2)?;
    if head[0] != VERSION || id.len() != 20 {
        return None;
    }
    let id = ObjectId::from_bytes_or_panic(id);
    Some(Tag { id, level: head[1] & !COPIED, copied: head[1] & COPIED != 0 })
}

/// Returns the kind of an entry with an id. A directory with an id is a submodule, because folders have no id.
fn kind_of(path: &[u8], external: u32) -> Kind {
    match external >> 16 {
        _ if path.ends_with(b"/") => Kind::Submodule,
        0o120_777 => Kind::Link,
        0o100_755 => Kind::Executable,
        _ => Kind::File,
    }
}

/// Takes the values that do not fit in the row from the zip64 field, in the field's order.
fn apply_zip64(located: &mut Located, extra: &[u8]) {
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
