//! Cuts texts that come from elsewhere.

/// Returns the text if it fits this many bytes, or its beginning with `...` at the end.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(bytes.saturating_sub(3))])
}
