//! `GetFolder`, `GetFile` and `GetBlob`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::input::{Input, is_object_id};
use super::revision::{self, TreeEntry};
use crate::error::ServiceError;
use crate::repository::Repository;

/// The largest file, in bytes, that the API returns.
pub(super) const LARGEST_FILE: u64 = 6 << 20;

pub(super) async fn get_folder(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let path = path(input, "folderPath")?;
    let commit = revision::commit(repository, input.text("commitSpecifier")?).await?;
    let folder = revision::entry(repository, &commit.tree, path).await?.filter(TreeEntry::is_tree);
    let folder = folder.ok_or_else(|| {
        ServiceError::new("FolderDoesNotExistException", format!("The folder {path} does not exist in {}", commit.id))
    })?;
    let (mut files, mut links, mut submodules, mut folders) = (vec![], vec![], vec![], vec![]);
    for entry in revision::tree(repository, &folder.id).await? {
        let name = String::from_utf8_lossy(&entry.name);
        let full = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
        let (list, key) = match () {
            () if entry.is_tree() => (&mut folders, "treeId"),
            () if entry.is_submodule() => (&mut submodules, "commitId"),
            () if entry.is_link() => (&mut links, "blobId"),
            () => (&mut files, "blobId"),
        };
        let mut item = json!({ key: entry.id, "absolutePath": full, "relativePath": name });
        if key == "blobId" {
            item["fileMode"] = entry.file_mode().into();
        }
        list.push(item);
    }
    Ok(json!({
        "commitId": commit.id,
        "folderPath": path,
        "treeId": folder.id,
        "subFolders": folders,
        "files": files,
        "symbolicLinks": links,
        "subModules": submodules,
    }))
}

pub(super) async fn get_file(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let path = path(input, "filePath")?;
    let commit = revision::commit(repository, input.text("commitSpecifier")?).await?;
    let file = revision::entry(repository, &commit.tree, path).await?;
    let file = file.filter(|entry| !entry.is_tree() && !entry.is_submodule()).ok_or_else(|| {
        ServiceError::new("FileDoesNotExistException", format!("The file {path} does not exist in {}", commit.id))
    })?;
    let content = blob(repository, &file.id)
        .await?
        .ok_or_else(|| ServiceError::internal(&std::io::Error::other(format!("blob {} is missing", file.id))))?;
    Ok(json!({
        "commitId": commit.id,
        "blobId": file.id,
        "filePath": path,
        "fileMode": file.file_mode(),
        "fileSize": content.len(),
        "fileContent": BASE64_STANDARD.encode(content),
    }))
}

pub(super) async fn get_blob(repository: &Repository, input: &Input) -> Result<Value, ServiceError> {
    let id = input
        .text("blobId")?
        .ok_or_else(|| ServiceError::new("BlobIdRequiredException", "A blob ID is required, but was not specified."))?;
    if !is_object_id(id) {
        return Err(ServiceError::new("InvalidBlobIdException", format!("The specified blob {id} is not valid.")));
    }
    let content = blob(repository, id).await?;
    let content =
        content.ok_or_else(|| ServiceError::new("BlobIdDoesNotExistException", format!("Blob {id} does not exist")))?;
    Ok(json!({ "content": BASE64_STANDARD.encode(content) }))
}

async fn blob(repository: &Repository, id: &str) -> Result<Option<bytes::Bytes>, ServiceError> {
    let Some(header) = repository.objects.header(id).await?.filter(|header| header.kind == "blob") else {
        return Ok(None);
    };
    if header.size > LARGEST_FILE {
        let message = format!("Blob {id} has {} bytes; the limit is {LARGEST_FILE}.", header.size);
        return Err(ServiceError::new("FileTooLargeException", message));
    }
    Ok(repository.objects.read(id).await?.map(|object| object.content))
}

fn path<'a>(input: &'a Input, name: &str) -> Result<&'a str, ServiceError> {
    input
        .path(name)?
        .ok_or_else(|| ServiceError::new("PathRequiredException", format!("The {name} for a location cannot be null.")))
}
