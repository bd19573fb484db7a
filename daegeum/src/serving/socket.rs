//! A connection's bytes, with a time for each stage: the first byte, the head of a request, the silence between two
//! requests, and the taking of answers.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How long each stage may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// A new connection without a byte.
    first_byte: Duration,
    /// A request's head, from its first byte to its last.
    head: Duration,
    /// The silence between two requests.
    keep_alive: Duration,
    /// What was written, until the other side has read it.
    write: Duration,
}

impl Times {
    /// Those of the door. Most proxies reuse a connection for up to 60 s, so it is kept for longer.
    pub(super) const DOOR: Self = Self {
        first_byte: Duration::from_secs(10),
        head: Duration::from_secs(10),
        keep_alive: Duration::from_secs(75),
        write: Duration::from_secs(20),
    };
}

/// What the connection's requests tell the socket.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchanges(Arc<ExchangeCounts>);

#[derive(Debug, Default)]
struct ExchangeCounts {
    is_serving: AtomicBool,
    answered: AtomicU64,
}

impl Exchanges {
    /// The head of a request is here.
    pub(super) fn begin(&self) {
        self.0.is_serving.store(true, Ordering::Relaxed);
    }

    /// Its answer is ready to be written.
    pub(super) fn answer(&self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
        self.0.is_serving.store(false, Ordering::Relaxed);
    }
}

/// For what a connection waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// For the first byte of its first request, or of its next.
    Byte,
    /// For the rest of a head.
    Head,
}

/// A stream that fails with [`io::ErrorKind::TimedOut`] when a stage takes too long.
#[derive(Debug)]
pub(super) struct Socket<S> {
    stream: S,
    times: Times,
    exchanges: Exchanges,
    answered: u64,
    stage: Stage,
    reading: Pin<Box<Sleep>>,
    /// When what was written last must have been taken, while it is not.
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Socket<S> {
    pub(super) fn new(stream: S, exchanges: Exchanges, times: Times) -> Self {
        let reading = Box::pin(sleep(times.first_byte));
        Self { stream, times, exchanges, answered: 0, stage: Stage::Byte, reading, writing: None }
    }

    /// Begins a stage.
    fn wait_for(&mut self, stage: Stage, time: Duration) {
        self.stage = stage;
        self.reading.as_mut().reset(Instant::now() + time);
    }

    /// Begins to wait for the next request, if the last one has its answer.
    fn follow_exchanges(&mut self) {
        let answered = self.exchanges.0.answered.load(Ordering::Relaxed);
        if answered != self.answered {
            self.answered = answered;
            self.wait_for(Stage::Byte, self.times.keep_alive);
        }
    }

    /// Whether a request is worked on: its body has a time of its own, and so has its answer.
    fn is_serving(&self) -> bool {
        self.exchanges.0.is_serving.load(Ordering::Relaxed)
    }

    /// The outcome of a write, or the end of the connection when the other side does not read.
    fn watch_write<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let writing = self.writing.get_or_insert_with(|| Box::pin(sleep(self.times.write)));
        writing.as_mut().poll(context).map(|()| Err(too_late("the answer was not read in time")))
    }
}

fn too_late(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, message)
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut socket.stream).poll_read(context, buffer);
        if socket.is_serving() {
            return read;
        }
        socket.follow_exchanges();
        if read.is_pending() {
            return socket.reading.as_mut().poll(context).map(|()| Err(too_late("no request came in time")));
        }
        if buffer.filled().len() > before && socket.stage == Stage::Byte {
            socket.wait_for(Stage::Head, socket.times.head);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        let written = Pin::new(&mut socket.stream).poll_write(context, bytes);
        socket.watch_write(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        let written = Pin::new(&mut socket.stream).poll_write_vectored(context, parts);
        socket.watch_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        let flushed = Pin::new(&mut socket.stream).poll_flush(context);
        if flushed.is_ready() {
            // The server flushes when it has nothing more to write.
            socket.writing = None;
        }
        socket.watch_write(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        let shut = Pin::new(&mut socket.stream).poll_shutdown(context);
        socket.watch_write(context, shut)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    /// So long that a test which waits for it fails.
    const LONG: Duration = Duration::from_secs(600);
    const ALL_LONG: Times = Times { first_byte: LONG, head: LONG, keep_alive: LONG, write: LONG };

    async fn read_on(socket: &mut Socket<tokio::io::DuplexStream>) -> io::Error {
        let mut byte = [0];
        loop {
            if let Err(error) = socket.read_exact(&mut byte).await {
                return error;
            }
        }
    }

    #[tokio::test]
    async fn a_head_that_comes_byte_by_byte_has_a_time_as_a_whole() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut socket = Socket::new(server, Exchanges::default(), Times { head: SHORT, ..ALL_LONG });
        let trickle = async {
            loop {
                client.write_all(b"G").await.unwrap();
                sleep(SHORT / 10).await;
            }
        };
        let error = tokio::select! { () = trickle => None, error = read_on(&mut socket) => Some(error) };
        assert_eq!(error.unwrap().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_silent_connection_ends_and_one_that_is_served_does_not() {
        let (mut client, server) = tokio::io::duplex(64);
        let exchanges = Exchanges::default();
        let times = Times { first_byte: SHORT, keep_alive: SHORT, ..ALL_LONG };
        let mut socket = Socket::new(server, exchanges.clone(), times);
        exchanges.begin();
        let served = tokio::time::timeout(SHORT * 5, read_on(&mut socket)).await;
        assert!(served.is_err(), "a request that is worked on has no time here");
        exchanges.answer();
        assert_eq!(read_on(&mut socket).await.kind(), io::ErrorKind::TimedOut, "no second request");

        let mut silent = Socket::new(tokio::io::duplex(64).0, Exchanges::default(), times);
        assert_eq!(read_on(&mut silent).await.kind(), io::ErrorKind::UnexpectedEof, "the other side is gone");
        let (_kept, server) = tokio::io::duplex(64);
        let mut silent = Socket::new(server, Exchanges::default(), times);
        assert_eq!(read_on(&mut silent).await.kind(), io::ErrorKind::TimedOut, "no first request");
        client.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_that_is_read_byte_by_byte_has_a_time_as_a_whole() {
        let (mut client, server) = tokio::io::duplex(4);
        let mut socket = Socket::new(server, Exchanges::default(), Times { write: SHORT, ..ALL_LONG });
        let reader = async {
            let mut byte = [0];
            loop {
                sleep(SHORT / 10).await;
                client.read_exact(&mut byte).await.unwrap();
            }
        };
        let writer = async { socket.write_all(&[0; 1_000]).await.unwrap_err() };
        let error = tokio::select! { () = reader => None, error = writer => Some(error) };
        assert_eq!(error.unwrap().kind(), io::ErrorKind::TimedOut);
    }
}
