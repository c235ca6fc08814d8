//! One page of a listing, by prefix, delimiter, marker and maximum, for any kind of entry.

use s3s::dto::{ChecksumAlgorithm, CommonPrefix, EncodingType, StorageClass};
use s3s::{S3Result, s3_error};

use super::object::Object;

/// The maximum length of a page.
const MAX_KEYS: i32 = 1000;

/// The part of a listing that a request asks for.
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// The last key or common prefix of the previous page.
    pub(super) marker: Option<&'a str>,
    pub(super) maximum: usize,
}

/// The entries of a page by key, and the common prefixes of those that were rolled up.
pub(super) struct Page<T> {
    pub(super) entries: Vec<(String, T)>,
    pub(super) prefixes: Vec<String>,
    pub(super) truncated: bool,
    /// The last key or common prefix of this page, whichever comes later.
    pub(super) last: Option<String>,
}

impl Query<'_> {
    /// Returns the page of `entries`, which must be in order and after the marker.
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

/// Reads `max-keys` or `max-uploads`; larger values count as 1000.
pub(super) fn maximum(asked: Option<i32>, name: &str) -> S3Result<usize> {
    usize::try_from(asked.unwrap_or(MAX_KEYS).min(MAX_KEYS))
        .map_err(|_| s3_error!(InvalidArgument, "Argument {name} must be an integer between 0 and 2147483647"))
}

/// The encoding of keys in a listing: none, or percent-encoding for keys that XML cannot hold.
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

pub(super) fn storage_class(object: &Object) -> String {
    let class = object.attributes.storage_class.as_ref();
    class.map_or(StorageClass::STANDARD, StorageClass::as_str).to_owned()
}

pub(super) fn algorithms(object: &Object) -> Vec<ChecksumAlgorithm> {
    vec![ChecksumAlgorithm::from_static(object.checksum.algorithm.name())]
}

pub(super) fn delimiter(delimiter: Option<&str>) -> Option<&str> {
    delimiter.filter(|delimiter| !delimiter.is_empty())
}
