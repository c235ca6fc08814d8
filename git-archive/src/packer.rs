//! One file of an archive: its content converted, substituted and deflated, ready to be written.

use std::borrow::Cow;

use bstr::{BStr, BString, ByteSlice};
use bytes::Bytes;

use crate::attributes::{Attributes, PathAttributes};
use crate::central_directory::Located;
use crate::convert::ConvertError;
use crate::deflate::Deflate;
use crate::object::{Commit, Entry, Kind, hash};
use crate::zip::Method;
use crate::{central_directory, convert, substitute, zip};

/// Git's default level.
pub const DEFAULT_LEVEL: u8 = 6;

/// Git's default `core.bigFileThreshold`, in bytes: above it, nothing is converted, and sizes stand behind the data.
pub const BIG_FILE: u64 = 512 << 20;

/// A Git LFS pointer begins so.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// How the contents of one archive become its entries.
#[derive(Debug)]
pub struct Packer {
    /// The commit, for `export-subst`; none for a bare tree, in which git substitutes nothing.
    pub commit: Option<Commit>,
    /// What the tree's `.gitattributes` say.
    pub attributes: Attributes,
    /// Digits of abbreviated ids in `export-subst`.
    pub abbreviation: usize,
    /// 0 (stored) to 9.
    pub level: u8,
    /// What deflates.
    pub deflate: Deflate,
    /// Whether entries are tagged, so that the next archive can take over what has not changed.
    pub tagged: bool,
}

/// A file as it stands in the archive.
#[derive(Debug, Clone)]
pub struct PackedFile {
    /// What its headers say.
    pub content: zip::DataHeader,
    /// Its data, deflated or not.
    pub data: Bytes,
    /// What is worth telling about it.
    pub warnings: Vec<String>,
}

impl Packer {
    /// What the attributes say of an entry.
    pub fn attributes_of(&self, entry: &Entry) -> PathAttributes {
        self.attributes.of(entry.path.as_bstr(), entry.kind == Kind::Directory)
    }

    /// The extra field of an entry: its id, for the next archive. Directories carry none.
    pub fn tag(&self, entry: &Entry) -> Vec<u8> {
        let tagged = self.tagged && entry.kind != Kind::Directory;
        if tagged { central_directory::tag(entry.id, self.level) } else { Vec::new() }
    }

    /// Whether the entry's content goes into the archive as it is in Git.
    pub fn keeps_content(&self, entry: &Entry) -> bool {
        if self.attributes.is_empty() || entry.kind == Kind::Link {
            return true;
        }
        let attributes = self.attributes_of(entry);
        let substitutes = attributes.export_subst && self.commit.is_some();
        !substitutes && !convert::needs_conversion(&attributes)
    }

    /// Whether an entry of `size` bytes may be compressed in pieces: nothing converts it, or git would not either
    /// (`core.bigFileThreshold`; a substitution makes git read the whole of it).
    pub fn streams(&self, entry: &Entry, size: u64) -> bool {
        let substitutes = || self.commit.is_some() && self.attributes_of(entry).export_subst;
        self.keeps_content(entry) || (size > BIG_FILE && !substitutes())
    }

    /// Whether an entry with this content counts as text.
    pub fn is_text(&self, entry: &Entry, content: &[u8]) -> bool {
        !convert::is_binary_entry(&self.attributes_of(entry), content)
    }

    /// Converts and deflates a file's or link's content.
    pub fn pack(&self, entry: &Entry, blob: Bytes) -> Result<PackedFile, ConvertError> {
        let mut warnings = Vec::new();
        let content = if self.keeps_content(entry) { blob } else { self.convert(entry, &blob, &mut warnings)? };
        if content.starts_with(LFS_POINTER) && entry.kind != Kind::Link {
            warnings.push(format!("{} is a Git LFS pointer and stays one", entry.path));
        }
        let text = self.is_text(entry, &content);
        let deflated = if entry.kind == Kind::Link { None } else { self.deflated(&content) };
        Ok(packed(&content, deflated, text, warnings))
    }

    /// Deflates a file that is in no tree. It is never converted; of the attributes only `diff` counts, for what is left of its path when
    /// as much is cut off as the prefix is long, as in git's archive-zip.c.
    pub fn pack_extra(&self, file: &ExtraFile, prefix: &BStr) -> PackedFile {
        let attributes = match file.path.get(prefix.len()..) {
            None | Some(b"") => PathAttributes::default(),
            Some(path) => self.attributes.of(path.as_bstr(), false),
        };
        let text = !convert::is_binary_entry(&attributes, &file.content);
        packed(&file.content, self.deflated(&file.content), text, Vec::new())
    }

    /// The entry with data that an earlier archive has for it, if they prove to be its content. The text bit is found anew.
    pub fn reuse(&self, entry: &Entry, located: Located, data: Bytes) -> Option<PackedFile> {
        // Git stores links, and what deflate does not make smaller.
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
            text: self.is_text(entry, &content),
        };
        Some(PackedFile { content, data, warnings: Vec::new() })
    }

    fn deflated(&self, content: &[u8]) -> Option<Vec<u8>> {
        if self.level == 0 || content.is_empty() { None } else { (self.deflate)(content, self.level) }
    }

    fn convert(&self, entry: &Entry, blob: &Bytes, warnings: &mut Vec<String>) -> Result<Bytes, ConvertError> {
        let attributes = self.attributes_of(entry);
        let mut notes = Vec::new();
        let converted = convert::convert(Cow::Borrowed(blob), &attributes, entry.id, &mut notes)?;
        warnings.extend(notes.into_iter().map(|note| format!("{}: {note}", entry.path)));
        let converted = match &self.commit {
            Some(commit) if attributes.export_subst => {
                let mut notes = Vec::new();
                let content = substitute::substitute(converted, commit, self.abbreviation, &mut notes);
                warnings.extend(notes.into_iter().map(|note| format!("{}: {note}", entry.path)));
                content
            }
            _ => converted,
        };
        Ok(match converted {
            Cow::Borrowed(_) => blob.clone(),
            Cow::Owned(content) => content.into(),
        })
    }
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
    PackedFile { content, data, warnings }
}

/// A file that is in no tree: `git archive --add-file` and `--add-virtual-file`. They come behind the tree's entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFile {
    /// Its whole path in the archive; a prefix is in it already where it is to have one.
    pub path: BString,
    /// Whether it is executable.
    pub executable: bool,
    /// Its content.
    pub content: Bytes,
}

/// The path of the prefix's own directory entry: only where the prefix ends in a slash, of which several count as one.
pub fn prefix_directory(prefix: &BStr) -> Option<BString> {
    let end = prefix.iter().rposition(|byte| *byte != b'/').map_or(1, |last| last + 2);
    (prefix.last() == Some(&b'/')).then(|| prefix[..end.min(prefix.len())].into())
}
