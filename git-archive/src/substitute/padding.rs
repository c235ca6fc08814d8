//! Paddings: `%<(…)`, `%>(…)`, `%>>(…)` and `%><(…)`.

use bstr::ByteSlice;

use super::columns::{LIMIT, LastLine, cut, escape_length, integer, width};
use crate::convert::error::ConvertError;
use crate::sink::Sink;

/// The width that git assumes without a terminal.
const TERMINAL_COLUMNS: i64 = 80;

/// The padding that `%<(…)`, `%>(…)`, `%>>(…)` or `%><(…)` sets for the next placeholder.
#[derive(Clone, Copy)]
pub(super) struct Padding {
    kind: PaddingKind,
    /// The width, or the negated column to fill up to.
    columns: i64,
    pub(super) truncation: Truncation,
}

/// The alignment of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PaddingKind {
    Left,
    Right,
    /// On the right. Takes spaces from the text before it if needed.
    RightStealing,
    Middle,
}

/// The part to cut from a text that is too long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Truncation {
    None,
    Left,
    Middle,
    Right,
}

impl Padding {
    /// Parses `<(10,trunc)`. Returns the padding and the length, which is 0 if git does not know the placeholder.
    ///
    /// If only the truncation is unknown, git still pads.
    pub(super) fn parse(rest: &[u8], truncation: Truncation) -> (Option<Padding>, usize) {
        let (kind, sign) = match rest {
            [b'<', ..] => (PaddingKind::Left, 1),
            [b'>', b'<', ..] => (PaddingKind::Middle, 2),
            [b'>', b'>', ..] => (PaddingKind::RightStealing, 2),
            _ => (PaddingKind::Right, 1),
        };
        let is_to_column = rest.get(sign) == Some(&b'|');
        let open = sign + usize::from(is_to_column);
        let Some(inner) = rest[open..].strip_prefix(b"(") else {
            return (None, 0);
        };
        let Some(end) = inner.find_byteset(b",)").filter(|&end| end > 0) else {
            return (None, 0);
        };
        let Some(columns) = columns(&inner[..end], is_to_column) else {
            return (None, 0);
        };

        let mut padding = Padding { kind, columns, truncation };
        let known = [
            (&b")"[..], Truncation::None),
            (b",trunc)", Truncation::Right),
            (b",ltrunc)", Truncation::Left),
            (b",mtrunc)", Truncation::Middle),
        ];
        match known.iter().find(|(end_of_it, _)| inner[end..].starts_with(end_of_it)) {
            Some((end_of_it, truncation)) => {
                padding.truncation = *truncation;
                (Some(padding), open + 1 + end + end_of_it.len())
            }
            None => (Some(padding), 0),
        }
    }

    /// Returns this padding with the width of another.
    pub(super) fn as_wide_as(self, other: Padding) -> Padding {
        Padding { columns: other.columns, ..self }
    }

    /// Adds the text, padded to the width that was set.
    pub(super) fn apply(
        self,
        output: &mut Sink<'_>,
        mut text: Vec<u8>,
        last_line: &mut LastLine,
    ) -> Result<(), ConvertError> {
        let mut columns = self.columns;
        if columns < 0 {
            columns = -columns - last_line.columns(output)?;
        }
        let width = width(&text);
        if self.kind == PaddingKind::RightStealing {
            columns += steal(output, &mut text, width - columns)?;
        }
        if width > columns {
            let surplus = width - (columns - 2);
            match self.truncation {
                Truncation::None => {}
                Truncation::Left => cut(&mut text, 0, surplus),
                Truncation::Middle => cut(&mut text, columns / 2 - 1, surplus),
                Truncation::Right => cut(&mut text, columns - 2, surplus),
            }
            return output.extend(&text);
        }
        let missing = usize::try_from(columns - width).unwrap_or_default();
        let before = match self.kind {
            PaddingKind::Left => 0,
            PaddingKind::Right | PaddingKind::RightStealing => missing,
            PaddingKind::Middle => missing / 2,
        };
        output.fill(b' ', before)?;
        output.extend(&text)?;
        output.fill(b' ', missing - before)
    }
}

/// Parses a width as C's `strtol` does, and ignores the text after the number. Returns `None` for zero and outside
/// git's limits. A column to fill up to is returned as a negative number.
fn columns(number: &[u8], is_to_column: bool) -> Option<i64> {
    let columns = integer(number)?.0;
    if columns == 0 || !(-LIMIT..=LIMIT).contains(&columns) {
        return None;
    }
    let columns = if columns < 0 && is_to_column { columns + TERMINAL_COLUMNS } else { columns };
    (columns >= 0).then_some(if is_to_column { -columns } else { columns })
}

/// Removes up to `wanted` spaces from the end of the output, and returns how many it removed.
///
/// Escape sequences between them move to the text.
fn steal(output: &mut Sink<'_>, text: &mut Vec<u8>, wanted: i64) -> Result<i64, ConvertError> {
    let written = output.as_slice();
    let mut stolen = 0;
    let mut end = written.len();
    let mut escapes = Vec::new();
    // Git never takes the first byte.
    while stolen < wanted && end > 1 {
        if written[end - 1] == b' ' {
            stolen += 1;
            end -= 1;
            continue;
        }
        let start = (end.saturating_sub(11)..end - 1).rev().find(|&at| written[at] == b'\x1b');
        match start.filter(|&start| escape_length(&written[start..]) == end - start) {
            Some(start) => {
                escapes.push(start..end);
                end = start;
            }
            None => break,
        }
    }
    let moved: Vec<u8> = escapes.into_iter().rev().flat_map(|escape| &written[escape]).copied().collect();
    output.spend_bytes(16 * (output.len() - end))?;
    output.truncate(end);
    text.splice(0..0, moved);
    Ok(stolen)
}
