//! Buyers and their marketplace. They ask again when nobody answers, and keep every answer.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use domain::checkout::Status;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    schedule::{Buyer, Story},
    stack::{Stack, Timeline},
};

/// How long one request may take.
const REQUEST_TIME: Duration = Duration::from_secs(20);
/// How long a buyer keeps asking before they give up; what they were told still has to be true.
const BUYER_PATIENCE: Duration = Duration::from_secs(240);
/// The longest that a buyer waits because the API asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The pause before the same request is sent again.
const PAUSE: Duration = Duration::from_millis(400);

/// What somebody was told of a checkout, in the order in which they were.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) checkout_id: String,
    pub(crate) asked: &'static str,
    pub(crate) http: u16,
    /// The status of the checkout, where the answer has one, or the code of a refusal.
    pub(crate) said: String,
}

/// A payment that went through, from its first request to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purchase {
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
}

/// All that was seen from outside.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) answers: Vec<Answer>,
    pub(crate) purchases: Vec<Purchase>,
    /// How often a request was left without an answer.
    pub(crate) unanswered: u64,
    /// Checkouts all of whose refunds were answered with 200.
    pub(crate) refunded: HashSet<String>,
    /// Buyers who lost patience, and at what.
    pub(crate) gave_up: Vec<(String, &'static str)>,
}

/// A marketplace over HTTP.
#[derive(Clone)]
pub(crate) struct Shop {
    http: Client,
    api: String,
    simulator: String,
    api_key: String,
    timeline: Timeline,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

/// The buyer lost patience.
struct GaveUp;

/// Something that a principal asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) path: &'a str,
    pub(crate) api_key: &'a str,
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) body: &'a Value,
}

impl Shop {
    pub(crate) fn of(stack: &Stack) -> Self {
        Self {
            http: Client::builder().timeout(REQUEST_TIME).build().unwrap(),
            api: stack.api.clone(),
            simulator: stack.simulator.clone(),
            api_key: stack.api_key.clone(),
            timeline: stack.timeline.clone(),
            seen: Arc::default(),
        }
    }

    /// Plays one buyer's story.
    pub(crate) async fn serve(&self, buyer: &Buyer) {
        let began = self.timeline.now();
        match self.play(buyer).await {
            Ok(status) if status == "SUCCESS" && buyer.story != Story::Deposits => {
                let purchase = Purchase { began, ended: self.timeline.now() };
                self.seen.lock().unwrap().purchases.push(purchase);
            }
            Ok(_) => {}
            Err(GaveUp) => self.timeline.note(format!("the buyer of {} lost patience", buyer.checkout_id)),
        }
    }

    async fn play(&self, buyer: &Buyer) -> Result<String, GaveUp> {
        let id = &buyer.checkout_id;
        self.create(buyer).await?;
        if let Some((on, kind)) = buyer.mischief {
            let code = (kind == "error_before").then_some("REJECT_CARD_PAYMENT");
            self.simulate(id, "mischief", json!({ "on": on, "kind": kind, "orderId": id, "code": code })).await?;
        }
        match buyer.story {
            Story::Leaves => Ok(String::new()),
            Story::Cancels => self.cancel(id, Some(("cancel-1", &json!({ "reason": "변심" })))).await,
            Story::Pays | Story::IsDeclined => self.pay(buyer, "카드").await,
            Story::PaysTwice => {
                let key = self.authorize(buyer, "카드").await?;
                let (first, second) = tokio::join!(self.confirm(buyer, &key), self.confirm(buyer, &key));
                first.and(second)
            }
            Story::Deposits => {
                let status = self.pay(buyer, "가상계좌").await?;
                if status != "WAITING_FOR_DEPOSIT" {
                    return Ok(status);
                }
                self.simulate(id, "deposit", json!({ "orderId": id })).await?;
                self.wait_for_end(id).await
            }
            Story::ChangesTheirMind => {
                let key = self.authorize(buyer, "카드").await?;
                let (paid, canceled) = tokio::join!(self.confirm(buyer, &key), self.cancel(id, None));
                canceled.and(paid).map(|_| String::new())
            }
            Story::IsRefunded | Story::IsRefundedInParts | Story::GivesAllBack => {
                let status = self.pay(buyer, "카드").await?;
                if status != "SUCCESS" {
                    return Ok(status);
                }
                let refunded = self.refund(buyer).await?;
                if !refunded.is_empty() {
                    self.seen.lock().unwrap().refunded.insert(id.clone());
                }
                Ok(status)
            }
        }
    }

    /// Gives back what was paid, in the way of the story.
    async fn refund(&self, buyer: &Buyer) -> Result<String, GaveUp> {
        let id = &buyer.checkout_id;
        let half = buyer.total() / 2;
        let part = |amount: u64| json!({ "amount": amount.to_string(), "reason": "부분 환불" });
        let (first, rest) = (part(half), part(buyer.total() - half));
        match buyer.story {
            Story::IsRefunded => {
                self.cancel(id, Some(("cancel-1", &first))).await?;
                self.cancel(id, Some(("cancel-1", &first))).await
            }
            Story::IsRefundedInParts => {
                let parts = (self.cancel(id, Some(("cancel-1", &first))), self.cancel(id, Some(("cancel-2", &rest))));
                let (first, second) = tokio::join!(parts.0, parts.1);
                let (first, second) = (first?, second?);
                Ok(if first.is_empty() { first } else { second })
            }
            _ => self.cancel(id, None).await,
        }
    }

    async fn create(&self, buyer: &Buyer) -> Result<(), GaveUp> {
        let orders = buyer.prices.iter().enumerate().map(|(index, price)| {
            json!({ "seller_account": format!("seller-{index}"), "amount": price.to_string(), "currency": "KRW" })
        });
        let body = json!({
            "checkout_id": buyer.checkout_id, "order_name": "토스 티셔츠", "buyer_info": { "id": "buyer-1" },
            "payment_orders": orders.collect::<Vec<_>>(),
        });
        let patience = Instant::now();
        while patience.elapsed() < BUYER_PATIENCE {
            let sent = self.send(&buyer.checkout_id, "create", Method::POST, "", Some((&buyer.checkout_id, &body)));
            if let Some((201, _)) = sent.await {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.give_up(&buyer.checkout_id, "create")
    }

    async fn pay(&self, buyer: &Buyer, method: &str) -> Result<String, GaveUp> {
        let key = self.authorize(buyer, method).await?;
        self.confirm(buyer, &key).await
    }

    async fn authorize(&self, buyer: &Buyer, method: &str) -> Result<String, GaveUp> {
        let body = json!({ "orderId": buyer.checkout_id, "amount": buyer.total(), "method": method });
        let answer = self.simulate(&buyer.checkout_id, "authorize", body).await?;
        Ok(answer["paymentKey"].as_str().unwrap_or_default().to_owned())
    }

    /// Confirms until there is an answer, then asks until the payment has come to rest.
    async fn confirm(&self, buyer: &Buyer, payment_key: &str) -> Result<String, GaveUp> {
        let id = &buyer.checkout_id;
        let body = json!({ "payment_key": payment_key, "order_id": id, "amount": buyer.total().to_string() });
        let patience = Instant::now();
        while patience.elapsed() < BUYER_PATIENCE {
            match self.send(id, "confirm", Method::POST, "/confirm", Some((id, &body))).await {
                Some((200, body)) => return Ok(status_of(&body)),
                Some((402, _)) => return Ok("FAILED".to_owned()),
                Some((202 | 409, _)) => return self.wait_for_end(id).await,
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        self.give_up(id, "confirm")
    }

    async fn wait_for_end(&self, id: &str) -> Result<String, GaveUp> {
        let patience = Instant::now();
        while patience.elapsed() < BUYER_PATIENCE {
            if let Some((200, body)) = self.send(id, "read", Method::GET, "", None).await {
                let status = status_of(&body);
                if is_final(&status) {
                    return Ok(status);
                }
            }
            tokio::time::sleep(PAUSE * 2).await;
        }
        self.give_up(id, "the end")
    }

    /// Cancels under a key, or without one all that is left, until the answer is an end.
    async fn cancel(&self, id: &str, keyed: Option<(&str, &Value)>) -> Result<String, GaveUp> {
        let patience = Instant::now();
        let key = keyed.map(|(key, _)| format!("{id}.{key}"));
        while patience.elapsed() < BUYER_PATIENCE {
            let sent = match (&key, keyed) {
                (Some(key), Some((_, body))) => {
                    self.send(id, "cancel", Method::POST, "/cancel", Some((key, body))).await
                }
                _ => self.send(id, "cancel", Method::DELETE, "", None).await,
            };
            match sent {
                Some((200, body)) => return Ok(status_of(&body)),
                Some((400..=428 | 430..=499, body)) if body["code"] != "request_in_progress" => {
                    return Ok(String::new());
                }
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        self.give_up(id, "cancel")
    }

    fn give_up<T>(&self, id: &str, at: &'static str) -> Result<T, GaveUp> {
        self.seen.lock().unwrap().gave_up.push((id.to_owned(), at));
        Err(GaveUp)
    }

    /// Sends one request and keeps what was answered.
    async fn send(
        &self,
        id: &str,
        asked: &'static str,
        method: Method,
        way: &str,
        body: Option<(&str, &Value)>,
    ) -> Option<(u16, Value)> {
        let path = if asked == "create" { String::new() } else { format!("/{id}{way}") };
        let mut request =
            self.http.request(method, format!("{}/v1/payments{path}", self.api)).bearer_auth(&self.api_key);
        if let Some((key, body)) = body {
            request = request.header("Idempotency-Key", key).json(body);
        }
        let answer = async {
            let response = request.send().await?;
            let wait = told_to_wait(&response);
            Ok::<_, reqwest::Error>((response.status().as_u16(), wait, response.json::<Value>().await?))
        };
        let mut seen = match answer.await {
            Ok((http, wait, body)) => {
                let said = if body["code"].is_string() { body["code"].as_str() } else { body["status"].as_str() };
                let said = said.unwrap_or_default().to_owned();
                let answer = Answer { checkout_id: id.to_owned(), asked, http, said };
                self.seen.lock().unwrap().answers.push(answer);
                tokio::time::sleep(wait).await;
                return Some((http, body));
            }
            Err(_) => self.seen.lock().unwrap(),
        };
        seen.unanswered += 1;
        None
    }

    /// Tells the simulator something, until it hears.
    async fn simulate(&self, id: &str, path: &str, body: Value) -> Result<Value, GaveUp> {
        let patience = Instant::now();
        while patience.elapsed() < BUYER_PATIENCE {
            let sent = self.http.post(format!("{}/_sim/{path}", self.simulator)).json(&body).send().await;
            match sent {
                Ok(response) if response.status().is_success() => return Ok(response.json().await.unwrap_or_default()),
                // The money came in before the answer was lost.
                Ok(response) if path == "deposit" && response.status().is_client_error() => return Ok(Value::Null),
                Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        self.give_up(id, "the payment window")
    }

    /// Asks the API for something; nothing where no answer comes.
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Option<(u16, Value)> {
        let Ask { path, api_key, idempotency_key, body } = ask;
        let mut request = self.http.post(format!("{}{path}", self.api)).bearer_auth(api_key).json(body);
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.send().await.ok()?;
        let (http, wait) = (response.status().as_u16(), told_to_wait(&response));
        let answer = response.json().await.ok()?;
        tokio::time::sleep(wait).await;
        Some((http, answer))
    }

    /// Tells the simulator something, until it hears.
    pub(crate) async fn tell_simulator(&self, path: &str, body: &Value) {
        let patience = Instant::now();
        loop {
            let sent = self.http.post(format!("{}/_sim/{path}", self.simulator)).json(body).send().await;
            if sent.is_ok_and(|response| response.status().is_success()) {
                return;
            }
            assert!(patience.elapsed() < BUYER_PATIENCE, "the simulator does not hear");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads from the API, when all is quiet.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        loop {
            let request = self.http.get(format!("{}{path}", self.api)).bearer_auth(&self.api_key);
            let response = request.send().await.unwrap();
            match response.status().as_u16() {
                429 => tokio::time::sleep(told_to_wait(&response)).await,
                // A balancer whose last look at the API was a bad one.
                502..=504 => tokio::time::sleep(PAUSE).await,
                http => return (http, response.json().await.unwrap()),
            }
        }
    }

    /// A buyer who took a virtual account and lost patience pays into it after all.
    pub(crate) async fn pay_deposits(&self) {
        for payment in self.really("payments").await.as_array().into_iter().flatten() {
            if payment["status"] == "WAITING_FOR_DEPOSIT" {
                let deposit = json!({ "orderId": payment["orderId"] });
                let _ = self.http.post(format!("{}/_sim/deposit", self.simulator)).json(&deposit).send().await;
            }
        }
    }

    /// Whether all refunds of a checkout were answered with 200.
    pub(crate) fn was_told_of_refund(&self, id: &str) -> bool {
        self.seen.lock().unwrap().refunded.contains(id)
    }

    /// Reads what really happened.
    pub(crate) async fn really(&self, path: &str) -> Value {
        self.http.get(format!("{}/_sim/{path}", self.simulator)).send().await.unwrap().json().await.unwrap()
    }
}

/// How long an answer asks to wait.
fn told_to_wait(response: &reqwest::Response) -> Duration {
    let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0)).min(LONGEST_WAIT)
}

fn status_of(body: &Value) -> String {
    body["status"].as_str().unwrap_or_default().to_owned()
}

/// Whether nothing more happens to a checkout by itself.
pub(crate) fn is_final(status: &str) -> bool {
    Status::parse(status).is_some_and(|status| status.phase().is_end())
}
