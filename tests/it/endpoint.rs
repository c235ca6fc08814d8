//! An emulator over repositories that are added while it runs, clients to it, and git's own deflate.

use std::path::Path;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use codecommit_multibranch::aws::Aws;
use emulator::{ACCESS_KEY, Emulator, Options, REGION, SECRET_KEY};
use tempfile::TempDir;

pub(crate) struct Endpoint {
    pub(crate) emulator: Emulator,
    pub(crate) aws: Aws,
    repositories: TempDir,
}

impl Endpoint {
    pub(crate) fn start() -> Self {
        let repositories = tempfile::tempdir().expect("a folder");
        let options = Options { repositories: Some(repositories.path().to_owned()), ..Options::default() };
        let emulator = Emulator::start(options).expect("loopback has a free port");
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "emulator");
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
            .region(aws_config::Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(emulator.endpoint())
            .build();
        Self { emulator, aws: Aws::new(config), repositories }
    }

    /// Serves a repository, from now on, under a name.
    pub(crate) fn serve(&self, name: &str, repository: &Path) {
        std::os::unix::fs::symlink(repository, self.repositories.path().join(name)).expect("a name that is free");
    }
}

/// Deflate as git does it: classic zlib at its usual memory level, all at once; none where it would not get smaller.
pub(crate) fn zlib(content: &[u8], level: u8) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(content.len());
    let mut compress = flate2::Compress::new(flate2::Compression::new(level.into()), false);
    let status = compress.compress_vec(content, &mut out, flate2::FlushCompress::Finish).expect("there is memory");
    (status == flate2::Status::StreamEnd && out.len() < content.len()).then_some(out)
}
