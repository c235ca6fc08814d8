//! A commit over the `CodeCommit` API: `GetCommit`, `GetFolder` by commit id, `GetBlob` by id.

use std::collections::{HashMap, HashSet, VecDeque};

use aws_sdk_codecommit::Client;
use aws_sdk_codecommit::operation::get_folder::GetFolderOutput;
use aws_sdk_codecommit::types::{self, FileModeTypeEnum};
use bstr::{BStr, BString, ByteSlice};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Previous, SourceError};
use crate::aws::CallError;
use crate::memory::{Permit, Turn};
use git_archive::central_directory::Folder;
use git_archive::object::hash::{self, EMPTY_TREE};
use git_archive::object::{Commit, Entry, Kind, ObjectId, Signature};

/// Folders that are being listed or wait for their turn to be asked for: a few more than are asked for at once, since each is a request that
/// is held in memory.
const LISTINGS: usize = 128;

/// One repository over the API.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    repository: String,
}

impl Api {
    /// The repository of this name, by this client.
    pub fn new(client: Client, repository: impl Into<String>) -> Self {
        Self { client, repository: repository.into() }
    }

    /// The commit of this id.
    pub async fn commit(&self, id: ObjectId) -> Result<Commit, SourceError> {
        let sent = self.client.get_commit().repository_name(&self.repository).commit_id(id.to_string()).send().await;
        let answer = sent.map_err(|error| CallError::new("GetCommit", error))?;
        let commit = answer.commit.ok_or_else(|| CallError::malformed("GetCommit", "no commit"))?;
        if object_id("GetCommit", commit.commit_id())? != id {
            return Err(CallError::malformed("GetCommit", "another commit than the one asked for").into());
        }
        let parents =
            commit.parents().iter().map(|parent| object_id("GetCommit", Some(parent))).collect::<Result<_, _>>()?;
        Ok(Commit {
            id,
            tree: object_id("GetCommit", commit.tree_id())?,
            parents,
            author: signature(commit.author())?,
            committer: signature(commit.committer())?,
            message: commit.message().unwrap_or_default().into(),
        })
    }

    /// The commit's whole tree in git's order, folders before what is in them. Folders that `wanted` refuses are named, but not listed.
    /// Breadth first, as many folders at once as the client lets through.
    ///
    /// # Errors
    /// [`SourceError::TooManyRequests`] as soon as it is known that folders and files will take more than `most` requests.
    pub async fn list(
        &self,
        commit: &Commit,
        wanted: &impl Fn(&BStr) -> bool,
        previous: Option<&Previous>,
        most: usize,
    ) -> Result<Vec<Entry>, SourceError> {
        let mut walk = Walk::new(most);
        walk.find(BString::default(), commit.tree, previous);
        loop {
            while walk.listings.len() < LISTINGS
                && let Some((path, tree)) = walk.ahead.pop_front()
            {
                match previous.and_then(|previous| previous.folder(tree)) {
                    Some(folder) => walk.enter(path, folder.clone(), wanted, previous)?,
                    None => walk.list(self.clone(), commit.id, path, tree),
                }
            }
            let Some(joined) = walk.listings.join_next().await else { break };
            let (path, folder) = joined.map_err(|error| CallError::malformed("GetFolder", error))??;
            walk.unlisted -= 1;
            walk.enter(path, folder, wanted, previous)?;
        }
        Ok(in_order(walk.folders))
    }

    /// The content of a blob, proved against its id. `turn` is where it stands in the archive: it comes in when there is room for it.
    pub async fn blob(&self, id: ObjectId, turn: &Turn) -> Result<(Bytes, Option<Permit>), SourceError> {
        let mut found = id;
        for _ in 0..2 {
            let (content, permit) = self.unproved_blob(id, turn).await?;
            found = hash::blob_id(&content)?;
            if found == id {
                return Ok((content, permit));
            }
        }
        Err(SourceError::BlobMismatch { wanted: id, found })
    }

    async fn unproved_blob(&self, id: ObjectId, turn: &Turn) -> Result<(Bytes, Option<Permit>), SourceError> {
        let at = turn.clone();
        let request = self.client.get_blob().repository_name(&self.repository).blob_id(id.to_string());
        let sent = request.customize().mutate_request(move |request| request.add_extension(at.clone())).send().await;
        let answer = sent.map_err(|error| match CallError::new("GetBlob", error) {
            call if call.is(&["FileTooLargeException"]) => SourceError::TooLargeForApi(id),
            call => call.into(),
        })?;
        let content = Bytes::from(answer.content.into_inner());
        let permit = turn.take().map(|mut permit| {
            permit.shrink(content.len() as u64);
            permit
        });
        Ok((content, permit))
    }

    async fn folder(&self, commit: ObjectId, path: &BStr, wanted: ObjectId) -> Result<Folder, SourceError> {
        let mut found = wanted;
        let mut hint = "";
        for _ in 0..2 {
            let mut folder = self.unproved_folder(commit, path).await?;
            found = hash::tree_id(&mut folder)?;
            if found == wanted {
                return Ok(folder);
            }
            hint = hint_at(&folder);
        }
        Err(SourceError::TreeMismatch { folder: path.to_owned(), wanted, found, hint })
    }

    async fn unproved_folder(&self, commit: ObjectId, path: &BStr) -> Result<Folder, SourceError> {
        let request = self.client.get_folder().repository_name(&self.repository).commit_specifier(commit.to_string());
        let sent = request.folder_path(format!("/{path}")).send().await;
        Ok(folder_of(sent.map_err(|error| CallError::new("GetFolder", error))?)?)
    }
}

/// A tree on its way to be listed.
struct Walk {
    folders: HashMap<BString, Folder>,
    blobs: HashSet<ObjectId>,
    /// Folders that are not asked for yet.
    ahead: VecDeque<(BString, ObjectId)>,
    /// How many folders have to be asked for and have not come.
    unlisted: usize,
    listings: JoinSet<Result<(BString, Folder), SourceError>>,
    most: usize,
}

impl Walk {
    fn new(most: usize) -> Self {
        let (folders, blobs, listings) = (HashMap::new(), HashSet::new(), JoinSet::new());
        Self { folders, blobs, ahead: VecDeque::new(), unlisted: 0, listings, most }
    }

    /// Puts a folder onto the list of what is ahead.
    fn find(&mut self, path: BString, tree: ObjectId, previous: Option<&Previous>) {
        if tree.as_bytes() == EMPTY_TREE {
            return;
        }
        let is_known = previous.is_some_and(|previous| previous.folder(tree).is_some());
        self.unlisted += usize::from(!is_known);
        self.ahead.push_back((path, tree));
    }

    fn list(&mut self, api: Api, commit: ObjectId, path: BString, tree: ObjectId) {
        self.listings.spawn(async move { api.folder(commit, path.as_bstr(), tree).await.map(|folder| (path, folder)) });
    }

    /// Takes a folder in, and what is wanted in it onto the list of what is ahead.
    fn enter(
        &mut self,
        path: BString,
        folder: Folder,
        wanted: &impl Fn(&BStr) -> bool,
        previous: Option<&Previous>,
    ) -> Result<(), SourceError> {
        for (kind, name, id) in &folder {
            let path = join(path.as_bstr(), name.as_bstr());
            if !wanted(path.as_bstr()) {
                continue;
            }
            let is_there = |is_link| previous.is_some_and(|previous| previous.find(*id, is_link).is_some());
            match kind {
                Kind::Directory => self.find(path, *id, previous),
                Kind::Submodule => {}
                Kind::File | Kind::Executable | Kind::Link if is_there(*kind == Kind::Link) => {}
                Kind::File | Kind::Executable | Kind::Link => drop(self.blobs.insert(*id)),
            }
        }
        self.folders.insert(path, folder);
        if self.blobs.len() + self.unlisted > self.most { Err(SourceError::TooManyRequests) } else { Ok(()) }
    }
}

fn folder_of(answer: GetFolderOutput) -> Result<Folder, CallError> {
    let mut folder = Folder::new();
    let mut add = |kind, name: Option<String>, id: Option<&str>| {
        let name = name.ok_or_else(|| CallError::malformed("GetFolder", "an entry without a name"))?;
        folder.push((kind, name.into(), object_id("GetFolder", id)?));
        Ok(())
    };
    for entry in answer.sub_folders.unwrap_or_default() {
        add(Kind::Directory, entry.relative_path, entry.tree_id.as_deref())?;
    }
    for entry in answer.files.unwrap_or_default() {
        add(kind_of(entry.file_mode.as_ref()), entry.relative_path, entry.blob_id.as_deref())?;
    }
    for entry in answer.symbolic_links.unwrap_or_default() {
        add(Kind::Link, entry.relative_path, entry.blob_id.as_deref())?;
    }
    for entry in answer.sub_modules.unwrap_or_default() {
        add(Kind::Submodule, entry.relative_path, entry.commit_id.as_deref())?;
    }
    Ok(folder)
}

fn kind_of(mode: Option<&FileModeTypeEnum>) -> Kind {
    match mode {
        Some(FileModeTypeEnum::Executable) => Kind::Executable,
        Some(FileModeTypeEnum::Symlink) => Kind::Link,
        _ => Kind::File,
    }
}

/// What the API cannot show, and a tree id cannot be recomputed from.
fn hint_at(folder: &Folder) -> &'static str {
    if folder.iter().any(|(_, name, _)| name.contains_str("\u{fffd}")) {
        "; a name in it is not UTF-8, which the API cannot show and the Git source can"
    } else {
        "; the API cannot show the legacy mode 100664, nor other oddities of old trees, which the Git source can"
    }
}

fn object_id(operation: &'static str, id: Option<&str>) -> Result<ObjectId, CallError> {
    let id = id.unwrap_or_default();
    ObjectId::from_hex(id.as_bytes())
        .map_err(|_| CallError::malformed(operation, format_args!("{id:?} is no object id")))
}

/// `date` is git's own: seconds since 1970 and the zone, `1484167798 -0800`.
fn signature(user: Option<&types::UserInfo>) -> Result<Signature, CallError> {
    let user = user.ok_or_else(|| CallError::malformed("GetCommit", "a commit without an author or committer"))?;
    let (name, email) = (user.name().unwrap_or_default(), user.email().unwrap_or_default());
    let line = format!("<> {}", user.date().unwrap_or_default());
    Ok(Signature { name: name.into(), email: email.into(), ..Signature::parse(line.as_bytes()) })
}

fn join(folder: &BStr, name: &BStr) -> BString {
    if folder.is_empty() {
        return name.to_owned();
    }
    let mut path = folder.to_owned();
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

/// Git's order: a folder, then what is in it, then what is behind it. A stack, since a tree may be thousands of levels deep.
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
