//! One page of a listing: prefix, delimiter, marker and maximum, for every kind of entry alike.

use s3s::dto::{CommonPrefix, EncodingType};
use s3s::{S3Result, s3_error};

/// No page is longer.
const MAX_KEYS: i32 = 1000;

/// What part of a listing is asked for.
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// The last key or common prefix that the client has seen.
    pub(super) marker: Option<&'a str>,
    pub(super) maximum: usize,
}

/// Entries by key, and the common prefixes of those that were rolled up.
pub(super) struct Page<T> {
    pub(super) entries: Vec<(String, T)>,
    pub(super) prefixes: Vec<String>,
    pub(super) truncated: bool,
    /// The last key or common prefix of this page, whichever comes later.
    pub(super) last: Option<String>,
}

impl Query<'_> {
    /// The page out of `entries`, which come in order and after the marker.
    pub(super) fn page<T>(&self, entries: impl Iterator<Item = (String, T)>) -> Page<T> {
        let mut page = Page { entries: Vec::new(), prefixes: Vec::new(), truncated: false, last: None };
        for (key, entry) in entries {
            let Some(rest) = key.strip_prefix(self.prefix) else {
                continue;
            };
            let common = self.delimiter.and_then(|delimiter| {
                let end = rest.find(delimiter)? + delimiter.len();
                Some(key[..self.prefix.len() + end].to_owned())
            });
            if common.is_some() && (common.as_deref() == self.marker || common.as_ref() == page.prefixes.last()) {
                continue;
            }
            if page.entries.len() + page.prefixes.len() == self.maximum {
                page.truncated = self.maximum > 0;
                break;
            }
            page.last = Some(common.clone().unwrap_or_else(|| key.clone()));
            match common {
                Some(common) => page.prefixes.push(common),
                None => page.entries.push((key, entry)),
            }
        }
        page
    }
}

/// `max-keys`, `max-uploads`: at most 1000 whatever is asked for.
pub(super) fn maximum(asked: Option<i32>, name: &str) -> S3Result<usize> {
    usize::try_from(asked.unwrap_or(MAX_KEYS).min(MAX_KEYS))
        .map_err(|_| s3_error!(InvalidArgument, "Argument {name} must be an integer between 0 and 2147483647"))
}

/// How a listing writes keys: as they are, or percent-encoded so that XML can carry them.
#[derive(Clone, Copy)]
pub(super) struct Encoding {
    url: bool,
}

impl Encoding {
    pub(super) fn new(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self { url: false }),
            Some(EncodingType::URL) => Ok(Self { url: true }),
            Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    pub(super) fn text(self, key: &str) -> String {
        if !self.url {
            return key.to_owned();
        }
        let mut text = String::with_capacity(key.len());
        for byte in key.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'*' => {
                    text.push(byte.into());
                }
                _ => {
                    text.push('%');
                    text.push_str(&hex::encode_upper([byte]));
                }
            }
        }
        text
    }

    pub(super) fn optional(self, key: Option<&str>) -> Option<String> {
        key.map(|key| self.text(key))
    }

    pub(super) fn prefixes(self, prefixes: &[String]) -> Vec<CommonPrefix> {
        let prefixes = prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(self.text(prefix)) });
        prefixes.collect()
    }
}
