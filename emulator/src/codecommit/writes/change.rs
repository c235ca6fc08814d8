//! One changed file of a commit.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::codecommit::files::LARGEST_FILE;
use crate::codecommit::input::Input;
use crate::codecommit::revision::{self, TreeEntry};
use crate::error::ServiceError;
use crate::git;
use crate::repository::Repository;

pub(super) struct FileChange {
    pub(super) path: String,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// A file with this content, of which the blob is in the repository.
    Put { blob: String, mode: u32 },
    /// Another mode for a file.
    Mode(u32),
    /// No file.
    Delete,
}

/// A file that is not in the repository yet.
pub(super) struct NewFile {
    path: String,
    content: Vec<u8>,
    mode: u32,
}

impl NewFile {
    /// Writes the blob.
    pub(super) async fn stored(self, repository: &Repository) -> Result<FileChange, ServiceError> {
        let mut command = git::git(&repository.git_dir);
        command.args(["hash-object", "-w", "--stdin"]);
        let blob = git::line(command, &self.content).await?;
        Ok(FileChange { path: self.path, content: Content::Put { blob, mode: self.mode } })
    }
}

impl FileChange {
    /// Reads the members of `PutFile`, or of an entry of `putFiles`.
    pub(super) fn put(input: &Input) -> Result<NewFile, ServiceError> {
        let path = path(input)?;
        let content = input
            .text("fileContent")?
            .ok_or_else(|| ServiceError::new("FileContentRequiredException", "The content of the file is required."))?;
        let content = BASE64_STANDARD
            .decode(content)
            .map_err(|error| ServiceError::new("SerializationException", format!("fileContent: {error}")))?;
        if content.len() as u64 > LARGEST_FILE {
            let message = format!("{path} has {} bytes; the limit is {LARGEST_FILE}.", content.len());
            return Err(ServiceError::new("FileContentSizeLimitExceededException", message));
        }
        Ok(NewFile { path, content, mode: mode(input)?.unwrap_or(0o100_644) })
    }

    pub(super) fn delete(input: &Input) -> Result<Self, ServiceError> {
        Ok(Self { path: path(input)?, content: Content::Delete })
    }

    pub(super) fn set_mode(input: &Input) -> Result<Self, ServiceError> {
        let mode =
            mode(input)?.ok_or_else(|| ServiceError::new("FileModeRequiredException", "The file mode is required."))?;
        Ok(Self { path: path(input)?, content: Content::Mode(mode) })
    }

    /// Returns the file that a new content replaces. Neither a folder nor a submodule may be in its place.
    pub(super) async fn replaced(
        &self,
        repository: &Repository,
        tree: &str,
    ) -> Result<Option<TreeEntry>, ServiceError> {
        let path = &self.path;
        for (end, _) in path.match_indices('/') {
            let folder = &path[..end];
            match revision::entry(repository, tree, folder).await? {
                Some(entry) if entry.is_submodule() => return Err(submodule(path, folder)),
                Some(entry) if !entry.is_tree() => {
                    let message = format!("The folder {folder} of {path} is a file");
                    return Err(ServiceError::new("DirectoryNameConflictsWithFileNameException", message));
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
        match revision::entry(repository, tree, path).await? {
            Some(entry) if entry.is_submodule() => Err(submodule(path, path)),
            Some(entry) if entry.is_tree() => {
                let message = format!("{path} is a folder");
                Err(ServiceError::new("FileNameConflictsWithDirectoryNameException", message))
            }
            replaced => Ok(replaced),
        }
    }

    /// Returns the blob of a new content.
    pub(super) fn blob_id(&self) -> &str {
        if let Content::Put { blob, .. } = &self.content { blob } else { "" }
    }

    /// Returns the mode after the change. A deleted file has the mode that it had.
    pub(super) fn mode(&self, before: Option<u32>) -> Option<u32> {
        match self.content {
            Content::Put { mode, .. } | Content::Mode(mode) => Some(mode),
            Content::Delete => before,
        }
    }

    /// Returns the file in the form of the response.
    pub(super) fn described(&self, before: Option<&TreeEntry>) -> Value {
        let id = match (&self.content, before) {
            (Content::Put { blob, .. }, _) => blob.clone(),
            (_, Some(before)) => before.id.clone(),
            (_, None) => String::new(),
        };
        let mode = self.mode(before.map(|before| before.mode)).unwrap_or_default();
        let file = TreeEntry { mode, name: Vec::new(), id };
        json!({ "absolutePath": self.path, "blobId": file.id, "fileMode": file.file_mode() })
    }

    /// Returns the line for `git update-index -z --index-info`.
    pub(super) async fn index_line(&self, repository: &Repository, tree: &str) -> Result<String, ServiceError> {
        let (mode, id) = match &self.content {
            Content::Put { blob, mode } => (*mode, blob.clone()),
            Content::Mode(mode) => {
                let entry = revision::entry(repository, tree, &self.path).await?;
                (*mode, entry.map(|entry| entry.id).unwrap_or_default())
            }
            Content::Delete => (0, "0".repeat(40)),
        };
        Ok(format!("{mode:06o} {id}\t{}\0", self.path))
    }
}

fn path(input: &Input) -> Result<String, ServiceError> {
    let path = input.path("filePath")?.filter(|path| !path.is_empty());
    path.map(str::to_owned)
        .ok_or_else(|| ServiceError::new("PathRequiredException", "The filePath for a location cannot be null."))
}

fn mode(input: &Input) -> Result<Option<u32>, ServiceError> {
    Ok(Some(match input.text("fileMode")? {
        None => return Ok(None),
        Some("NORMAL") => 0o100_644,
        Some("EXECUTABLE") => 0o100_755,
        Some("SYMLINK") => 0o120_000,
        Some(other) => {
            let message = format!("The file mode must be EXECUTABLE, NORMAL or SYMLINK, not {other}");
            return Err(ServiceError::new("InvalidFileModeException", message));
        }
    }))
}

fn submodule(path: &str, place: &str) -> ServiceError {
    ServiceError::new("FilePathConflictsWithSubmodulePathException", format!("{path}: {place} is a submodule"))
}
