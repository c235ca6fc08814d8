//! Blobs that were deflated while the pack arrived.

use bytes::Bytes;

/// The raw deflate of some blobs, found by their index in the pack.
#[derive(Default)]
pub(super) struct DeflatedBlobs {
    /// The level of all.
    pub(super) level: u8,
    parts: Vec<Bytes>,
    /// One row for each blob, sorted by index.
    rows: Vec<Row>,
}

/// The bytes of memory that each blob takes in the table, in addition to its deflate stream.
pub(super) const ROW_BYTES: u64 = size_of::<Row>() as u64;

/// The place of a blob's deflate.
struct Row {
    index: usize,
    part: usize,
    start: usize,
    end: usize,
}

/// The raw deflate of some blobs: the bytes of all, and the index and the end of each.
pub(super) struct DeflatedPart {
    pub(super) data: Bytes,
    pub(super) ends: Vec<(usize, usize)>,
}

impl DeflatedBlobs {
    /// Takes parts in any order.
    pub(super) fn new(level: u8, made: Vec<DeflatedPart>) -> Self {
        let mut parts = Vec::with_capacity(made.len());
        let mut rows = Vec::with_capacity(made.iter().map(|part| part.ends.len()).sum());
        for DeflatedPart { data, ends } in made {
            let mut start = 0;
            for (index, end) in ends {
                rows.push(Row { index, part: parts.len(), start, end });
                start = end;
            }
            parts.push(data);
        }
        rows.sort_unstable_by_key(|row| row.index);
        Self { level, parts, rows }
    }

    /// Returns the raw deflate of an object, if it was made.
    pub(super) fn get(&self, index: usize) -> Option<Bytes> {
        let at = self.rows.binary_search_by_key(&index, |row| row.index).ok()?;
        let Row { part, start, end, .. } = self.rows[at];
        Some(self.parts[part].slice(start..end))
    }

    /// Returns the number of bytes of memory for all.
    pub(super) fn memory(&self) -> u64 {
        self.parts.iter().map(|data| data.len() as u64).sum::<u64>() + self.rows.len() as u64 * ROW_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_blob_has_its_own_bytes_and_others_have_none() {
        let part = |data: &'static [u8], ends: &[(usize, usize)]| DeflatedPart {
            data: Bytes::from_static(data),
            ends: ends.to_vec(),
        };
        let parts = vec![part(b"ccee", &[(7, 2), (9, 4)]), part(b"", &[]), part(b"add", &[(0, 1), (8, 3)])];
        let blobs = DeflatedBlobs::new(6, parts);
        let found: Vec<_> = (0..11).filter_map(|index| Some((index, blobs.get(index)?))).collect();
        let of = |index: usize, data: &'static [u8]| (index, Bytes::from_static(data));
        assert_eq!(found, [of(0, b"a"), of(7, b"cc"), of(8, b"dd"), of(9, b"ee")]);
        assert_eq!(blobs.memory(), 7 + 4 * ROW_BYTES);
        assert_eq!(DeflatedBlobs::default().get(0), None);
    }
}
