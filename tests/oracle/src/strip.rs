//! Removes the cache's fields from a zip.

use bstr::ByteSlice as _;

use crate::zip::{u16_at, u32_at};

/// The extra field's id, "CM".
const TAG: u16 = 0x4d43;
const TAG_LENGTH: usize = 26;

/// Returns the start of a zip's central directory, and of its end record.
pub fn bounds(zip: &[u8]) -> (usize, usize) {
    let end = zip.rfind(b"PK\x05\x06").expect("an end of the central directory");
    (u32_at(zip, end + 16) as usize, end)
}

/// Returns the unchanged rows of the central directory.
pub fn rows(zip: &[u8]) -> Vec<&[u8]> {
    let (mut at, end) = bounds(zip);
    let mut rows = Vec::new();
    while at < end {
        let [name, extra, comment] = [28, 30, 32].map(|field| usize::from(u16_at(zip, at + field)));
        let next = at + 46 + name + extra + comment;
        rows.push(&zip[at..next]);
        at = next;
    }
    rows
}

/// Returns the zip with other rows.
pub fn with_rows(zip: &[u8], rows: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let (start, end) = bounds(zip);
    let (mut directory, mut count) = (Vec::new(), 0_u16);
    for row in rows {
        directory.extend(row);
        count += 1;
    }
    let size = u32::try_from(directory.len()).expect("a small directory");
    let mut tail = zip[end..].to_vec();
    for at in [8, 10] {
        tail[at..at + 2].copy_from_slice(&count.to_le_bytes());
    }
    tail[12..16].copy_from_slice(&size.to_le_bytes());
    [&zip[..start], &directory, &tail].concat()
}

/// Returns the place of the tag in a row.
pub fn tag(row: &[u8]) -> Option<usize> {
    let at = row.len().checked_sub(TAG_LENGTH)?;
    (at >= 46 && u16_at(row, at) == TAG).then_some(at)
}

/// Returns the zip as with `CACHE=off`.
pub fn without_tags(zip: &[u8]) -> Vec<u8> {
    let stripped = rows(zip).into_iter().map(|row| {
        let mut row = row.to_vec();
        if let Some(at) = tag(&row) {
            row.truncate(at);
            let extra = u16_at(&row, 30) - u16::try_from(TAG_LENGTH).expect("it is 26");
            row[30..32].copy_from_slice(&extra.to_le_bytes());
        }
        row
    });
    with_rows(zip, stripped)
}
