//! Files that are in no tree, as `git archive --add-file` and `--add-virtual-file` take them.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use bytes::Bytes;

use super::ArchiveError;
use git_archive::ExtraFile;

/// One file to add.
#[derive(Debug, Clone)]
pub(super) enum Added {
    /// A file of this machine, under its own name behind the prefix that was in force.
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
    // Asked before it is opened, which would wait for a pipe's other end.
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut file = File::open(path)?;
    let executable = is_executable(&file.metadata()?);
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(ExtraFile { path: [prefix.as_slice(), name].concat().into(), executable, content: Bytes::from(content) })
}

/// Git's `canon_mode`: the owner's bit counts.
#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
