//! Files that are converted and compressed before their turn in the archive.

use std::collections::HashMap;

use crate::lock::Lock;
use git_archive::PackedFile;

/// Files that are packed already, by the index of their entry.
#[derive(Default)]
pub(super) struct EarlyFiles(Lock<HashMap<usize, PackedFile>>);

impl EarlyFiles {
    /// Takes a file out.
    pub(super) fn take(&self, index: usize) -> Option<PackedFile> {
        self.take_if(index, || true)
    }

    /// Takes a file out if it is there and the condition holds.
    pub(super) fn take_if(&self, index: usize, condition: impl FnOnce() -> bool) -> Option<PackedFile> {
        let mut files = self.0.lock();
        if files.contains_key(&index) && condition() { files.remove(&index) } else { None }
    }

    /// Adds files.
    pub(super) fn add(&self, files: Vec<(usize, PackedFile)>) {
        self.0.lock().extend(files);
    }
}
