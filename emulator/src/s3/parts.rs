//! An open multipart upload: its parts, and the object that they become.

use std::collections::BTreeMap;
use std::time::SystemTime;

use md5::{Digest as _, Md5};
use s3s::dto::CompletedPart;
use s3s::{S3Error, S3Result, s3_error};

use super::attributes::{Attributes, Encryption};
use super::body::{Body, Space};
use super::checksum::{Algorithm, Checksum};
use super::declared::{Received, given_checksums};
use super::object::{Object, StoredChecksum};

/// The minimum size of every part but the last.
const MINIMUM_PART_BYTES: u64 = 5 * 1024 * 1024;

/// An upload that is neither completed nor aborted.
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) initiated: SystemTime,
    pub(super) attributes: Attributes,
    pub(super) checksums: PartChecksums,
    pub(super) parts: BTreeMap<i32, Part>,
    pub(super) space: Space,
}

/// The result of a completed upload.
#[derive(Clone)]
pub(super) struct CompletedUpload {
    pub(super) key: String,
    pub(super) e_tag: String,
    pub(super) checksum: StoredChecksum,
    pub(super) encryption: Encryption,
    pub(super) version_id: Option<String>,
}

/// The checksums that an upload requires of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartChecksums {
    /// The client asked for none: S3 computes CRC64NVME of the object.
    Unrequested,
    /// The checksums of the parts are combined to that of the object.
    FullObject(Algorithm),
    /// Every part must have a checksum; S3 stores the checksum of these checksums.
    Composite(Algorithm),
}

impl PartChecksums {
    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            Self::Unrequested => Algorithm::Crc64Nvme,
            Self::FullObject(algorithm) | Self::Composite(algorithm) => algorithm,
        }
    }

    pub(super) fn requested(self) -> Option<Algorithm> {
        (self != Self::Unrequested).then(|| self.algorithm())
    }
}

/// One received part.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) body: Body,
    pub(super) md5: [u8; 16],
    /// The checksum by the upload's algorithm.
    pub(super) checksum: Checksum,
    pub(super) last_modified: SystemTime,
}

impl Part {
    pub(super) fn new(received: Received, algorithm: Algorithm, last_modified: SystemTime) -> S3Result<Self> {
        let checksum = received.checksum(algorithm).cloned();
        let checksum = checksum.ok_or_else(|| s3_error!(InternalError, "the part has no checksum"))?;
        Ok(Self { body: received.body, md5: received.md5, checksum, last_modified })
    }
}

impl Upload {
    /// Builds the object from the listed parts, which must match the received ones.
    pub(super) fn complete(&self, listed: &[CompletedPart]) -> S3Result<Object> {
        let parts = self.listed(listed)?;
        if parts.split_last().is_some_and(|(_, rest)| rest.iter().any(|part| part.body.len() < MINIMUM_PART_BYTES)) {
            return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
        }
        let mut md5 = Md5::new();
        let mut body = Body::default();
        for part in &parts {
            md5.update(part.md5);
            body.append(&part.body);
        }
        Ok(Object {
            attributes: self.attributes.clone(),
            body,
            checksum: self.checksum(&parts)?,
            e_tag: format!("{}-{}", hex::encode(md5.finalize()), parts.len()),
            parts: parts.iter().map(|part| part.body.len()).collect(),
        })
    }

    fn listed(&self, listed: &[CompletedPart]) -> S3Result<Vec<&Part>> {
        if listed.is_empty() {
            return Err(s3_error!(MalformedXML, "You must specify at least one part"));
        }
        let mut parts = Vec::with_capacity(listed.len());
        let mut last = 0;
        for entry in listed {
            let number = entry.part_number.ok_or_else(|| s3_error!(MalformedXML, "A part has no number"))?;
            if number <= last {
                return Err(s3_error!(
                    InvalidPartOrder,
                    "The list of parts was not in ascending order. Parts must be ordered by part number."
                ));
            }
            last = number;
            parts.push(self.part(number, entry)?);
        }
        Ok(parts)
    }

    fn part(&self, number: i32, entry: &CompletedPart) -> S3Result<&Part> {
        let part = self.parts.get(&number).ok_or_else(invalid_part)?;
        if entry.e_tag.as_ref().is_none_or(|e_tag| e_tag.value() != hex::encode(part.md5)) {
            return Err(invalid_part());
        }
        let mut given = given_checksums!(entry).into_iter().filter_map(|(algorithm, text)| Some((algorithm, text?)));
        match (given.next(), self.checksums) {
            (Some((algorithm, text)), _) if algorithm == part.checksum.algorithm => {
                if text == part.checksum.base64() {
                    Ok(part)
                } else {
                    Err(invalid_part())
                }
            }
            (Some(_), PartChecksums::FullObject(_) | PartChecksums::Composite(_)) => Err(invalid_part()),
            (None, PartChecksums::Composite(algorithm)) => Err(s3_error!(
                InvalidRequest,
                "The upload was created using a {} checksum. The complete request must include the checksum for each \
                 part. It was missing for part {number} in the request.",
                algorithm.name().to_lowercase()
            )),
            _ => Ok(part),
        }
    }

    fn checksum(&self, parts: &[&Part]) -> S3Result<StoredChecksum> {
        let algorithm = self.checksums.algorithm();
        let checksums: Vec<_> = parts.iter().map(|part| (&part.checksum, part.body.len())).collect();
        if matches!(self.checksums, PartChecksums::Composite(_)) {
            let text = format!("{}-{}", Checksum::composite(algorithm, &checksums).base64(), parts.len());
            return Ok(StoredChecksum { algorithm, text, full_object: false });
        }
        let combined = Checksum::combined(algorithm, &checksums);
        let combined = combined.ok_or_else(|| s3_error!(InternalError, "the checksums cannot be combined"))?;
        Ok(StoredChecksum { algorithm, text: combined.base64(), full_object: true })
    }
}

fn invalid_part() -> S3Error {
    s3_error!(
        InvalidPart,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
         specified entity tag may not match the part's entity tag."
    )
}
