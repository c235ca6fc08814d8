//! A byte of a format that is written in hexadecimal digits.

/// Adds the byte of `x41` to the output; returns the length, or 0 if no two digits follow the `x`.
pub(super) fn hex_byte(output: &mut Vec<u8>, rest: &[u8]) -> usize {
    let digit = |at: usize| rest.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let Some(byte) = digit(1).zip(digit(2)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) else {
        return 0;
    };
    output.push(byte);
    3
}
