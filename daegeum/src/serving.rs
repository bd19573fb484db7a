//! Serves HTTP/1.1, in the clear or over TLS. Everything that a stranger can hold open has a bound.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use api::Peer;
use axum::{
    body::Body,
    http::{HeaderValue, Request, header},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{settings::Tls, shutdown::SERVER_STOP_TIME, tls};

/// The most connections at once; more wait in the operating system's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// How long a handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long a connection may stand without a whole head of a request.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// The most bytes of a request's head. The API refuses much smaller ones, with a problem.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The pause after a connection could not be accepted, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// For a year, browsers come back over TLS only. Source: RFC 6797.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Serves until the token is canceled; open requests get a moment to finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: axum::Router,
    tls: Option<Tls>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let tls = tls.map(|tls| tls::follow(tls, stop.clone())).transpose().context("could not speak TLS")?;
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some(Ok(permit)) = stop.run_until_cancelled(Arc::clone(&room).acquire_owned()).await {
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { break };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = Connection { router: router.clone(), peer, stop: stop.clone() };
        let config = tls.as_ref().map(|tls| Arc::clone(&tls.borrow()));
        tokio::spawn(async move {
            // What a stranger does wrong on its connection is no matter of ours.
            if let Err(error) = connection.run(stream, config).await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    // All room is free again when the last connection has ended.
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    let _ = timeout(SERVER_STOP_TIME, room.acquire_many(all)).await;
    Ok(())
}

struct Connection {
    router: axum::Router,
    peer: SocketAddr,
    stop: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        match tls {
            None => self.serve(stream, false).await,
            Some(config) => {
                let handshake = TlsAcceptor::from(config).accept(stream);
                let stream = timeout(HANDSHAKE_TIME, handshake).await.map_err(|_| tls::too_slow())??;
                self.serve(stream, true).await
            }
        }
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        secure: bool,
    ) -> anyhow::Result<()> {
        let Self { router, peer, stop } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(Peer(peer));
                let mut response = router.oneshot(request).await?;
                if secure {
                    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
                }
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MAX_HEAD_BYTES);
        let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            served = serving.as_mut() => return Ok(served?),
            () = stop.cancelled() => serving.as_mut().graceful_shutdown(),
        }
        Ok(serving.await?)
    }
}
