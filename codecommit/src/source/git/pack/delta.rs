//! A delta's instructions: copies from a base and literal bytes (gitformat-pack, "Deltified representation").

/// The instructions of a delta, and the two sizes that they begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delta<'a> {
    pub(super) base_size: u64,
    pub(super) result_size: u64,
    instructions: &'a [u8],
}

/// The largest number of bytes that both sizes take together.
pub(super) const MAX_SIZES: usize = 20;

const CUT: &str = "a delta ends within an instruction";

impl<'a> Delta<'a> {
    /// Reads the two sizes, without the instructions.
    pub(super) fn new(data: &'a [u8]) -> Result<Self, &'static str> {
        let (base_size, rest) = size(data)?;
        let (result_size, instructions) = size(rest)?;
        Ok(Self { base_size, result_size, instructions })
    }

    /// Makes the object from `base`. It never grows beyond `result_size`, which the caller has compared with its
    /// limits.
    pub(super) fn apply(&self, base: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut result = Vec::new();
        self.apply_into(base, &mut result)?;
        Ok(result)
    }

    /// Makes the object from `base` in a buffer, and replaces the buffer's content.
    pub(super) fn apply_into(&self, base: &[u8], result: &mut Vec<u8>) -> Result<(), &'static str> {
        if base.len() as u64 != self.base_size {
            return Err("a delta is for a base of another size");
        }
        let size = usize::try_from(self.result_size).map_err(|_| "a delta makes more than memory has addresses")?;
        result.clear();
        result.reserve_exact(size);
        let mut rest = self.instructions;
        while let Some((&instruction, behind)) = rest.split_first() {
            rest = behind;
            let bytes = match instruction {
                0 => return Err("a delta has the reserved instruction 0"),
                1..=0x7f => rest.split_off(..usize::from(instruction)).ok_or(CUT)?,
                _ => copied(base, instruction, &mut rest)?,
            };
            if bytes.len() > size - result.len() {
                return Err("a delta makes more than it promises");
            }
            result.extend_from_slice(bytes);
        }
        if result.len() < size {
            return Err("a delta makes less than it promises");
        }
        Ok(())
    }
}

/// Returns the part of the base that a copy instruction names. Its bits 0 to 3 say which bytes of the offset follow,
/// and bits 4 to 6 say which bytes of the length. A length of 0 means 65,536.
fn copied<'b>(base: &'b [u8], instruction: u8, rest: &mut &[u8]) -> Result<&'b [u8], &'static str> {
    let mut value = |bits: std::ops::Range<u32>| {
        let mut value = 0;
        for (shift, bit) in bits.enumerate() {
            if instruction >> bit & 1 != 0 {
                value |= usize::from(*rest.split_off_first().ok_or(CUT)?) << (8 * shift);
            }
        }
        Ok::<usize, &'static str>(value)
    };
    let start = value(0..4)?;
    let length = match value(4..7)? {
        0 => 0x10000,
        length => length,
    };
    base.get(start..start.saturating_add(length)).ok_or("a delta copies from beyond its base")
}

/// Reads a size: seven bits per byte, the lowest first.
fn size(data: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let mut value = 0;
    for (index, byte) in data.iter().enumerate().take(MAX_SIZES / 2) {
        let shift = 7 * index;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok((value, &data[index + 1..]));
        }
    }
    Err("a delta's sizes are cut or too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(base: &[u8], data: &[u8]) -> Result<Vec<u8>, &'static str> {
        Delta::new(data)?.apply(base)
    }

    #[test]
    fn copies_and_literals() {
        let base = b"hello, world";
        assert_eq!(apply(base, &[12, 8, 0x91, 7, 5, 3, b'!', b'!', b'\n']).unwrap(), b"world!!\n");
        assert_eq!(apply(base, &[12, 0]).unwrap(), b"");
        let large = vec![3; 0x1_0001];
        assert_eq!(apply(&large, &[0x81, 0x80, 4, 0x80, 0x80, 4, 0x80]).unwrap(), &large[1..]);
        assert_eq!(
            apply(&large, &[0x81, 0x80, 4, 2, 0x95, 0xff, 0x01, 2]).map(|made| made.len()),
            Err("a delta copies from beyond its base")
        );
    }

    #[test]
    fn what_would_not_fit_is_refused() {
        for data in [
            &[12][..],
            &[12, 3, 0],
            &[11, 1, 1, 0],
            &[12, 1, 2, 0, 0],
            &[12, 2, 1, 0],
            &[12, 2, 2, 0],
            &[12, 5, 0x91, 12],
            &[12, 5, 0x91, 9, 5],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1],
        ] {
            assert!(apply(b"hello, world", data).is_err(), "{data:?}");
        }
    }
}
