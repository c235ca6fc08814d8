//! The commits, trees and tree entries that a request names.

use bytes::Bytes;

use super::input::{is_branch_name, is_object_id};
use crate::error::ServiceError;
use crate::git_objects::GitObject;
use crate::repository::Repository;

/// Git's ID of the empty tree.
pub(super) const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

pub(super) struct Commit {
    pub(super) id: String,
    pub(super) tree: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TreeEntry {
    pub(super) mode: u32,
    pub(super) name: Vec<u8>,
    pub(super) id: String,
}

/// Returns the commit of a specifier: a full ID, `HEAD`, a full reference, a branch or a tag; or of the default branch.
pub(super) async fn commit(repository: &Repository, specifier: Option<&str>) -> Result<Commit, ServiceError> {
    let missing = |what: &str| ServiceError::new("CommitDoesNotExistException", what);
    let candidates = match specifier {
        None | Some("HEAD") => vec!["HEAD".to_owned()],
        Some(id) if is_object_id(id) => vec![id.to_owned()],
        Some(name) if !is_branch_name(name) => {
            return Err(ServiceError::new(
                "InvalidCommitException",
                format!("The specified commit {name} is not valid."),
            ));
        }
        Some(name) if name.starts_with("refs/") => vec![name.to_owned()],
        Some(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
    };
    for candidate in candidates {
        if let Some(object) = repository.objects.read(&format!("{candidate}^{{commit}}")).await? {
            return Ok(Commit { tree: tree_of(&object)?, id: object.id });
        }
    }
    Err(match specifier {
        None => missing("No commit was specified, and the repository has no default branch."),
        Some(specifier) => missing(&format!("Commit {specifier} does not exist")),
    })
}

/// Returns the entry at a path below a tree; the root is a tree entry without a name.
pub(super) async fn entry(repository: &Repository, root: &str, path: &str) -> Result<Option<TreeEntry>, ServiceError> {
    let mut found = TreeEntry { mode: 0o40_000, name: Vec::new(), id: root.to_owned() };
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if !found.is_tree() {
            return Ok(None);
        }
        let Some(entry) = tree(repository, &found.id).await?.into_iter().find(|entry| entry.name == part.as_bytes())
        else {
            return Ok(None);
        };
        found = entry;
    }
    Ok(Some(found))
}

pub(super) async fn tree(repository: &Repository, id: &str) -> Result<Vec<TreeEntry>, ServiceError> {
    let object = repository.objects.read(id).await?.filter(|object| object.kind == "tree");
    let object = object.ok_or_else(|| broken(&format!("tree {id} is missing")))?;
    entries(&object.content).ok_or_else(|| broken(&format!("tree {id} is malformed")))
}

impl TreeEntry {
    pub(super) fn is_tree(&self) -> bool {
        self.mode & 0o170_000 == 0o40_000
    }

    pub(super) fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }

    pub(super) fn is_submodule(&self) -> bool {
        self.mode & 0o170_000 == 0o160_000
    }

    /// Returns CodeCommit's name for the mode of a blob. It has none for the group-writable 100664 of old repositories.
    pub(super) fn file_mode(&self) -> &'static str {
        match self.mode {
            _ if self.is_link() => "SYMLINK",
            mode if mode & 0o111 != 0 => "EXECUTABLE",
            _ => "NORMAL",
        }
    }
}

fn entries(mut content: &[u8]) -> Option<Vec<TreeEntry>> {
    let mut entries = Vec::new();
    while !content.is_empty() {
        let space = content.iter().position(|&byte| byte == b' ')?;
        let end = content.iter().position(|&byte| byte == 0)?;
        let mode = u32::from_str_radix(std::str::from_utf8(&content[..space]).ok()?, 8).ok()?;
        let id = hex::encode(content.get(end + 1..end + 21)?);
        entries.push(TreeEntry { mode, name: content.get(space + 1..end)?.to_vec(), id });
        content = &content[end + 21..];
    }
    Some(entries)
}

fn tree_of(commit: &GitObject) -> Result<String, ServiceError> {
    let line = commit.content.split(|&byte| byte == b'\n').next().map(Bytes::copy_from_slice).unwrap_or_default();
    let tree = line.strip_prefix(b"tree ").map(|id| String::from_utf8_lossy(id).into_owned());
    tree.ok_or_else(|| broken(&format!("commit {} has no tree", commit.id)))
}

fn broken(what: &str) -> ServiceError {
    ServiceError::internal(&std::io::Error::other(what.to_owned()))
}
