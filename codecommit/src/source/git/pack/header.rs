//! The header before each object's deflated bytes (gitformat-pack).

use gix_object::Kind;

/// What an entry of a pack says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) form: Form,
    /// How much its deflated bytes inflate to: the object, or the instructions of a delta.
    pub(super) size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Whole(Kind),
    /// How many bytes before this entry its base starts.
    OffsetDelta(u64),
    /// The id of its base.
    IdDelta([u8; 20]),
}

/// The most bytes that a header takes: ten for a size of 64 bits and twenty for an id.
pub(super) const MAX_BYTES: u64 = 30;

impl Header {
    /// Reads a header byte by byte, because it may lie across two chunks of the stream. The inner error says what is wrong
    /// with it, the outer one is the stream's own.
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
            1 => Form::Whole(Kind::Commit),
            2 => Form::Whole(Kind::Tree),
            3 => Form::Whole(Kind::Blob),
            4 => Form::Whole(Kind::Tag),
            6 => match distance(&mut next)? {
                Some(distance) => Form::OffsetDelta(distance),
                None => return Ok(Err("a delta's distance has more than 64 bits")),
            },
            7 => {
                let mut id = [0; 20];
                for byte in &mut id {
                    *byte = next()?;
                }
                Form::IdDelta(id)
            }
            _ => return Ok(Err("an object is of an unknown type")),
        };
        Ok(Ok(Self { form, size }))
    }
}

/// git's offset encoding: seven bits a byte, the highest first, each continuation adding one.
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

    fn read(bytes: &[u8]) -> Result<Result<Header, &'static str>, ()> {
        let mut bytes = bytes.iter().copied();
        Header::read(|| bytes.next().ok_or(()))
    }

    #[test]
    fn every_form_is_read() {
        let whole = |kind, size| Ok(Ok(Header { form: Form::Whole(kind), size }));
        assert_eq!(read(&[0x35]), whole(Kind::Blob, 5));
        assert_eq!(read(&[0x95, 0x01]), whole(Kind::Commit, 21));
        assert_eq!(read(&[0xb3, 0x00]), whole(Kind::Blob, 3));
        assert_eq!(read(&[0x63, 0x81, 0x02]), Ok(Ok(Header { form: Form::OffsetDelta(258), size: 3 })));
        let mut with_id = vec![0x7f];
        with_id.extend_from_slice(&[9; 20]);
        assert_eq!(read(&with_id), Ok(Ok(Header { form: Form::IdDelta([9; 20]), size: 15 })));
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
