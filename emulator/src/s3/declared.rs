//! The digests that a request declares for its body, and the check of the received body against them.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode};
use s3s::dto::{ChecksumAlgorithm, StreamingBlob};
use s3s::{S3Error, S3Request, S3Result, StdError, TrailingHeaders, s3_error};

use super::body::{Body, PIECE_BYTES, Segment, Space};
use super::checksum::{Algorithm, Checksum, Digests};
use super::errors::custom;

/// Reads the checksum members of a request or of a part, by algorithm.
macro_rules! given_checksums {
    ($input:expr) => {{
        use $crate::s3::checksum::Algorithm;
        [
            (Algorithm::Crc32, $input.checksum_crc32.clone()),
            (Algorithm::Crc32c, $input.checksum_crc32c.clone()),
            (Algorithm::Crc64Nvme, $input.checksum_crc64nvme.clone()),
            (Algorithm::Sha1, $input.checksum_sha1.clone()),
            (Algorithm::Sha256, $input.checksum_sha256.clone()),
        ]
    }};
}

/// Sets the member of a checksum's algorithm.
macro_rules! set_checksum {
    ($output:expr, $algorithm:expr, $text:expr) => {{
        use $crate::s3::checksum::Algorithm;
        let text = Some($text);
        match $algorithm {
            Algorithm::Crc32 => $output.checksum_crc32 = text,
            Algorithm::Crc32c => $output.checksum_crc32c = text,
            Algorithm::Crc64Nvme => $output.checksum_crc64nvme = text,
            Algorithm::Sha1 => $output.checksum_sha1 = text,
            Algorithm::Sha256 => $output.checksum_sha256 = text,
        }
    }};
}
pub(super) use {given_checksums, set_checksum};

/// The checksums that a request gives, by algorithm.
pub(super) type GivenChecksums = [(Algorithm, Option<String>); 5];

/// The digests that a request declares for its body.
pub(super) struct Declared {
    pub(super) algorithm: Option<Algorithm>,
    /// `None` if the checksum is a trailer after the body.
    checksum: Option<String>,
    md5: Option<[u8; 16]>,
    trailers: Option<TrailingHeaders>,
}

impl Declared {
    /// Reads the declaration from the headers.
    pub(super) fn new<T>(
        request: &S3Request<T>,
        given: GivenChecksums,
        algorithm: Option<&ChecksumAlgorithm>,
        content_md5: Option<&str>,
    ) -> S3Result<Self> {
        let named = algorithm.map(|algorithm| algorithm_of(algorithm.as_str())).transpose()?;
        let trailer = trailer(&request.headers);
        let mut given = given.into_iter().filter_map(|(algorithm, text)| Some((algorithm, text?)));
        let header = given.next();
        if given.next().is_some() || (header.is_some() && trailer.is_some()) {
            return Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            ));
        }
        if let Some((algorithm, text)) = &header
            && !algorithm.is_valid(text)
        {
            return Err(s3_error!(InvalidRequest, "Value for {} header is invalid.", algorithm.header()));
        }
        let found = header.as_ref().map(|(algorithm, _)| *algorithm).or(trailer);
        if let Some(named) = named
            && found != Some(named)
        {
            return Err(s3_error!(
                InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
                 headers were found."
            ));
        }
        Ok(Self {
            algorithm: found,
            checksum: header.map(|(_, text)| text),
            md5: content_md5.map(md5_of).transpose()?,
            trailers: request.trailing_headers.clone(),
        })
    }

    /// Receives the body and refuses it if its digests differ from the declared ones.
    pub(super) async fn receive(
        &self,
        body: Option<StreamingBlob>,
        space: Space,
        algorithms: &[Algorithm],
    ) -> S3Result<Received> {
        let received = receive(body, space, algorithms).await?;
        if self.md5.is_some_and(|md5| md5 != received.md5) {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
        }
        if let Some(algorithm) = self.algorithm {
            let declared = match &self.checksum {
                Some(checksum) => checksum.clone(),
                None => self.trailing(algorithm)?,
            };
            if received.checksum(algorithm).is_none_or(|checksum| checksum.base64() != declared) {
                return Err(s3_error!(
                    BadDigest,
                    "The {} you specified did not match the calculated checksum.",
                    algorithm.name()
                ));
            }
        }
        Ok(received)
    }

    fn trailing(&self, algorithm: Algorithm) -> S3Result<String> {
        let trailers = self.trailers.as_ref().and_then(TrailingHeaders::take).unwrap_or_default();
        let value = trailers.get(algorithm.header()).and_then(|value| value.to_str().ok());
        let value = value.map(str::trim).filter(|text| algorithm.is_valid(text));
        value.map(str::to_owned).ok_or_else(|| {
            let message = "The request contained trailing data that was not well-formed.";
            custom("MalformedTrailerError", StatusCode::BAD_REQUEST, message)
        })
    }
}

/// A received body with its digests.
pub(super) struct Received {
    pub(super) body: Body,
    pub(super) md5: [u8; 16],
    pub(super) checksums: Vec<Checksum>,
}

impl Received {
    pub(super) fn checksum(&self, algorithm: Algorithm) -> Option<&Checksum> {
        self.checksums.iter().find(|checksum| checksum.algorithm == algorithm)
    }
}

/// Returns the checksum algorithm with this name in S3.
pub(super) fn algorithm_of(name: &str) -> S3Result<Algorithm> {
    Algorithm::from_name(name).ok_or_else(|| s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported."))
}

/// Stores a body and computes its digests.
pub(super) async fn receive(body: Option<StreamingBlob>, space: Space, algorithms: &[Algorithm]) -> S3Result<Received> {
    let mut digests = Digests::new(algorithms);
    let mut kept = Body::default();
    let mut piece = BytesMut::new();
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            piece.extend_from_slice(&chunk.map_err(broken_body)?);
            if piece.len() >= PIECE_BYTES {
                let segment;
                (digests, segment) = keep(space.clone(), digests, piece.split().freeze()).await?;
                kept.push(segment);
            }
        }
    }
    if !piece.is_empty() {
        let segment;
        (digests, segment) = keep(space, digests, piece.freeze()).await?;
        kept.push(segment);
    }
    let (md5, checksums) = digests.finish();
    Ok(Received { body: kept, md5, checksums })
}

/// Digests and stores one piece on a blocking thread.
async fn keep(space: Space, mut digests: Digests, piece: Bytes) -> S3Result<(Digests, Segment)> {
    let kept = tokio::task::spawn_blocking(move || {
        digests.update(&piece);
        space.keep(piece).map(|segment| (digests, segment))
    });
    kept.await.map_err(S3Error::internal_error)?.map_err(S3Error::internal_error)
}

/// Translates an error of `s3s`, which verifies hashes and chunk signatures as the body is read. Its error types
/// are private.
fn broken_body(error: StdError) -> S3Error {
    let text = error.to_string();
    if text.ends_with("Sha256Mismatch") {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return custom("XAmzContentSHA256Mismatch", StatusCode::BAD_REQUEST, message);
    }
    if text.ends_with("SignatureMismatch") {
        return s3_error!(SignatureDoesNotMatch, "The signature of a chunk does not match what was computed.");
    }
    let mut incomplete = s3_error!(
        IncompleteBody,
        "You did not provide the number of bytes specified by the Content-Length HTTP header"
    );
    incomplete.set_source(error);
    incomplete
}

fn trailer(headers: &HeaderMap) -> Option<Algorithm> {
    let trailer = headers.get("x-amz-trailer")?.to_str().ok()?;
    Algorithm::ALL.into_iter().find(|algorithm| trailer.eq_ignore_ascii_case(algorithm.header()))
}

fn md5_of(content_md5: &str) -> S3Result<[u8; 16]> {
    let bytes = BASE64_STANDARD.decode(content_md5).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))
}
