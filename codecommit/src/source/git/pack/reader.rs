//! Objects as a whole: inflated, and made from their bases where they are deltas.

use std::sync::Arc;

use bstr::BString;
use bytes::Bytes;
use gix_object::Kind as ObjectKind;

use super::cache::{Buffers, Cache};
use super::delta::Delta;
use super::header::Header;
use super::{Pack, PackError, Stream, index_of};
use git_archive::object::{Commit, Entry, Kind, ObjectId, parse_tree};

/// Buffers of up to this size are kept from one object to the next.
const KEPT_BYTES: usize = 1024 * 1024;

/// One thread's way into a pack, with its own share of memory.
#[derive(Debug)]
pub struct Reader {
    pack: Arc<Pack>,
    cache: Cache,
}

impl Reader {
    pub(super) fn new(pack: Arc<Pack>, cache_bytes: usize) -> Self {
        Self { pack, cache: Cache::new(cache_bytes) }
    }

    /// The pack that this reads.
    pub fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// A commit.
    pub fn commit(&mut self, id: ObjectId) -> Result<Commit, PackError> {
        let content = self.object(id, ObjectKind::Commit)?;
        Commit::parse(id, &content).map_err(|source| PackError::Commit { id, source })
    }

    /// The content of a blob, as a whole. Where it can be large, ask for its size first and take a [`Stream`].
    pub fn blob(&mut self, id: ObjectId) -> Result<Bytes, PackError> {
        self.object(id, ObjectKind::Blob)
    }

    /// The content of a blob in pieces. It can be opened any number of times.
    pub fn stream(&mut self, id: ObjectId) -> Result<Stream, PackError> {
        let index = self.pack.find_kind(id, ObjectKind::Blob)?;
        if self.pack.objects[index].base.is_some() {
            return self.pack.content(index, &mut self.cache).map(Stream::of_content);
        }
        Stream::of_object(Arc::clone(&self.pack), index)
    }

    /// The entries of one tree, in git's order, their paths being names only.
    pub fn tree(&mut self, id: ObjectId) -> Result<Vec<Entry>, PackError> {
        self.entries(id, &BString::default())
    }

    /// Everything in a tree and the trees in it: each folder before what is in it, else in git's order, as `git archive` goes.
    /// Every blob and tree in it is there, and is what its mode says.
    pub fn walk(&mut self, root: ObjectId) -> Result<Vec<Entry>, PackError> {
        let mut bytes = 0;
        let mut listing = Vec::new();
        let mut ahead = self.entries(root, &BString::default())?;
        ahead.reverse();
        while let Some(entry) = ahead.pop() {
            match entry.kind {
                Kind::Directory => {
                    let entries = self.entries(entry.id, &entry.path)?;
                    bytes += entries.iter().map(|entry| (size_of::<Entry>() + entry.path.len()) as u64).sum::<u64>();
                    self.pack.check_memory("the listing of the tree", bytes)?;
                    ahead.extend(entries.into_iter().rev());
                }
                Kind::File | Kind::Executable | Kind::Link => {
                    self.pack.find_kind(entry.id, ObjectKind::Blob)?;
                }
                Kind::Submodule => {}
            }
            listing.push(entry);
        }
        Ok(listing)
    }

    fn entries(&mut self, id: ObjectId, folder: &BString) -> Result<Vec<Entry>, PackError> {
        let content = self.object(id, ObjectKind::Tree)?;
        let entries = parse_tree(&content).map_err(|source| PackError::Tree { id, source })?;
        let path = |name: &[u8]| {
            let mut path = Vec::with_capacity(folder.len() + 1 + name.len());
            if !folder.is_empty() {
                path.extend_from_slice(folder);
                path.push(b'/');
            }
            path.extend_from_slice(name);
            BString::from(path)
        };
        Ok(entries.iter().map(|entry| Entry { path: path(entry.name), kind: entry.kind, id: entry.id }).collect())
    }

    fn object(&mut self, id: ObjectId, kind: ObjectKind) -> Result<Bytes, PackError> {
        let index = self.pack.find_kind(id, kind)?;
        self.pack.content(index, &mut self.cache)
    }
}

impl Pack {
    /// An object's content. The bases of a delta are followed down to one that is whole or cached, then applied on the way back.
    pub(super) fn content(&self, index: usize, cache: &mut Cache) -> Result<Bytes, PackError> {
        let mut deltas = Vec::new();
        let mut at = index;
        let mut content = loop {
            if let Some(content) = cache.get(at) {
                break content;
            }
            let Some(base) = self.objects[at].base else {
                break self.whole(at, cache)?;
            };
            deltas.push(at);
            at = index_of(base);
        };
        while let Some(delta) = deltas.pop() {
            content = self.apply(delta, &content, cache)?;
        }
        Ok(content)
    }

    fn whole(&self, index: usize, cache: &mut Cache) -> Result<Bytes, PackError> {
        let content = Bytes::from(self.inflate(index, 0, &mut cache.buffers)?);
        self.keep(index, &content, cache);
        Ok(content)
    }

    fn apply(&self, index: usize, base: &Bytes, cache: &mut Cache) -> Result<Bytes, PackError> {
        let object = &self.objects[index];
        let corrupt = |what| PackError::Corrupt { offset: object.offset, what };
        let others = (base.len() as u64).saturating_add(object.size);
        let instructions = self.inflate(index, others, &mut cache.buffers)?;
        let delta = Delta::new(&instructions).map_err(corrupt)?;
        let content = Bytes::from(delta.apply(base).map_err(corrupt)?);
        self.keep(index, &content, cache);
        Ok(content)
    }

    fn keep(&self, index: usize, content: &Bytes, cache: &mut Cache) {
        if self.objects[index].is_base {
            cache.put(index, content);
        }
    }

    pub(super) fn check_memory(&self, what: &'static str, bytes: u64) -> Result<(), PackError> {
        if bytes > self.working {
            return Err(PackError::Memory { what, bytes, limit: self.working });
        }
        Ok(())
    }

    /// Inflates what is deflated of an object: all of it, or the instructions of a delta. `others` is what has to be in memory
    /// beside it.
    fn inflate(&self, index: usize, others: u64, buffers: &mut Buffers) -> Result<Vec<u8>, PackError> {
        let range = self.range(index);
        let corrupt = |what| PackError::Corrupt { offset: range.start, what };
        self.check_memory("an object of the pack", range.end - range.start)?;
        let bytes = self.storage.slice(range.clone(), &mut buffers.deflated)?;
        let (size, deflated) = split_header(bytes).map_err(corrupt)?;
        self.check_memory("an object of the pack", size.saturating_add(others))?;
        let length = usize::try_from(size).map_err(|_| corrupt("an object is larger than memory has addresses"))?;
        let mut content = vec![0; length];
        if length > 0 {
            let made = buffers.inflater.zlib_decompress(deflated, &mut content);
            if made.ok() != Some(length) {
                return Err(corrupt("an object does not inflate to the size that its header says"));
            }
        }
        buffers.deflated.truncate(KEPT_BYTES);
        buffers.deflated.shrink_to(KEPT_BYTES);
        Ok(content)
    }
}

/// The size that a header tells, and the bytes behind it.
pub(super) fn split_header(entry: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let mut rest = entry;
    let header = Header::read(|| rest.split_off_first().copied().ok_or("an object's header is cut"))??;
    Ok((header.size, rest))
}
