//! Canceling and refunding from outside: what the marketplace is told, what the buyer really gets back, and what the
//! books say of it. They agree after every story.

mod racing;

use domain::{
    Currency, Money, Timestamp,
    dead_letter::DeclaredOutcome,
    id::{HoldId, SellerAccount},
    ledger::Hold,
};
use serde_json::{Value, json};
use std::str::FromStr as _;
use store::{Database, DatabaseUrl, Reader, Writer};
use temporalio_client::{Client, WorkflowDescribeOptions, WorkflowHandle, WorkflowSignalOptions};
use workflows::{
    dead_letter::{Resolve, Resume},
    refund::RefundWorkflow,
};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Answer, Shop, until},
};

on_both_databases!(every_refund_is_told_carried_out_and_booked);

const PAID: u64 = 23_000;
/// The most history events of a refund's own workflow.
const EVENT_BUDGET: usize = 20;

/// A shop with its worker and what looks behind the counter.
struct Scene<'a> {
    shop: &'a Shop,
    roles: &'a Roles,
    temporal: Client,
    reader: Reader,
    writer: Writer,
}

impl<'a> Scene<'a> {
    async fn of(roles: &'a Roles) -> Self {
        let url = DatabaseUrl::from_str(&roles.database_url()).unwrap();
        let writer = Writer::new(Database::connect(&url).await.unwrap());
        let reader = Reader::new(Database::connect_read_only(&url).await.unwrap());
        Self { shop: &roles.shop, roles, temporal: roles.temporal().await, reader, writer }
    }

    /// A checkout of 23,000 won that is paid: 15,000 for seller-a, 8,000 for seller-b.
    async fn paid(&self, id: &str) {
        self.shop.create(id).await;
        let key = self.shop.authorize(id).await;
        let (answer, body) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!((answer, &body["status"]), (200, &json!("SUCCESS")), "{body}");
    }

    async fn orders(&self, id: &str) -> Vec<String> {
        let checkout = self.shop.get(&format!("/v1/payments/{id}")).await;
        let orders = checkout["payment_orders"].as_array().unwrap();
        orders.iter().map(|order| order["payment_order_id"].as_str().unwrap().to_owned()).collect()
    }

    async fn mischief(&self, id: &str, mut mischief: Value) {
        mischief["orderId"] = id.into();
        self.shop.simulate("mischief", &mischief).await;
    }

    /// What Toss holds of a checkout, and how many cancellations it has carried out.
    async fn at_toss(&self, id: &str) -> (u64, usize) {
        let payment = self.shop.at_toss(id).await;
        let cancels = payment["cancels"].as_array().map_or(0, Vec::len);
        (payment["balanceAmount"].as_u64().unwrap(), cancels)
    }

    /// The statuses of a checkout, then of its orders.
    async fn statuses(&self, id: &str) -> Vec<String> {
        let checkout = self.shop.get(&format!("/v1/payments/{id}")).await;
        let orders = checkout["payment_orders"].as_array().unwrap().iter().map(|order| &order["payment_order_status"]);
        std::iter::once(&checkout["status"]).chain(orders).map(|status| status.as_str().unwrap().to_owned()).collect()
    }

    async fn refund_stands_at(&self, id: &str, status: &str) {
        until(&format!("the last refund of {id} is {status}"), || async {
            let checkout = self.shop.get(&format!("/v1/payments/{id}")).await;
            checkout["refunds"]
                .as_array()
                .and_then(|refunds| refunds.last())
                .is_some_and(|last| last["status"] == status)
        })
        .await;
    }

    fn refund(&self, refund: &Value) -> WorkflowHandle<Client, RefundWorkflow> {
        self.temporal.get_workflow_handle::<RefundWorkflow>(refund["refund_id"].as_str().unwrap())
    }

    /// The books agree with themselves and with Toss, which charged nobody twice.
    async fn agree(&self) {
        let (net, twice) = self.shop.charged().await;
        assert_eq!((self.shop.receivable().await, 0), (net, twice), "what the books say and what Toss holds");
        let audit = self.reader.audit(&[], &mut |_| {}).await.unwrap();
        assert_eq!(audit.findings.named, []);
    }
}

fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body["code"].as_str().unwrap_or_default())
}

async fn every_refund_is_told_carried_out_and_booked(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let scene = Scene::of(&roles).await;
    tokio::join!(
        whole(&scene),
        order_by_order(&scene),
        in_parts(&scene),
        refused_requests(&scene),
        before_payment(&scene),
    );
    scene.agree().await;
    tokio::join!(
        refused_by_toss(&scene),
        lost_answers(&scene),
        virtual_accounts(&scene),
        a_person_decides(&scene),
        canceled_at_toss(&scene),
    );
    after_payout(&scene).await;
    scene.agree().await;
}

async fn whole(scene: &Scene<'_>) {
    scene.paid("whole-1").await;
    let first = scene.shop.delete("whole-1").await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.body["status"], "REFUNDED");
    let refund = &first.body["refund"];
    assert_eq!((&refund["status"], &refund["amount"]), (&json!("SUCCEEDED"), &json!("23000")));
    assert_eq!(refund["orders"].as_array().unwrap().len(), 2);
    assert_eq!(scene.statuses("whole-1").await, ["REFUNDED", "REFUNDED", "REFUNDED"]);
    assert_eq!(scene.at_toss("whole-1").await, (0, 1));

    let again = scene.shop.delete("whole-1").await;
    assert_eq!((again.status, &again.body["refund"]), (200, refund), "a repetition is told the same");
    let more = scene.shop.cancel("whole-1", "whole-more", &json!({ "reason": "더" })).await;
    assert_eq!(code(&more), (422, "refund_exceeds_payment"));
    assert_eq!(scene.shop.statuses("whole-1").await, ["NOT_STARTED", "EXECUTING", "SUCCESS", "REFUNDED"]);

    let own = scene.refund(refund).describe(WorkflowDescribeOptions::default()).await.unwrap().history_length();
    // What its queue costs depends on how many it serves, and how busy the machine is; `make demo` shows it.
    assert!(own <= EVENT_BUDGET, "{own} events");
}

async fn order_by_order(scene: &Scene<'_>) {
    scene.paid("orders-1").await;
    let orders = scene.orders("orders-1").await;
    let second = scene.shop.delete(&orders[1]).await;
    assert_eq!((second.status, &second.body["refund"]["amount"]), (200, &json!("8000")), "{}", second.body);
    assert_eq!(scene.statuses("orders-1").await, ["PARTIALLY_REFUNDED", "SUCCESS", "REFUNDED"]);
    assert_eq!(scene.shop.delete(&orders[1]).await.body["refund"], second.body["refund"]);
    let part = json!({ "amount": "5000", "reason": "흠집" });
    assert_eq!(scene.shop.cancel(&orders[0], "orders-part", &part).await.status, 200);
    assert_eq!(scene.statuses("orders-1").await, ["PARTIALLY_REFUNDED", "PARTIALLY_REFUNDED", "REFUNDED"]);
    let too_much = json!({ "amount": "10001", "reason": "흠집" });
    let refused = scene.shop.cancel(&orders[0], "orders-much", &too_much).await;
    assert_eq!(code(&refused), (422, "refund_exceeds_payment"));
    let rest = scene.shop.delete("orders-1").await;
    assert_eq!((rest.status, &rest.body["refund"]["amount"]), (200, &json!("10000")), "{}", rest.body);
    assert_eq!(scene.statuses("orders-1").await, ["REFUNDED", "REFUNDED", "REFUNDED"]);
    assert_eq!(scene.at_toss("orders-1").await, (0, 3));
}

async fn in_parts(scene: &Scene<'_>) {
    scene.paid("parts-1").await;
    let body = json!({ "amount": "10000", "reason": "부분 환불" });
    let first = scene.shop.cancel("parts-1", "parts-key", &body).await;
    assert_eq!((first.status, &first.body["status"]), (200, &json!("PARTIALLY_REFUNDED")), "{}", first.body);
    // In proportion to 15,000 and 8,000.
    let amounts: Vec<_> =
        first.body["refund"]["orders"].as_array().unwrap().iter().map(|part| &part["amount"]).collect();
    assert_eq!(amounts, ["6522", "3478"]);
    let again = scene.shop.cancel("parts-1", "parts-key", &body).await;
    assert_eq!((again.status, again.replayed, &again.body["refund"]), (200, true, &first.body["refund"]));
    let other = scene.shop.cancel("parts-1", "parts-key", &json!({ "amount": "9999", "reason": "부분 환불" })).await;
    assert_eq!(code(&other), (422, "idempotency_key_reused"));
    let rest = scene.shop.cancel("parts-1", "parts-rest", &json!({ "reason": "나머지" })).await;
    assert_eq!((rest.status, &rest.body["refund"]["amount"]), (200, &json!("13000")), "{}", rest.body);
    assert_eq!(scene.statuses("parts-1").await, ["REFUNDED", "REFUNDED", "REFUNDED"]);
    assert_eq!(scene.at_toss("parts-1").await, (0, 2));
}

async fn refused_requests(scene: &Scene<'_>) {
    scene.paid("asked-1").await;
    let reason = json!({ "reason": "x" });
    assert_eq!(code(&scene.shop.delete("asked-nobody").await), (404, "checkout_not_found"));
    assert_eq!(code(&scene.shop.cancel("asked-nobody", "asked-a", &reason).await), (404, "checkout_not_found"));
    assert_eq!(code(&scene.shop.cancel("asked-1", "", &reason).await), (400, "idempotency_key_missing"));
    assert_eq!(code(&scene.shop.cancel("asked-1", "asked-b", &json!({})).await), (422, "validation_failed"));
    let account = json!({ "bank": "88", "account_number": "110123456789", "holder_name": "김토스" });
    let with_account = json!({ "reason": "x", "refund_account": account });
    assert_eq!(code(&scene.shop.cancel("asked-1", "asked-c", &with_account).await), (422, "validation_failed"));
    let reader = Shop { api_key: scene.roles.create_key("read"), ..scene.shop.clone() };
    assert_eq!(code(&reader.delete("asked-1").await), (403, "forbidden"));
    assert_eq!(scene.statuses("asked-1").await[0], "SUCCESS");
    assert_eq!(scene.at_toss("asked-1").await, (PAID, 0));
}

async fn before_payment(scene: &Scene<'_>) {
    scene.shop.create("early-1").await;
    let order = &scene.orders("early-1").await[0];
    let alone = scene.shop.delete(order).await;
    assert_eq!(code(&alone), (409, "not_cancelable"), "{}", alone.body);
    let part = scene.shop.cancel("early-1", "early-part", &json!({ "amount": "1", "reason": "x" })).await;
    assert_eq!(code(&part), (409, "not_paid"));
    for _ in 0..2 {
        let deleted = scene.shop.delete("early-1").await;
        assert_eq!((deleted.status, &deleted.body["status"]), (200, &json!("CANCELED")), "{}", deleted.body);
    }
    let posted = scene.shop.cancel("early-1", "early-whole", &json!({ "reason": "x" })).await;
    assert_eq!((posted.status, &posted.body["status"]), (200, &json!("CANCELED")));

    scene.shop.create("early-2").await;
    let key = scene.shop.authorize("early-2").await;
    scene.mischief("early-2", json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT" })).await;
    assert_eq!(scene.shop.confirm("early-2", &key, "23000").await.0, 402);
    // It waits for another payment, until it is given up; then it is over for good.
    for _ in 0..2 {
        let deleted = scene.shop.delete("early-2").await;
        assert_eq!((deleted.status, &deleted.body["status"]), (200, &json!("FAILED")), "{}", deleted.body);
        assert_eq!(deleted.body["failure"]["code"], "canceled");
    }
    let key = scene.shop.authorize("early-2").await;
    assert_eq!(scene.shop.confirm("early-2", &key, "23000").await.0, 409);

    scene.shop.create("early-3").await;
    let key = scene.shop.authorize_by("early-3", "가상계좌").await;
    assert_eq!(scene.shop.confirm("early-3", &key, "23000").await.0, 200);
    for _ in 0..2 {
        let deleted = scene.shop.delete("early-3").await;
        assert_eq!((deleted.status, &deleted.body["status"]), (200, &json!("EXPIRED")), "{}", deleted.body);
        assert_eq!(deleted.body["failure"]["code"], "canceled");
    }
}

async fn refused_by_toss(scene: &Scene<'_>) {
    scene.paid("refused-1").await;
    let too_late = json!({ "on": "cancel", "kind": "error_before", "code": "EXCEED_MAX_REFUND_DUE" });
    scene.mischief("refused-1", too_late).await;
    let body = json!({ "amount": "1000", "reason": "늦은 환불" });
    for _ in 0..2 {
        let refused = scene.shop.cancel("refused-1", "refused-key", &body).await;
        assert_eq!(code(&refused), (409, "refund_refused"), "{}", refused.body);
        assert_eq!(refused.body["psp_code"], "EXCEED_MAX_REFUND_DUE");
    }
    let checkout = scene.shop.get("/v1/payments/refused-1").await;
    assert_eq!((&checkout["status"], &checkout["refunds"][0]["status"]), (&json!("SUCCESS"), &json!("FAILED")));
    assert_eq!(checkout["payment_orders"][0]["refunded_amount"], "0", "the promise was taken back");
    assert_eq!(scene.at_toss("refused-1").await, (PAID, 0));
    // What was refused stays refused under its key; under another one it may succeed.
    assert_eq!(scene.shop.delete("refused-1").await.status, 200);
    assert_eq!(scene.at_toss("refused-1").await, (0, 1));
}

/// However the answer is lost, the money goes back exactly once.
async fn lost_answers(scene: &Scene<'_>) {
    let mut stories = Vec::new();
    for kind in [
        "execute_and_stall",
        "execute_and_error",
        "garbage_after",
        "stall_before",
        "error_before",
        "refuse_connection",
        "rate_limit",
        "wrong_amount",
    ] {
        stories.push(async move {
            let id = format!("lost-{}", kind.replace('_', "-"));
            scene.paid(&id).await;
            let answer_time = json!({ "on": "cancel", "kind": kind, "times": 1 });
            scene.mischief(&id, answer_time).await;
            let body = json!({ "amount": "4000", "reason": "부분 환불" });
            let answer = scene.shop.cancel(&id, &format!("{id}-key"), &body).await;
            assert!([200, 202].contains(&answer.status), "{kind}: {} {}", answer.status, answer.body);
            scene.refund_stands_at(&id, "SUCCEEDED").await;
            assert_eq!(scene.at_toss(&id).await, (PAID - 4_000, 1), "{kind}");
            let again = scene.shop.cancel(&id, &format!("{id}-key"), &body).await;
            assert_eq!((again.status, again.replayed), (200, true), "{kind}");
        });
    }
    futures::future::join_all(stories).await;
}

async fn virtual_accounts(scene: &Scene<'_>) {
    scene.shop.create("account-1").await;
    let key = scene.shop.authorize_by("account-1", "가상계좌").await;
    assert_eq!(scene.shop.confirm("account-1", &key, "23000").await.0, 200);
    scene.shop.simulate("deposit", &json!({ "orderId": "account-1" })).await;
    until("the deposit is booked", || async { scene.shop.status("account-1").await == "SUCCESS" }).await;
    let deleted = scene.shop.delete("account-1").await;
    assert_eq!(code(&deleted), (422, "refund_account_required"), "{}", deleted.body);
    let account = json!({ "bank": "88", "account_number": "110123456789", "holder_name": "김토스" });
    let body = json!({ "reason": "환불", "refund_account": account });
    let refunded = scene.shop.cancel("account-1", "account-key", &body).await;
    assert_eq!((refunded.status, &refunded.body["status"]), (200, &json!("REFUNDED")), "{}", refunded.body);
    assert!(!refunded.body.to_string().contains("110123456789"), "the account is not told again");
    assert_eq!(scene.at_toss("account-1").await, (0, 1));
}

/// Toss does not let us in, so a person is called; they say try again, or what came of it.
async fn a_person_decides(scene: &Scene<'_>) {
    for (id, outcome, end, held) in [
        ("stuck-resume", None, "SUCCEEDED", PAID - 2_000),
        ("stuck-not", Some(DeclaredOutcome::NotRefunded), "FAILED", PAID),
    ] {
        scene.paid(id).await;
        for (on, times) in [("cancel", 1), ("lookup", 3)] {
            let deaf = json!({ "on": on, "kind": "error_before", "code": "UNAUTHORIZED_KEY", "times": times });
            scene.mischief(id, deaf).await;
        }
        let answer = scene.shop.cancel(id, &format!("{id}-key"), &json!({ "amount": "2000", "reason": "환불" })).await;
        assert_eq!((answer.status, answer.retry_after), (202, true), "{}", answer.body);
        scene.refund_stands_at(id, "STUCK").await;
        // The others wait until it is known what was given back.
        let next = scene.shop.cancel(id, &format!("{id}-next"), &json!({ "amount": "3000", "reason": "환불" })).await;
        assert_eq!((next.status, &next.body["refund"]["status"]), (202, &json!("REQUESTED")), "{}", next.body);
        let refund = scene.refund(&answer.body["refund"]);
        let (by, reason) = ("operator".to_owned(), "looked at Toss".to_owned());
        let options = WorkflowSignalOptions::default();
        match outcome {
            None => refund
                .signal(RefundWorkflow::resume, Resume { by, reason, letter: None }.into(), options)
                .await
                .unwrap(),
            Some(outcome) => {
                refund
                    .signal(RefundWorkflow::resolve, Resolve { by, reason, outcome, letter: None }.into(), options)
                    .await
                    .unwrap();
            }
        }
        scene.refund_stands_at(id, "SUCCEEDED").await;
        let checkout = scene.shop.get(&format!("/v1/payments/{id}")).await;
        assert_eq!(checkout["refunds"][0]["status"], end, "{checkout}");
        assert_eq!(scene.at_toss(id).await.0, held - 3_000, "{id}");
    }
}

/// Somebody cancels at Toss's own pages; what they gave back is not taken for ours, and no more goes back than is
/// there.
async fn canceled_at_toss(scene: &Scene<'_>) {
    scene.paid("elsewhere-1").await;
    let payment = scene.shop.at_toss("elsewhere-1").await;
    let key = payment["paymentKey"].as_str().unwrap();
    let url = format!("{}/v1/payments/{key}/cancel", scene.shop.simulator);
    let by_hand = scene.shop.http.post(url).basic_auth(toss_sim::DEFAULT_SECRET_KEY, Some(""));
    let by_hand = by_hand.json(&json!({ "cancelReason": "상점관리자", "cancelAmount": 6_000 })).send().await.unwrap();
    assert_eq!(by_hand.status(), 200);
    let body = json!({ "amount": "4000", "reason": "환불" });
    let answer = scene.shop.cancel("elsewhere-1", "elsewhere-key", &body).await;
    assert!([200, 202].contains(&answer.status), "{}", answer.body);
    scene.refund_stands_at("elsewhere-1", "SUCCEEDED").await;
    assert_eq!(scene.at_toss("elsewhere-1").await, (PAID - 10_000, 2));
    // The books do not know of what was done by hand until it is booked.
    let entry = testkit::settlement::to_bank(
        "by-hand",
        Money::try_from_minor(6_000, Currency::Krw).unwrap(),
        Money::zero(Currency::Krw),
        Timestamp::from_epoch_ms(1_800_000_000_000),
    );
    scene.writer.book(entry.unwrap()).await.unwrap();
}

/// What a seller was paid out is the seller's debt when it goes back to the buyer.
async fn after_payout(scene: &Scene<'_>) {
    scene.paid("payout-1").await;
    let seller = SellerAccount::parse("seller-b").unwrap();
    let far = Timestamp::from_epoch_ms(4_000_000_000_000);
    scene.writer.release_due(far, 1_000).await.unwrap();
    let available = scene.reader.wallets(&seller).await.unwrap()[0].wallet.available;
    let payout = Hold { id: HoldId::parse("payout-b").unwrap(), seller: seller.clone(), amount: available };
    scene.writer.reserve(&payout, None, far).await.unwrap();
    scene.writer.capture_hold(&payout.id, available, far).await.unwrap();
    let order = &scene.orders("payout-1").await[1];
    let refunded = scene.shop.delete(order).await;
    assert_eq!(refunded.status, 200, "{}", refunded.body);
    let wallet = scene.reader.wallets(&seller).await.unwrap()[0].wallet;
    assert_eq!((wallet.available.minor(), wallet.debt.minor()), (0, 8_000));
}
