//! The one port: routes each request, logs it, and applies latency, rate limit and faults.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::answers;
use crate::call::Call;
use crate::control;
use crate::faults::FaultKind;
use crate::guard;
use crate::iam;
use crate::json;
use crate::log::Service;
use crate::operation;
use crate::runtime_api;
use crate::s3;
use crate::services::Services;
use crate::unknown;
use crate::wire::{self, BoxError, HttpRequest, HttpResponse};

/// Serves connections until the task is dropped.
pub(crate) async fn serve(services: Arc<Services>, listener: TcpListener) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(Arc::clone(&services), stream))),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await, // out of descriptors: retry soon
        }
    }
}

async fn connection(services: Arc<Services>, stream: TcpStream) {
    let _delayed = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(Arc::clone(&services), request));
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let _closed = connection.await; // the client hung up, or a fault closed the connection
}

/// Answers one request; an error closes the connection without a response.
async fn respond(services: Arc<Services>, request: http::Request<Incoming>) -> Result<HttpResponse, BoxError> {
    if let Some(reason) = guard::refusal(request.headers()) {
        return Ok(wire::json(403, &json!({ "error": reason })));
    }
    let path = request.uri().path();
    if path.starts_with(control::ROOT) {
        return control::answer(&services, boxed(request)).await;
    }
    if path.starts_with(runtime_api::RUNTIME) {
        let response = runtime_api::runtime(&services.lambda, boxed(request)).await?;
        return response.ok_or_else(|| "the runtime that asked has exited".into());
    }
    let call = Call::of(&request);
    let record = services.log.begin(call.service, &call.operation);
    let request = request.map(|body| wire::counted(body, Arc::clone(&record.bytes_in)));
    let started = Instant::now();
    let response = call_with_faults(&services, &call, request).await;
    let status = response.as_ref().ok().map(|response| response.status().as_u16());
    services.console.log(&call, status, started.elapsed());
    let response = response?;
    record.status.store(response.status().as_u16(), Ordering::Relaxed);
    Ok(response.map(|body| wire::counted(body, Arc::clone(&record.bytes_out))))
}

/// Applies latency, rate limit and faults to a call.
async fn call_with_faults(services: &Services, call: &Call, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let fault = services.faults.at(&call.operation);
    tokio::time::sleep(services.pace.latency()).await;
    let instead = match &fault {
        _ if !services.pace.admits() => Some(answers::throttled(call.service)),
        Some(FaultKind::Hang) => std::future::pending().await,
        Some(FaultKind::Reset) => return Err("an injected fault resets the connection".into()),
        Some(fault) => answers::fault_response(fault, call.service),
        None => None,
    };
    if let Some(response) = instead {
        request.into_body().collect().await?; // some clients lose a response that comes before the request's end
        return Ok(response);
    }
    let response = dispatch(services, call, request).await?;
    match fault {
        Some(fault) => answers::apply_fault(&fault, &call.operation, response).await,
        None => Ok(response),
    }
}

async fn dispatch(services: &Services, call: &Call, request: HttpRequest) -> Result<HttpResponse, BoxError> {
    let operation = call.operation.as_str();
    match call.service {
        Service::CodeCommit => {
            json::answer(request, "codecommit", |input| services.codecommit.call(operation, input)).await
        }
        Service::CodePipeline => {
            json::answer(request, "codepipeline", |input| services.codepipeline.call(operation, input)).await
        }
        Service::Git => services.git.call(request).await,
        Service::Lambda if operation == runtime_api::CONFIGURATION => {
            runtime_api::configuration(&services.lambda, request).await
        }
        Service::Lambda => runtime_api::invoke(&services.lambda, request).await,
        Service::Iam => iam::answer(request, services.role_policy.as_ref()).await,
        Service::Other => {
            let (head, content) = request.into_parts();
            content.collect().await?; // some clients lose a response that comes before the request's end
            Ok(unknown::not_modeled(&head.headers, operation))
        }
        Service::S3 if operation == operation::UNKNOWN => s3::not_modeled(request).await,
        Service::S3 => services.s3.answer(request).await,
    }
}

fn boxed(request: http::Request<Incoming>) -> HttpRequest {
    request.map(|body| body.map_err(Into::into).boxed_unsync())
}
