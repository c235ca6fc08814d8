//! The walk over a commit's tree by the API: folder by folder, breadth first, with as many requests at once as the
//! client allows. A tree is requested once, even if many paths have it.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use tokio::task::{JoinSet, consume_budget};

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
    /// The largest number of requests for folders and files that are known to be still needed.
    pub(super) requests: usize,
    /// The largest number of entries in the tree.
    pub(super) entries: u64,
    /// The largest number of bytes of memory.
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
        while let Some((path, folder)) = walk.listed.pop_front() {
            walk.enter(path, folder, wanted)?;
            consume_budget().await;
        }
        while walk.requested.len() < LISTINGS
            && let Some((path, tree)) = walk.unlisted.pop_front()
        {
            walk.request(api.clone(), commit.id, path, tree);
        }
        let Some(joined) = walk.requested.join_next().await else { break };
        let (tree, folder) = joined.map_err(|error| CallError::malformed("GetFolder", error))??;
        walk.record_listing(tree, &Arc::new(folder));
    }
    Ok(in_order(walk.folders))
}

/// A tree that is being listed.
struct Walk<'a> {
    previous: Option<&'a Previous>,
    limits: ListingLimits,
    folders: HashMap<BString, Arc<Folder>>,
    trees: HashMap<ObjectId, TreeState>,
    /// The contents to request later.
    blobs: HashSet<ObjectId>,
    /// The folders whose entries are known, but not looked at yet.
    listed: VecDeque<(BString, Arc<Folder>)>,
    /// The trees to request, each with the first path that has it.
    unlisted: VecDeque<(BString, ObjectId)>,
    requested: JoinSet<Result<(ObjectId, Folder), SourceError>>,
    /// The entries so far, and their memory. Folders that are known without a request also count.
    entries: u64,
    memory: u64,
}

/// A tree that some path has.
enum TreeState {
    /// It has to be requested, for these paths.
    Awaited(Vec<BString>),
    Known(Arc<Folder>),
}

impl<'a> Walk<'a> {
    fn new(previous: Option<&'a Previous>, limits: ListingLimits) -> Self {
        Self {
            previous,
            limits,
            folders: HashMap::new(),
            trees: HashMap::new(),
            blobs: HashSet::new(),
            listed: VecDeque::new(),
            unlisted: VecDeque::new(),
            requested: JoinSet::new(),
            entries: 0,
            memory: 0,
        }
    }

    fn find(&mut self, path: BString, tree: ObjectId) {
        if tree.as_bytes() == EMPTY_TREE {
            return;
        }
        match self.trees.entry(tree) {
            Slot::Occupied(mut slot) => match slot.get_mut() {
                TreeState::Awaited(paths) => paths.push(path),
                TreeState::Known(folder) => self.listed.push_back((path, Arc::clone(folder))),
            },
            Slot::Vacant(slot) => {
                if let Some(folder) = self.previous.and_then(|previous| previous.folder(tree)) {
                    let folder = Arc::new(folder.clone());
                    self.listed.push_back((path, Arc::clone(&folder)));
                    slot.insert(TreeState::Known(folder));
                } else {
                    slot.insert(TreeState::Awaited(vec![path.clone()]));
                    self.unlisted.push_back((path, tree));
                }
            }
        }
    }

    fn request(&mut self, api: Api, commit: ObjectId, path: BString, tree: ObjectId) {
        let folder = async move { api.folder(commit, path.as_bstr(), tree).await.map(|folder| (tree, folder)) };
        self.requested.spawn(folder);
    }

    /// Records the entries of a tree for all paths that wait for it.
    fn record_listing(&mut self, tree: ObjectId, folder: &Arc<Folder>) {
        if let Some(TreeState::Awaited(paths)) = self.trees.insert(tree, TreeState::Known(Arc::clone(folder))) {
            self.listed.extend(paths.into_iter().map(|path| (path, Arc::clone(folder))));
        }
    }

    /// Records the entries of a folder, and finds the wanted folders and contents among them.
    fn enter(
        &mut self,
        path: BString,
        folder: Arc<Folder>,
        wanted: &impl Fn(&BStr) -> bool,
    ) -> Result<(), SourceError> {
        self.count(&path, &folder)?;
        for (kind, name, id) in folder.iter() {
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
        let requests = self.blobs.len() + self.unlisted.len() + self.requested.len();
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
fn in_order(mut folders: HashMap<BString, Arc<Folder>>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(folders.values().map(|folder| folder.len()).sum());
    let mut open = vec![(BString::default(), folders.remove(BStr::new("")).unwrap_or_default(), 0)];
    while let Some((folder, listed, next)) = open.last_mut() {
        let Some((kind, name, id)) = listed.get(*next) else {
            open.pop();
            continue;
        };
        *next += 1;
        let path = join(folder.as_bstr(), name.as_bstr());
        let inner = (*kind == Kind::Directory).then(|| folders.remove(&path)).flatten();
        entries.push(Entry { path: path.clone(), kind: *kind, id: *id });
        if let Some(inner) = inner {
            open.push((path, inner, 0));
        }
    }
    entries
}
