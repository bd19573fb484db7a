//! What a marketplace's backend and its buyers do: plain HTTP against the API and the Toss simulator.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use domain::id::{CheckoutId, PayoutRunId};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use temporalio_client::{WorkflowDescribeOptions, WorkflowFetchHistoryOptions};
use workflows::{payout_run, refund::RefundWorkflow, refunds::RefundsWorkflow};

use crate::{dev::Stack, settings::Addresses};

/// How long one request may take: longer than the API itself allows.
const REQUEST_TIME: Duration = Duration::from_secs(20);
/// How often a story looks where its checkout stands.
const POLL: Duration = Duration::from_millis(100);

/// A marketplace that sells through the running stack.
pub(super) struct Shop {
    http: Client,
    temporal: temporalio_client::Client,
    pub(super) addresses: Addresses,
    api_key: String,
    run: String,
}

/// A checkout that the shop has created.
pub(super) struct Order {
    pub(super) checkout_id: String,
    pub(super) amount: String,
    pub(super) took: Duration,
    /// What the buyer's browser proves when it confirms.
    confirm_token: String,
    created: Instant,
}

/// What the API answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    pub(super) took: Duration,
}

impl Shop {
    pub(super) fn new(stack: &Stack) -> anyhow::Result<Self> {
        Ok(Self {
            http: Client::builder().timeout(REQUEST_TIME).build()?,
            temporal: stack.temporal.clone(),
            addresses: stack.addresses.clone(),
            api_key: stack.api_key.clone(),
            run: hex::encode(rand::random::<[u8; 4]>()),
        })
    }

    /// The Temporal of the stack.
    pub(super) const fn temporal(&self) -> &temporalio_client::Client {
        &self.temporal
    }

    /// The marketplace's backend creates a checkout over the given sellers and amounts.
    pub(super) async fn create(&self, name: &str, order_name: &str, lines: &[(&str, &str)]) -> anyhow::Result<Order> {
        let checkout_id = format!("demo-{}-{name}", self.run);
        let orders: Vec<_> = lines
            .iter()
            .map(|(seller, amount)| json!({ "seller_account": seller, "amount": amount, "currency": "KRW" }))
            .collect();
        let began = Instant::now();
        let response = self
            .http
            .post(format!("{}/v1/payments", self.addresses.api))
            .bearer_auth(&self.api_key)
            .header("Idempotency-Key", format!("{checkout_id}-key"))
            .json(&json!({
                "checkout_id": checkout_id,
                "order_name": order_name,
                "buyer_info": { "id": format!("buyer-{name}") },
                "payment_orders": orders,
            }))
            .send()
            .await?;
        let answer = Answer::read(response, began).await?;
        ensure!(answer.status == StatusCode::CREATED, "a checkout was not created: {} {}", answer.status, answer.body);
        let amount = answer.body["amount"].as_str().context("a checkout without amount")?.to_owned();
        let token = answer.body["confirm_token"].as_str().context("a checkout without confirm_token")?.to_owned();
        Ok(Order { checkout_id, amount, took: answer.took, confirm_token: token, created: Instant::now() })
    }

    /// Registers an endpoint for events, and answers its secret.
    pub(super) async fn register(&self, url: &str) -> anyhow::Result<String> {
        let request = self.http.post(format!("{}/v1/webhook-endpoints", self.addresses.api)).bearer_auth(&self.api_key);
        let body = json!({ "url": url, "description": "the shop of the demo" });
        let answer = Answer::read(request.json(&body).send().await?, Instant::now()).await?;
        ensure!(answer.status == StatusCode::CREATED, "no endpoint was created: {} {}", answer.status, answer.body);
        Ok(answer.body["secret"].as_str().context("an endpoint without secret")?.to_owned())
    }

    /// The buyer finishes Toss's payment window; what comes back is the key of the payment.
    pub(super) async fn authorize(&self, order: &Order) -> anyhow::Result<String> {
        self.authorize_by(order, "카드").await
    }

    /// The same, by a method of Toss's.
    pub(super) async fn authorize_by(&self, order: &Order, method: &str) -> anyhow::Result<String> {
        let amount: u64 = order.amount.parse()?;
        let body = json!({ "orderId": order.checkout_id, "amount": amount, "method": method });
        let response = self.simulator("authorize", &body).await?;
        Ok(response["paymentKey"].as_str().context("the simulator named no payment")?.to_owned())
    }

    /// The next call about this order goes wrong in the given way.
    pub(super) async fn mischief(&self, order: &Order, kind: &str, code: Option<&str>) -> anyhow::Result<()> {
        self.mischief_on("confirm", order, kind, code).await
    }

    /// The same for the next call of a kind: `confirm`, `cancel` …
    pub(super) async fn mischief_on(
        &self,
        on: &str,
        order: &Order,
        kind: &str,
        code: Option<&str>,
    ) -> anyhow::Result<()> {
        let mut body = json!({ "on": on, "kind": kind, "times": 1, "orderId": order.checkout_id });
        if let Some(code) = code {
            body["code"] = code.into();
        }
        self.simulator("mischief", &body).await?;
        Ok(())
    }

    /// The buyer pays into the virtual account; the bank tells Toss, and Toss tells us.
    pub(super) async fn deposit(&self, order: &Order) -> anyhow::Result<()> {
        self.simulator("deposit", &json!({ "orderId": order.checkout_id })).await?;
        Ok(())
    }

    /// The buyer's browser comes back to the success page, which confirms.
    pub(super) async fn confirm(&self, order: &Order, payment_key: &str) -> anyhow::Result<Answer> {
        let began = Instant::now();
        let response = self
            .http
            .post(format!("{}/v1/payments/{}/confirm", self.addresses.api, order.checkout_id))
            .json(&json!({
                "payment_key": payment_key, "order_id": order.checkout_id, "amount": order.amount,
                "token": order.confirm_token,
            }))
            .send()
            .await?;
        Answer::read(response, began).await
    }

    /// The marketplace cancels a checkout, or one of its orders.
    pub(super) async fn cancel(&self, id: &str) -> anyhow::Result<Answer> {
        let began = Instant::now();
        let url = format!("{}/v1/payments/{id}", self.addresses.api);
        Answer::read(self.http.delete(url).bearer_auth(&self.api_key).send().await?, began).await
    }

    /// How many events the histories of a refund's workflow, and of the one that serialised it, have.
    pub(super) async fn refund_events(&self, checkout: &Value) -> anyhow::Result<(usize, usize)> {
        let (refund, serial) = refund_workflows(checkout)?;
        let refund = self.temporal.get_workflow_handle::<RefundWorkflow>(&refund);
        let serial = self.temporal.get_workflow_handle::<RefundsWorkflow>(&serial);
        let of = WorkflowDescribeOptions::default;
        Ok((refund.describe(of()).await?.history_length(), serial.describe(of()).await?.history_length()))
    }

    /// Where a checkout stands.
    pub(super) async fn checkout(&self, order: &Order) -> anyhow::Result<Value> {
        self.get(&format!("/v1/payments/{}", order.checkout_id)).await
    }

    /// Every status it has had, as one line.
    pub(super) async fn history(&self, order: &Order) -> anyhow::Result<String> {
        let history = self.get(&format!("/v1/payments/{}/history", order.checkout_id)).await?;
        let changes = history["history"].as_array().context("a checkout without history")?;
        let statuses: Vec<_> = changes.iter().filter_map(|change| change["status"].as_str()).collect();
        Ok(statuses.join(" → "))
    }

    /// Follows a checkout until it stands at `until`, at most `limit`, and shows each new status with the
    /// checkout's age.
    pub(super) async fn follow(&self, order: &Order, until: &str, limit: Duration) -> anyhow::Result<String> {
        let began = Instant::now();
        let mut last = String::new();
        loop {
            let checkout = self.checkout(order).await?;
            let status = checkout["status"].as_str().unwrap_or_default().to_owned();
            if status != last {
                println!("     {:>5.1} s  {status}", order.created.elapsed().as_secs_f64());
                last.clone_from(&status);
            }
            if status == until || began.elapsed() > limit {
                return Ok(status);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// How many events the history of a checkout's workflow has.
    pub(super) async fn history_events(&self, checkout: &Value) -> anyhow::Result<usize> {
        let id = checkout["workflow"]["id"].as_str().context("a checkout without workflow")?;
        let handle = self.temporal.get_workflow_handle::<workflows::checkout::CheckoutWorkflow>(id);
        Ok(handle.describe(WorkflowDescribeOptions::default()).await?.history_length())
    }

    /// Writes the history of each story's workflow to a file, as the SDK replays it.
    pub(super) async fn record_histories(&self, directory: &Path) -> anyhow::Result<()> {
        for story in ["paid", "retried", "lost", "deposited", "abandoned", "account"] {
            let checkout = self.get(&format!("/v1/payments/demo-{}-{story}", self.run)).await?;
            let id = checkout["workflow"]["id"].as_str().context("a checkout without workflow")?;
            let handle = self.temporal.get_workflow_handle::<workflows::checkout::CheckoutWorkflow>(id);
            let history = handle.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await?;
            std::fs::write(directory.join(format!("{story}.json")), history)?;
        }
        for story in ["refunded", "part", "refused"] {
            let checkout = self.get(&format!("/v1/payments/demo-{}-{story}", self.run)).await?;
            let (refund, serial) = refund_workflows(&checkout)?;
            let refund = self.temporal.get_workflow_handle::<RefundWorkflow>(&refund);
            let refund = refund.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await?;
            std::fs::write(directory.join(format!("{story}.refund.json")), refund)?;
            let serial = self.temporal.get_workflow_handle::<RefundsWorkflow>(&serial);
            let serial = serial.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await?;
            std::fs::write(directory.join(format!("{story}.refunds.json")), serial)?;
        }
        Ok(())
    }

    /// Reads from the API.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.addresses.api);
        let response = self.http.get(&url).bearer_auth(&self.api_key).send().await?;
        let status = response.status();
        let body: Value = response.json().await.with_context(|| format!("{path} did not answer JSON"))?;
        ensure!(status.is_success(), "{path} answered {status}: {body}");
        Ok(body)
    }

    /// Asks the API by another key.
    pub(super) async fn ask_as(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let began = Instant::now();
        let request = self.http.request(method, format!("{}{path}", self.addresses.api)).bearer_auth(key);
        let request = if let Some(body) = body { request.json(body) } else { request };
        Answer::read(request.send().await?, began).await
    }

    /// So much more is in the balance out of which Toss pays.
    pub(super) async fn put_into_balance(&self, amount: u64) -> anyhow::Result<()> {
        self.simulator("balance", &json!({ "amount": amount })).await.map(|_| ())
    }

    /// Lets Toss's time pass.
    pub(super) async fn pass_time(&self, seconds: u64) -> anyhow::Result<()> {
        self.simulator("clock", &json!({ "advance_s": seconds })).await.map(|_| ())
    }

    /// Writes the history of a payout run's workflow to a file.
    pub(super) async fn record_run(&self, directory: &Path, run_id: &str) -> anyhow::Result<()> {
        let id = payout_run::workflow_id(&PayoutRunId::parse(run_id.to_owned())?);
        let handle = self.temporal.get_workflow_handle::<payout_run::PayoutRunWorkflow>(&id);
        let history = handle.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await?;
        Ok(std::fs::write(directory.join("paid-out.payout_run.json"), history)?)
    }

    /// What really happened at Toss.
    pub(super) async fn toss(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}/_sim/{path}", self.addresses.toss_simulator);
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }

    async fn simulator(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}/_sim/{path}", self.addresses.toss_simulator);
        let response = self.http.post(url).json(body).send().await?.error_for_status()?;
        Ok(response.json().await.unwrap_or(Value::Null))
    }
}

/// The workflow ids of a checkout's last refund and of the workflow that serialises its refunds.
fn refund_workflows(checkout: &Value) -> anyhow::Result<(String, String)> {
    let last = checkout["refunds"].as_array().and_then(|refunds| refunds.last());
    let refund = last.and_then(|refund| refund["refund_id"].as_str()).context("a checkout without refund")?;
    let checkout = CheckoutId::parse(checkout["checkout_id"].as_str().unwrap_or_default())?;
    Ok((refund.to_owned(), workflows::refunds::workflow_id(&checkout)))
}

impl Answer {
    async fn read(response: Response, began: Instant) -> anyhow::Result<Self> {
        Ok(Self { status: response.status(), body: response.json().await?, took: began.elapsed() })
    }
}
