//! Numbers and errors in the form that people read.

use serde_json::Value;

/// Returns a number with a comma after each group of thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let places = digits.len();
    let comma = |place: usize| place > 0 && (places - place).is_multiple_of(3);
    let each = digits.chars().enumerate();
    each.flat_map(|(place, digit)| comma(place).then_some(',').into_iter().chain([digit])).collect()
}

/// Returns a number of bytes, and a rounded form of large numbers.
pub(crate) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "only three digits are shown")]
    let scaled = |unit: u64| bytes as f64 / unit as f64;
    match bytes {
        0..10_000 => format!("{} bytes", grouped(bytes)),
        10_000..1_000_000 => format!("{} bytes ({:.0} kB)", grouped(bytes), scaled(1_000)),
        _ => format!("{} bytes ({:.1} MB)", grouped(bytes), scaled(1_000_000)),
    }
}

/// Returns a text on one line for a terminal, with control characters and marks of direction escaped: it may come from
/// a repository.
pub(crate) fn printable(text: &str) -> String {
    let is_mark =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| if c.is_control() || is_mark(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// Returns the lines of a text, each as [`printable`] returns it.
pub(crate) fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// Returns the code and the message of an error that the function reported.
pub(crate) fn function_error(payload: &Value) -> String {
    let text = |key: &str| payload[key].as_str();
    match (text("errorType"), text("errorMessage")) {
        (Some(code), Some(message)) => {
            format!("the function failed with {code}\n  {message}\n  see docs/errors.md for {code}")
        }
        _ => format!("the function failed: {payload}"),
    }
}
