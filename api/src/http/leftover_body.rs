//! What is left of a body that nobody read.
//!
//! A connection takes its next request only after the whole body of the last one. A short rest that has arrived is read
//! and dropped; of anything else the answer says that the connection closes.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use hyper::body::{Frame, SizeHint};

use crate::http::body::MAX_BODY_BYTES;

/// How long the rest of a body is waited for: it has arrived, or its sender is slow.
const REST_TIME: Duration = Duration::from_millis(100);

/// A body that stays reachable after its reader has let it go.
#[derive(Debug, Clone)]
struct Kept(Arc<Mutex<Rest>>);

#[derive(Debug)]
struct Rest {
    body: Body,
    /// Whether its end was read: a body of unknown length does not tell by itself.
    has_ended: bool,
}

impl Kept {
    fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Rest { body, has_ended: false })))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Rest) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|rest| {
            let polled = Pin::new(&mut rest.body).poll_frame(context);
            rest.has_ended |= matches!(polled, Poll::Ready(None));
            polled
        })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|rest| rest.has_ended || rest.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|rest| rest.body.size_hint())
    }
}

/// Reads what a request's handler left, or says that the connection closes.
pub(crate) async fn read_or_close(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let may_read_rest = is_short(request.headers());
    let (parts, body) = request.into_parts();
    let kept = Kept::new(body);
    let mut response = next.run(Request::from_parts(parts, Body::new(kept.clone()))).await;
    let is_read = kept.is_end_stream() || (may_read_rest && ends_soon(kept).await);
    if !is_read {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether a body is announced, and short. Who waits for `100 Continue` has sent nothing, and need not.
fn is_short(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.is_some_and(|length: usize| length <= MAX_BODY_BYTES) && !headers.contains_key(header::EXPECT)
}

async fn ends_soon(mut kept: Kept) -> bool {
    let reading = async {
        loop {
            match std::future::poll_fn(|context| Pin::new(&mut kept).poll_frame(context)).await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return false,
                None => return true,
            }
        }
    };
    tokio::time::timeout(REST_TIME, reading).await.unwrap_or(false)
}
