//! The zip that is being written: takes entries, and writes chunks to the output.

use bstr::{BStr, BString};

use super::contents::Written;
use super::copied::CopiedFile;
use super::error::StreamError;
use super::large::Large;
use super::output::Output;
use crate::warnings::Warnings;
use git_archive::object::ObjectId;
use git_archive::zip::{DataHeader, Member, Method, OpenMember, Writer};
use git_archive::{BIG_FILE, PackedFile};

/// The number of bytes to collect before they go to the output.
const CHUNK: usize = 256 << 10;

/// A zip that is written to an output, and its figures so far.
pub(super) struct ZipOutput<'a, O> {
    zip: Writer<Vec<u8>>,
    output: &'a mut O,
    progress: &'a (dyn Fn(u64, u64) + Send + Sync),
    limit: Option<u64>,
    warnings: Warnings,
    pub(super) written: Written,
}

impl<'a, O: Output> ZipOutput<'a, O> {
    /// Begins a zip in which all entries have the time `seconds` (since 1970, UTC). Contents of more than `limit`
    /// bytes in total are refused.
    pub(super) fn new(
        output: &'a mut O,
        progress: &'a (dyn Fn(u64, u64) + Send + Sync),
        seconds: i64,
        limit: Option<u64>,
    ) -> Self {
        let zip = Writer::new(Vec::with_capacity(2 * CHUNK), seconds);
        Self { zip, output, progress, limit, warnings: Warnings::default(), written: Written::default() }
    }

    /// Writes an entry without content.
    pub(super) async fn put_empty(&mut self, member: Member<'_>) -> Result<(), StreamError<O::Error>> {
        self.put(member, DataHeader::NONE, &[]).await
    }

    /// Writes an entry whose data are in memory.
    pub(super) async fn put_packed(
        &mut self,
        member: Member<'_>,
        packed: PackedFile,
    ) -> Result<(), StreamError<O::Error>> {
        packed.warnings.into_iter().for_each(|warning| self.warnings.push(warning));
        self.count(packed.content, packed.copied);
        self.put(member, packed.content, &packed.data).await
    }

    /// Writes an entry whose data are copied from the pack.
    pub(super) async fn put_copied(
        &mut self,
        member: Member<'_>,
        mut copied: CopiedFile,
    ) -> Result<(), StreamError<O::Error>> {
        let path = member.path;
        let read = |source| StreamError::Read { path: path.into(), source };
        let zipped = |source| StreamError::Zip { path: path.into(), source };
        let content = copied.content;
        self.within_limit(path, content.size)?;
        copied.warning.take().into_iter().for_each(|warning| self.warnings.push(warning));
        self.count(content, true);
        let mut open = match content.size {
            0..=BIG_FILE => self.zip.sized(member, content),
            size => self.zip.stream(member, content.method, size),
        }
        .map_err(zipped)?;
        for piece in copied.pieces() {
            put_piece(&mut open, self.output, path, &piece.map_err(read)?).await?;
        }
        open.end(content).map_err(zipped)?;
        (self.progress)(self.zip.entries(), self.zip.written());
        Ok(())
    }

    /// Counts the bytes of a deflate stream.
    fn count(&mut self, content: DataHeader, copied: bool) {
        match (content.method, copied) {
            (Method::Stored, _) => {}
            (Method::Deflated, true) => self.written.copied_bytes += content.compressed,
            (Method::Deflated, false) => self.written.deflated_bytes += content.compressed,
        }
    }

    async fn put(&mut self, member: Member<'_>, content: DataHeader, data: &[u8]) -> Result<(), StreamError<O::Error>> {
        let path = member.path;
        self.within_limit(path, content.size)?;
        self.zip.member(member, content, data).map_err(|source| StreamError::Zip { path: path.into(), source })?;
        (self.progress)(self.zip.entries(), self.zip.written());
        if self.zip.out().len() >= CHUNK { self.flush().await } else { Ok(()) }
    }

    /// Writes an entry whose data are compressed while they are written.
    pub(super) async fn put_large(&mut self, member: Member<'_>, large: Large) -> Result<(), StreamError<O::Error>> {
        let path = member.path;
        let read = |source| StreamError::Read { path: path.into(), source };
        let zipped = |source| StreamError::Zip { path: path.into(), source };
        self.within_limit(path, large.size())?;
        let header = large.header().await.map_err(read)?;
        let mut pieces = large.pieces(header.method);
        let mut open = match header.known {
            Some(content) => self.zip.sized(member, content),
            None => self.zip.stream(member, header.method, large.size()),
        }
        .map_err(zipped)?;
        while let Some(piece) = pieces.next().await {
            put_piece(&mut open, self.output, path, &piece).await?;
        }
        let content = pieces.content().await.map_err(read)?;
        open.end(content).map_err(zipped)?;
        self.count(content, false);
        (self.progress)(self.zip.entries(), self.zip.written());
        Ok(())
    }

    /// Counts a content before it is written, and refuses it if all contents together exceed the limit.
    fn within_limit(&mut self, path: &BStr, size: u64) -> Result<(), StreamError<O::Error>> {
        self.written.content_bytes += size;
        match self.limit.filter(|limit| self.written.content_bytes > *limit) {
            Some(limit) => Err(StreamError::TooLarge { path: path.into(), limit }),
            None => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), StreamError<O::Error>> {
        let gathered = self.zip.out();
        self.output.write(gathered).await.map_err(StreamError::Output)?;
        gathered.clear();
        Ok(())
    }

    /// Writes the central directory, with the commit's id as the comment.
    pub(super) async fn finish(mut self, comment: Option<ObjectId>) -> Result<Written, StreamError<O::Error>> {
        self.written.warnings = std::mem::take(&mut self.warnings).into_lines();
        self.written.entries = self.zip.entries();
        let gathered = self.zip.out().len() as u64;
        let left = self.zip.written() - gathered;
        let path = BString::from("the central directory");
        let rest = self.zip.finish(comment).map_err(|source| StreamError::Zip { path, source })?;
        self.written.bytes = left + rest.len() as u64;
        for chunk in rest.chunks(CHUNK) {
            self.output.write(chunk).await.map_err(StreamError::Output)?;
        }
        Ok(self.written)
    }
}

/// Writes the next piece of an entry's data, and hands on what was gathered.
async fn put_piece<O: Output>(
    open: &mut OpenMember<'_, '_, Vec<u8>>,
    output: &mut O,
    path: &BStr,
    piece: &[u8],
) -> Result<(), StreamError<O::Error>> {
    open.chunk(piece).map_err(|source| StreamError::Zip { path: path.into(), source })?;
    if open.out().len() >= CHUNK {
        output.write(open.out()).await.map_err(StreamError::Output)?;
        open.out().clear();
    }
    Ok(())
}
