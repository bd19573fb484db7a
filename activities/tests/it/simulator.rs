//! A simulator of the PSP on a port of its own, and the activities that call it.

use std::time::Duration;

use activities::psp::Psp;
use domain::id::{CheckoutId, PaymentKey};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use temporalio_sdk::testing::{ActivityEnvironment, TestActivityInfoOptions};
use tokio::{net::TcpListener, sync::oneshot};
use toss_sim::{DEFAULT_SECRET_KEY, Merchant, Options};

/// Long enough for loopback, short enough to wait for on purpose.
pub(crate) const ANSWER_TIME: Duration = Duration::from_millis(300);
/// Longer than anything here takes; a test that reaches it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running simulator. It ends when this is dropped.
pub(crate) struct Simulator {
    url: String,
    control: Client,
    /// The activities, with an answer time of [`ANSWER_TIME`].
    pub(crate) psp: ActivityEnvironment,
    _until_dropped: oneshot::Sender<()>,
}

impl Simulator {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, dropped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ended = dropped.await;
        };
        tokio::spawn(toss_sim::serve(listener, Options::default(), shutdown));
        let _already_there = rustls::crypto::ring::default_provider().install_default();
        let control = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let psp = psp_at(&url);
        Self { url, control, psp, _until_dropped: sender }
    }

    /// The activities as Temporal repeats them, such as after the worker of the first attempt has died.
    pub(crate) fn repeated(&self) -> ActivityEnvironment {
        let info = TestActivityInfoOptions::builder().attempt(2).build();
        let psp = Psp { toss: client_of(&self.url, ANSWER_TIME), keyring: None };
        ActivityEnvironment::builder().info(info).register_activities(psp).build()
    }

    /// A client for other activities.
    pub(crate) fn impatient_toss(&self, answer_time: Duration) -> toss::Client {
        client_of(&self.url, answer_time)
    }

    /// A client beside the activities, such as somebody at the PSP's own pages.
    pub(crate) fn toss(&self) -> toss::Client {
        client_of(&self.url, PATIENCE)
    }

    /// The buyer finished the payment window.
    pub(crate) async fn authorize(&self, checkout_id: &CheckoutId, minor: u64) -> PaymentKey {
        self.authorize_by(checkout_id, minor, "카드").await
    }

    pub(crate) async fn authorize_by(&self, checkout_id: &CheckoutId, minor: u64, method: &str) -> PaymentKey {
        let body = json!({ "orderId": checkout_id.as_str(), "amount": minor, "method": method });
        let answer = self.tell("/_sim/authorize", body).await;
        PaymentKey::parse(answer["paymentKey"].as_str().unwrap()).unwrap()
    }

    /// The buyer finished the payment window of a contract in another currency.
    pub(crate) async fn authorize_in(&self, currency: &str, checkout_id: &CheckoutId, amount: &str) -> PaymentKey {
        let body = json!({ "orderId": checkout_id.as_str(), "amount": amount, "currency": currency });
        let answer = self.tell("/_sim/authorize", body).await;
        PaymentKey::parse(answer["paymentKey"].as_str().unwrap()).unwrap()
    }

    /// The buyer paid into the virtual account.
    pub(crate) async fn deposit(&self, checkout_id: &CheckoutId) {
        self.tell("/_sim/deposit", json!({ "orderId": checkout_id.as_str() })).await;
    }

    /// The next call goes wrong: `{"on": "confirm", "kind": "execute_and_stall"}` …
    pub(crate) async fn mischief(&self, mischief: Value) {
        self.tell("/_sim/mischief", mischief).await;
    }

    /// What was really charged and given back, and by how many payments.
    pub(crate) async fn totals(&self) -> (u64, u64, u64) {
        let totals = exchange(self.control.get(format!("{}/_sim/totals", self.url))).await;
        let [charged, canceled, payments] =
            ["charged", "canceled", "payments"].map(|name| totals[name].as_u64().unwrap());
        (charged, canceled, payments)
    }

    async fn tell(&self, path: &str, body: Value) -> Value {
        exchange(self.control.post(format!("{}{path}", self.url)).json(&body)).await
    }
}

async fn exchange(request: RequestBuilder) -> Value {
    request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
}

/// The activities that call the PSP at an address.
pub(crate) fn psp_at(url: &str) -> ActivityEnvironment {
    ActivityEnvironment::builder().register_activities(Psp { toss: client_of(url, ANSWER_TIME), keyring: None }).build()
}

/// A client of the PSP at an address, with keys for won and dollars.
pub(crate) fn client_of(url: &str, answer_time: Duration) -> toss::Client {
    let in_dollars = Merchant::default_in(toss_sim::Currency::Usd).secret_key;
    let other_keys = vec![(toss::Currency::Usd, in_dollars.into())];
    let config = toss::Config { answer_time, other_keys, ..toss::Config::new(url, DEFAULT_SECRET_KEY) };
    toss::Client::try_new(config).unwrap()
}

/// An address at which nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
