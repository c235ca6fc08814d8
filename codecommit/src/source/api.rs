//! Commits, folders and contents over the `CodeCommit` API: `GetCommit`, `GetFolder` by commit id, `GetBlob` by id.

use aws_sdk_codecommit::Client;
use aws_sdk_codecommit::operation::get_folder::GetFolderOutput;
use aws_sdk_codecommit::types::{self, FileModeTypeEnum};
use bstr::{BStr, ByteSlice};
use bytes::Bytes;

use super::error::SourceError;
use crate::aws::{CallError, call};
use crate::memory::Turn;
use git_archive::central_directory::Folder;
use git_archive::object::hash;
use git_archive::object::{Commit, Kind, ObjectId, Signature};

/// A repository over the API.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    repository: String,
}

impl Api {
    /// Creates the reader of a repository. Nothing is sent yet.
    pub fn new(client: Client, repository: impl Into<String>) -> Self {
        Self { client, repository: repository.into() }
    }

    /// Reads a commit.
    pub async fn commit(&self, id: ObjectId) -> Result<Commit, SourceError> {
        let request = self.client.get_commit().repository_name(&self.repository).commit_id(id.to_string());
        let answer = call("GetCommit", request.send()).await?;
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

    /// Reads a blob and verifies it against its id. With a turn, the body is read only after the byte budget admits
    /// it, and the turn then holds the permit.
    pub async fn blob(&self, id: ObjectId, turn: Option<&Turn>) -> Result<Bytes, SourceError> {
        let mut found = id;
        for _ in 0..2 {
            let content = self.unverified_blob(id, turn).await?;
            found = hash::blob_id(&content)?;
            if found == id {
                return Ok(content);
            }
        }
        Err(SourceError::BlobMismatch { wanted: id, found })
    }

    /// Reads a folder and verifies it against its tree id.
    pub(super) async fn folder(&self, commit: ObjectId, path: &BStr, wanted: ObjectId) -> Result<Folder, SourceError> {
        let mut found = wanted;
        let mut hint = "";
        for _ in 0..2 {
            let mut folder = self.unverified_folder(commit, path).await?;
            found = hash::tree_id(&mut folder)?;
            if found == wanted {
                return Ok(folder);
            }
            hint = hint_at(&folder);
        }
        Err(SourceError::TreeMismatch { folder: path.to_owned(), wanted, found, hint })
    }

    async fn unverified_blob(&self, id: ObjectId, turn: Option<&Turn>) -> Result<Bytes, SourceError> {
        let turn = turn.cloned();
        let request = self.client.get_blob().repository_name(&self.repository).blob_id(id.to_string());
        let request = request.customize().mutate_request({
            let turn = turn.clone();
            move |request| turn.iter().for_each(|turn| request.add_extension(turn.clone()))
        });
        let answer = call("GetBlob", request.send()).await.map_err(|error| match error {
            error if error.is(&["FileTooLargeException"]) => SourceError::TooLargeForApi(id),
            error => error.into(),
        })?;
        let content = Bytes::from(answer.content.into_inner());
        if let Some(turn) = turn {
            turn.shrink(content.len() as u64);
        }
        Ok(content)
    }

    async fn unverified_folder(&self, commit: ObjectId, path: &BStr) -> Result<Folder, SourceError> {
        let request = self.client.get_folder().repository_name(&self.repository).commit_specifier(commit.to_string());
        Ok(folder_of(call("GetFolder", request.folder_path(format!("/{path}")).send()).await?)?)
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

/// Returns the likely cause of a tree id that does not match: an entry that the API does not show.
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

/// Converts a user. `date` is in git's form: seconds since 1970 and the zone, `1484167798 -0800`.
fn signature(user: Option<&types::UserInfo>) -> Result<Signature, CallError> {
    let user = user.ok_or_else(|| CallError::malformed("GetCommit", "a commit without an author or committer"))?;
    let (name, email) = (user.name().unwrap_or_default(), user.email().unwrap_or_default());
    let line = format!("<> {}", user.date().unwrap_or_default());
    Ok(Signature { name: name.into(), email: email.into(), ..Signature::parse(line.as_bytes()) })
}
