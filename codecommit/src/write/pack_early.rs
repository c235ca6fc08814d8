//! Files of the pack that are not ready when it is here, packed in its order before the archive is written. They are
//! converted, or were not deflated while the pack arrived. With `reuse_deflate` off, the pack's own deflate does not
//! count either.
//!
//! The base of a delta is near it in the pack, but may be anywhere in the archive. In the archive's order, most bases
//! would be inflated again for each of their deltas. So these files are packed in the pack's order, on all cores, until
//! their share of the byte budget is used up. The others are packed in their turn.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt, stream};

use super::prepare::Preparation;
use crate::blocking;
use crate::source::BlobContent;
use git_archive::PackedFile;

/// The number of files that one thread packs, one after the other.
const AT_ONCE: usize = 256;
/// The size in bytes of the largest file that is packed early.
const LARGEST: u64 = 1 << 20;

/// Packs the files of the pack that cannot be copied, as long as there is room. A file that fails is left for its turn,
/// which reports the error.
pub(super) async fn pack(preparation: &Arc<Preparation>) {
    if preparation.early_bytes == 0 {
        return;
    }
    let room = Arc::new(AtomicU64::new(preparation.early_bytes));
    let of = preparation.clone();
    let order = blocking::run(move || in_order_of_the_pack(&of)).await;
    let chunks: Vec<Vec<usize>> = order.chunks(AT_ONCE).map(<[usize]>::to_vec).collect();
    let packing = chunks.into_iter().map(|chunk| {
        let (preparation, room) = (preparation.clone(), room.clone());
        blocking::run(move || preparation.early.add(packed(&preparation, &chunk, &room)))
    });
    stream::iter(packing).buffer_unordered(preparation.threads()).collect::<()>().await;
}

/// Returns the first entry of each content that is not ready, in the order of the pack.
fn in_order_of_the_pack(preparation: &Preparation) -> Vec<usize> {
    let mut seen = HashSet::new();
    let mut order: Vec<(u64, usize)> = Vec::new();
    for (index, entry) in preparation.entries.iter().enumerate() {
        if let Some(blob) = preparation.packed(index)
            && blob.facts.size <= LARGEST
            && !preparation.is_ready(&blob, index)
            && seen.insert(entry.id)
        {
            order.push((blob.facts.offset, index));
        }
    }
    order.sort_unstable();
    order.into_iter().map(|(_, index)| index).collect()
}

fn packed(preparation: &Preparation, chunk: &[usize], room: &AtomicU64) -> Vec<(usize, PackedFile)> {
    let mut files = Vec::with_capacity(chunk.len());
    for &index in chunk {
        let Some(blob) = preparation.packed(index) else { continue };
        let Ok(file) = preparation.pack(index, BlobContent::InPack(blob)) else { break };
        let size = file.data.len() as u64;
        let taken = |left: u64| left.checked_sub(size);
        if room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_err() {
            break;
        }
        files.push((index, file));
    }
    files
}
