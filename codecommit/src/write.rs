//! Writes the archive as a stream. Reading, compression and output run at the same time.
//!
//! A window of entries is prepared ahead of the archive, each in its own task: it reads the content, waits for the
//! byte budget, converts and compresses. The archive takes the entries in order. The [budget](crate::memory) limits
//! the memory between the network and the archive.

mod contents;
mod window;
mod prepare;
mod early_files;
mod pack_early;
mod entry_attributes;
mod copied;
mod repeated;
mod large;
mod zip_output;
mod output;
mod error;

use std::pin::pin;
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use futures_util::StreamExt as _;

use crate::blocking::{self, CancelOnDrop};
use git_archive::object::Kind;
use git_archive::prefix_directory;
use git_archive::work::Stopped;
use git_archive::zip::{self, Member};
use prepare::{Preparation, Ready};
use zip_output::ZipOutput;

pub use contents::{Contents, Written};
pub use error::StreamError;
pub use output::{Output, OutputError};

/// Writes the archive. `progress` is called after each entry with the number of entries and the bytes of the zip so
/// far.
pub async fn write<O: Output>(
    mut contents: Contents,
    output: &mut O,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Written, StreamError<O::Error>> {
    let mut archive = ZipOutput::new(output, progress, contents.seconds, contents.limit);
    let (extra, prefix) = (std::mem::take(&mut contents.extra), std::mem::take(&mut contents.prefix));
    if let Some(directory) = prefix_directory(prefix.as_bstr()) {
        archive.put_empty(Member { path: directory.as_bstr(), kind: Kind::Directory, extra: &[] }).await?;
    }
    // Cancels the work on other threads when this future is dropped.
    let _cancel = CancelOnDrop(contents.checkout.cancel());
    let preparation = blocking::run(move || Preparation::new(contents)).await;
    let stopped = |(path, stopped): (BString, Stopped)| StreamError::Convert { path, source: stopped.into() };
    let preparation = Arc::new(preparation.map_err(stopped)?);
    pack_early::pack(&preparation).await;
    let mut window = pin!(window::in_order(&preparation));
    for (index, entry) in preparation.entries.iter().enumerate() {
        preparation.budget.advance(index);
        let Some(ready) = window.next().await else { break };
        let path = zip::member_path(prefix.as_bstr(), entry.path.as_bstr(), entry.kind);
        let ready = ready.map_err(|error| error.of(entry.path.clone()))?;
        let tag = preparation.packer.tag(entry, ready.as_ref().is_some_and(Ready::is_copied));
        let member = Member { path: path.as_bstr(), kind: entry.kind, extra: &tag };
        match ready {
            None => archive.put_empty(member).await?,
            Some(Ready::Copied(copied)) => archive.put_copied(member, copied).await?,
            Some(Ready::Held(packed, _permit)) => archive.put_packed(member, packed).await?,
            Some(Ready::Large(large)) => archive.put_large(member, large).await?,
        }
        tokio::task::consume_budget().await;
    }
    for file in extra {
        let kind = if file.executable { Kind::Executable } else { Kind::File };
        let packed = preparation.packer.pack_extra(&file, prefix.as_bstr());
        let packed =
            packed.map_err(|source| StreamError::Convert { path: file.path.clone(), source: source.into() })?;
        archive.put_packed(Member { path: file.path.as_bstr(), kind, extra: &[] }, packed).await?;
    }
    archive.written.reused = preparation.reused();
    // The archive of a bare tree has no comment.
    archive.finish(preparation.packer.commit.as_ref().map(|commit| commit.id)).await
}
