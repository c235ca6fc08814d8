//! The service and the operation that a request asks for.

use hyper::body::Incoming;

use crate::git_http;
use crate::log::Service;
use crate::operation;
use crate::runtime_api;

pub(crate) struct Call {
    pub(crate) service: Service,
    /// The operation's name in the service's model.
    pub(crate) operation: String,
}

impl Call {
    pub(crate) fn of(request: &http::Request<Incoming>) -> Self {
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
