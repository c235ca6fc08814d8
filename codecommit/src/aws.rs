//! The AWS clients, the HTTP wrapper under them, and the errors of their calls.

pub mod choice;
pub mod error;
pub mod gate;
pub mod http;
pub mod signed;
pub mod throttle;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector};

pub use choice::{Choice, UnknownProfile};
pub use error::{CallError, Fault, StepFault, call};
pub use gate::Gate;
pub use http::{Calls, Counter, Metered, Operation};
pub use signed::{SignedRequest, SignedService};

use crate::retry::RetryPolicy;

/// The number of requests to `CodeCommit` that may be in flight at once. The account's quota is shared with people's
/// own Git and with other functions. The limit therefore starts low and grows while the service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    /// The limit at the beginning.
    pub first: usize,
    /// The highest limit.
    pub most: usize,
}

impl Default for Concurrency {
    /// Measured at 15 ms a request, 5,000 files and two cores: 16 requests at once take 5.8 s, 32 take 3.4 s, 64 take
    /// 2.3 s. 256 take 2.0 s, limited by the processor. From 16, two rounds of requests reach 64.
    fn default() -> Self {
        Self { first: 16, most: 64 }
    }
}

/// The largest number of requests in flight to S3, to `CodePipeline` and to the Git endpoint.
const OTHERS_AT_ONCE: usize = 16;

/// The clients of the three services, built once and lent to every step.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The client for repositories.
    pub codecommit: aws_sdk_codecommit::Client,
    /// The client for objects.
    pub s3: aws_sdk_s3::Client,
    /// The client for pipelines.
    pub codepipeline: aws_sdk_codepipeline::Client,
    /// The configuration of all of them.
    pub config: SdkConfig,
    counter: Counter,
    source_credentials: Option<SharedCredentialsProvider>,
    connector: Arc<OnceLock<SharedHttpConnector>>,
}

impl Aws {
    /// Creates the clients from the environment (region, credentials, endpoints, profile), as every AWS tool does.
    /// Variables that are empty count as unset.
    pub async fn from_env() -> Self {
        Self::chosen(Choice::default()).await
    }

    /// Creates the clients from the environment, with other limits for `CodeCommit`.
    pub async fn from_env_with(concurrency: Concurrency) -> Self {
        Self::with_concurrency(Choice::default().load(https()).await, concurrency)
    }

    /// Creates the clients from the environment, and from a person's choices, which override it.
    pub async fn chosen(choice: Choice) -> Self {
        Self::new(choice.load(https()).await)
    }

    /// Creates the clients from a configuration.
    pub fn new(config: SdkConfig) -> Self {
        Self::with_concurrency(config, Concurrency::default())
    }

    /// Creates the clients from a configuration, with other limits for `CodeCommit`.
    pub fn with_concurrency(config: SdkConfig, concurrency: Concurrency) -> Self {
        let counter = Counter::default();
        let inner = config.http_client().unwrap_or_else(https);
        let wrapped = |first, most| Metered::new(inner.clone(), Gate::growing(first, most), counter.clone());
        let Concurrency { first, most } = concurrency;
        // Each client's builder has its own type, so the common code has to be a macro.
        macro_rules! client {
            ($service:ident, $name:literal, $first:expr, $most:expr, $answer:expr) => {
                $service::Client::from_conf(
                    $service::config::Builder::from(&config)
                        .http_client(wrapped($first, $most))
                        .retry_config(retries())
                        .retry_partition(partition($name))
                        .timeout_config(timeouts($answer))
                        .retry_classifier(throttle::RetryThrottles)
                        .interceptor(http::Label)
                        .build(),
                )
            };
        }
        Self {
            codecommit: client!(aws_sdk_codecommit, "codecommit-multibranch.codecommit", first, most, READ_TIMEOUT),
            s3: client!(aws_sdk_s3, "codecommit-multibranch.s3", OTHERS_AT_ONCE, OTHERS_AT_ONCE, S3_READ_TIMEOUT),
            codepipeline: client!(
                aws_sdk_codepipeline,
                "codecommit-multibranch.codepipeline",
                OTHERS_AT_ONCE,
                OTHERS_AT_ONCE,
                READ_TIMEOUT
            ),
            config,
            counter,
            source_credentials: None,
            connector: Arc::default(),
        }
    }

    /// Returns a connector for `CodeCommit`'s Git endpoint, which has no SDK client. It is created on first use.
    pub fn connector(&self) -> SharedHttpConnector {
        let make = || {
            let connector = Connector::builder().tls_provider(TLS).build();
            http::connector(connector, OTHERS_AT_ONCE, self.counter.clone())
        };
        self.connector.get_or_init(make).clone()
    }

    /// Sends a signed request to a service without a client here, with the retries of all other calls. Returns the
    /// answer's body.
    pub async fn signed(&self, request: SignedRequest) -> Result<Vec<u8>, CallError> {
        let inner = self.config.http_client().unwrap_or_else(https);
        let sender = signed::Sender {
            http: Metered::new(inner, Gate::new(OTHERS_AT_ONCE), self.counter.clone()),
            credentials: self.config.credentials_provider(),
            region: self.region().map_or_else(|| "us-east-1".to_owned(), ToString::to_string),
            endpoint: choice::endpoint(&self.config, request.service.id()),
            retries: retries(),
            timeouts: timeouts(READ_TIMEOUT),
        };
        signed::send(sender, request).await
    }

    /// Returns the same clients, but with another role's credentials for reading repositories.
    #[must_use]
    pub async fn with_source_role(self, role: &str) -> Self {
        let provider = AssumeRoleProvider::builder(role).session_name("codecommit-multibranch").configure(&self.config);
        let credentials = SharedCredentialsProvider::new(provider.build().await);
        let codecommit = self.codecommit.config().to_builder().credentials_provider(credentials.clone()).build();
        let codecommit = aws_sdk_codecommit::Client::from_conf(codecommit);
        Self { codecommit, source_credentials: Some(credentials), ..self }
    }

    /// Returns the credentials that Git requests are signed with.
    pub fn source_credentials(&self) -> Option<SharedCredentialsProvider> {
        self.source_credentials.clone().or_else(|| self.config.credentials_provider())
    }

    /// Returns the number of requests so far.
    pub fn calls(&self) -> Calls {
        self.counter.calls()
    }

    /// Returns the endpoint of `CodeCommit` that the configuration sets instead of AWS's own.
    pub fn codecommit_endpoint(&self) -> Option<String> {
        choice::endpoint(&self.config, "CodeCommit")
    }

    /// Returns the region of the clients.
    pub fn region(&self) -> Option<&Region> {
        self.config.region()
    }
}

/// The TLS stack of all clients.
const TLS: Provider = Provider::Rustls(CryptoMode::AwsLc);

/// Returns the SDK's own HTTP client.
pub fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(TLS).build_https()
}

/// The SDK's own retry loop with our policy. It also uses full jitter.
fn retries() -> RetryConfig {
    let policy = RetryPolicy::API;
    RetryConfig::standard()
        .with_max_attempts(policy.attempts)
        .with_initial_backoff(policy.initial_backoff)
        .with_max_backoff(policy.max_backoff)
}

/// A separate retry quota for each service. The SDK's default (500 tokens, 5 for a throttled request) lasts for only
/// a hundred retries.
fn partition(name: &'static str) -> RetryPartition {
    RetryPartition::custom(name).token_bucket(TokenBucket::builder().capacity(100_000).build()).build()
}

/// The longest wait for the head of an answer of `CodeCommit` or `CodePipeline`, whose requests and answers are small.
/// A request that hangs costs this much, and then another connection is tried.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait for the head of an answer of S3. It includes the time to send a part of an upload.
const S3_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The timeouts for the connection and for the head of an answer. The SDK's stalled-stream protection ends a body
/// that stalls. There is no timeout for the whole attempt, because it would include the time that an answer waits for
/// the byte budget.
fn timeouts(answer: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(4)).read_timeout(answer).build()
}
