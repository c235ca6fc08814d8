//! `GetObject` and `HeadObject`.

use std::ops::Range;
use std::sync::Arc;

use http::StatusCode;
use s3s::dto::{
    ChecksumMode, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Range as AskedRange,
    StreamingBlob,
};
use s3s::{S3Result, s3_error};

use super::attributes::set_encryption;
use super::conditions::ReadConditions;
use super::declared::set_checksum;
use super::errors::{custom, e_tag};
use super::object::{Object, Version};
use super::store::Store;

pub(super) fn get(store: &Store, input: &GetObjectInput) -> S3Result<GetObjectOutput> {
    let Found { version, version_id, object } = find(
        store,
        (&input.bucket, &input.key, input.version_id.as_deref()),
        input.expected_bucket_owner.as_deref(),
        input.sse_customer_key.is_some(),
    )?;
    read_conditions!(input).check(&version, &object)?;
    let slice = Slice::new(&object, input.range.as_ref(), input.part_number)?;
    let mut output = GetObjectOutput::default();
    describe!(output, object, version, version_id, slice);
    if slice.content_range.is_none() && enabled(input.checksum_mode.as_ref()) {
        set_checksum!(output, object.checksum.algorithm, object.checksum.text.clone());
        output.checksum_type = Some(object.checksum.kind());
    }
    output.body = Some(StreamingBlob::wrap(object.body.stream(slice.range)));
    Ok(output)
}

/// Answers `HeadObject`. For a range the status is 200, not S3's 206, because `s3s` always sets 200.
pub(super) fn head(store: &Store, input: &HeadObjectInput) -> S3Result<HeadObjectOutput> {
    let Found { version, version_id, object } = find(
        store,
        (&input.bucket, &input.key, input.version_id.as_deref()),
        input.expected_bucket_owner.as_deref(),
        input.sse_customer_key.is_some(),
    )?;
    read_conditions!(input).check(&version, &object)?;
    let slice = Slice::new(&object, input.range.as_ref(), input.part_number)?;
    let mut output = HeadObjectOutput::default();
    describe!(output, object, version, version_id, slice);
    if slice.content_range.is_none() && enabled(input.checksum_mode.as_ref()) {
        set_checksum!(output, object.checksum.algorithm, object.checksum.text.clone());
        output.checksum_type = Some(object.checksum.kind());
    }
    Ok(output)
}

struct Found {
    version: Version,
    version_id: Option<String>,
    object: Arc<Object>,
}

fn find(
    store: &Store,
    (bucket, key, version_id): (&str, &str, Option<&str>),
    owner: Option<&str>,
    customer_key: bool,
) -> S3Result<Found> {
    if customer_key {
        return Err(s3_error!(NotImplemented, "customer keys are not modeled"));
    }
    store.bucket(bucket, owner, |bucket| {
        let (version, object) = bucket.find(key, version_id)?;
        let version_id = bucket.visible_id(version);
        Ok(Found { version: version.clone(), version_id, object: Arc::clone(object) })
    })
}

/// The bytes of an object in a response.
struct Slice {
    range: Range<u64>,
    content_range: Option<String>,
    parts_count: Option<i32>,
}

impl Slice {
    fn new(object: &Object, range: Option<&AskedRange>, part_number: Option<i32>) -> S3Result<Self> {
        let length = object.body.len();
        match (range, part_number) {
            (None, None) => Ok(Self { range: 0..length, content_range: None, parts_count: None }),
            (Some(_), Some(_)) => {
                Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber query parameter"))
            }
            (Some(range), None) => {
                let range = range
                    .check(length)
                    .ok()
                    .filter(|range| !range.is_empty())
                    .ok_or_else(|| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
                Ok(Self::of(range, length, None))
            }
            (None, Some(number)) => Self::part(object, number),
        }
    }

    /// Part 1 of an object that was not a multipart upload is the whole object.
    fn part(object: &Object, number: i32) -> S3Result<Self> {
        let length = object.body.len();
        if object.parts.is_empty() && number == 1 {
            return Ok(Self { range: 0..length, content_range: None, parts_count: None });
        }
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let Some((index, size)) = index.and_then(|index| Some((index, object.parts.get(index)?))) else {
            let message = "The requested partnumber is not satisfiable";
            return Err(custom("InvalidPartNumber", StatusCode::RANGE_NOT_SATISFIABLE, message));
        };
        let start: u64 = object.parts[..index].iter().sum();
        Ok(Self::of(start..start + size, length, i32::try_from(object.parts.len()).ok()))
    }

    fn of(range: Range<u64>, length: u64, parts_count: Option<i32>) -> Self {
        let content_range = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
        Self { range, content_range: Some(content_range), parts_count }
    }
}

fn enabled(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

/// Reads the conditions from the input of `GetObject` or `HeadObject`.
macro_rules! read_conditions {
    ($input:expr) => {
        ReadConditions {
            matches: $input.if_match.as_ref(),
            modified_since: $input.if_modified_since.as_ref(),
            none_match: $input.if_none_match.as_ref(),
            unmodified_since: $input.if_unmodified_since.as_ref(),
        }
    };
}

/// Sets the members that the outputs of `GetObject` and `HeadObject` share.
macro_rules! describe {
    ($output:expr, $object:expr, $version:expr, $version_id:expr, $slice:expr) => {{
        let attributes = &$object.attributes;
        $output.accept_ranges = Some("bytes".to_owned());
        $output.cache_control.clone_from(&attributes.cache_control);
        $output.content_disposition.clone_from(&attributes.content_disposition);
        $output.content_encoding.clone_from(&attributes.content_encoding);
        $output.content_language.clone_from(&attributes.content_language);
        $output.content_length = i64::try_from($slice.range.end - $slice.range.start).ok();
        $output.content_range.clone_from(&$slice.content_range);
        let content_type = attributes.content_type.as_deref().unwrap_or("binary/octet-stream");
        $output.content_type = Some(content_type.to_owned());
        $output.e_tag = Some(e_tag(&$object.e_tag));
        $output.expires.clone_from(&attributes.expires);
        $output.last_modified = Some($version.last_modified.into());
        $output.metadata.clone_from(&attributes.metadata);
        $output.parts_count = $slice.parts_count;
        $output.storage_class.clone_from(&attributes.storage_class);
        $output.version_id.clone_from(&$version_id);
        set_encryption!($output, attributes.encryption);
    }};
}
use {describe, read_conditions};
