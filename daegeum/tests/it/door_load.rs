//! What one client may hold open, with raw connections; and that others are served meanwhile.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Process, Shop, checkout, daegeum, until},
};

on_both_databases!(a_client_that_hangs_up_leaves_its_line_in_the_audit_log);

/// How long a connection may stay that the server should close.
const PATIENCE: Duration = Duration::from_secs(60);

/// An API beside the one of the roles, with limits of its own.
struct Door {
    _process: Process,
    address: SocketAddr,
    /// A marketplace with an API key.
    shop: Shop,
}

impl Door {
    async fn open(roles: &Roles, settings: &str) -> Self {
        let file = roles.place().join("door.toml");
        std::fs::write(&file, settings).unwrap();
        let (process, api) = roles.another_api(&[], &["--config", file.to_str().unwrap()]).await;
        let address = api.strip_prefix("http://").unwrap().parse().unwrap();
        Self { _process: process, address, shop: Shop { api, ..roles.shop.clone() } }
    }

    /// A connection from an address of this machine.
    async fn connect_from(&self, from: [u8; 4]) -> TcpStream {
        connect(self.address, from).await
    }

    async fn connect(&self) -> TcpStream {
        self.connect_from([127, 0, 0, 1]).await
    }

    /// What the marketplace is answered, on a connection of its own.
    async fn merchant(&self) -> u16 {
        let url = format!("{}/v1/ledger/trial-balance", self.shop.api);
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        client.get(url).bearer_auth(&self.shop.api_key).send().await.unwrap().status().as_u16()
    }
}

async fn connect(address: SocketAddr, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::from(from), 0)).unwrap();
    socket.connect(address).await.unwrap()
}

/// Sends a text; a connection that was closed meanwhile does not take it.
async fn send(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes()).await;
}

/// All that comes until the server closes the connection.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8(bytes).unwrap().to_ascii_lowercase()
}

/// The head of the next answer, in lower case; empty at the end of the connection.
async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match timeout(PATIENCE, stream.read_u8()).await.unwrap() {
            Ok(byte) => head.push(byte),
            Err(_) => return String::new(),
        }
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// Whether the server has closed a connection on which nothing was sent.
fn is_closed(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0; 1]);
    !matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

const HALF_A_WEBHOOK: &str = "POST /v1/webhooks/toss HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{";

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_come_shut_out_nobody() {
    let roles = Roles::start(Kind::Sqlite).await;
    let settings = "[limits]\nopen_requests_per_address = 20\nconcurrent_requests = 10\n";
    let door = Door::open(&roles, settings).await;
    let mut slow = Vec::new();
    for _ in 0..60 {
        let mut stream = door.connect_from([127, 0, 0, 2]).await;
        send(&mut stream, HALF_A_WEBHOOK).await;
        slow.push(tokio::spawn(async move { read_to_end(&mut stream).await }));
    }
    // 20 wait for their bodies; 40 are refused at once.
    let ended = || slow.iter().filter(|stream| stream.is_finished()).count();
    until("what is too much is refused", || async { ended() >= 40 }).await;
    assert_eq!(ended(), 40, "the others have ten seconds");
    for _ in 0..20 {
        assert_eq!(door.merchant().await, 200);
    }
    let buyer = door.shop.http.get(format!("{}/docs", door.shop.api)).send().await.unwrap();
    assert_eq!(buyer.status(), 200, "a buyer at another address");
    let mut psp = door.connect_from([127, 0, 0, 3]).await;
    send(&mut psp, "POST /v1/webhooks/toss HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}").await;
    assert!(read_head(&mut psp).await.starts_with("http/1.1 200 "), "a webhook from another address");
    let mut statuses = Vec::new();
    for stream in slow {
        let told = stream.await.unwrap();
        assert!(told.contains("connection: close"), "{told}");
        let status = told.split(' ').nth(1).unwrap().to_owned();
        assert_eq!(status == "429", told.contains("retry-after: 1"), "{told}");
        statuses.push(status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec!["408"; 20], vec!["429"; 40]].concat(), "and nothing of their places is left behind");
    let mut again = door.connect_from([127, 0, 0, 2]).await;
    send(&mut again, "POST /v1/webhooks/toss HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}").await;
    let told = read_head(&mut again).await;
    assert!(told.starts_with("http/1.1 200 ") && !told.contains("connection: close"), "{told}");
}

/// Buyers whose payments take long hold every place of theirs; others have places of their own.
#[tokio::test(flavor = "multi_thread")]
async fn callers_with_a_key_and_the_psp_have_places_of_their_own() {
    let roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    // Two places for callers with a key, one for callers without and one for the PSP.
    let settings = "webhook_senders = [\"127.0.0.3\"]\n[limits]\nconcurrent_requests = 2\n";
    let door = Door::open(&roles, settings).await;
    let (shop, id) = (&roles.shop, "takes-long");
    shop.create(id).await;
    let key = shop.authorize(id).await;
    for on in ["confirm", "lookup"] {
        shop.simulate("mischief", &json!({ "on": on, "kind": "stall_before", "orderId": id, "times": 0 })).await;
    }
    let page = shop.page(id).await;
    let body =
        json!({ "payment_key": key, "order_id": id, "amount": "23000", "token": page.split_once("token=").unwrap().1 });
    let buyer = shop.http.post(format!("{}/v1/payments/{id}/confirm", door.shop.api)).json(&body).send();
    let others = async {
        // The place is the buyer's: who asks before could have it.
        until("the buyer waits for Toss", || async {
            let url = format!("{}/_sim/calls", shop.simulator);
            let calls: Value = shop.http.get(url).send().await.unwrap().json().await.unwrap();
            calls.to_string().contains("/confirm")
        })
        .await;
        until("no place is left for buyers", || async {
            let answer = shop.http.get(format!("{}/docs", door.shop.api)).send().await.unwrap();
            answer.status() == 503 && answer.headers().contains_key("retry-after")
        })
        .await;
        let webhook = "POST /v1/webhooks/toss HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
        let mut told = Vec::new();
        for from in [[127, 0, 0, 2], [127, 0, 0, 3]] {
            let mut stream = door.connect_from(from).await;
            send(&mut stream, webhook).await;
            told.push(read_head(&mut stream).await.split(' ').nth(1).unwrap().to_owned());
        }
        assert_eq!(told, ["503", "200"], "a webhook from anywhere, and from where the PSP sends it");
        assert_eq!(door.merchant().await, 200);
    };
    let (answer, ()) = tokio::join!(buyer, others);
    assert_eq!(answer.unwrap().status(), 202, "all of it while the buyer waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_make_room_for_those_who_speak() {
    let roles = Roles::start(Kind::Sqlite).await;
    let settings = "[limits]\nconnections = 60\nconnections_per_address = 25\n";
    let door = Door::open(&roles, settings).await;
    // A marketplace whose connection is kept open.
    let mut merchant = door.connect().await;
    let request =
        format!("GET /v1/payments?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", door.shop.api_key);
    send(&mut merchant, &request).await;
    assert!(read_head(&mut merchant).await.starts_with("http/1.1 200 "));
    let mut silent = Vec::new();
    for last in 2..=5 {
        for _ in 0..40 {
            silent.push(door.connect_from([127, 0, 0, last]).await);
        }
    }
    let open = || silent.iter().filter(|stream| !is_closed(stream)).count();
    until("the oldest are closed", || async { open() <= 60 }).await;
    assert!(open() >= 25, "and no more than needed: {}", open());
    for _ in 0..20 {
        assert_eq!(door.merchant().await, 200);
    }
    // The same address that is silent is served too.
    let mut speaks = door.connect_from([127, 0, 0, 2]).await;
    send(&mut speaks, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(read_head(&mut speaks).await.starts_with("http/1.1 200 "));
    // What was read of the first answer's body does not matter: the connection stands.
    let mut rest = vec![0; 65_536];
    let _ = timeout(Duration::from_millis(100), merchant.read(&mut rest)).await;
    send(&mut merchant, &request).await;
    assert!(read_head(&mut merchant).await.contains("http/1.1 200 "), "a connection with a key is not closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_of_a_connection_has_its_time() {
    let roles = Roles::start(Kind::Sqlite).await;
    let door = Door::open(&roles, "").await;
    let mut silent = door.connect().await;
    let mut half_a_head = door.connect().await;
    send(&mut half_a_head, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    // 40 answers of more than a socket takes, and no byte of them read.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut reads_nothing = socket.connect(door.address).await.unwrap();
    send(&mut reads_nothing, &"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(40)).await;
    assert_eq!(door.merchant().await, 200);
    assert_eq!(read_to_end(&mut silent).await, "");
    assert_eq!(read_to_end(&mut half_a_head).await, "");
    let log = || std::fs::read_to_string(roles.log("another-api")).unwrap();
    until("the connection that reads nothing is cut off", || async { log().contains("not read in time") }).await;
    assert_eq!(door.merchant().await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_probes_holds_up_its_own_address_alone() {
    let roles = Roles::start(Kind::Sqlite).await;
    let door = Door::open(&roles, "trusted_proxies = [\"127.0.0.1\"]\n").await;
    let probe = async |path: &str, from: &str| {
        let request = door.shop.http.get(format!("{}{path}", door.shop.api)).header("x-forwarded-for", from);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    };
    let _worker = roles.role("worker");
    until("the API is ready", || async { probe("/readyz", "198.51.100.7").await.0 == 200 }).await;
    let mut refused = 0;
    for _ in 0..130 {
        let (status, retry_after) = probe("/readyz", "203.0.113.9:50123").await;
        assert!(status == 200 || (status == 429 && retry_after), "{status}");
        refused += usize::from(status == 429);
    }
    assert!((1..=30).contains(&refused), "{refused}");
    assert_eq!(probe("/healthz", "203.0.113.9:50124").await.0, 429, "one quota for both, whatever the port");
    assert_eq!(probe("/readyz", "[2001:db8::1]:443").await.0, 200, "another address is not held up");
    assert_eq!(probe("/docs", "203.0.113.9").await.0, 200, "nor are other requests");
    assert_eq!(door.merchant().await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_body_ends_the_connection_and_says_so() {
    let roles = Roles::start(Kind::Sqlite).await;
    let door = Door::open(&roles, "").await;
    let mut large = door.connect().await;
    let head = "POST /v1/webhooks/toss HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n";
    send(&mut large, &(head.to_owned() + &"x".repeat(70_000))).await;
    let told = read_to_end(&mut large).await;
    assert!(told.starts_with("http/1.1 413 ") && told.contains("connection: close"), "{told}");
    let mut refused = door.connect().await;
    send(&mut refused, "DELETE /v1/payments/nothing-here HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let told = read_head(&mut refused).await;
    assert!(told.starts_with("http/1.1 401 ") && !told.contains("connection: close"), "{told}");
}

async fn a_client_that_hangs_up_leaves_its_line_in_the_audit_log(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let is_ready = async || shop.http.get(format!("{}/readyz", shop.api)).send().await.unwrap().status() == 200;
    until("a worker polls", is_ready).await;
    let address: SocketAddr = shop.api.strip_prefix("http://").unwrap().parse().unwrap();
    let key = &shop.api_key;
    let hang_up = async |method: &str, path: &str, idempotency_key: &str, body: &str, after: u64| {
        let mut stream = connect(address, [127, 0, 0, 1]).await;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Idempotency-Key: {idempotency_key}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        send(&mut stream, &head).await;
        tokio::time::sleep(Duration::from_millis(after)).await;
    };
    let moments = [0, 2, 5, 10, 20];
    for after in moments {
        let id = format!("hung-up-{after}");
        hang_up("POST", "/v1/payments", &id, &checkout(&id).to_string(), after).await;
    }
    for after in moments {
        let id = format!("hung-up-{after}");
        until("the checkout is made", || async { shop.status(&id).await == "NOT_STARTED" }).await;
        has_lines(shop, &id, &["POST /v1/payments"]).await;
        hang_up("DELETE", &format!("/v1/payments/{id}"), "", "", after).await;
    }
    for after in moments {
        let id = format!("hung-up-{after}");
        until("the checkout is canceled", || async { shop.status(&id).await == "CANCELED" }).await;
        has_lines(shop, &id, &["DELETE /v1/payments/{id}", "POST /v1/payments"]).await;
    }
}

/// Waits until the audit log has these lines of an object, the newest first, and no others.
async fn has_lines(shop: &Shop, object: &str, actions: &[&str]) {
    let lines = async || {
        let log = shop.get("/v1/audit-log?limit=100").await;
        let of_object = |line: &&Value| line["object"] == object;
        let action = |line: &Value| line["action"].as_str().unwrap().trim_end_matches('/').to_owned();
        log["data"].as_array().unwrap().iter().filter(of_object).map(action).collect::<Vec<_>>()
    };
    until(&format!("{object} has its lines"), || async { lines().await.len() >= actions.len() }).await;
    assert_eq!(lines().await, actions, "{object}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stops_takes_requests_for_a_while_and_finishes_what_it_began() {
    let roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    let Door { _process: mut process, address, shop } = Door::open(&roles, "[limits]\ndrain_s = 2\n").await;
    shop.create("under-way-1").await;
    let key = shop.authorize("under-way-1").await;
    let stall =
        json!({ "on": "confirm", "kind": "stall_before", "times": 1, "delay_ms": 4_000, "orderId": "under-way-1" });
    shop.simulate("mischief", &stall).await;
    let buyer = {
        let shop = shop.clone();
        tokio::spawn(async move { shop.confirm("under-way-1", &key, "23000").await })
    };
    until("Toss was asked", || async {
        let calls: Value =
            shop.http.get(format!("{}/_sim/calls", shop.simulator)).send().await.unwrap().json().await.unwrap();
        calls.as_array().unwrap().iter().any(|call| call["orderId"] == "under-way-1")
    })
    .await;
    process.signal(Signal::SIGTERM);
    until("it is not ready any more", || async {
        let answer = shop.http.get(format!("{}/readyz", shop.api)).send().await.unwrap();
        let closes = answer.headers().get("connection").is_some_and(|value| value == "close");
        answer.status() == 503 && closes
    })
    .await;
    // A balancer that has not asked yet still sends requests.
    assert_eq!(shop.get("/v1/payments/under-way-1").await["checkout_id"], "under-way-1");
    until("it takes no more connections", || async { TcpStream::connect(address).await.is_err() }).await;
    assert!(process.is_running(), "a request is under way");
    let (status, body) = buyer.await.unwrap();
    assert_eq!((status, &body["status"]), (200, &json!("SUCCESS")), "{body}");
    assert!(process.wait(Duration::from_secs(10)), "a stop is no failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_finishes_a_payment_under_way_within_its_ten_seconds() {
    let mut dev = crate::stack::Dev::start(Kind::Sqlite, &[]).await;
    let shop = dev.shop.clone();
    shop.create("under-way-1").await;
    let key = shop.authorize("under-way-1").await;
    let stall =
        json!({ "on": "confirm", "kind": "stall_before", "times": 1, "delay_ms": 2_000, "orderId": "under-way-1" });
    shop.simulate("mischief", &stall).await;
    let simulator = format!("{}/_sim/calls", shop.simulator);
    let buyer = {
        let shop = shop.clone();
        tokio::spawn(async move { shop.confirm("under-way-1", &key, "23000").await })
    };
    until("Toss was asked", || async {
        let calls: Value = shop.http.get(&simulator).send().await.unwrap().json().await.unwrap();
        calls.as_array().unwrap().iter().any(|call| call["orderId"] == "under-way-1")
    })
    .await;
    dev.process.signal(Signal::SIGTERM);
    let (status, body) = buyer.await.unwrap();
    assert_eq!((status, &body["status"]), (200, &json!("SUCCESS")), "{body}");
    assert!(dev.process.wait(Duration::from_secs(10)), "a stop is no failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_the_api_need_a_key_or_a_named_address_without_a_proxy() {
    let roles = Roles::start(Kind::Sqlite).await;
    let metrics = async |door: &Door, forwarded: Option<&str>, key: bool| {
        let request = door.shop.http.get(format!("{}/metrics", door.shop.api));
        let request = forwarded.into_iter().fold(request, |request, from| request.header("x-forwarded-for", from));
        let request = if key { request.bearer_auth(&door.shop.api_key) } else { request };
        request.send().await.unwrap().status().as_u16()
    };
    let plain = Door::open(&roles, "").await;
    assert_eq!(metrics(&plain, None, false).await, 401, "a proxy on this machine that adds no header");
    assert_eq!(metrics(&plain, None, true).await, 200);
    drop(plain);
    let named = Door::open(&roles, "metrics_from = [\"127.0.0.1\"]\n").await;
    assert_eq!(metrics(&named, None, false).await, 200);
    assert_eq!(metrics(&named, Some("127.0.0.1"), false).await, 401);
    drop(named);
    let proxied = Door::open(&roles, "trusted_proxies = [\"127.0.0.1\"]\nmetrics_from = [\"127.0.0.1\"]\n").await;
    assert_eq!(metrics(&proxied, None, false).await, 401, "the proxy is named, and says not whom it speaks for");
    assert_eq!(metrics(&proxied, None, true).await, 200);
}

#[test]
fn a_limit_of_open_files_that_is_too_low_is_raised_or_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut migrate = daegeum();
    assert!(migrate.arg("--data-dir").arg(directory.path()).args(["migrate", "up"]).output().unwrap().status.success());
    let start = |limit: &str| {
        let mut command = std::process::Command::new("sh");
        let program = daegeum().get_program().to_str().unwrap().to_owned();
        let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, &program, "--data-dir"]).arg(directory.path()).args([
            "--listen",
            "127.0.0.1:0",
            "api",
        ]);
        let output =
            command.env("TEMPORAL_ADDRESS", "127.0.0.1:1").env("TOSS_CLIENT_KEY", "test_ck_x").output().unwrap();
        assert!(!output.status.success(), "there is no Temporal");
        String::from_utf8(output.stderr).unwrap()
    };
    let refused = start("-n 1000");
    for told in ["4512 open files", "1000", "limits.connections to 488 or less"] {
        assert!(refused.contains(told), "{told} is not in {refused}");
    }
    let raised = start("-Sn 1000");
    assert!(!raised.contains("open files"), "{raised}");
}
