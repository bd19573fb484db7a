//! A declined buyer tries again on the same checkout, and is charged at most once.

use serde_json::{Value, json};
use temporalio_client::WorkflowExecuteUpdateOptions;
use workflows::checkout::{Cancellation, CheckoutWorkflow};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(a_declined_buyer_tries_again_and_is_charged_once);

const PAID: u64 = 23_000;
/// The most declines of one checkout.
const MOST_DECLINES: u32 = domain::checkout::MAX_DECLINES;

async fn a_declined_buyer_tries_again_and_is_charged_once(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let scene = Scene { shop: &roles.shop, roles: &roles };
    tokio::join!(
        scene.declined_then_paid(),
        scene.two_tabs_after_a_decline(),
        scene.given_up_after_a_decline(),
        scene.declined_too_often(),
        scene.a_bank_is_closed(),
        scene.what_was_undone_is_closed_for_good(),
    );
    assert_eq!(roles.shop.charged().await, (2 * PAID, 0), "what Toss holds, and what it charged twice");
    assert_eq!(roles.shop.receivable().await, 2 * PAID);
}

struct Scene<'a> {
    shop: &'a Shop,
    roles: &'a Roles,
}

impl Scene<'_> {
    async fn declined_then_paid(&self) {
        let id = "declined-then-paid";
        let first = self.declined(id, "REJECT_CARD_PAYMENT").await;
        let (answer, told) = self.shop.confirm(id, &first, "23000").await;
        assert_eq!((answer, &told["retryable"], &told["checkout_status"]), (402, &json!(true), &json!("FAILED")));
        let checkout = self.checkout(id).await;
        assert_eq!((&checkout["status"], &checkout["failure"]["retryable"]), (&json!("FAILED"), &json!(true)));
        let page = self.page(id).await;
        assert!(page.contains("id=\"pay\"") && page.contains("data-for=\"RETRY\""), "{page}");

        let second = self.shop.authorize(id).await;
        let (answer, body) = self.shop.confirm(id, &second, "23000").await;
        assert_eq!((answer, &body["status"]), (200, &json!("SUCCESS")), "{body}");
        // Every tab is told the same from now on, and a third payment is not taken.
        let (answer, body) = self.shop.confirm(id, &first, "23000").await;
        assert_eq!((answer, &body["status"]), (200, &json!("SUCCESS")), "{body}");
        let third = self.shop.authorize(id).await;
        assert_eq!(self.shop.confirm(id, &third, "23000").await.0, 409);
        assert!(!self.page(id).await.contains("id=\"pay\""));
        let expected = ["NOT_STARTED", "EXECUTING", "FAILED", "EXECUTING", "SUCCESS"];
        assert_eq!(self.shop.statuses(id).await, expected);
    }

    async fn two_tabs_after_a_decline(&self) {
        let id = "two-tabs";
        let first = self.declined(id, "REJECT_CARD_PAYMENT").await;
        let [second, third] = [self.shop.authorize(id).await, self.shop.authorize(id).await];
        let slow = json!({ "on": "confirm", "kind": "delay", "delay_ms": 1_500, "orderId": id });
        self.shop.simulate("mischief", &slow).await;
        // While the other is being confirmed the same request may be sent again.
        let confirm = |key: String| async move {
            loop {
                let (answer, body) = self.shop.confirm(id, &key, "23000").await;
                if answer != 429 {
                    return (answer, body);
                }
                assert_eq!(body["code"], "confirmation_under_way");
            }
        };
        let (one, other) = tokio::join!(confirm(second.clone()), confirm(third.clone()));
        let mut answers = [one.0, other.0];
        answers.sort_unstable();
        assert_eq!(answers, [200, 409], "{} {}", one.1, other.1);
        for key in [first, second, third] {
            let expected = if self.shop.confirm(id, &key, "23000").await.0 == 409 { 409 } else { 200 };
            assert_eq!(self.shop.confirm(id, &key, "23000").await.0, expected);
        }
        assert_eq!(self.shop.status(id).await, "SUCCESS");
    }

    async fn given_up_after_a_decline(&self) {
        let id = "given-up-after";
        let first = self.declined(id, "REJECT_CARD_PAYMENT").await;
        let temporal = self.roles.temporal().await;
        let workflow_id = self.checkout(id).await["workflow"]["id"].as_str().unwrap().to_owned();
        let workflow = temporal.get_workflow_handle::<CheckoutWorkflow>(workflow_id);
        let cancellation = Cancellation { by: "shop".to_owned(), reason: "sold out".to_owned(), account: None };
        let options = WorkflowExecuteUpdateOptions::default();
        let status = workflow.execute_update(CheckoutWorkflow::cancel, cancellation, options).await.unwrap();
        assert_eq!(status, domain::checkout::Status::Failed);
        let checkout = self.checkout(id).await;
        assert_eq!((&checkout["status"], &checkout["failure"]["code"]), (&json!("FAILED"), &json!("canceled")));
        assert_eq!(self.shop.confirm(id, &first, "23000").await.0, 402);
        let second = self.shop.authorize(id).await;
        let (answer, body) = self.shop.confirm(id, &second, "23000").await;
        assert_eq!((answer, &body["code"]), (409, &json!("not_confirmable")), "{body}");
    }

    async fn declined_too_often(&self) {
        let id = "declined-too-often";
        self.shop.create(id).await;
        let mischief = json!({
            "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT", "orderId": id, "times": 0,
        });
        self.shop.simulate("mischief", &mischief).await;
        for attempt in 1..=MOST_DECLINES {
            let key = self.shop.authorize(id).await;
            let (answer, told) = self.shop.confirm(id, &key, "23000").await;
            let may_retry = attempt < MOST_DECLINES;
            assert_eq!((answer, told["retryable"] == true), (402, may_retry), "attempt {attempt}: {told}");
        }
        let key = self.shop.authorize(id).await;
        assert_eq!(self.shop.confirm(id, &key, "23000").await.0, 409);
        assert!(!self.page(id).await.contains("id=\"pay\""));
    }

    async fn a_bank_is_closed(&self) {
        let id = "bank-is-closed";
        self.shop.create(id).await;
        for code in ["NOT_AVAILABLE_BANK", "MAINTAINED_METHOD"] {
            let mischief = json!({ "on": "confirm", "kind": "error_before", "code": code, "orderId": id });
            self.shop.simulate("mischief", &mischief).await;
            let key = self.shop.authorize(id).await;
            let body = json!({ "payment_key": key, "order_id": id, "amount": "23000" });
            let url = format!("{}/v1/payments/{id}/confirm", self.shop.api);
            let response = self.shop.http.post(url).bearer_auth(&self.shop.api_key).json(&body).send().await.unwrap();
            assert_eq!(response.status(), 402);
            let after: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=2 * 60 * 60).contains(&after), "{after}");
            let failure = self.checkout(id).await["failure"].clone();
            assert_eq!(failure["code"], code);
            assert!(failure["retry_at"].is_string() && failure["retryable"] == true, "{failure}");
            assert!(self.page(id).await.contains("KST"), "the page says when to come back");
        }
    }

    async fn what_was_undone_is_closed_for_good(&self) {
        let id = "undone";
        self.shop.create(id).await;
        let mischief = json!({ "on": "confirm", "kind": "wrong_amount", "orderId": id });
        self.shop.simulate("mischief", &mischief).await;
        let key = self.shop.authorize(id).await;
        let (answer, told) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!((answer, &told["retryable"]), (402, &Value::Null), "{told}");
        assert!(!self.page(id).await.contains("id=\"pay\""));
        self.roles.record_history("undone", id).await;
    }

    /// A checkout whose first payment was declined; answers its key.
    async fn declined(&self, id: &str, code: &str) -> String {
        self.shop.create(id).await;
        let mischief = json!({ "on": "confirm", "kind": "error_before", "code": code, "orderId": id });
        self.shop.simulate("mischief", &mischief).await;
        let key = self.shop.authorize(id).await;
        let (answer, body) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!((answer, &body["psp_code"]), (402, &json!(code)), "{body}");
        key
    }

    async fn checkout(&self, id: &str) -> Value {
        self.shop.get(&format!("/v1/payments/{id}")).await
    }

    async fn page(&self, id: &str) -> String {
        self.shop.page_text(id).await
    }
}

/// Nobody comes back in time: it stays what it is, and closes.
#[tokio::test(flavor = "multi_thread")]
async fn a_declined_checkout_that_runs_out_of_time_stays_failed() {
    let roles = Roles::start_with(Kind::Sqlite, &["--checkout-deadline-s", "8"]).await;
    let _worker = roles.role("worker");
    let scene = Scene { shop: &roles.shop, roles: &roles };
    scene.declined("declined-in-vain", "REJECT_CARD_PAYMENT").await;
    let workflow = scene.checkout("declined-in-vain").await["workflow"]["id"].as_str().unwrap().to_owned();
    until("the workflow has closed", || async {
        let description = roles.ask_temporal("describe", &workflow);
        description["workflowExecutionInfo"]["status"] == "WORKFLOW_EXECUTION_STATUS_COMPLETED"
    })
    .await;
    roles.record_history("declined", "declined-in-vain").await;
    assert_eq!(scene.shop.statuses("declined-in-vain").await, ["NOT_STARTED", "EXECUTING", "FAILED"]);
    let key = roles.shop.authorize("declined-in-vain").await;
    assert_eq!(roles.shop.confirm("declined-in-vain", &key, "23000").await.0, 409);
    assert_eq!(roles.shop.charged().await, (0, 0));
}
