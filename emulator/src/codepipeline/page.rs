//! One page of a listing. A token names the last entry of the previous page.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::input::{ANY, Field};
use crate::error::ServiceError;

/// Returns at most `maxResults` entries after the one that `nextToken` names, and the token of the next page.
pub(super) fn page<T>(
    input: &Field<'_>,
    entries: Vec<(String, T)>,
    maximum: usize,
) -> Result<(Vec<T>, Option<String>), ServiceError> {
    let size = input.optional_number("maxResults", 1..=maximum)?.unwrap_or(maximum);
    let token = input.optional_text("nextToken", 1..=2048, &ANY)?;
    input.check()?;
    let start = match token {
        None => 0,
        Some(token) => position(&entries, token).ok_or_else(invalid_token)?,
    };
    let more = entries.len() > start + size;
    let mut token = None;
    let mut page = Vec::new();
    for (name, entry) in entries.into_iter().skip(start).take(size) {
        token = more.then(|| BASE64_STANDARD.encode(name));
        page.push(entry);
    }
    Ok((page, token))
}

fn position<T>(entries: &[(String, T)], token: &str) -> Option<usize> {
    let last = BASE64_STANDARD.decode(token).ok()?;
    entries.iter().position(|(name, _)| name.as_bytes() == last).map(|position| position + 1)
}

fn invalid_token() -> ServiceError {
    ServiceError::new("InvalidNextTokenException", "The next token was specified in an invalid format.")
}
