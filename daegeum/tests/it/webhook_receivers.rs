//! Receivers as the documents show them, each in its own language, hear of a payment and verify it.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::{Value, json};

use crate::{
    database::Kind,
    documents::blocks,
    stack::{Dev, Shop, daegeum, until},
};

const DOCUMENT: &str = include_str!("../../../docs/how-to/receive-events.md");
/// This file, which holds the example in Rust.
const SOURCE: &str = include_str!("webhook_receivers.rs");
/// Where the public libraries are.
const LIBRARIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.cache/standardwebhooks");
/// The secret of the examples of Standard Webhooks, with which nothing of ours is signed.
const OTHER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver in a process of its own, which prints what it verified.
struct Printing {
    child: Child,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Printing {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let printed = Arc::<Mutex<Vec<String>>>::default();
        let (out, error) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        for reader in [Box::new(out) as Box<dyn std::io::Read + Send>, Box::new(error)] {
            let printed = Arc::clone(&printed);
            std::thread::spawn(move || {
                for line in BufReader::new(reader).lines().map_while(Result::ok) {
                    printed.lock().unwrap().push(line);
                }
            });
        }
        Self { child, printed }
    }

    fn says(&self, text: &str) -> bool {
        self.printed.lock().unwrap().iter().any(|line| line.contains(text))
    }
}

impl Drop for Printing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Creates an endpoint and answers its id and secret.
pub(crate) async fn register(shop: &Shop, url: &str) -> (String, String) {
    let request = shop.http.post(format!("{}/v1/webhook-endpoints", shop.api)).bearer_auth(&shop.api_key);
    let response = request.json(&json!({ "url": url })).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    let endpoint: Value = response.json().await.unwrap();
    let text = |name: &str| endpoint[name].as_str().unwrap().to_owned();
    (text("webhook_endpoint_id"), text("secret"))
}

/// The example of a language, in a file of its own.
fn example(place: &Path, section: &str, language: &str, name: &str) -> PathBuf {
    let blocks = blocks(&DOCUMENT.replace("\n### ", "\n## "), section, language);
    assert_eq!(blocks.len(), 1, "one example of {section}");
    let file = place.join(name);
    std::fs::write(&file, &blocks[0]).unwrap();
    file
}

/// The receiver hears of a payment, and believes nobody else.
async fn hears_of_a_payment(command: impl Fn(u16, &str) -> Command) {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let (port, other_port) = (free_port(), free_port());
    let (_, secret) = register(shop, &format!("http://127.0.0.1:{port}/hook")).await;
    let (other, _) = register(shop, &format!("http://127.0.0.1:{other_port}/hook")).await;
    let receiver = Printing::start(&mut command(port, &secret));
    let stranger = Printing::start(&mut command(other_port, OTHER_SECRET));
    for port in [port, other_port] {
        until("the receivers listen", || async { std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() }).await;
    }
    shop.create("pushed-1").await;
    let key = shop.authorize("pushed-1").await;
    assert_eq!(shop.confirm("pushed-1", &key, "23000").await.0, 200);
    until("the receiver heard of the payment", || async {
        receiver.says("checkout.paid") && receiver.says("pushed-1")
    })
    .await;
    let deliveries = format!("/v1/webhook-endpoints/{other}/deliveries?status=FAILED");
    until("a receiver with another secret refuses", || async {
        shop.get(&deliveries).await["data"].as_array().is_some_and(|all| !all.is_empty())
    })
    .await;
    assert_eq!(shop.get(&deliveries).await["data"][0]["http_status"], 401);
    assert!(!stranger.says("pushed-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_of_the_command_line_verifies_and_prints() {
    hears_of_a_payment(|port, secret| {
        let mut command = daegeum();
        command.args(["webhooks", "listen", "--port", &port.to_string()]).env("WEBHOOK_SECRET", secret);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_python_verifies_by_the_public_library() {
    let place = tempfile::tempdir().unwrap();
    let file = example(place.path(), "Python", "python", "receive.py");
    hears_of_a_payment(|port, secret| {
        let mut command = Command::new(Path::new(LIBRARIES).join("bin/webhooks-python"));
        command.arg(&file).env("WEBHOOK_SECRET", secret).env("PORT", port.to_string());
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_node_verifies_by_the_public_library() {
    let place = tempfile::tempdir().unwrap();
    let file = example(place.path(), "Node", "js", "receive.mjs");
    std::os::unix::fs::symlink(Path::new(LIBRARIES).join("node_modules"), place.path().join("node_modules")).unwrap();
    hears_of_a_payment(|port, secret| {
        let mut command = Command::new("node");
        command.arg(&file).env("WEBHOOK_SECRET", secret).env("PORT", port.to_string());
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_java_verifies() {
    let place = tempfile::tempdir().unwrap();
    let file = example(place.path(), "Java", "java", "Receive.java");
    hears_of_a_payment(|port, secret| {
        let mut command = Command::new("java");
        command.arg(&file).env("WEBHOOK_SECRET", secret).env("PORT", port.to_string());
        command
    })
    .await;
}

/// Whether a message is signed by the endpoint: crates `base64` and `ring`. `now_s` are the seconds since 1970.
fn is_signed(secret: &str, [id, timestamp, signatures]: [&str; 3], body: &[u8], now_s: i64) -> bool {
    const TOLERANCE_S: u64 = 5 * 60;
    let decode = |text: &str| STANDARD.decode(text).ok();
    let is_fresh = timestamp.parse::<i64>().is_ok_and(|sent_s| sent_s.abs_diff(now_s) <= TOLERANCE_S);
    let Some(secret) = secret.strip_prefix("whsec_").and_then(decode) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let text = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    let fits = |tag: Vec<u8>| hmac::verify(&key, &text, &tag).is_ok();
    is_fresh && signatures.split(' ').filter_map(|signature| decode(signature.strip_prefix("v1,")?)).any(fits)
}

#[test]
fn the_example_in_rust_verifies_the_published_message() {
    let example = &blocks(&DOCUMENT.replace("\n### ", "\n## "), "Rust", "rust")[0];
    assert!(SOURCE.contains(example.trim()), "the document shows another function than the one that is tested here");
    let message = ["msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="];
    let body = br#"{"test": 2432232314}"#;
    assert!(is_signed(OTHER_SECRET, message, body, 1_614_265_330));
    assert!(!is_signed(OTHER_SECRET, message, body, 1_614_265_631), "too old");
    assert!(!is_signed(OTHER_SECRET, message, b"{}", 1_614_265_330));
    assert!(!is_signed("whsec_AAAA", message, body, 1_614_265_330));
}
