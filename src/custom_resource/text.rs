//! Texts of limited size for an answer: `CloudFormation` refuses answers over 4,096 bytes.

use crate::config::ConfigError;

/// The largest size of a text as JSON, in bytes. An answer has at most two long texts, and ids of about 1,000 bytes.
const TEXT_MAX: usize = 1_400;

/// Cuts a text to the size that an answer allows.
pub(super) fn cut(text: &str) -> String {
    cut_to(text, TEXT_MAX)
}

/// Lists every invalid setting. Each gets an equal share of the space, however long the values are.
pub(super) fn faults(error: &ConfigError) -> String {
    const BEGIN: &str = "the function's settings are invalid: ";
    let share = (TEXT_MAX - BEGIN.len()) / error.0.len().max(1) - "; ".len();
    let faults = error.0.iter().map(|fault| cut_to(&format!("{} {}", fault.setting, fault.reason), share));
    format!("{BEGIN}{}", faults.collect::<Vec<_>>().join("; "))
}

fn cut_to(text: &str, max: usize) -> String {
    let mut room = max;
    let fits = |c: &char| {
        let cost = match c {
            '"' | '\\' => 2,
            c if c.is_control() => 6,
            c => c.len_utf8(),
        };
        let left = room.checked_sub(cost);
        room = left.unwrap_or(0);
        left.is_some()
    };
    text.chars().take_while(fits).collect()
}
