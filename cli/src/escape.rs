//! Escapes text from others for a terminal. Nothing in it may move the cursor, change colors or change the direction of
//! text.

/// Returns the text with control characters and direction marks escaped as in Rust.
pub(crate) fn escaped(text: &str) -> String {
    text.chars().map(|c| if is_plain(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
}

/// Returns JSON text with the same characters in JSON's own escapes. In JSON, they can occur only inside strings.
pub(crate) fn escaped_json(json: &str) -> String {
    json.chars().map(|c| if is_plain(c) { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }).collect()
}

/// Returns a path for one line. If it has characters that are not plain, it is in quotes with octal escapes, as git
/// shows it.
pub(crate) fn quoted(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if text.chars().all(|c| is_plain(c) && !"\"\\".contains(c)) => text.to_owned(),
        _ => format!("\"{}\"", path.utf8_chunks().map(|chunk| quoted_chunk(&chunk)).collect::<String>()),
    }
}

fn quoted_chunk(chunk: &std::str::Utf8Chunk<'_>) -> String {
    let octal = |bytes: &[u8]| {
        bytes.iter().flat_map(|byte| format!("\\{byte:03o}").into_bytes()).map(char::from).collect::<String>()
    };
    let quote = |c: char| match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        '"' | '\\' => format!("\\{c}"),
        c if is_plain(c) => c.to_string(),
        c => octal(c.encode_utf8(&mut [0; 4]).as_bytes()),
    };
    chunk.valid().chars().map(quote).collect::<String>() + &octal(chunk.invalid())
}

/// Returns true unless the character is a control (C0, DEL, C1), a separator of lines, or a mark of direction.
fn is_plain(c: char) -> bool {
    let is_mark = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !is_mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_commands() {
        assert_eq!(escaped("größe \u{1b}[2J \u{9b}31m \u{7f}"), "größe \\u{1b}[2J \\u{9b}31m \\u{7f}");
        assert_eq!(escaped("a\u{202e}b\u{2066}c\u{200f}"), "a\\u{202e}b\\u{2066}c\\u{200f}");
        assert_eq!(escaped_json("{\"größe\":\"\u{9b}\u{202e}\"}"), "{\"größe\":\"\\u009b\\u202e\"}");
    }

    #[test]
    fn a_path_is_quoted_only_if_it_needs_to_be() {
        for (path, line) in [
            (&b"gr\xc3\xb6\xc3\x9fe/a b"[..], "größe/a b"),
            (b"a\"b\\c\nd", "\"a\\\"b\\\\c\\nd\""),
            (b"\x1b[2J", "\"\\033[2J\""),
            (b"\xff\xc3\xb6", "\"\\377ö\""),
            ("a\u{202e}\u{9b}".as_bytes(), "\"a\\342\\200\\256\\302\\233\""),
        ] {
            assert_eq!(quoted(path), line);
        }
    }
}
