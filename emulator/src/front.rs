//! The one port: what a request is for, what is noted about it, what goes wrong with it on purpose.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::service::S3Service;
use tokio::net::{TcpListener, TcpStream};

use crate::answers;
use crate::body::{self, BoxError, Request, Response};
use crate::codecommit::CodeCommit;
use crate::codepipeline::CodePipeline;
use crate::control;
use crate::error::ServiceError;
use crate::events::Events;
use crate::faults::{FaultKind, Faults};
use crate::git_http::{self, Git};
use crate::json;
use crate::lambda::Lambda;
use crate::log::{Log, Service};
use crate::operation;
use crate::options::Options;
use crate::pipeline;
use crate::repository::{Repositories, is_servable};
use crate::runtime_api;
use crate::s3::{self, Store, Versioning};

/// Everything behind the port.
pub(crate) struct Front {
    pub(crate) repositories: Arc<Repositories>,
    pub(crate) events: Arc<Events>,
    pub(crate) codecommit: CodeCommit,
    pub(crate) codepipeline: CodePipeline,
    pub(crate) s3: S3Service,
    pub(crate) store: Arc<Store>,
    pub(crate) git: Git,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) log: Log,
    pub(crate) faults: Faults,
    pub(crate) pace: Pace,
}

/// How long each request waits, and how many a second are let in.
pub(crate) struct Pace(Mutex<(Duration, Option<Bucket>)>);

struct Bucket {
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

/// A service that is asked for an operation.
struct Call {
    service: Service,
    operation: String,
}

impl Front {
    /// All services, with the bucket and the pipeline that the options ask for.
    pub(crate) async fn new(options: &Options) -> Result<Self, ServiceError> {
        let (folder, named) = (options.repositories.clone(), options.repository.clone());
        if let Some((name, path)) = named.iter().find(|(name, path)| !is_servable(name, path)) {
            let message = format!("{} cannot be the repository {name}", path.display());
            return Err(ServiceError::new("InvalidRepositoryNameException", message));
        }
        let repositories = Arc::new(Repositories::new(folder, named));
        let lambda = Arc::new(Lambda::new(options.timeout));
        let events = Arc::new(Events::new(Arc::clone(&lambda)));
        let store = Arc::new(Store::default());
        let codepipeline = CodePipeline::new(Arc::clone(&store));
        if let Some(bucket) = &options.bucket {
            if !s3s::path::check_bucket_name(bucket) {
                let message = format!("{bucket} cannot be a bucket");
                return Err(ServiceError::new("InvalidBucketName", message));
            }
            store.create_bucket(bucket, Versioning::Enabled);
            if let Some(name) = &options.pipeline {
                let input = pipeline::declaration(name, bucket, &options.key);
                codepipeline.call("CreatePipeline", input).await?;
            }
        }
        Ok(Self {
            codecommit: CodeCommit::new(Arc::clone(&repositories), Arc::clone(&events), options.page_size.max(1)),
            git: Git::new(Arc::clone(&repositories), Arc::clone(&events)),
            codepipeline,
            s3: s3::service(Arc::clone(&store)),
            store,
            repositories,
            events,
            lambda,
            log: Log::default(),
            faults: Faults::of(options.faults.clone()),
            pace: Pace::new(options.latency, options.rate),
        })
    }

    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((connection, _)) => drop(tokio::spawn(Arc::clone(&self).connection(connection))),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await, // out of descriptors: some will be free soon
            }
        }
    }

    async fn connection(self: Arc<Self>, connection: TcpStream) {
        let _delayed = connection.set_nodelay(true);
        let service = service_fn(move |request| Arc::clone(&self).answer(request));
        let connection =
            http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(connection), service);
        let _closed = connection.await; // a client that went away, or a fault that closes
    }

    /// An error closes the connection without an answer.
    async fn answer(self: Arc<Self>, request: http::Request<Incoming>) -> Result<Response, BoxError> {
        let path = request.uri().path();
        if path.starts_with(control::ROOT) {
            return control::answer(&self, boxed(request)).await;
        }
        if path.starts_with(runtime_api::RUNTIME) {
            let answer = runtime_api::runtime(&self.lambda, boxed(request)).await?;
            return answer.ok_or_else(|| "the runtime is gone".into());
        }
        let call = Call::of(&request);
        let record = self.log.begin(call.service, &call.operation);
        let request = request.map(|body| body::counted(body, Arc::clone(&record.bytes_in)));
        let answer = self.disturbed(&call, request).await?;
        record.status.store(answer.status().as_u16(), Ordering::Relaxed);
        Ok(answer.map(|body| body::counted(body, Arc::clone(&record.bytes_out))))
    }

    async fn disturbed(&self, call: &Call, request: Request) -> Result<Response, BoxError> {
        let fault = self.faults.at(&call.operation);
        tokio::time::sleep(self.pace.latency()).await;
        let instead = match &fault {
            _ if !self.pace.admits() => Some(answers::throttled(call.service)),
            Some(FaultKind::Hang) => std::future::pending().await,
            Some(FaultKind::Reset) => return Err("a fault resets the connection".into()),
            Some(fault) => fault.instead(call.service),
            None => None,
        };
        if let Some(answer) = instead {
            request.into_body().collect().await?; // an answer before the end of a request is lost on some clients
            return Ok(answer);
        }
        let answer = self.call(call, request).await?;
        match fault {
            Some(fault) => fault.spoil(&call.operation, answer).await,
            None => Ok(answer),
        }
    }

    async fn call(&self, call: &Call, request: Request) -> Result<Response, BoxError> {
        let operation = &call.operation;
        match call.service {
            Service::CodeCommit => json::answer(request, |input| self.codecommit.call(operation, input)).await,
            Service::CodePipeline => json::answer(request, |input| self.codepipeline.call(operation, input)).await,
            Service::Git => self.git.call(request).await,
            Service::Lambda => runtime_api::invoke(&self.lambda, request).await,
            Service::S3 => {
                let answer = s3::answer(&self.s3, request).await;
                answer
                    .map(|answer| answer.map(http_body_util::BodyExt::boxed_unsync))
                    .map_err(|error| format!("{error:?}").into())
            }
        }
    }
}

impl Call {
    fn of(request: &http::Request<Incoming>) -> Self {
        let (path, headers) = (request.uri().path(), request.headers());
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let (service, operation) = match target.split_once('.') {
            Some(("CodeCommit_20150413", operation)) => (Service::CodeCommit, operation),
            Some(("CodePipeline_20150709", operation)) => (Service::CodePipeline, operation),
            _ if path.starts_with(runtime_api::INVOKE) => (Service::Lambda, "Invoke"),
            _ if path.starts_with(git_http::ROOT) => (Service::Git, git_http::operation(path)),
            _ => (Service::S3, operation::of_s3(request.method(), request.uri(), headers)),
        };
        Self { service, operation: operation.to_owned() }
    }
}

impl Pace {
    fn new(latency: Duration, rate: Option<f64>) -> Self {
        let pace = Self(Mutex::new((latency, None)));
        pace.set_rate(rate);
        pace
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = latency;
    }

    /// At most so many requests a second, and as many at once; `None` lets all in.
    pub(crate) fn set_rate(&self, per_second: Option<f64>) {
        let bucket =
            per_second.map(|per_second| Bucket { per_second, tokens: per_second.max(1.0), filled: Instant::now() });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = bucket;
    }

    fn latency(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn admits(&self) -> bool {
        let mut pace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = &mut pace.1 else {
            return true;
        };
        let tokens = bucket.tokens + bucket.per_second * bucket.filled.elapsed().as_secs_f64();
        bucket.tokens = tokens.min(bucket.per_second.max(1.0));
        bucket.filled = Instant::now();
        let admits = bucket.tokens >= 1.0;
        if admits {
            bucket.tokens -= 1.0;
        }
        admits
    }
}

fn boxed(request: http::Request<Incoming>) -> Request {
    request.map(|body| body.map_err(Into::into).boxed_unsync())
}
