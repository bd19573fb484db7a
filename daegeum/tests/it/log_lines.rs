//! Every line of the log about a checkout carries the checkout's id, whatever process writes it.
//!
//! A line is about a checkout if the request, the workflow or the attempt that logs it is. Such a line has the id in
//! the field `checkout.id`, of its own or of a span around it.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use crate::{
    database::Kind,
    payouts::{names, post, register, text},
    roles::Roles,
    stack::{Shop, until},
    virtual_accounts::stands_at,
};

/// Everything is available at once and paid at once, and the log is for programs.
const SETTINGS: &str = "log_format = \"json\"\nrelease_business_days = 0\n[payouts]\ntiming = \"express\"\n";
/// How the names of the steps begin that are about one checkout.
const OF_A_CHECKOUT: [&str; 6] = ["checkout.", "ledger.", "psp.", "refund.", "risk.", "dead_letter."];
/// Those of these names that are about payouts.
const OF_PAYOUTS: [&str; 2] = ["psp.request_payouts", "psp.look_up_payouts"];
/// How the routes begin that are about one checkout.
const ROUTES: [&str; 3] = ["/v1/payments/{id}", "/checkout/{checkout_id}", "/v1/dead-letters/{id}"];
/// The most that Toss asks in a test before a payment stands still.
const QUESTIONS: u32 = 20;
/// What the two sellers of a checkout of the tests earn together.
const PAID: u64 = 23_000;

/// A line as it was written, and the checkout that it carries.
struct Line {
    text: String,
    read: Value,
    checkout: Option<String>,
}

impl Line {
    fn field(&self, name: &str) -> Option<&str> {
        self.read["fields"][name].as_str()
    }

    /// Whether the line says by itself that it is about one checkout.
    fn is_about_one(&self) -> bool {
        let of_step = self.field("step").is_some_and(|step| {
            OF_A_CHECKOUT.iter().any(|beginning| step.starts_with(beginning)) && !OF_PAYOUTS.contains(&step)
        });
        let is_answered = self.read["fields"]["status"].as_u64().is_some_and(|status| status < 400);
        let of_route =
            self.field("route").is_some_and(|route| ROUTES.iter().any(|beginning| route.starts_with(beginning)));
        let is_creation = self.field("method") == Some("POST") && self.field("route") == Some("/v1/payments");
        of_step || (is_answered && (of_route || is_creation))
    }
}

/// The lines of our own crates in a log.
fn lines(log: &Path) -> Vec<Line> {
    let told = std::fs::read_to_string(log).unwrap();
    let read = told.lines().filter_map(|text| Some((text.to_owned(), serde_json::from_str::<Value>(text).ok()?)));
    let carried = |read: &Value| {
        let spans = read["spans"].as_array().into_iter().flatten();
        let places = std::iter::once(&read["fields"]).chain(spans);
        places.filter_map(|place| place["checkout.id"].as_str()).next().map(str::to_owned)
    };
    let line = |(text, read): (String, Value)| Line { text, checkout: carried(&read), read };
    let is_ours = |line: &Line| !line.read["target"].as_str().unwrap_or_default().starts_with("temporalio");
    read.map(line).filter(is_ours).collect()
}

/// By what a checkout is called: its own id and those of its orders, refunds, workflows and dead letters.
async fn called(shop: &Shop, id: &str) -> Vec<String> {
    let whole = shop.get(&format!("/v1/payments/{id}")).await;
    let mut called = vec![id.to_owned(), text(&whole["workflow"], "id").to_owned(), format!("refunds.{id}")];
    let all = |list: &Value, name: &str| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|one| text(one, name).to_owned()).collect()
    };
    called.extend(all(&whole["payment_orders"], "payment_order_id"));
    called.extend(all(&whole["refunds"], "refund_id"));
    let letters = shop.get(&format!("/v1/dead-letters?checkout_id={id}")).await;
    called.extend(all(&letters["data"], "dead_letter_id"));
    called
}

async fn order_of(shop: &Shop, id: &str) -> String {
    let whole = shop.get(&format!("/v1/payments/{id}")).await;
    text(&whole["payment_orders"][0], "payment_order_id").to_owned()
}

/// Paid at once, read in every way, refunded in part by one of its orders and then whole.
async fn paid_and_refunded(shop: &Shop, id: &str) {
    shop.create(id).await;
    let page = shop.page(id).await;
    assert_eq!(shop.http.get(page).send().await.unwrap().status(), 200);
    let key = shop.authorize(id).await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 200);
    let order = order_of(shop, id).await;
    shop.get(&format!("/v1/payments/{order}")).await;
    shop.get(&format!("/v1/payments/{id}/history")).await;
    assert_eq!(post(shop, &format!("/v1/payments/{order}/confirm-purchase"), &json!({})).await.0, 200);
    let part = json!({ "amount": "1000", "reason": "a scratch" });
    assert_eq!(shop.cancel(&order, &format!("{id}-part"), &part).await.status, 200);
    assert_eq!(shop.delete(id).await.status, 200);
}

/// Toss refuses our key, a person tries again, and the payment succeeds.
async fn stuck_and_resumed(shop: &Shop, id: &str) {
    shop.create(id).await;
    shop.lock_out(id, QUESTIONS).await;
    let key = shop.authorize(id).await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 202);
    let letter = shop.letter_of(id).await;
    shop.end_mischief().await;
    assert_eq!(shop.act(&letter, "retry", &json!({ "reason": "the key is right again" })).await.0, 200);
    until("the payment is made", || async { shop.status(id).await == "SUCCESS" }).await;
}

/// Paid into a virtual account.
async fn deposited(shop: &Shop, id: &str) {
    shop.create(id).await;
    let key = shop.authorize_by(id, "가상계좌").await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 200);
    shop.simulate("deposit", &json!({ "orderId": id })).await;
    stands_at(shop, id, "SUCCESS").await;
}

/// Sellers earn by a checkout and are paid out.
async fn paid_out(roles: &Roles, id: &str) {
    let sellers = names("seller", 2);
    register(&roles.shop.simulator, &roles.database_url(), &sellers).await;
    let shop = &roles.shop;
    let orders: Vec<Value> = sellers
        .iter()
        .map(|seller| json!({ "seller_account": seller, "amount": (PAID / 2).to_string(), "currency": "KRW" }))
        .collect();
    let body = json!({ "checkout_id": id, "order_name": "셔츠", "buyer_info": { "id": "buyer-1" },
        "payment_orders": orders });
    shop.create_with(id, &body).await;
    let key = shop.simulate("authorize", &json!({ "orderId": id, "amount": PAID })).await;
    assert_eq!(shop.confirm(id, text(&key, "paymentKey"), &PAID.to_string()).await.0, 200);
    shop.simulate("balance", &json!({ "amount": PAID })).await;
    let [maker, checker] = [0, 1].map(|_| Shop { api_key: roles.create_key("finance"), ..shop.clone() });
    let wallet = format!("/v1/wallets/{}", sellers[1]);
    until("the earnings are available", || async {
        shop.get(&wallet).await["available"] == (PAID / 2).to_string().as_str()
    })
    .await;
    let (status, run) = post(&maker, "/v1/payout-runs", &json!({ "seller_accounts": sellers })).await;
    assert_eq!(status, 201, "{run}");
    let path = format!("/v1/payout-runs/{}", text(&run, "payout_run_id"));
    assert_eq!(post(&checker, &format!("{path}/approve"), &json!({ "digest": run["digest"] })).await.0, 200);
    until("the run is complete", || async {
        shop.simulate("clock", &json!({ "advance_s": 61 })).await;
        maker.get(&path).await["status"] == "COMPLETED"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_about_a_checkout_carries_its_id() {
    let settings = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(settings.path(), SETTINGS).unwrap();
    let roles = Roles::start_with(Kind::Sqlite, &["--config", settings.path().to_str().unwrap()]).await;
    let worker = roles.role("worker");
    let shop = &roles.shop;
    let ids = ["logged-refunded", "logged-stuck", "logged-deposit", "logged-paid-out"];
    paid_and_refunded(shop, ids[0]).await;
    stuck_and_resumed(shop, ids[1]).await;
    deposited(shop, ids[2]).await;
    paid_out(&roles, ids[3]).await;
    let mut owners = BTreeMap::new();
    for id in ids {
        owners.extend(called(shop, id).await.into_iter().map(|name| (name, id)));
    }
    drop(worker);

    let lines: Vec<Line> = ["api", "worker"].into_iter().flat_map(|role| lines(&roles.log(role))).collect();
    for line in &lines {
        let told: Vec<_> = owners.iter().filter(|(name, _)| line.text.contains(name.as_str())).collect();
        for (name, id) in &told {
            assert_eq!(line.checkout.as_deref(), Some(**id), "the line names {name}: {}", line.text);
        }
        assert!(line.checkout.is_some() || !line.is_about_one(), "no checkout is named: {}", line.text);
    }
    let of_payouts = lines.iter().filter(|line| line.field("step").is_some_and(|step| step.starts_with("payout.")));
    assert!(of_payouts.clone().count() > 2 && of_payouts.clone().all(|line| line.checkout.is_none()));
    for id in ids {
        let of = lines.iter().filter(|line| line.checkout.as_deref() == Some(id));
        let with = |name: &str| of.clone().filter(|line| line.field(name).is_some()).count();
        assert!(with("step") > 2 && with("route") > 2, "{id} is in too few lines");
    }
}
