//! The outputs of an archive: any writer, or a file that appears only when it is complete.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tempfile::NamedTempFile;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::write::Output;

/// A writer that blocks.
pub(super) struct Blocking<W>(pub(super) W);

impl<W: Write + Send> Output for Blocking<W> {
    type Error = io::Error;

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

/// An asynchronous writer.
pub(super) struct Asynchronous<W>(pub(super) Pin<Box<W>>);

impl<W: AsyncWrite + Send> Output for Asynchronous<W> {
    type Error = io::Error;

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }
}

/// A file under a temporary name in the same folder, renamed at the end. If this is dropped before the end, nothing
/// remains.
pub(super) enum Renamed {
    Temporary {
        file: NamedTempFile,
        to: PathBuf,
    },
    /// A device or a pipe, which must not be replaced by a file.
    Special(File),
}

impl Renamed {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let to = resolve_link(path);
        let found = match to.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some(found?),
        };
        match &found {
            Some(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            // `/dev/stdout` may be a link to a file that others write to as well.
            Some(found) if !found.is_file() || path.starts_with("/dev") => {
                return File::options().write(true).open(path).map(Self::Special);
            }
            _ => {}
        }
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Check the folder first, because an error of the temporary file would name that file.
        folder.metadata()?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".archive-").suffix(".tmp");
        // Temporary files are private by default. Use the permissions of an ordinary new file, to which the umask
        // applies.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        if let Some(found) = found {
            file.as_file().set_permissions(without_special_bits(found.permissions()))?;
        }
        Ok(Self::Temporary { file, to })
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Special(_) => Ok(()),
            Self::Temporary { file, to } => file.persist(to).map(drop).map_err(|error| error.error),
        }
    }
}

/// Returns the permissions without setuid, setgid and the sticky bit: the content of the archive must not run with
/// another user's rights.
#[cfg(unix)]
fn without_special_bits(mut permissions: Permissions) -> Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    permissions.set_mode(permissions.mode() & 0o777);
    permissions
}

#[cfg(not(unix))]
fn without_special_bits(permissions: Permissions) -> Permissions {
    permissions
}

/// Follows a link, so that the file behind it is replaced, or created if there is none.
fn resolve_link(path: &Path) -> PathBuf {
    let beside = |target: PathBuf| path.parent().map_or_else(|| target.clone(), |folder| folder.join(&target));
    path.canonicalize().or_else(|_| path.read_link().map(beside)).unwrap_or_else(|_| path.to_owned())
}

impl Output for Renamed {
    type Error = io::Error;

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Special(file) => file.write_all(bytes),
            Self::Temporary { file, .. } => file.write_all(bytes),
        }
    }
}
