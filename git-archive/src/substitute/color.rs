//! The escape sequences of colors in `%C(always,…)`, as `color_parse_mem` of git's color.c makes them.

const NAMES: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
/// The styles: name, code, and the code that ends it.
const STYLES: [(&str, u32, u32); 7] = [
    ("bold", 1, 22),
    ("dim", 2, 22),
    ("italic", 3, 23),
    ("ul", 4, 24),
    ("blink", 5, 25),
    ("reverse", 7, 27),
    ("strike", 9, 29),
];

/// Returns the escape sequence, or `None` for a color that git does not know.
pub(super) fn escape_sequence(wanted: &[u8]) -> Option<String> {
    let wanted = std::str::from_utf8(wanted).ok()?;
    let mut is_reset = false;
    let mut colors: Vec<String> = Vec::new();
    let mut styles = Vec::new();
    for word in wanted.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty()) {
        if word.eq_ignore_ascii_case("reset") {
            is_reset = true;
        } else if let Some(color) = color(word, colors.len() == 1) {
            colors.push(color);
        } else {
            styles.push(style(word)?);
        }
    }
    if colors.len() > 2 {
        return None;
    }
    styles.sort_unstable();
    styles.dedup();
    let styles = styles.iter().map(ToString::to_string);
    let codes: Vec<String> = styles.chain(colors.into_iter().filter(|color| !color.is_empty())).collect();
    Some(match (is_reset, codes.is_empty()) {
        (false, true) => String::new(),
        (true, true) => "\x1b[m".to_owned(),
        (true, false) => format!("\x1b[;{}m", codes.join(";")),
        (false, false) => format!("\x1b[{}m", codes.join(";")),
    })
}

/// Returns the code of a color, empty for `normal`. Codes of backgrounds are ten higher.
fn color(word: &str, is_background: bool) -> Option<String> {
    let offset = if is_background { 10 } else { 0 };
    if word.eq_ignore_ascii_case("normal") || word == "-1" {
        return Some(String::new());
    }
    if let Some([red, green, blue]) = word.strip_prefix('#').and_then(hexadecimal) {
        return Some(format!("{};2;{red};{green};{blue}", 38 + offset));
    }
    if word.eq_ignore_ascii_case("default") {
        return Some((39 + offset).to_string());
    }
    let word = word.to_ascii_lowercase();
    let (name, base) = word.strip_prefix("bright").map_or((word.as_str(), 30), |name| (name, 90));
    if let Some(code) = (base..).zip(NAMES).find(|(_, known)| *known == name).map(|(code, _)| code) {
        return Some((code + offset).to_string());
    }
    match word.parse::<u8>().ok()? {
        number @ 0..8 => Some((30 + u32::from(number) + offset).to_string()),
        number @ 8..16 => Some((82 + u32::from(number) + offset).to_string()),
        number => Some(format!("{};5;{number}", 38 + offset)),
    }
}

fn hexadecimal(digits: &str) -> Option<[u8; 3]> {
    let width = match digits.len() {
        6 => 2,
        3 => 1,
        _ => return None,
    };
    let mut parts = [0; 3];
    for (index, part) in parts.iter_mut().enumerate() {
        let value = u8::from_str_radix(digits.get(index * width..(index + 1) * width)?, 16).ok()?;
        *part = if width == 1 { value * 17 } else { value };
    }
    Some(parts)
}

fn style(word: &str) -> Option<u32> {
    let (name, is_negated) = match word.strip_prefix("no") {
        Some(name) => (name.strip_prefix('-').unwrap_or(name), true),
        None => (word, false),
    };
    STYLES.iter().find(|style| style.0 == name).map(|style| if is_negated { style.2 } else { style.1 })
}
