//! Serves HTTP/1.1, in the clear or over TLS. Everything that a stranger can hold open has a bound.
//!
//! A request that may change something is a task of its own: it runs to its end although its client hangs up. A request
//! that only reads ends with its connection.

mod connections;
pub(crate) mod shutdown;
mod socket;
pub(crate) mod tls;

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use anyhow::Context as _;
use api::{Lifecycle, Limits, Peer};
use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, Request, Response, header},
};
use futures::future::Either;
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinError,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tower::ServiceExt as _;

use self::{
    connections::{Connections, Place},
    shutdown::{ANSWERS_TIME, StopTimes},
    socket::{Exchanges, Socket, Times},
};
use crate::settings::Tls;

/// How long a handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// The most bytes of a request's head. The API refuses much smaller ones, with a problem.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The pause after a connection could not be accepted, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// For a year, browsers come back over TLS only. Source: RFC 6797.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// The connection ends with this answer. Source: RFC 9112, 9.6.
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// What is served, and within which bounds.
pub(crate) struct Served {
    pub(crate) router: axum::Router,
    pub(crate) tls: Option<Tls>,
    pub(crate) limits: Limits,
    pub(crate) stop_times: StopTimes,
}

/// Serves until the token is canceled: then it is not ready any more, takes requests for a moment longer, and lets what
/// is under way finish.
pub(crate) async fn serve(listener: TcpListener, served: Served, stop: CancellationToken) -> anyhow::Result<()> {
    let Served { router, tls, limits, stop_times } = served;
    let closing = CancellationToken::new();
    let tls = tls.map(|tls| tls::follow(tls, closing.clone())).transpose().context("could not speak TLS")?;
    let lifecycle = Lifecycle { stopping: stop.clone(), ..Lifecycle::default() };
    let server = Server {
        router,
        tls,
        connections: Connections::new(&limits),
        lifecycle: lifecycle.clone(),
        closing: closing.clone(),
        tasks: TaskTracker::new(),
    };
    let drained = async {
        stop.cancelled().await;
        sleep(stop_times.drain).await;
    };
    tokio::select! {
        () = server.accept(&listener) => {}
        () = drained => {}
    }
    drop(listener);
    closing.cancel();
    lifecycle.tasks.close();
    let _ = timeout(stop_times.requests, lifecycle.tasks.wait()).await;
    lifecycle.ending.cancel();
    server.tasks.close();
    let last = async {
        lifecycle.tasks.wait().await;
        server.tasks.wait().await;
    };
    let _ = timeout(ANSWERS_TIME, last).await;
    Ok(())
}

/// What all connections share.
struct Server {
    router: axum::Router,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    connections: Arc<Connections>,
    lifecycle: Lifecycle,
    /// Canceled when no connection takes another request.
    closing: CancellationToken,
    /// One for each connection.
    tasks: TaskTracker,
}

impl Server {
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    let made_room = self.connections.make_room();
                    tracing::warn!(%error, made_room, "a connection was not accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(place) = self.connections.admit(peer) else {
                tracing::debug!(%peer, "a connection was refused: there are too many, and none could be closed for it");
                continue;
            };
            let connection = Connection {
                router: self.router.clone(),
                peer,
                lifecycle: self.lifecycle.clone(),
                closing: self.closing.clone(),
            };
            let config = self.tls.as_ref().map(|tls| Arc::clone(&tls.borrow()));
            self.tasks.spawn(connection.hold(place, stream, config));
        }
    }
}

struct Connection {
    router: axum::Router,
    peer: SocketAddr,
    lifecycle: Lifecycle,
    closing: CancellationToken,
}

impl Connection {
    /// Serves until the connection ends or has to make room.
    async fn hold(self, place: Place, stream: TcpStream, tls: Option<Arc<ServerConfig>>) {
        let peer = self.peer;
        let ended = tokio::select! {
            ended = self.run(&place, stream, tls) => ended,
            () = place.closed.cancelled() => {
                tracing::debug!(%peer, "a connection was closed to make room");
                return;
            }
        };
        // What a stranger does wrong on its connection is no matter of ours.
        if let Err(error) = ended {
            tracing::debug!(%peer, error = format!("{error:#}"), "a connection ended early");
        }
    }

    async fn run(self, place: &Place, stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        match tls {
            None => self.serve(place, stream, None).await,
            Some(config) => {
                let handshake = TlsAcceptor::from(config).accept(stream);
                let stream = timeout(HANDSHAKE_TIME, handshake).await.map_err(|_| tls::too_slow())??;
                self.serve(place, stream, Some(HSTS)).await
            }
        }
    }

    async fn serve(
        self,
        place: &Place,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        hsts: Option<HeaderValue>,
    ) -> anyhow::Result<()> {
        let Self { router, peer, lifecycle, closing } = self;
        let exchanges = Exchanges::default();
        let socket = Socket::new(stream, exchanges.clone(), Times::DOOR);
        let service = service_fn(move |request: Request<Incoming>| {
            exchanges.begin();
            let exchanges = exchanges.clone();
            let (router, lifecycle, hsts) = (router.clone(), lifecycle.clone(), hsts.clone());
            let (mut request, progress) = followed(request);
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(place.standing.clone());
            request.extensions_mut().insert(lifecycle.clone());
            let answering = answer(router, request, &lifecycle);
            async move {
                let mut response = answering.await?.unwrap_or_else(|never| match never {});
                if let Some(hsts) = hsts {
                    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts);
                }
                // The rest of a body is not read only to be thrown away, and a process that stops keeps nothing open.
                if lifecycle.stopping.is_cancelled() || !progress.is_complete() {
                    response.headers_mut().insert(header::CONNECTION, CLOSE);
                }
                exchanges.answer();
                Ok::<_, JoinError>(response)
            }
        });
        let mut http = http1::Builder::new();
        // The socket knows the times of a head.
        http.header_read_timeout(None).max_buf_size(MAX_HEAD_BYTES);
        let mut serving = pin!(http.serve_connection(TokioIo::new(socket), service));
        tokio::select! {
            served = serving.as_mut() => return Ok(served?),
            () = closing.cancelled() => serving.as_mut().graceful_shutdown(),
        }
        Ok(serving.await?)
    }
}

/// Begins to answer a request. What may change something is a task that nobody cuts off; what only reads ends with the
/// connection. Both begin before it can be seen that the client is gone.
fn answer(
    router: axum::Router,
    request: Request<Body>,
    lifecycle: &Lifecycle,
) -> impl Future<Output = Result<Answered, JoinError>> + use<> {
    let only_reads = request.method().is_safe();
    let task = lifecycle.tasks.spawn(router.oneshot(request));
    if only_reads { Either::Left(AbortOnDropHandle::new(task)) } else { Either::Right(task) }
}

type Answered = Result<Response<Body>, Infallible>;

/// A request whose body says how much of it was read.
fn followed(request: Request<Incoming>) -> (Request<Body>, BodyRead) {
    let progress = BodyRead(Arc::new(AtomicBool::new(request.body().is_end_stream())));
    let of_body = progress.clone();
    (request.map(|body| Body::new(Followed { body, progress: of_body })), progress)
}

/// Whether a body was read to its end.
#[derive(Debug, Clone)]
struct BodyRead(Arc<AtomicBool>);

impl BodyRead {
    fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A body that tells how far it was read.
struct Followed {
    body: Incoming,
    progress: BodyRead,
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.progress.0.store(true, Ordering::Relaxed);
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
