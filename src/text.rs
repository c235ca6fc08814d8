//! Texts of others, cut to what fits.

/// Returns the text, or as much of it as fits this many bytes, with `...` at its end.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(bytes.saturating_sub(3))])
}
