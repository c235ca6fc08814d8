//! Reads the rest of requests that S3 refuses before their end.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use s3s::service::S3Service;
use s3s::{HttpError, HttpResponse, StdError};

/// Calls `service` and then reads the rest of the request: a client that is still sending when the connection closes
/// loses the response.
pub(crate) async fn answer<B>(service: &S3Service, request: http::Request<B>) -> Result<HttpResponse, HttpError>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    StdError: From<B::Error>,
{
    let (parts, body) = request.into_parts();
    let body = SharedBody(Arc::new(Mutex::new(body)));
    let mut rest = body.clone();
    let shared = s3s::Body::http_body_unsync(body);
    let answer = service.call(http::Request::from_parts(parts, shared)).await;
    while !rest.is_end_stream() {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut rest).poll_frame(cx)).await;
        if !matches!(frame, Some(Ok(_))) {
            break;
        }
    }
    answer
}

/// A body that the service and this module read in turn.
struct SharedBody<B>(Arc<Mutex<B>>);

impl<B> SharedBody<B> {
    fn with<T>(&self, work: impl FnOnce(&mut B) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<B> Clone for SharedBody<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for SharedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
