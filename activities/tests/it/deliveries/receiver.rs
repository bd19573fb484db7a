//! A receiver of webhooks on a port of its own: it keeps what arrives, and answers as the test says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;
use store::webhook_endpoint::{SignedHeaders, WebhookSecret};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Longer than anything here takes; a test that reaches it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A message that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) at: Instant,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// How a receiver answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A whole answer, head and body.
    Raw(String),
    /// The beginning of an answer, and then this for ever.
    Endless { head: String, chunk: Vec<u8>, pause: Duration },
    /// Nothing.
    Silence,
    /// The same, late.
    Late(Duration, String),
}

type Behave = dyn Fn(&Arrived, usize) -> Reply + Send + Sync;

/// A running receiver.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) port: u16,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    behave: Arc<Mutex<Arc<Behave>>>,
    /// How many bytes went out.
    pub(crate) written: Arc<Mutex<u64>>,
}

/// An answer with a status.
pub(crate) fn status(status: u16) -> Reply {
    with_headers(status, "")
}

/// An answer with a status and further headers, each with a line end.
pub(crate) fn with_headers(status: u16, headers: &str) -> Reply {
    Reply::Raw(format!("HTTP/1.1 {status} Told\r\n{headers}content-length: 4\r\nconnection: close\r\n\r\ntold"))
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `dead_letter:id 0`: what the event is about.
    pub(crate) fn object(&self) -> String {
        let event = self.event();
        let object = &event["object"];
        format!("{}:{} {}", object["type"].as_str().unwrap(), object["id"].as_str().unwrap(), object["version"])
    }

    pub(crate) fn is_signed_by(&self, secret: &WebhookSecret) -> bool {
        let headers = SignedHeaders {
            id: self.header("webhook-id"),
            timestamp: self.header("webhook-timestamp"),
            signature: self.header("webhook-signature"),
        };
        secret.verify(headers, &self.body, now_s()).is_ok()
    }
}

fn now_s() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

impl Receiver {
    /// Starts one that answers by message and by how many came before it.
    pub(crate) async fn start(behave: impl Fn(&Arrived, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            port: listener.local_addr().unwrap().port(),
            arrived: Arc::default(),
            behave: Arc::new(Mutex::new(Arc::new(behave))),
            written: Arc::default(),
        };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = serving.clone();
                tokio::spawn(async move { receiver.serve(stream).await });
            }
        });
        receiver
    }

    /// Answers otherwise from now on. Answers how many messages were answered as before.
    pub(crate) fn behave(&self, behave: impl Fn(&Arrived, usize) -> Reply + Send + Sync + 'static) -> usize {
        // Under the lock of the messages: none arrives before the change and is answered after it.
        let arrived = self.arrived.lock().unwrap();
        *self.behave.lock().unwrap() = Arc::new(behave);
        arrived.len()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// Waits until so many messages arrived.
    pub(crate) async fn has(&self, messages: usize) -> Vec<Arrived> {
        let began = Instant::now();
        loop {
            let arrived = self.arrived();
            if arrived.len() >= messages {
                return arrived;
            }
            assert!(began.elapsed() < PATIENCE, "{} of {messages} messages arrived", arrived.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let message = read(&mut stream).await?;
        let (before, behave) = {
            let mut arrived = self.arrived.lock().unwrap();
            arrived.push(message.clone());
            (arrived.len() - 1, self.behave.lock().unwrap().clone())
        };
        match behave(&message, before) {
            Reply::Raw(text) => stream.write_all(text.as_bytes()).await.ok()?,
            Reply::Late(pause, text) => {
                tokio::time::sleep(pause).await;
                stream.write_all(text.as_bytes()).await.ok()?;
            }
            Reply::Silence => tokio::time::sleep(PATIENCE).await,
            Reply::Endless { head, chunk, pause } => {
                stream.write_all(head.as_bytes()).await.ok()?;
                loop {
                    stream.write_all(&chunk).await.ok()?;
                    *self.written.lock().unwrap() += chunk.len() as u64;
                    tokio::time::sleep(pause).await;
                }
            }
        }
        stream.shutdown().await.ok()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Arrived> {
    let mut bytes = Vec::new();
    let end = loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok()?;
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if read == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let headers: BTreeMap<String, String> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok()?;
        if read == 0 {
            return None;
        }
        body.extend_from_slice(&chunk[..read]);
    }
    Some(Arrived { at: Instant::now(), headers, body })
}
