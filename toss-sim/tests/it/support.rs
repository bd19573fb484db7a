//! A running simulator and a merchant that talks to it.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use toss_sim::{DEFAULT_SECRET_KEY, Options};

/// Longer than anything here takes; a test that reaches it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A simulator on its own port, and a client of it.
pub(crate) struct Simulator {
    pub(crate) url: String,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// Status and error code: what most refusals are checked by.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) fn client() -> Client {
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    // One connection per request: a cut connection then never meets the pool's own retry.
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0).redirect(reqwest::redirect::Policy::none());
    client.timeout(PATIENCE).build().unwrap()
}

pub(crate) async fn start() -> Simulator {
    start_with(Options::default()).await
}

pub(crate) async fn start_with(options: Options) -> Simulator {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _dropped = stopped.await;
    };
    let served = tokio::spawn(toss_sim::serve(listener, options, shutdown));
    Simulator { url, client: client(), stop: Some(stop), served }
}

impl Simulator {
    /// A request to Toss's API, signed with the default merchant's key.
    pub(crate) fn toss(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).basic_auth(DEFAULT_SECRET_KEY, Some(""))
    }

    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) fn confirm_request(&self, payment_key: &str, order_id: &str, amount: u64) -> RequestBuilder {
        let body = json!({ "paymentKey": payment_key, "orderId": order_id, "amount": amount });
        self.toss(Method::POST, "/v1/payments/confirm").json(&body)
    }

    pub(crate) async fn confirm(&self, payment_key: &str, order_id: &str, amount: u64) -> Answer {
        send(self.confirm_request(payment_key, order_id, amount)).await
    }

    pub(crate) async fn cancel(&self, payment_key: &str, body: Value) -> Answer {
        send(self.toss(Method::POST, &format!("/v1/payments/{payment_key}/cancel")).json(&body)).await
    }

    pub(crate) async fn look_up(&self, payment_key: &str) -> Answer {
        send(self.toss(Method::GET, &format!("/v1/payments/{payment_key}"))).await
    }

    pub(crate) async fn look_up_order(&self, order_id: &str) -> Answer {
        send(self.toss(Method::GET, &format!("/v1/payments/orders/{order_id}"))).await
    }

    /// Tells the control plane something and expects it to agree.
    pub(crate) async fn tell(&self, path: &str, body: Value) -> Value {
        let answer = send(self.bare(Method::POST, path).json(&body)).await;
        assert_eq!(answer.status, 200, "{path} {body} {}", answer.text);
        answer.json
    }

    pub(crate) async fn ask(&self, path: &str) -> Value {
        let answer = send(self.bare(Method::GET, path)).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.text);
        answer.json
    }

    /// A buyer finished the window: the paymentKey.
    pub(crate) async fn authorize(&self, order_id: &str, amount: u64) -> String {
        self.authorize_by(order_id, amount, "카드").await
    }

    pub(crate) async fn authorize_by(&self, order_id: &str, amount: u64, method: &str) -> String {
        let body = json!({ "orderId": order_id, "amount": amount, "method": method });
        self.tell("/_sim/authorize", body).await["paymentKey"].as_str().unwrap().to_owned()
    }

    /// A card payment that is DONE.
    pub(crate) async fn paid(&self, order_id: &str, amount: u64) -> String {
        let key = self.authorize(order_id, amount).await;
        assert_eq!(self.confirm(&key, order_id, amount).await.status, 200);
        key
    }

    pub(crate) async fn mischief(&self, mischief: Value) {
        self.tell("/_sim/mischief", mischief).await;
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        self.tell("/_sim/clock", json!({ "advance_s": seconds })).await;
    }

    pub(crate) async fn last_call(&self) -> Value {
        self.ask("/_sim/calls").await.as_array().unwrap().last().unwrap().clone()
    }

    /// Asks again and again until the answer is as wanted.
    pub(crate) async fn ask_until(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let answer = self.ask(path).await;
                if is_wanted(&answer) {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap()
    }

    /// Asks for a shutdown and waits for its end.
    pub(crate) async fn stop(mut self) {
        let _served_already = self.stop.take().map(|stop| stop.send(()));
        (&mut self.served).await.unwrap().unwrap();
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, json }
}

/// Sends a request again and again until the first one under its key has ended, and returns that answer.
pub(crate) async fn send_until_free(request: impl Fn() -> RequestBuilder) -> Answer {
    let sending = async {
        loop {
            let answer = send(request()).await;
            if answer.status != 409 {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, sending).await.unwrap()
}
