//! The walk over a commit's tree by the API: folder by folder, breadth first, with as many requests at once as the
//! client allows.

use std::collections::{HashMap, HashSet, VecDeque};

use bstr::{BStr, BString, ByteSlice};
use tokio::task::JoinSet;

use super::api::Api;
use super::error::SourceError;
use super::previous::Previous;
use crate::aws::CallError;
use git_archive::central_directory::Folder;
use git_archive::object::hash::EMPTY_TREE;
use git_archive::object::{Commit, Entry, Kind, ObjectId};

/// The number of folders that are requested at once: a few more than the client allows, because each request is held
/// in memory.
const LISTINGS: usize = 128;

/// The limits of a listing.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListingLimits {
    /// The number of requests for folders and files that are known to be left.
    pub(super) requests: usize,
    /// The number of entries in the tree.
    pub(super) entries: u64,
    /// The number of bytes of memory.
    pub(super) memory: u64,
}

/// Lists a commit's whole tree in git's order, with folders before their contents. Folders that `wanted` refuses are
/// named, but not listed.
///
/// # Errors
/// Returns [`SourceError::TooManyRequests`] or [`SourceError::TreeTooLarge`] as soon as a limit is known to be
/// exceeded.
pub(super) async fn list(
    api: &Api,
    commit: &Commit,
    wanted: &impl Fn(&BStr) -> bool,
    previous: Option<&Previous>,
    limits: ListingLimits,
) -> Result<Vec<Entry>, SourceError> {
    let mut walk = Walk::new(previous, limits);
    walk.find(BString::default(), commit.tree);
    loop {
        while walk.requested.len() < LISTINGS
            && let Some((path, tree)) = walk.found.pop_front()
        {
            match previous.and_then(|previous| previous.folder(tree)) {
                Some(folder) => walk.enter(path, folder.clone(), wanted)?,
                None => walk.request(api.clone(), commit.id, path, tree),
            }
        }
        let Some(joined) = walk.requested.join_next().await else { break };
        let (path, folder) = joined.map_err(|error| CallError::malformed("GetFolder", error))??;
        walk.unlisted -= 1;
        walk.enter(path, folder, wanted)?;
    }
    Ok(in_order(walk.folders))
}

/// A tree that is being listed.
struct Walk<'a> {
    previous: Option<&'a Previous>,
    limits: ListingLimits,
    folders: HashMap<BString, Folder>,
    /// The contents to request later.
    blobs: HashSet<ObjectId>,
    /// The folders that were found, but not entered or requested yet.
    found: VecDeque<(BString, ObjectId)>,
    requested: JoinSet<Result<(BString, Folder), SourceError>>,
    /// The number of folders that have to be requested and are not listed yet.
    unlisted: usize,
    /// The entries so far, and their memory. Folders that the previous archive knows also count.
    entries: u64,
    memory: u64,
}

impl<'a> Walk<'a> {
    fn new(previous: Option<&'a Previous>, limits: ListingLimits) -> Self {
        Self {
            previous,
            limits,
            folders: HashMap::new(),
            blobs: HashSet::new(),
            found: VecDeque::new(),
            requested: JoinSet::new(),
            unlisted: 0,
            entries: 0,
            memory: 0,
        }
    }

    fn find(&mut self, path: BString, tree: ObjectId) {
        if tree.as_bytes() == EMPTY_TREE {
            return;
        }
        let is_known = self.previous.is_some_and(|previous| previous.folder(tree).is_some());
        self.unlisted += usize::from(!is_known);
        self.found.push_back((path, tree));
    }

    fn request(&mut self, api: Api, commit: ObjectId, path: BString, tree: ObjectId) {
        let folder = async move { api.folder(commit, path.as_bstr(), tree).await.map(|folder| (path, folder)) };
        self.requested.spawn(folder);
    }

    /// Records the entries of a folder, and finds the wanted folders and contents among them.
    fn enter(&mut self, path: BString, folder: Folder, wanted: &impl Fn(&BStr) -> bool) -> Result<(), SourceError> {
        self.count(&path, &folder)?;
        for (kind, name, id) in &folder {
            let path = join(path.as_bstr(), name.as_bstr());
            if !wanted(path.as_bstr()) {
                continue;
            }
            let is_reusable = |is_link| self.previous.is_some_and(|previous| previous.find(*id, is_link).is_some());
            match kind {
                Kind::Directory => self.find(path, *id),
                Kind::Submodule => {}
                Kind::File | Kind::Executable | Kind::Link if is_reusable(*kind == Kind::Link) => {}
                Kind::File | Kind::Executable | Kind::Link => drop(self.blobs.insert(*id)),
            }
        }
        self.folders.insert(path, folder);
        let requests = self.blobs.len() + self.unlisted;
        if requests > self.limits.requests { Err(SourceError::TooManyRequests) } else { Ok(()) }
    }

    /// Counts the entries and the memory of a folder before it is entered. The memory is that of this walk and of the
    /// final listing.
    fn count(&mut self, path: &BString, folder: &Folder) -> Result<(), SourceError> {
        let fixed = (size_of::<(Kind, BString, ObjectId)>() + size_of::<Entry>() + path.len() + 1) as u64;
        self.entries += folder.len() as u64;
        self.memory += folder.iter().map(|(_, name, _)| fixed + 2 * name.len() as u64).sum::<u64>();
        let ListingLimits { entries, memory, .. } = self.limits;
        if self.entries > entries {
            return Err(SourceError::TreeTooLarge { what: "entries", limit: entries });
        }
        if self.memory > memory {
            return Err(SourceError::TreeTooLarge { what: "bytes of memory", limit: memory });
        }
        Ok(())
    }
}

/// Returns the path of an entry of a folder.
pub(super) fn join(folder: &BStr, name: &BStr) -> BString {
    if folder.is_empty() {
        return name.to_owned();
    }
    let mut path = folder.to_owned();
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

/// Returns the entries in git's order: a folder, its contents, then what follows it. Uses its own stack, because a
/// tree may be thousands of levels deep.
fn in_order(mut folders: HashMap<BString, Folder>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(folders.values().map(Vec::len).sum());
    let mut open = vec![(BString::default(), folders.remove(BStr::new("")).unwrap_or_default().into_iter())];
    while let Some((folder, rest)) = open.last_mut() {
        let Some((kind, name, id)) = rest.next() else {
            open.pop();
            continue;
        };
        let path = join(folder.as_bstr(), name.as_bstr());
        let inner = (kind == Kind::Directory).then(|| folders.remove(&path)).flatten();
        entries.push(Entry { path: path.clone(), kind, id });
        if let Some(inner) = inner {
            open.push((path, inner.into_iter()));
        }
    }
    entries
}
