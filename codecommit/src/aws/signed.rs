//! Signed requests to services of which only one or two operations are used. The SDK's crates for Lambda and IAM have
//! hundreds of operations in 394,000 lines of Rust, so these requests use only the SDK's parts: signer, retries,
//! timeouts.

use std::fmt;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::{self, CallError};
use super::{choice, http, throttle};

/// A service that is called without a client of the SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedService {
    /// Lambda, which speaks JSON.
    Lambda,
    /// IAM, which speaks the query protocol and answers in XML. It has one address for each partition.
    Iam,
}

/// A request to one of these services.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    /// The service.
    pub service: SignedService,
    /// The operation's name in the service's model.
    pub operation: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path, percent-encoded.
    pub path: String,
    /// Headers besides those of the signature.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The ASCII bytes that are encoded: all that RFC 3986 reserves.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl SignedRequest {
    /// Returns a part of a path, percent-encoded.
    pub fn encoded(part: &str) -> String {
        utf8_percent_encode(part, &ENCODED).to_string()
    }
}

/// The parts of a client that a signed request needs.
pub(super) struct Sender {
    /// The HTTP client, which counts and limits requests.
    pub(super) http: http::Metered,
    /// The credentials.
    pub(super) credentials: Option<SharedCredentialsProvider>,
    /// The region of the clients.
    pub(super) region: String,
    /// The endpoint in place of AWS's own.
    pub(super) endpoint: Option<String>,
    /// The retries of all calls.
    pub(super) retries: RetryConfig,
    /// The timeouts of all calls.
    pub(super) timeouts: TimeoutConfig,
}

/// Sends a signed request. Returns the answer's body.
pub(super) async fn send(sender: Sender, request: SignedRequest) -> Result<Vec<u8>, CallError> {
    let SignedRequest { service, operation, .. } = request;
    let endpoint = sender.endpoint.unwrap_or_else(|| service.endpoint(&sender.region));
    let builder = Operation::builder()
        .service_name(service.id())
        .operation_name(operation)
        .http_client(sender.http)
        .endpoint_url(&endpoint)
        .standard_retry(&sender.retries)
        .retry_classifier(TransientErrorClassifier::<Refused>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(throttle::RetryThrottles)
        .interceptor(http::Label)
        .timeout_config(sender.timeouts);
    let signer = sender.credentials.map(|provider| signed_by(SharedIdentityResolver::new(provider)));
    let builder = match signer {
        Some(signer) => builder.runtime_plugin(signer).runtime_plugin(scope(service, &sender.region)),
        None => builder.no_auth(),
    };
    let sent = builder.serializer(serialized).deserializer(deserialized).build();
    error::call(operation, Box::pin(sent.invoke(request))).await
}

impl SignedService {
    /// The service's id in the SDK, which names its own endpoint setting.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Lambda => "Lambda",
            Self::Iam => "IAM",
        }
    }

    fn signing_name(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::Iam => "iam",
        }
    }

    /// Returns the address of AWS's own endpoint.
    fn endpoint(self, region: &str) -> String {
        match (self, region) {
            (Self::Lambda, region) => format!("https://lambda.{region}.{}", choice::dns_suffix(region)),
            (Self::Iam, region) if region.starts_with("cn-") => "https://iam.cn-north-1.amazonaws.com.cn".to_owned(),
            (Self::Iam, region) if region.starts_with("us-gov-") => "https://iam.us-gov.amazonaws.com".to_owned(),
            (Self::Iam, _) => "https://iam.amazonaws.com".to_owned(),
        }
    }

    /// Returns the region that a signature names.
    fn signing_region(self, region: &str) -> String {
        match (self, region) {
            (Self::Lambda, region) => region,
            (Self::Iam, region) if region.starts_with("cn-") => "cn-north-1",
            (Self::Iam, region) if region.starts_with("us-gov-") => "us-gov-west-1",
            (Self::Iam, _) => "us-east-1",
        }
        .to_owned()
    }
}

/// Returns the part of a client that signs with these credentials.
fn signed_by(credentials: SharedIdentityResolver) -> StaticRuntimePlugin {
    let resolver = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let components = RuntimeComponentsBuilder::new("signed")
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(resolver)))
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_identity_cache(Some(IdentityCache::no_cache()))
        .with_identity_resolver(SCHEME_ID, credentials);
    StaticRuntimePlugin::new().with_runtime_components(components)
}

/// Returns the service and the region of a signature.
fn scope(service: SignedService, region: &str) -> StaticRuntimePlugin {
    let mut layer = Layer::new("signed");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(aws_types::region::Region::new(service.signing_region(region)))),
        name: Some(SigningName::from(service.signing_name())),
        ..SigV4OperationSigningConfig::default()
    });
    StaticRuntimePlugin::new().with_config(layer.freeze())
}

fn serialized(request: SignedRequest) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let length = request.body.len();
    let mut sent = HttpRequest::new(SdkBody::from(request.body));
    sent.set_method(request.method)?;
    sent.set_uri(request.path)?;
    if length > 0 {
        sent.headers_mut().insert("content-length", length.to_string());
    }
    for (name, value) in request.headers {
        sent.headers_mut().insert(name, value);
    }
    Ok(sent)
}

fn deserialized(answer: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<Refused>> {
    let body = answer.body().bytes().unwrap_or_default();
    if answer.status().is_success() {
        return Ok(body.to_vec());
    }
    let header = answer.headers().get("x-amzn-errortype");
    Err(OrchestratorError::operation(Refused(refusal(header, &String::from_utf8_lossy(body)))))
}

/// Reads the error of either protocol. A code may have a URL after a colon.
fn refusal(header: Option<&str>, body: &str) -> ErrorMetadata {
    let object: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let field = |name: &str| object[name].as_str().map(str::to_owned);
    let code = header.map(str::to_owned).or_else(|| field("__type")).or_else(|| element(body, "Code"));
    let message = field("message").or_else(|| field("Message")).or_else(|| element(body, "Message"));
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = code {
        metadata = metadata.code(code.split(':').next().unwrap_or_default());
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    metadata.build()
}

/// Returns the text of the first element with this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text.to_owned())
}

/// The error of a service.
#[derive(Debug)]
struct Refused(ErrorMetadata);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message().or(self.0.code()).unwrap_or("the service gave no reason"))
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_both_protocols_are_read() {
        let lambda = refusal(Some("AccessDeniedException:http://x"), r#"{"Type":"User","message":"not allowed"}"#);
        assert_eq!((lambda.code(), lambda.message()), (Some("AccessDeniedException"), Some("not allowed")));
        let iam = refusal(
            None,
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
        );
        assert_eq!((iam.code(), iam.message()), (Some("AccessDenied"), Some("no")));
        assert_eq!(refusal(None, "<html>").code(), None);
    }

    /// The addresses and regions of the SDK's own endpoint rules.
    #[test]
    fn each_partition_has_its_own_address_of_iam() {
        for (region, endpoint, signed) in [
            ("eu-central-1", "https://iam.amazonaws.com", "us-east-1"),
            ("cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ] {
            assert_eq!(SignedService::Iam.endpoint(region), endpoint);
            assert_eq!(SignedService::Iam.signing_region(region), signed);
        }
        assert_eq!(SignedService::Lambda.endpoint("eu-central-1"), "https://lambda.eu-central-1.amazonaws.com");
    }
}
