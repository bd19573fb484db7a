//! What needs a person, and what must not: help is called and taken, a cancellation holds no money, a stranger
//! does no harm.

use sea_orm_migration::sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use std::str::FromStr as _;
use store::{Database, DatabaseUrl};
use temporalio_client::{
    Client, WorkflowCancelOptions, WorkflowDescribeOptions, WorkflowHandle, WorkflowSignalOptions,
};
use workflows::{attributes, checkout::CheckoutWorkflow, dead_letter::Resume};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(people_help_and_strangers_do_no_harm);

/// A won amount that no story moves.
const NOTHING: u64 = 0;
const PAID: u64 = 23_000;
/// What webhooks may cost a workflow, in history events, however many there are.
const NUDGED_EVENTS: usize = 150;

async fn people_help_and_strangers_do_no_harm(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let temporal = roles.temporal().await;
    let scene = Scene { shop: &roles.shop, temporal: &temporal };
    let moved: [u64; 6] = tokio::join!(
        scene.the_psp_does_not_let_us_in(),
        scene.an_undo_that_the_psp_refuses(),
        scene.canceled_before_the_buyer_came(),
        scene.canceled_before_the_deposit_came(),
        scene.a_payment_key_is_invented(),
        scene.webhooks_are_forged(),
    )
    .into();
    let moved = moved.iter().sum();
    assert_eq!(roles.shop.charged().await, (moved, 0), "what Toss holds, and what it charged twice");
    assert_eq!(roles.shop.receivable().await, moved);
}

/// The stories; each answers the won that Toss holds at its end.
struct Scene<'a> {
    shop: &'a Shop,
    temporal: &'a Client,
}

impl Scene<'_> {
    async fn the_psp_does_not_let_us_in(&self) -> u64 {
        let id = "not-let-in";
        let key = self.authorized(id, "카드").await;
        self.mischief(id, json!({ "on": "confirm", "kind": "error_before", "code": "UNAUTHORIZED_KEY" })).await;
        let deaf = json!({ "on": "lookup", "kind": "error_before", "code": "UNAUTHORIZED_KEY", "times": 3 });
        self.mischief(id, deaf).await;
        let (answer, body) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!(answer, 202, "{body}");
        self.stands_at(id, "STUCK").await;
        assert_eq!(self.checkout(id).await["failure"]["code"], "psp_access_denied");
        assert_eq!(self.shown(id).await, "STUCK");

        self.resume(id).await;
        self.stands_at(id, "SUCCESS").await;
        assert_eq!(self.shop.confirm(id, &key, "23000").await.0, 200);
        self.shown_as(id, "SUCCESS").await;
        PAID
    }

    async fn an_undo_that_the_psp_refuses(&self) -> u64 {
        let id = "undo-refused";
        let key = self.authorized(id, "카드").await;
        self.mischief(id, json!({ "on": "confirm", "kind": "execute_and_error" })).await;
        self.mischief(id, json!({ "on": "lookup", "kind": "garbage_after", "times": 2 })).await;
        let refusal = json!({ "on": "cancel", "kind": "error_before", "code": "NOT_CANCELABLE_PAYMENT" });
        self.mischief(id, refusal).await;
        let confirming = self.shop.confirm(id, &key, "23000");
        let canceling = async {
            self.stands_at(id, "UNKNOWN").await;
            self.workflow(id).await.cancel(WorkflowCancelOptions::default()).await.unwrap();
        };
        tokio::join!(confirming, canceling);
        self.stands_at(id, "STUCK").await;
        assert_eq!(self.checkout(id).await["failure"]["code"], "undo_refused");

        self.resume(id).await;
        self.stands_at(id, "FAILED").await;
        assert_eq!(self.checkout(id).await["failure"]["code"], "canceled");
        NOTHING
    }

    async fn canceled_before_the_buyer_came(&self) -> u64 {
        let id = "given-up-early";
        let key = self.authorized(id, "카드").await;
        self.workflow(id).await.cancel(WorkflowCancelOptions::default()).await.unwrap();
        self.stands_at(id, "CANCELED").await;
        let (answer, body) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!((answer, &body["code"]), (409, &json!("not_confirmable")));
        NOTHING
    }

    async fn canceled_before_the_deposit_came(&self) -> u64 {
        let id = "given-up-account";
        let key = self.authorized(id, "가상계좌").await;
        let (answer, body) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!((answer, &body["status"]), (200, &json!("WAITING_FOR_DEPOSIT")));
        self.workflow(id).await.cancel(WorkflowCancelOptions::default()).await.unwrap();
        self.stands_at(id, "EXPIRED").await;
        assert_eq!(self.checkout(id).await["failure"]["code"], "canceled");
        assert_eq!(self.shop.at_toss(id).await["status"], "CANCELED");
        NOTHING
    }

    async fn a_payment_key_is_invented(&self) -> u64 {
        let (id, other) = ("claimed-by-many", "claimed-by-its-own");
        let (key, others_key) = (self.authorized(id, "카드").await, self.authorized(other, "카드").await);
        for stolen in ["invented-key", "invented-key", &others_key] {
            let (answer, body) = self.shop.confirm(id, stolen, "23000").await;
            assert_eq!((answer, &body["code"]), (409, &json!("not_confirmable")), "{stolen}: {body}");
            let checkout = self.checkout(id).await;
            assert_eq!((&checkout["status"], &checkout["psp"]), (&json!("NOT_STARTED"), &Value::Null));
        }
        for (id, key) in [(id, key), (other, others_key)] {
            let (answer, body) = self.shop.confirm(id, &key, "23000").await;
            assert_eq!((answer, &body["status"]), (200, &json!("SUCCESS")), "{body}");
            assert_eq!(self.shop.statuses(id).await, ["NOT_STARTED", "EXECUTING", "SUCCESS"]);
        }
        let (answer, body) = self.shop.confirm(id, "invented-key", "23000").await;
        assert_eq!((answer, &body["code"]), (409, &json!("not_confirmable")));
        2 * PAID
    }

    async fn webhooks_are_forged(&self) -> u64 {
        let id = "nudged-to-death";
        let key = self.authorized(id, "가상계좌").await;
        self.forge_webhooks(id, 20).await;
        assert!(self.events(id).await < 15, "a checkout that waits for its buyer heeds no webhook");
        assert_eq!(self.shop.confirm(id, &key, "23000").await.0, 200);
        self.forge_webhooks(id, 200).await;
        self.shop.simulate("deposit", &json!({ "orderId": id })).await;
        self.stands_at(id, "SUCCESS").await;
        let events = self.events(id).await;
        assert!(events < NUDGED_EVENTS, "{events} events");
        PAID
    }

    async fn authorized(&self, id: &str, method: &str) -> String {
        self.shop.create(id).await;
        self.shop.authorize_by(id, method).await
    }

    async fn mischief(&self, id: &str, mut mischief: Value) {
        mischief["orderId"] = id.into();
        self.shop.simulate("mischief", &mischief).await;
    }

    async fn forge_webhooks(&self, id: &str, times: usize) {
        let body = json!({ "createdAt": "2026-01-01T00:00:00.000000", "secret": "forged", "status": "DONE",
            "transactionKey": "forged", "orderId": id });
        for _ in 0..times {
            let webhook = self.shop.http.post(format!("{}/v1/webhooks/toss", self.shop.api)).json(&body);
            assert_eq!(webhook.send().await.unwrap().status(), 200);
        }
    }

    async fn checkout(&self, id: &str) -> Value {
        self.shop.get(&format!("/v1/payments/{id}")).await
    }

    async fn stands_at(&self, id: &str, status: &str) {
        until(&format!("{id} is {status}"), || async { self.shop.status(id).await == status }).await;
    }

    async fn workflow(&self, id: &str) -> WorkflowHandle<Client, CheckoutWorkflow> {
        workflow(self.temporal, &self.checkout(id).await)
    }

    async fn resume(&self, id: &str) {
        let resume = Resume { by: "operator".to_owned(), reason: "mended".to_owned(), letter: None };
        let sent = WorkflowSignalOptions::default();
        self.workflow(id).await.signal(CheckoutWorkflow::resume, resume.into(), sent).await.unwrap();
    }

    async fn events(&self, id: &str) -> usize {
        let workflow = self.workflow(id).await;
        workflow.describe(WorkflowDescribeOptions::default()).await.unwrap().history_length()
    }

    async fn shown(&self, id: &str) -> String {
        shown(&self.workflow(id).await).await
    }

    async fn shown_as(&self, id: &str, status: &str) {
        until(&format!("{id} is shown as {status}"), || async { self.shown(id).await == status }).await;
    }
}

fn workflow(temporal: &Client, checkout: &Value) -> WorkflowHandle<Client, CheckoutWorkflow> {
    temporal.get_workflow_handle::<CheckoutWorkflow>(checkout["workflow"]["id"].as_str().unwrap())
}

/// The status that an operator sees in the Temporal UI.
async fn shown(workflow: &WorkflowHandle<Client, CheckoutWorkflow>) -> String {
    let description = workflow.describe(WorkflowDescribeOptions::default()).await.unwrap();
    description.search_attributes().get(&attributes::PAYMENT_STATUS).unwrap_or_default()
}

/// The row is not what the workflow wrote, so nothing can be written to it: a person has to see that, and it is
/// written once the row is mended.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_cannot_succeed_is_shown_and_repeated() {
    let roles = Roles::start(Kind::Sqlite).await;
    let (_worker, temporal) = (roles.role("worker"), roles.temporal().await);
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let set_revision = async |revision: u32| {
        let statement = format!("UPDATE payment_events SET revision = {revision}");
        database.connection().execute_unprepared(&statement).await.unwrap();
    };
    let shop = &roles.shop;
    shop.create("out-of-step").await;
    let key = shop.authorize("out-of-step").await;
    set_revision(7).await;
    let workflow = workflow(&temporal, &shop.get("/v1/payments/out-of-step").await);
    let confirming = shop.confirm("out-of-step", &key, "23000");
    let mending = async {
        until("a person is shown", || async { shown(&workflow).await == "STUCK" }).await;
        set_revision(0).await;
    };
    tokio::join!(confirming, mending);
    until("it is written", || async { shop.status("out-of-step").await == "SUCCESS" }).await;
    until("it is shown", || async { shown(&workflow).await == "SUCCESS" }).await;
    assert_eq!((shop.charged().await, shop.receivable().await), ((PAID, 0), PAID));
}
