//! The clients, and the one HTTP wrapper under them.

pub mod error;
pub mod gate;
pub mod http;
pub mod throttle;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector};

pub use error::{CallError, Fault};
pub use http::{Calls, Counter, Metered, Operation};

/// Requests to `CodeCommit` under way at once, until it throttles. Measured with 15 ms a request, 5,000 files and two cores: with 16 at once 5.8 s, with
/// 32 3.4 s, with 64 2.3 s, with 256 2.0 s, where the processor is the limit.
const CODECOMMIT_AT_ONCE: usize = 64;
/// Requests to S3 or `CodePipeline` under way at once: the parts of one upload, and little else.
const OTHERS_AT_ONCE: usize = 16;

/// The clients of the three services, built once and lent to every step.
#[derive(Debug, Clone)]
pub struct Aws {
    /// Repositories.
    pub codecommit: aws_sdk_codecommit::Client,
    /// The object that the pipeline reads.
    pub s3: aws_sdk_s3::Client,
    /// The dev pipeline.
    pub codepipeline: aws_sdk_codepipeline::Client,
    /// What all of them were configured with.
    pub config: SdkConfig,
    counter: Counter,
    source_credentials: Option<SharedCredentialsProvider>,
    connector: Arc<OnceLock<SharedHttpConnector>>,
}

impl Aws {
    /// The clients for what the environment says (region, credentials, endpoints, profile), as every AWS tool takes it.
    pub async fn from_env() -> Self {
        Self::load(aws_config::defaults(BehaviorVersion::v2026_01_12())).await
    }

    /// The clients for a loader that has been told a profile, a region or an endpoint.
    pub async fn load(loader: aws_config::ConfigLoader) -> Self {
        Self::new(loader.http_client(https()).load().await)
    }

    /// The clients for a ready configuration.
    pub fn new(config: SdkConfig) -> Self {
        let counter = Counter::default();
        let inner = config.http_client().unwrap_or_else(https);
        let wrapped = |most| Metered::new(inner.clone(), most, counter.clone());
        // Each client's builder is a type of its own, so what is one rule has to be a macro.
        macro_rules! client {
            ($service:ident, $name:literal, $most:expr) => {
                $service::Client::from_conf(
                    $service::config::Builder::from(&config)
                        .http_client(wrapped($most))
                        .retry_config(retries())
                        .retry_partition(partition($name))
                        .timeout_config(timeouts())
                        .retry_classifier(throttle::RetryThrottles)
                        .interceptor(http::Label)
                        .build(),
                )
            };
        }
        Self {
            codecommit: client!(aws_sdk_codecommit, "codecommit-multibranch.codecommit", CODECOMMIT_AT_ONCE),
            s3: client!(aws_sdk_s3, "codecommit-multibranch.s3", OTHERS_AT_ONCE),
            codepipeline: client!(aws_sdk_codepipeline, "codecommit-multibranch.codepipeline", OTHERS_AT_ONCE),
            config,
            counter,
            source_credentials: None,
            connector: Arc::default(),
        }
    }

    /// The same HTTP for what is no API: `CodeCommit`'s Git endpoint. Made when it is first asked for.
    pub fn connector(&self) -> SharedHttpConnector {
        let make = || {
            let connector = Connector::builder().tls_provider(TLS).build();
            http::connector(connector, OTHERS_AT_ONCE, self.counter.clone())
        };
        self.connector.get_or_init(make).clone()
    }

    /// The same clients, but repositories are read with another role's credentials.
    #[must_use]
    pub async fn with_source_role(self, role: &str) -> Self {
        let provider = AssumeRoleProvider::builder(role).session_name("codecommit-multibranch").configure(&self.config);
        let credentials = SharedCredentialsProvider::new(provider.build().await);
        let codecommit = self.codecommit.config().to_builder().credentials_provider(credentials.clone()).build();
        let codecommit = aws_sdk_codecommit::Client::from_conf(codecommit);
        Self { codecommit, source_credentials: Some(credentials), ..self }
    }

    /// What fetches over Git are signed with.
    pub fn source_credentials(&self) -> Option<SharedCredentialsProvider> {
        self.source_credentials.clone().or_else(|| self.config.credentials_provider())
    }

    /// What was sent so far.
    pub fn calls(&self) -> Calls {
        self.counter.calls()
    }

    /// The region that the clients speak to.
    pub fn region(&self) -> Option<&Region> {
        self.config.region()
    }
}

/// One TLS stack for everything.
const TLS: Provider = Provider::Rustls(CryptoMode::AwsLc);

/// The SDK's own HTTP client.
pub fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(TLS).build_https()
}

/// Eight tries with full jitter: a burst of throttles outlives the SDK's default of three.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(8)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(10))
}

/// A quota of its own, and large enough: the SDK's default (500 tokens, 5 a throttle) is used up by a hundred outstanding retries.
fn partition(name: &'static str) -> RetryPartition {
    RetryPartition::custom(name).token_bucket(TokenBucket::builder().capacity(100_000).build()).build()
}

/// For the head of an answer. A body that stalls is ended by the SDK's stalled-stream protection. No timeout for the whole
/// attempt, because it would count the time that an answer waits for its bytes.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(4)).read_timeout(Duration::from_secs(30)).build()
}
