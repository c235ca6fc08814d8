//! The checksum algorithms of S3, for one body and for the parts of an upload.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

/// A checksum algorithm of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    fn digest_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Returns the CRC algorithm, whose checksums of parts can be combined to that of the whole.
    pub(super) fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// Returns true if `text` is base64 of a digest of the right length.
    pub(super) fn is_valid(self, text: &str) -> bool {
        BASE64_STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == self.digest_bytes())
    }
}

/// The checksum of one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    digest: Vec<u8>,
}

impl Checksum {
    pub(super) fn base64(&self) -> String {
        BASE64_STANDARD.encode(&self.digest)
    }

    /// Returns the `FULL_OBJECT` checksum of all parts as one body; `None` if the algorithm cannot combine checksums.
    pub(super) fn combined(algorithm: Algorithm, parts: &[(&Checksum, u64)]) -> Option<Self> {
        let crc = algorithm.crc()?;
        let (first, rest) = parts.split_first()?;
        let sum = rest.iter().fold(number(&first.0.digest), |sum, (checksum, length)| {
            crc_fast::checksum_combine(crc, sum, number(&checksum.digest), *length)
        });
        Some(Self { algorithm, digest: crc_digest(algorithm, sum) })
    }

    /// Returns the `COMPOSITE` checksum: the checksum of the parts' checksums.
    pub(super) fn composite(algorithm: Algorithm, parts: &[(&Checksum, u64)]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        for (checksum, _) in parts {
            hasher.update(&checksum.digest);
        }
        hasher.finish()
    }
}

/// Computes MD5 for the entity tag and the requested checksums in one pass.
pub(super) struct Digests {
    md5: Md5,
    hashers: Vec<Hasher>,
}

impl Digests {
    pub(super) fn new(algorithms: &[Algorithm]) -> Self {
        Self { md5: Md5::new(), hashers: algorithms.iter().map(|algorithm| Hasher::new(*algorithm)).collect() }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        for hasher in &mut self.hashers {
            hasher.update(bytes);
        }
    }

    pub(super) fn finish(self) -> ([u8; 16], Vec<Checksum>) {
        (self.md5.finalize().into(), self.hashers.into_iter().map(Hasher::finish).collect())
    }
}

enum Hasher {
    Crc(Algorithm, crc_fast::Digest),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match (algorithm.crc(), algorithm) {
            (Some(crc), _) => Self::Crc(algorithm, crc_fast::Digest::new(crc)),
            (None, Algorithm::Sha1) => Self::Sha1(Sha1::new()),
            (None, _) => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    fn finish(self) -> Checksum {
        let (algorithm, digest) = match self {
            Self::Crc(algorithm, digest) => (algorithm, crc_digest(algorithm, digest.finalize())),
            Self::Sha1(digest) => (Algorithm::Sha1, digest.finalize().to_vec()),
            Self::Sha256(digest) => (Algorithm::Sha256, digest.finalize().to_vec()),
        };
        Checksum { algorithm, digest }
    }
}

/// Returns the low bytes of `sum`, most significant first.
fn crc_digest(algorithm: Algorithm, sum: u64) -> Vec<u8> {
    sum.to_be_bytes()[8 - algorithm.digest_bytes()..].to_vec()
}

fn number(digest: &[u8]) -> u64 {
    digest.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksum(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut digests = Digests::new(&[algorithm]);
        digests.update(bytes);
        digests.finish().1.pop().expect("one algorithm was requested")
    }

    #[test]
    fn crcs_of_parts_combine_to_that_of_the_whole() {
        let parts: [&[u8]; 4] = [b"1234", b"", b"5", b"6789"];
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let sums = parts.map(|part| (checksum(algorithm, part), part.len() as u64));
            let sums = sums.each_ref().map(|(sum, length)| (sum, *length));
            let whole = checksum(algorithm, b"123456789");
            assert_eq!(Checksum::combined(algorithm, &sums), Some(whole), "{algorithm:?}");
        }
    }

    #[test]
    fn hashes_of_parts_do_not_combine() {
        let part = checksum(Algorithm::Sha256, b"1234");
        assert_eq!(Checksum::combined(Algorithm::Sha256, &[(&part, 4)]), None);
    }
}
