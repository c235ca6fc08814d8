//! Requests, responses and their bodies, and the responses that several services share.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type HttpBody = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type HttpRequest = http::Request<HttpBody>;
pub(crate) type HttpResponse = http::Response<HttpBody>;

pub(crate) fn full(bytes: impl Into<Bytes>) -> HttpBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn empty(status: u16) -> HttpResponse {
    response(status, &[], Bytes::new())
}

pub(crate) fn json(status: u16, value: &serde_json::Value) -> HttpResponse {
    response(status, &[("content-type", "application/json")], value.to_string())
}

pub(crate) fn response(status: u16, headers: &[(&str, &str)], content: impl Into<Bytes>) -> HttpResponse {
    let mut builder = http::Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(full(content)).expect("callers pass valid statuses and headers")
}

/// Returns a body that adds the length of everything read from it to `counter`.
pub(crate) fn counted<B>(body: B, counter: Arc<AtomicU64>) -> HttpBody
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    Counted { body, counter }.map_err(Into::into).boxed_unsync()
}

struct Counted<B> {
    body: B,
    counter: Arc<AtomicU64>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let length = frame.data_ref().map_or(0, Bytes::len);
            self.counter.fetch_add(length as u64, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
