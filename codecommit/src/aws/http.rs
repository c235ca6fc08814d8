//! The HTTP wrapper under all clients. It counts calls by operation and limits how many are in flight. It reads the
//! body of a file only after the archive's byte budget admits it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, Metadata};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;

use super::gate::Gate;
use super::throttle::is_throttle;
use crate::lock::Lock;
use crate::memory::{LARGEST_ANSWER, Turn};

/// The size in bytes of the largest `GetFolder` answer: about 200,000 entries.
const LARGEST_FOLDER: u64 = 64 << 20;
/// The size in bytes of the largest answer of any other operation, all of which are small.
const LARGEST_OTHER: u64 = 16 << 20;
/// The number of bytes to read of an error answer.
const LARGEST_ERROR: usize = 64 << 10;

/// The name of a request's operation, as an extension of the request.
#[derive(Debug, Clone)]
pub struct Operation(pub String);

/// The number of requests by operation, retries included, and of throttled ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// Requests by operation.
    pub by_operation: BTreeMap<String, u64>,
    /// Throttled requests.
    pub throttled: u64,
}

impl Calls {
    /// Returns the difference to `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut by_operation = self.by_operation.clone();
        for (operation, count) in &before.by_operation {
            by_operation.entry(operation.clone()).and_modify(|now| *now -= count);
        }
        by_operation.retain(|_, count| *count > 0);
        Self { by_operation, throttled: self.throttled - before.throttled }
    }

    /// Returns the number of all requests.
    pub fn total(&self) -> u64 {
        self.by_operation.values().sum()
    }
}

/// The counters that all wrapped clients share.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<Lock<Calls>>);

impl Counter {
    /// Returns the present counts.
    pub fn calls(&self) -> Calls {
        self.0.lock().clone()
    }

    fn sent(&self, operation: &str) {
        let mut calls = self.0.lock();
        match calls.by_operation.get_mut(operation) {
            Some(count) => *count += 1,
            None => drop(calls.by_operation.insert(operation.to_owned(), 1)),
        }
    }

    fn throttled(&self) {
        self.0.lock().throttled += 1;
    }
}

/// An HTTP client that counts and limits the requests of another.
#[derive(Debug, Clone)]
pub struct Metered {
    inner: SharedHttpClient,
    gate: Arc<Gate>,
    counter: Counter,
}

impl Metered {
    /// Wraps `inner` for one service, whose requests pass `gate`.
    pub fn new(inner: SharedHttpClient, gate: Arc<Gate>, counter: Counter) -> Self {
        Self { inner, gate, counter }
    }
}

/// Wraps a connector for requests that no client of the SDK sends.
pub fn connector(inner: impl HttpConnector + 'static, most: usize, counter: Counter) -> SharedHttpConnector {
    SharedHttpConnector::new(MeteredConnector {
        inner: SharedHttpConnector::new(inner),
        gate: Gate::new(most),
        counter,
    })
}

impl HttpClient for Metered {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(MeteredConnector { inner, gate: self.gate.clone(), counter: self.counter.clone() })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        cfg: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_base_client_config(components, cfg)
    }
}

#[derive(Debug, Clone)]
struct MeteredConnector {
    inner: SharedHttpConnector,
    gate: Arc<Gate>,
    counter: Counter,
}

impl HttpConnector for MeteredConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.send(request).await })
    }
}

impl MeteredConnector {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let turn = request.extension::<Turn>().cloned();
        let slot = self.gate.enter().await;
        let operation = request.extension::<Operation>().map_or("other", |operation| operation.0.as_str());
        let largest = largest_answer(operation);
        self.counter.sent(operation);
        let response = with_faults_in_memory(self.inner.call(request).await?).await?;
        let throttled = is_throttle(response.status().as_u16(), response.body().bytes().unwrap_or_default());
        if throttled {
            self.counter.throttled();
        }
        // Return the slot before waiting for the budget. Otherwise requests that wait for bytes could block the one
        // that the archive waits for.
        slot.answered(throttled);
        let is_success = response.status().is_success();
        if let Some(turn) = turn.filter(|_| is_success) {
            turn.admit(content_length(&response).unwrap_or(LARGEST_ANSWER).min(LARGEST_ANSWER)).await;
        }
        match largest.filter(|_| is_success) {
            Some(largest) => limit_body(largest, response).await,
            None => Ok(response),
        }
    }
}

/// Returns the size in bytes of the largest body that an operation may return. Contents of objects and packs are read
/// in pieces and not limited here. A `HeadObject` answer has a length but no body.
fn largest_answer(operation: &str) -> Option<u64> {
    match operation {
        "GetObject" | "HeadObject" | "GitInfoRefs" | "GitUploadPack" => None,
        "GetBlob" => Some(LARGEST_ANSWER),
        "GetFolder" => Some(LARGEST_FOLDER),
        _ => Some(LARGEST_OTHER),
    }
}

/// Refuses an answer whose body has more than `largest` bytes. The SDK would read the whole body. So a body of unknown
/// length is read here first, up to the limit.
async fn limit_body(largest: u64, mut response: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let too_large = || ConnectorError::other(format!("the answer has more than {largest} bytes").into(), None);
    match content_length(&response) {
        Some(length) if length > largest => return Err(too_large()),
        Some(_) => return Ok(response),
        None if response.body().bytes().is_some() => return Ok(response),
        None => {}
    }
    let body = std::mem::replace(response.body_mut(), SdkBody::taken());
    let (body, is_whole) = read_up_to(body, usize::try_from(largest).unwrap_or(usize::MAX)).await?;
    *response.body_mut() = SdkBody::from(body);
    if is_whole { Ok(response) } else { Err(too_large()) }
}

/// Reads a body up to a limit. Returns the bytes, and whether they are the whole body.
async fn read_up_to(body: SdkBody, limit: usize) -> Result<(Vec<u8>, bool), ConnectorError> {
    let (mut stream, mut read) = (ByteStream::new(body), Vec::new());
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| ConnectorError::io(error.into()))?;
        let room = limit - read.len();
        if piece.len() > room {
            read.extend_from_slice(&piece[..room]);
            return Ok((read, false));
        }
        read.extend_from_slice(&piece);
    }
    Ok((read, true))
}

fn content_length(response: &HttpResponse) -> Option<u64> {
    response.headers().get("content-length")?.parse().ok()
}

/// Reads the beginning of an error answer's body. The gate and the retry classifier need it to recognize a throttle.
async fn with_faults_in_memory(mut response: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    if response.status().is_success() || response.body().bytes().is_some() {
        return Ok(response);
    }
    let body = std::mem::replace(response.body_mut(), SdkBody::taken());
    let (body, _) = read_up_to(body, LARGEST_ERROR).await?;
    *response.body_mut() = SdkBody::from(body);
    Ok(response)
}

/// An interceptor that adds the operation's name to each request, for the counter.
#[derive(Debug)]
pub struct Label;

#[dyn_dispatch_hint]
impl Intercept for Label {
    fn name(&self) -> &'static str {
        "Label"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(metadata) = cfg.load::<Metadata>() {
            let operation = Operation(metadata.name().to_owned());
            context.request_mut().add_extension(operation);
        }
        Ok(())
    }
}
