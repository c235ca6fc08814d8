//! An emulator that accepts more repositories while it runs, its clients, and git's own deflate.

use std::path::Path;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use codecommit::aws::Aws;
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

    /// Serves a repository under a name from now on.
    pub(crate) fn serve(&self, name: &str, repository: &Path) {
        std::os::unix::fs::symlink(repository, self.repositories.path().join(name)).expect("a name that is free");
    }
}

/// Longer than any test takes on a busy machine. It ends a test that hangs.
const DEADLINE: Duration = Duration::from_secs(150);

/// Waits for work with a deadline.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("it ends in time")
}
