//! The packer: converts, substitutes and deflates the content of each file of an archive.

use std::borrow::Cow;

use bstr::{BStr, BString, ByteSlice};
use bytes::Bytes;

use crate::attributes::{Attributes, PathAttributes};
use crate::central_directory::Located;
use crate::convert::{Bounds, ConvertError};
use crate::deflate::Deflate;
use crate::object::{Commit, Entry, Kind, hash};
use crate::work::{Stopped, Work};
use crate::zip::Method;
use crate::{central_directory, convert, substitute, zip};

/// The default level, which is git's.
pub const DEFAULT_LEVEL: u8 = 6;

/// Git's default `core.bigFileThreshold` in bytes. Above it nothing is converted, and the sizes follow the data.
pub const BIG_FILE: u64 = 512 << 20;

/// The beginning of a Git LFS pointer.
pub const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The settings that turn the contents of one archive into its entries.
#[derive(Debug)]
pub struct Packer {
    /// The commit, for `export-subst`. `None` for a bare tree, in which git substitutes nothing.
    pub commit: Option<Commit>,
    /// The attributes of the tree.
    pub attributes: Attributes,
    /// The number of digits of abbreviated ids in `export-subst`.
    pub abbreviation: usize,
    /// The level, 0 (stored) to 9.
    pub level: u8,
    /// The function that deflates.
    pub deflate: Deflate,
    /// True if deflate streams that others made may be copied: they are valid, but the bytes of the zip then depend on
    /// their maker. False if equal contents always have equal bytes in the zip.
    pub reuse_deflate: bool,
    /// True if entries are tagged, so that the next archive can reuse what has not changed.
    pub tagged: bool,
    /// The largest number of bytes of converted content. Conversion holds two such contents at once.
    pub limit: u64,
    /// The limit on the work of the archive.
    pub work: Work,
}

/// A file that is ready to be written.
#[derive(Debug, Clone)]
pub struct PackedFile {
    /// The header.
    pub content: zip::DataHeader,
    /// The data, deflated or stored.
    pub data: Bytes,
    /// True if others may have deflated the data, or decided not to.
    pub copied: bool,
    /// The warnings for the user.
    pub warnings: Vec<String>,
}

impl Packer {
    /// Returns the attributes of an entry. Compute them once, and pass them to the other functions.
    pub fn attributes_of(&self, entry: &Entry) -> Result<PathAttributes, Stopped> {
        self.attributes.of(entry.path.as_bstr(), entry.kind == Kind::Directory, &self.work)
    }

    /// Returns the extra field of an entry, for the next archive: its id, and whether its data were `copied`.
    /// Directories have none.
    pub fn tag(&self, entry: &Entry, copied: bool) -> Vec<u8> {
        let tagged = self.tagged && entry.kind != Kind::Directory;
        if tagged { central_directory::tag(entry.id, self.level, copied) } else { Vec::new() }
    }

    /// Returns whether the entry's content goes into the archive as it is in Git.
    pub fn keeps_content(&self, entry: &Entry, attributes: &PathAttributes) -> bool {
        let substitutes = attributes.export_subst && self.commit.is_some();
        entry.kind == Kind::Link || !substitutes && !convert::needs_conversion(attributes)
    }

    /// Returns whether another program's raw deflate stream of the blob may become the data of the entry.
    ///
    /// It may if the entry is a file that nothing converts, and the level is Git's default. Another level asks for our
    /// own deflate. The caller verifies the stream, and stores the content if the stream is not smaller.
    pub fn may_copy(&self, entry: &Entry, attributes: &PathAttributes) -> bool {
        self.reuse_deflate
            && entry.kind.is_file()
            && self.level == DEFAULT_LEVEL
            && self.keeps_content(entry, attributes)
    }

    /// Returns whether an entry of `size` bytes may be compressed in chunks.
    ///
    /// This is the case if nothing converts it. Git does not convert files above `core.bigFileThreshold`, so these may
    /// be compressed in chunks unless git substitutes in them.
    pub fn streams(&self, entry: &Entry, attributes: &PathAttributes, size: u64) -> bool {
        let substitutes = attributes.export_subst && self.commit.is_some();
        self.keeps_content(entry, attributes) || size > BIG_FILE && !substitutes
    }

    /// Returns the text bit of an entry. Only the first [`convert::FIRST_FEW_BYTES`] of its final content count.
    pub fn text_bit(&self, attributes: &PathAttributes, beginning: &[u8]) -> bool {
        !convert::is_binary_entry(attributes, beginning)
    }

    /// Converts and deflates the content of a file or link.
    pub fn pack(&self, entry: &Entry, attributes: &PathAttributes, blob: Bytes) -> Result<PackedFile, ConvertError> {
        self.work.spend(1)?;
        let mut warnings = Vec::new();
        let keeps = self.keeps_content(entry, attributes);
        let content = if keeps { blob } else { self.convert(entry, attributes, &blob, &mut warnings)? };
        if content.starts_with(LFS_POINTER) && entry.kind != Kind::Link {
            warnings.push(lfs_warning(entry));
        }
        let text = self.text_bit(attributes, &content);
        let deflated = if entry.kind == Kind::Link { None } else { self.deflated(&content) };
        Ok(packed(&content, deflated, text, warnings))
    }

    /// Stores the content of a file that nothing converts, and that others found not to get smaller.
    pub fn store(&self, attributes: &PathAttributes, content: &Bytes) -> PackedFile {
        let text = self.text_bit(attributes, content);
        PackedFile { copied: true, ..packed(content, None, text, Vec::new()) }
    }

    /// Deflates a file that is in no tree.
    ///
    /// It is never converted. Only the attribute `diff` counts. As in git's archive-zip.c, as many bytes as the
    /// prefix has are cut off the path before the attribute is looked up.
    pub fn pack_extra(&self, file: &ExtraFile, prefix: &BStr) -> Result<PackedFile, Stopped> {
        let attributes = match file.path.get(prefix.len()..) {
            None | Some(b"") => PathAttributes::default(),
            Some(path) => self.attributes.of(path.as_bstr(), false, &self.work)?,
        };
        let text = self.text_bit(&attributes, &file.content);
        Ok(packed(&file.content, self.deflated(&file.content), text, Vec::new()))
    }

    /// Returns the entry with the data of an earlier archive, if their content has the entry's id. The text bit is
    /// computed again.
    pub fn reuse(
        &self,
        entry: &Entry,
        attributes: &PathAttributes,
        located: Located,
        data: Bytes,
    ) -> Option<PackedFile> {
        // Git stores links, and content that deflate does not make smaller.
        let deflated = located.method == Method::Deflated;
        if deflated && (entry.kind == Kind::Link || data.len() as u64 >= located.size) {
            return None;
        }
        let content = located.content(&data)?;
        if hash::blob_id(&content) != Ok(entry.id) {
            return None;
        }
        let content = zip::DataHeader {
            method: located.method,
            crc: crc32fast::hash(&content),
            size: content.len() as u64,
            compressed: data.len() as u64,
            text: self.text_bit(attributes, &content),
        };
        Some(PackedFile { content, data, copied: located.copied, warnings: Vec::new() })
    }

    fn deflated(&self, content: &[u8]) -> Option<Vec<u8>> {
        if self.level == 0 || content.is_empty() { None } else { (self.deflate)(content, self.level) }
    }

    fn convert(
        &self,
        entry: &Entry,
        attributes: &PathAttributes,
        blob: &Bytes,
        warnings: &mut Vec<String>,
    ) -> Result<Bytes, ConvertError> {
        let bounds = Bounds { limit: self.limit, work: &self.work };
        let mut notes = Vec::new();
        let mut content = convert::convert(Cow::Borrowed(blob), attributes, entry.id, bounds, &mut notes)?;
        warnings.extend(notes.into_iter().map(|note| format!("{}: {note}", entry.path)));
        if let Some(commit) = self.commit.as_ref().filter(|_| attributes.export_subst) {
            let mut notes = Vec::new();
            content = substitute::substitute(content, commit, self.abbreviation, bounds, &mut notes)?;
            warnings.extend(notes.into_iter().map(|note| format!("{}: {note}", entry.path)));
        }
        Ok(match content {
            Cow::Borrowed(_) => blob.clone(),
            Cow::Owned(content) => content.into(),
        })
    }
}

/// Returns the warning for a file that is a pointer of Git LFS.
pub fn lfs_warning(entry: &Entry) -> String {
    format!("{} is a Git LFS pointer and stays one", entry.path)
}

fn packed(content: &Bytes, deflated: Option<Vec<u8>>, text: bool, warnings: Vec<String>) -> PackedFile {
    let (method, data) =
        deflated.map_or_else(|| (Method::Stored, content.clone()), |data| (Method::Deflated, data.into()));
    let content = zip::DataHeader {
        method,
        crc: crc32fast::hash(content),
        size: content.len() as u64,
        compressed: data.len() as u64,
        text,
    };
    PackedFile { content, data, copied: false, warnings }
}

/// A file that is in no tree, as from `git archive --add-file`. Such files follow the entries of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFile {
    /// The whole path in the archive, prefix included.
    pub path: BString,
    /// True if the file is executable.
    pub executable: bool,
    /// The content.
    pub content: Bytes,
}

/// Returns the path of the prefix's own directory entry, if the prefix ends in a slash. Several slashes become one.
pub fn prefix_directory(prefix: &BStr) -> Option<BString> {
    let end = prefix.iter().rposition(|byte| *byte != b'/').map_or(1, |last| last + 2);
    (prefix.last() == Some(&b'/')).then(|| prefix[..end.min(prefix.len())].into())
}
