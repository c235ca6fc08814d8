//! The free space of the function's ephemeral storage.

use std::path::Path;

/// Returns the free bytes of the file system that holds `folder`, or `u64::MAX` if they cannot be read.
pub(crate) fn free_bytes(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(u64::MAX, |storage| storage.f_bavail.saturating_mul(storage.f_frsize))
}
