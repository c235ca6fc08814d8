//! Files that are in no tree: `git archive --add-file` and `--add-virtual-file`.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use bytes::Bytes;

use super::error::ArchiveError;
use git_archive::ExtraFile;

/// One file to add.
#[derive(Debug, Clone)]
pub(super) enum Added {
    /// A file of this machine. Its path is the prefix that was set when it was added, and its own name.
    File {
        path: PathBuf,
        prefix: BString,
    },
    Virtual(ExtraFile),
}

impl Added {
    pub(super) fn read(&self) -> Result<ExtraFile, ArchiveError> {
        match self {
            Self::Virtual(file) => Ok(file.clone()),
            Self::File { path, prefix } => {
                read(path, prefix).map_err(|source| ArchiveError::Add { path: path.clone(), source })
            }
        }
    }
}

fn read(path: &Path, prefix: &BString) -> io::Result<ExtraFile> {
    let name = path.file_name().and_then(<[u8]>::from_os_str).ok_or(io::ErrorKind::InvalidFilename)?;
    // Check before opening, because opening a pipe waits for its other end.
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut file = File::open(path)?;
    let executable = is_executable(&file.metadata()?);
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(ExtraFile { path: [prefix.as_slice(), name].concat().into(), executable, content: Bytes::from(content) })
}

/// Returns whether the owner may execute the file. Git looks at no other bit (`canon_mode`).
#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
