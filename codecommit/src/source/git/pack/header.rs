//! The header before each object's deflated bytes (gitformat-pack).

use super::kind::ObjectKind;

/// The header of one entry of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryHeader {
    pub(super) form: EntryForm,
    /// The number of bytes that the entry inflates to: the object itself, or the instructions of a delta.
    pub(super) size: u64,
}

/// The form in which an entry stores its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryForm {
    /// The object itself.
    Whole(ObjectKind),
    /// A delta whose base starts this many bytes before it.
    OffsetDelta(u64),
    /// A delta whose base has this id.
    IdDelta([u8; 20]),
}

/// The largest number of bytes in a header: ten for a size of 64 bits and twenty for an id.
pub(super) const MAX_BYTES: u64 = 30;

impl EntryHeader {
    /// Reads a header byte by byte, because it may lie across two chunks of the stream. The inner error describes a
    /// malformed header, the outer one is the stream's own.
    pub(super) fn read<E>(mut next: impl FnMut() -> Result<u8, E>) -> Result<Result<Self, &'static str>, E> {
        let first = next()?;
        let mut size = u64::from(first & 0x0f);
        let mut more = first & 0x80 != 0;
        let mut shift = 4;
        while more {
            let byte = next()?;
            let bits = u64::from(byte & 0x7f);
            if shift > 60 || bits << shift >> shift != bits {
                return Ok(Err("an object's size has more than 64 bits"));
            }
            size |= bits << shift;
            shift += 7;
            more = byte & 0x80 != 0;
        }
        let form = match first >> 4 & 0b111 {
            1 => EntryForm::Whole(ObjectKind::Commit),
            2 => EntryForm::Whole(ObjectKind::Tree),
            3 => EntryForm::Whole(ObjectKind::Blob),
            4 => EntryForm::Whole(ObjectKind::Tag),
            6 => match distance(&mut next)? {
                Some(distance) => EntryForm::OffsetDelta(distance),
                None => return Ok(Err("a delta's distance has more than 64 bits")),
            },
            7 => {
                let mut id = [0; 20];
                for byte in &mut id {
                    *byte = next()?;
                }
                EntryForm::IdDelta(id)
            }
            _ => return Ok(Err("an object is of an unknown type")),
        };
        Ok(Ok(Self { form, size }))
    }
}

/// Returns the length of the shortest header for a whole object of this size.
pub(super) fn whole_bytes(size: u64) -> u64 {
    let beyond_first = u64::from((u64::BITS - size.leading_zeros()).saturating_sub(4));
    1 + beyond_first.div_ceil(7)
}

/// Returns the shortest header for a whole object.
pub(super) fn of_whole(kind: ObjectKind, size: u64) -> Vec<u8> {
    let number: u8 = match kind {
        ObjectKind::Commit => 1,
        ObjectKind::Tree => 2,
        ObjectKind::Blob => 3,
        ObjectKind::Tag => 4,
    };
    let low = |value: u64, bits: u32| u8::try_from(value & ((1 << bits) - 1)).unwrap_or_default();
    let more = |rest: u64| if rest > 0 { 0x80 } else { 0 };
    let mut rest = size >> 4;
    let mut header = vec![number << 4 | low(size, 4) | more(rest)];
    while rest > 0 {
        let digit = low(rest, 7);
        rest >>= 7;
        header.push(digit | more(rest));
    }
    header
}

/// Returns the size in an entry's header, and the bytes after the header.
pub(super) fn split(entry: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let mut rest = entry;
    let header = EntryHeader::read(|| rest.split_off_first().copied().ok_or("an object's header is cut"))??;
    Ok((header.size, rest))
}

/// Reads git's offset encoding: seven bits per byte, the highest first. Each continuation adds one.
fn distance<E>(mut next: impl FnMut() -> Result<u8, E>) -> Result<Option<u64>, E> {
    let mut byte = next()?;
    let mut value = u64::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        if value >= 1 << 56 {
            return Ok(None);
        }
        byte = next()?;
        value = (value + 1) << 7 | u64::from(byte & 0x7f);
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Result<EntryHeader, &'static str>, ()> {
        let mut bytes = bytes.iter().copied();
        EntryHeader::read(|| bytes.next().ok_or(()))
    }

    #[test]
    fn every_form_is_read() {
        let whole = |kind, size| Ok(Ok(EntryHeader { form: EntryForm::Whole(kind), size }));
        assert_eq!(read(&[0x35]), whole(ObjectKind::Blob, 5));
        assert_eq!(read(&[0x95, 0x01]), whole(ObjectKind::Commit, 21));
        assert_eq!(read(&[0xb3, 0x00]), whole(ObjectKind::Blob, 3));
        assert_eq!(read(&[0x63, 0x81, 0x02]), Ok(Ok(EntryHeader { form: EntryForm::OffsetDelta(258), size: 3 })));
        let mut with_id = vec![0x7f];
        with_id.extend_from_slice(&[9; 20]);
        assert_eq!(read(&with_id), Ok(Ok(EntryHeader { form: EntryForm::IdDelta([9; 20]), size: 15 })));
    }

    #[test]
    fn the_shortest_header_is_as_long_as_it_has_to_be() {
        for (size, bytes) in [(0, 1), (15, 1), (16, 2), (2047, 2), (2048, 3), (u64::MAX, 10)] {
            assert_eq!(whole_bytes(size), bytes, "{size}");
            for kind in [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag] {
                let header = of_whole(kind, size);
                assert_eq!(header.len() as u64, bytes, "{size}");
                assert_eq!(read(&header), Ok(Ok(EntryHeader { form: EntryForm::Whole(kind), size })));
            }
        }
    }

    #[test]
    fn what_no_pack_says_is_refused() {
        assert_eq!(read(&[]), Err(()));
        assert_eq!(read(&[0xb0]), Err(()));
        assert!(read(&[0x50]).unwrap().is_err());
        assert!(read(&[0x05]).unwrap().is_err());
        let mut long = vec![0xbf];
        long.extend_from_slice(&[0xff; 9]);
        long.push(0);
        assert!(read(&long).unwrap().is_err());
        let mut far = vec![0x61];
        far.extend_from_slice(&[0xff; 12]);
        assert!(read(&far).unwrap().is_err());
    }
}
