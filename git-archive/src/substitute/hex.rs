//! A byte of a format, written in hexadecimal digits.

/// Returns the byte of `x41`, or `None` if two digits do not follow the `x`.
pub(super) fn hex_byte(rest: &[u8]) -> Option<u8> {
    let digit = |at: usize| rest.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let (high, low) = digit(1).zip(digit(2))?;
    u8::try_from(high * 16 + low).ok()
}
