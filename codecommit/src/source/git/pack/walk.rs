//! The listing of a tree and all its subtrees.
//!
//! A few hundred bytes of trees that list each other twice expand to millions of paths. Therefore the size of a
//! listing is computed first, with each tree read only once, and the paths are made afterwards.

use std::collections::HashMap;
use std::mem::size_of;

use bstr::BString;
use bytes::Bytes;

use super::error::PackError;
use super::kind::ObjectKind;
use super::store::{ObjectStore, ReadState};
use git_archive::object::{Entry, Kind, ObjectId, TreeEntry, parse_tree};

/// The number of bytes of memory for an entry: in the listing, in the list of entries ahead, and the overhead of its
/// path.
const ENTRY_BYTES: u64 = 2 * size_of::<Entry>() as u64 + 16;

const HASH_BYTES: usize = 20;

/// Returns everything in a tree and in the trees in it: each folder before its content, else in git's order, as `git
/// archive` goes. Every tree in it is in the pack and is what its mode says, and so is every blob, except for those
/// that a thin pack lacks.
pub(super) fn walk(store: &ObjectStore, state: &mut ReadState, root: ObjectId) -> Result<Vec<Entry>, PackError> {
    let size = measure(store, state, root)?;
    let mut listing = Vec::with_capacity(usize::try_from(size.entries).unwrap_or_default());
    let mut ahead = entries(store, state, root, &BString::default())?;
    ahead.reverse();
    while let Some(entry) = ahead.pop() {
        match entry.kind {
            Kind::Directory => ahead.extend(entries(store, state, entry.id, &entry.path)?.into_iter().rev()),
            Kind::File | Kind::Executable | Kind::Link => {
                let may_lack = store.lacks_blobs && store.table.find(entry.id).is_none();
                if !may_lack {
                    store.table.find_kind(entry.id, ObjectKind::Blob)?;
                }
            }
            Kind::Submodule => {}
        }
        listing.push(entry);
    }
    Ok(listing)
}

/// Returns the entries of one tree, with their paths below `folder`.
pub(super) fn entries(
    store: &ObjectStore,
    state: &mut ReadState,
    id: ObjectId,
    folder: &BString,
) -> Result<Vec<Entry>, PackError> {
    let content = tree(store, state, id)?;
    let count = raw_entries(&content).count();
    store.check_memory("a tree", content.len() as u64 + 2 * (count * size_of::<TreeEntry<'_>>()) as u64)?;
    let entries = parse_tree(&content).map_err(|source| PackError::Tree { id, source })?;
    let path = |name: &[u8]| {
        let mut path = Vec::with_capacity(folder.len() + 1 + name.len());
        if !folder.is_empty() {
            path.extend_from_slice(folder);
            path.push(b'/');
        }
        path.extend_from_slice(name);
        BString::from(path)
    };
    Ok(entries.iter().map(|entry| Entry { path: path(entry.name), kind: entry.kind, id: entry.id }).collect())
}

fn tree(store: &ObjectStore, state: &mut ReadState, id: ObjectId) -> Result<Bytes, PackError> {
    let index = store.table.find_kind(id, ObjectKind::Tree)?;
    store.content(index, state)
}

/// The size of a listing.
#[derive(Debug, Clone, Copy, Default)]
struct ListingSize {
    entries: u64,
    path_bytes: u64,
}

/// A tree with folders that are not measured yet.
struct OpenTree {
    id: ObjectId,
    size: ListingSize,
    /// The length of each folder's name, and its id.
    folders: Vec<(u64, ObjectId)>,
}

/// Computes the size of a listing, and checks it against the limits after each folder.
fn measure(store: &ObjectStore, state: &mut ReadState, root: ObjectId) -> Result<ListingSize, PackError> {
    let mut known: HashMap<ObjectId, ListingSize> = HashMap::new();
    let mut open = vec![OpenTree::new(store, state, root)?];
    while let Some(tree) = open.last_mut() {
        store.work.check()?;
        let Some((name, folder)) = tree.folders.pop() else {
            known.insert(tree.id, tree.size);
            open.pop();
            continue;
        };
        if let Some(size) = known.get(&folder) {
            tree.size.add(name, *size);
            tree.check(store)?;
        } else {
            tree.folders.push((name, folder));
            open.push(OpenTree::new(store, state, folder)?);
        }
    }
    Ok(known.get(&root).copied().unwrap_or_default())
}

impl OpenTree {
    fn new(store: &ObjectStore, state: &mut ReadState, id: ObjectId) -> Result<Self, PackError> {
        let content = tree(store, state, id)?;
        let mut tree = Self { id, size: ListingSize::default(), folders: Vec::new() };
        for (kind, name, id) in raw_entries(&content) {
            tree.size.entries += 1;
            tree.size.path_bytes += name;
            if kind == Kind::Directory {
                tree.folders.push((name, id));
            }
        }
        tree.check(store)?;
        Ok(tree)
    }

    fn check(&self, store: &ObjectStore) -> Result<(), PackError> {
        let ListingSize { entries, path_bytes } = self.size;
        store
            .check_memory("the listing of the tree", entries.saturating_mul(ENTRY_BYTES).saturating_add(path_bytes))?;
        if entries > store.entries {
            return Err(PackError::TooManyEntries { tree: self.id, limit: store.entries });
        }
        Ok(())
    }
}

impl ListingSize {
    /// Adds the entries of a folder. Their paths begin with its name and a slash.
    fn add(&mut self, name: u64, folder: Self) {
        let prefixes = folder.entries.saturating_mul(name + 1);
        self.entries = self.entries.saturating_add(folder.entries);
        self.path_bytes = self.path_bytes.saturating_add(prefixes).saturating_add(folder.path_bytes);
    }
}

/// Returns the kind, the length of the name and the id of each entry. Stops at malformed data, which [`parse_tree`]
/// reports.
fn raw_entries(mut content: &[u8]) -> impl Iterator<Item = (Kind, u64, ObjectId)> {
    std::iter::from_fn(move || {
        let end = content.iter().position(|byte| *byte == 0)?;
        let (head, rest) = content.split_at(end + 1);
        let (id, rest) = rest.split_at_checked(HASH_BYTES)?;
        content = rest;
        let space = head.iter().position(|byte| *byte == b' ')?;
        let digits = head[..space].iter().map(|digit| u64::from(digit.wrapping_sub(b'0')));
        let mode = digits.fold(0_u64, |mode, digit| mode << 3 | digit & 7);
        let kind = if mode & 0o170_000 == 0o040_000 { Kind::Directory } else { Kind::File };
        Some((kind, (end - space - 1) as u64, ObjectId::try_from(id).ok()?))
    })
}
