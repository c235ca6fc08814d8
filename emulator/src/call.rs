//! The service and the operation that a request asks for.

use http::HeaderMap;
use hyper::body::Incoming;

use crate::git_http;
use crate::iam;
use crate::log::Service;
use crate::operation;
use crate::runtime_api;
use crate::signature;

pub(crate) struct Call {
    pub(crate) service: Service,
    /// The operation's name in the service's model.
    pub(crate) operation: String,
    /// The path, or nothing for services that have only one.
    pub(crate) target: String,
}

impl Call {
    pub(crate) fn of(request: &http::Request<Incoming>) -> Self {
        let (path, headers) = (request.uri().path(), request.headers());
        let target = text(headers, "x-amz-target");
        let (service, operation) = match target.split_once('.') {
            Some(("CodeCommit_20150413", operation)) => (Service::CodeCommit, operation),
            Some(("CodePipeline_20150709", operation)) => (Service::CodePipeline, operation),
            _ if path.starts_with(runtime_api::INVOKE) => (Service::Lambda, runtime_api::operation(path)),
            _ if path.starts_with(git_http::ROOT) => (Service::Git, git_http::operation(path)),
            _ if !target.is_empty() => (Service::Other, target),
            _ => match unmodeled_service(path, headers) {
                // Other services of S3, such as S3 Express, speak its protocol.
                Some(service) if service.starts_with("s3") => (Service::S3, operation::UNKNOWN),
                Some("iam") => (Service::Iam, iam::OPERATION),
                Some(service) => (Service::Other, service),
                None => (Service::S3, operation::of_s3(request.method(), request.uri(), headers)),
            },
        };
        let target = if path == "/" { String::new() } else { path.to_owned() };
        Self { service, operation: operation.to_owned(), target }
    }
}

/// Returns the service that a request is signed for, or its protocol, if that is not S3.
fn unmodeled_service<'a>(path: &str, headers: &'a HeaderMap) -> Option<&'a str> {
    if let Some(service) = signature::signed_service(text(headers, "authorization")) {
        return (service != "s3").then_some(service);
    }
    let is_query = path == "/" && text(headers, "content-type").starts_with("application/x-www-form-urlencoded");
    is_query.then_some("the query protocol")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
