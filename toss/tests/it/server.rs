//! A server of one behaviour, on a port of its own, that writes exactly the bytes it is told.

use std::collections::VecDeque;
use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use toss::{Client, Config, IdempotencyKey};

/// What a test answers with when something outside the claim breaks.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// The secret key of every test.
pub(crate) const SECRET: &str = "test_sk_abc";
/// Long enough for loopback, short enough to wait for on purpose.
pub(crate) const ANSWER_TIME: Duration = Duration::from_millis(400);
/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What the server does after it has read a whole request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Writes these bytes and keeps the connection for the next request.
    Answer(Vec<u8>),
    /// Writes these bytes and closes.
    AnswerAndClose(Vec<u8>),
    /// Writes these bytes and neither closes nor says more.
    AnswerAndStall(Vec<u8>),
    /// Writes the first bytes, then the second over and over until the client hangs up.
    Flood(Vec<u8>, Vec<u8>),
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: mpsc::UnboundedReceiver<String>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Does the acts in order, one per request, and the last one from then on.
    pub(crate) async fn start(acts: Vec<Act>) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, requests) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut acts = VecDeque::from(acts);
            while let Ok((mut stream, _)) = listener.accept().await {
                while let Some(request) = read_request(&mut stream).await {
                    if sender.send(request).is_err() {
                        return;
                    }
                    let next = match acts.len() {
                        0 | 1 => acts.front().cloned(),
                        _ => acts.pop_front(),
                    };
                    let Some(act) = next else { return };
                    if !perform(&mut stream, act).await {
                        break;
                    }
                }
            }
        });
        Ok(Self { address, requests, task })
    }

    /// Answers every request with this JSON.
    pub(crate) async fn answering(status: u16, body: &str) -> Result<Self, Box<dyn Error>> {
        Self::start(vec![Act::Answer(answer(status, "", body))]).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn client(&self) -> Result<Client, toss::ConfigError> {
        client(&self.url())
    }

    /// Waits for a request to arrive.
    pub(crate) async fn arrived(&mut self) -> Result<String, Box<dyn Error>> {
        Ok(timeout(PATIENCE, self.requests.recv()).await?.ok_or("the server is gone")?)
    }

    /// The next request that arrived, as text.
    pub(crate) fn received(&mut self) -> Option<String> {
        self.requests.try_recv().ok()
    }
}

pub(crate) fn client(url: &str) -> Result<Client, toss::ConfigError> {
    let mut config = Config::new(url, SECRET);
    config.answer_time = ANSWER_TIME;
    Client::try_new(config)
}

pub(crate) fn key() -> Result<IdempotencyKey, toss::LimitError> {
    IdempotencyKey::parse("attempt-1")
}

/// An HTTP answer with a length, and with `headers` (each ended by CRLF).
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Text\r\ncontent-type: application/json\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The value of a header of a request.
pub(crate) fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = request.split_once("\r\n\r\n")?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The first line of a request.
pub(crate) fn first_line(request: &str) -> &str {
    request.lines().next().unwrap_or_default()
}

/// The body of a request.
pub(crate) fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

async fn perform(stream: &mut TcpStream, act: Act) -> bool {
    match act {
        Act::Answer(bytes) => stream.write_all(&bytes).await.is_ok(),
        Act::AnswerAndClose(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            false
        }
        Act::AnswerAndStall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            pending::<()>().await;
            false
        }
        Act::Flood(first, again) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&again).await.is_ok() {}
            false
        }
    }
}

pub(crate) async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(whole) = whole_request(&bytes) {
            return Some(whole);
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(buffer.get(..count)?),
        }
    }
}

fn whole_request(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(Some(0), |length| length.parse().ok())?;
    (body.len() >= length).then_some(text)
}
