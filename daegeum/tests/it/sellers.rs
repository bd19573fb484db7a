//! Sellers over HTTP: registered at Toss, followed, held back; nothing of a bank account stands anywhere in the clear.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    database::Kind,
    events::log,
    on_both_databases,
    roles::record_history,
    stack::{Dev, Shop, daegeum, until},
};

on_both_databases!(
    a_seller_is_registered_and_followed,
    a_lost_answer_registers_nobody_twice,
    money_of_a_seller_is_held_back,
    a_purchase_is_confirmed_once,
);

const ACCOUNT: &str = "110987654321";
const OTHER_ACCOUNT: &str = "220123450987";

/// A marketplace with a key of scope `finance`.
struct Office {
    dev: Dev,
    finance: String,
    /// A key without the scope `finance`.
    clerk: String,
    flags: Vec<String>,
}

struct Told {
    status: u16,
    body: Value,
    is_replayed: bool,
}

impl Office {
    async fn open(database: Kind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let flags = database.flags().await;
        let mut command = daegeum();
        command.arg("--data-dir").arg(directory.path()).args(&flags);
        command.args(["dev", "--port", "0", "--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"]);
        let dev = Dev::start_by(directory, command).await;
        let finance = key(dev.directory.path(), &flags, "finance");
        let clerk = key(dev.directory.path(), &flags, "checkout");
        Self { dev, finance, clerk, flags }
    }

    /// Writes the history of a workflow down, where histories are recorded.
    async fn record(&self, story: &str, workflow_id: &str) {
        let addresses = std::fs::read(self.dev.directory.path().join("addresses.json")).unwrap();
        let addresses: Value = serde_json::from_slice(&addresses).unwrap();
        record_history(addresses["temporal"].as_str().unwrap(), story, workflow_id).await;
    }

    const fn shop(&self) -> &Shop {
        &self.dev.shop
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Told {
        self.ask_as(&self.finance, method, path, body, None).await
    }

    async fn ask_as(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
        idempotency_key: Option<&str>,
    ) -> Told {
        let mut request = self.shop().http.request(method, format!("{}{path}", self.shop().api)).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(idempotency_key) = idempotency_key {
            request = request.header("Idempotency-Key", idempotency_key);
        }
        let answer = request.send().await.unwrap();
        let is_replayed = answer.headers().contains_key("idempotent-replayed");
        Told { status: answer.status().as_u16(), is_replayed, body: answer.json().await.unwrap_or_default() }
    }

    async fn put(&self, seller: &str, body: Value) -> Told {
        self.ask(Method::PUT, &format!("/v1/sellers/{seller}"), Some(body)).await
    }

    async fn seller(&self, seller: &str) -> Value {
        self.shop().get(&format!("/v1/sellers/{seller}")).await
    }

    async fn reaches(&self, seller: &str, status: &str) {
        until(&format!("{seller} is {status}"), || async { self.seller(seller).await["payout_status"] == status })
            .await;
    }

    /// What Toss has.
    async fn at_toss(&self) -> Vec<Value> {
        let url = format!("{}/_sim/sellers", self.shop().simulator);
        self.shop().http.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// Types of the events about a seller, and their data.
    async fn told(&self, seller: &str) -> Vec<(String, Value)> {
        let events = log(self.shop()).await;
        let events = events.into_iter();
        let of_seller = events.filter(|event| event["object"]["type"] == "seller" && event["object"]["id"] == seller);
        of_seller.map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"].clone())).collect()
    }
}

fn key(directory: &Path, flags: &[String], scope: &str) -> String {
    let mut command = daegeum();
    command.arg("--data-dir").arg(directory).args(flags).args(["keys", "create", "--scope", scope]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap().trim().to_owned()
}

fn company(account_number: &str) -> Value {
    json!({
        "name": "토스 상점",
        "business_type": "CORPORATE",
        "business_registration_number": "123-45-67890",
        "representative_name": "김대표",
        "email": "pay@shop.example",
        "phone": "010-1234-5678",
        "bank_account": { "bank_code": "92", "account_number": account_number, "holder_name": "토스 상점" },
        "payout_schedule": { "cycle": "monthly", "days": [15, 31], "lag_business_days": 1 },
        "minimum_payout": "10000",
    })
}

fn person(account_number: &str) -> Value {
    json!({
        "name": "김하나",
        "business_type": "INDIVIDUAL",
        "email": "hana@shop.example",
        "phone": "010-1234-5678",
        "bank_account": { "bank_code": "004", "account_number": account_number, "holder_name": "김하나" },
        "payout_schedule": { "cycle": "manual" },
    })
}

async fn a_seller_is_registered_and_followed(database: Kind) {
    let office = Office::open(database).await;
    refuses_what_is_wrong(&office).await;
    let created = office.put("seller-a", company(ACCOUNT)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["bank_account"]["masked"], "92 ********4321");
    assert_eq!(created.body["email"], "p***@shop.example");
    assert_eq!(created.body["next_payouts"].as_array().unwrap().len(), 12);
    office.reaches("seller-a", "LIMITED").await;
    let shown = office.seller("seller-a").await;
    assert_eq!(
        (&shown["bank_account"]["is_verified"], &shown["registration"]["is_registered"]),
        (&json!(true), &json!(true))
    );
    let [at_toss] = office.at_toss().await.try_into().unwrap();
    assert_eq!(
        (&at_toss["account"]["bankCode"], &at_toss["refSellerId"]),
        (&json!("092"), &shown["registration"]["ref_seller_id"])
    );

    // Otherwise that question may meet the refusal below.
    let is_question = |call: &Value| call["method"] == "GET" && call["path"].as_str().unwrap().contains("/v2/sellers/");
    until("Toss was asked about the seller", || async { office.shop().calls().await.iter().any(is_question) }).await;

    // Another account is nobody's until Toss takes it; one that Toss refuses is mended by sending it once more.
    let refusal = json!({ "on": "sellers", "kind": "error_before", "code": "ACCOUNT_OWNER_CHECK_FAILED", "times": 1 });
    office.shop().simulate("mischief", &refusal).await;
    let changed = office.put("seller-a", company(OTHER_ACCOUNT)).await;
    assert_eq!(
        (changed.status, &changed.body["payout_status"]),
        (200, &json!("ACCOUNT_UNVERIFIED")),
        "{}",
        changed.body
    );
    assert!(changed.body["bank_account"]["cools_down_until"].is_string(), "{}", changed.body);
    until("Toss refuses", || async { office.seller("seller-a").await["registration"]["failure_code"].is_string() })
        .await;
    let refused = office.seller("seller-a").await;
    assert_eq!(refused["registration"]["failure_code"], "ACCOUNT_OWNER_CHECK_FAILED");
    office.record("followed.seller", "seller.seller-a").await;
    assert_eq!(refused["payout_status"], "ACCOUNT_UNVERIFIED");
    assert_eq!(office.put("seller-a", company(OTHER_ACCOUNT)).await.status, 200);
    office.reaches("seller-a", "LIMITED").await;
    assert_eq!(office.at_toss().await[0]["account"]["accountNumber"], "********0987");

    // What Toss says by webhook is asked of Toss.
    let id = office.at_toss().await[0]["id"].clone();
    let kyc = json!({ "sellerId": id, "status": "KYC_REQUIRED" });
    office.shop().simulate("seller-status", &kyc).await;
    office.reaches("seller-a", "KYC_REQUIRED").await;
    office.shop().simulate("seller-status", &json!({ "sellerId": id, "status": "APPROVED" })).await;
    office.reaches("seller-a", "APPROVED").await;

    // Another kind of business is another registration, under a name that Toss has not burnt.
    assert_eq!(office.put("seller-a", person(OTHER_ACCOUNT)).await.status, 200);
    office.reaches("seller-a", "PENDING_APPROVAL").await;
    let again = office.seller("seller-a").await;
    assert_ne!(again["registration"]["ref_seller_id"], shown["registration"]["ref_seller_id"]);
    assert_eq!(again["next_payouts"], json!([]), "a manual cycle has no days");
    assert_eq!(
        office.put("seller-a", person(OTHER_ACCOUNT)).await.body["version"],
        again["version"],
        "nothing changed"
    );

    let types: Vec<String> = office.told("seller-a").await.into_iter().map(|(kind, _)| kind).collect();
    assert!(types.contains(&"seller.updated".to_owned()) && types.contains(&"seller.blocked".to_owned()), "{types:?}");
    is_read_by_those_who_may(&office).await;
    for secret in [ACCOUNT, OTHER_ACCOUNT, "hana@shop", "01012345678"] {
        stands_nowhere(office.dev.directory.path(), secret);
    }
}

async fn refuses_what_is_wrong(office: &Office) {
    for (change, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "business_type": "FRIEND" }), "business_type"),
        (json!({ "business_registration_number": "123" }), "business_registration_number"),
        (json!({ "email": "nobody" }), "email"),
        (json!({ "payout_schedule": { "cycle": "weekly" } }), "payout_schedule.days"),
        (json!({ "payout_schedule": { "cycle": "weekly", "days": [8] } }), "payout_schedule.days"),
        (json!({ "payout_schedule": { "cycle": "daily", "days": [1] } }), "payout_schedule.days"),
        (json!({ "minimum_payout": "1.5" }), "minimum_payout"),
        (json!({ "metadata": { "a": 1 } }), "metadata"),
        (
            json!({ "bank_account": { "bank_code": "092", "account_number": "1", "holder_name": "a" } }),
            "bank_account.account_number",
        ),
        (json!({ "secret": 1 }), "secret"),
    ] {
        let mut body = company(ACCOUNT);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let told = office.put("seller-a", body).await;
        assert_eq!((told.status, &told.body["errors"][0]["field"]), (422, &json!(field)), "{change} {}", told.body);
        assert!(!told.body.to_string().contains(ACCOUNT), "{}", told.body);
    }
    let mut body = company(ACCOUNT);
    body.as_object_mut().unwrap().remove("representative_name");
    assert_eq!(office.put("seller-a", body).await.body["errors"][0]["code"], "required");
    let by_other = office.ask_as(&office.clerk, Method::PUT, "/v1/sellers/seller-a", Some(company(ACCOUNT)), None);
    assert_eq!(by_other.await.status, 403, "a key without the scope finance");
    let unknown = office.ask(Method::GET, "/v1/sellers/nobody", None).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (404, &json!("seller_not_found")));
}

/// A seller's own key sees the seller and nothing else; what is sealed is shown to `finance`, with a line in the
/// audit log.
async fn is_read_by_those_who_may(office: &Office) {
    a_buyer_reads_who_sells(office).await;
    let listed = office.shop().get("/v1/sellers?limit=1").await;
    assert_eq!(listed["data"][0]["seller_account"], "seller-a");
    let next = listed["next_cursor"].as_str().unwrap();
    let listed = office.shop().get(&format!("/v1/sellers?limit=1&cursor={next}")).await;
    let second = &listed["data"][0];
    assert_eq!(
        (&second["seller_account"], &second["payout_status"]),
        (&json!("seller-b"), &json!("UNREGISTERED")),
        "{listed}"
    );
    let pending = office.shop().get("/v1/sellers?payout_status=PENDING_APPROVAL").await;
    assert_eq!(pending["data"].as_array().unwrap().len(), 1, "{pending}");

    let mut command = daegeum();
    command.arg("--data-dir").arg(office.dev.directory.path()).args(&office.flags);
    command.args(["keys", "create", "--scope", "read", "--seller", "seller-b"]);
    let own = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let own = own.lines().last().unwrap().trim().to_owned();
    let ask = |path: &'static str| office.ask_as(&own, Method::GET, path, None, None);
    assert_eq!(ask("/v1/sellers/seller-b").await.status, 200);
    assert_eq!(ask("/v1/sellers/seller-a").await.status, 403);
    assert_eq!(ask("/v1/sellers").await.body["data"].as_array().unwrap().len(), 1);

    let path = "/v1/sellers/seller-a/bank-account/reveal";
    assert_eq!(office.ask(Method::POST, path, Some(json!({}))).await.status, 422);
    let reason = json!({ "reason": "a payout came back" });
    assert_eq!(office.ask_as(&office.clerk, Method::POST, path, Some(reason.clone()), None).await.status, 403);
    let revealed = office.ask(Method::POST, path, Some(reason)).await;
    assert_eq!((revealed.status, &revealed.body["bank_account"]["account_number"]), (200, &json!(OTHER_ACCOUNT)));
    let lines = office.shop().get("/v1/audit-log?limit=100").await;
    let of_reading = |line: &&Value| line["action"].as_str().unwrap().ends_with("/bank-account/reveal");
    let lines: Vec<&Value> = lines["data"].as_array().unwrap().iter().filter(of_reading).collect();
    let shown = lines.iter().filter(|line| line["result"].as_str().unwrap().contains("a payout came back")).count();
    assert_eq!(shown, 1, "{lines:?}");
}

/// Pages name a seller as the marketplace does now, and by id where it has given no name.
async fn a_buyer_reads_who_sells(office: &Office) {
    let shop = office.shop();
    let page = async |language: &str| {
        let request = shop.http.get(shop.page("named-1").await).header("Accept-Language", language);
        request.send().await.unwrap().text().await.unwrap()
    };
    let names =
        |page: &str, name: &str| page.contains(name) && page.contains("<b>seller-b</b>") && !page.contains("seller-a");
    shop.create("named-1").await;
    for language in ["ko", "en"] {
        let page = page(language).await;
        assert!(names(&page, "<b>김하나</b>"), "{page}");
    }
    // A name is text, and that of an earlier checkout is the present one.
    let mut renamed = person(OTHER_ACCOUNT);
    renamed["name"] = json!("하나 & <i>둘</i>");
    assert_eq!(office.put("seller-a", renamed).await.status, 200);
    let payment = shop.authorize("named-1").await;
    let returned =
        format!("{}&paymentKey={payment}&orderId=named-1&amount=23000", shop.page_at("named-1", "/success").await);
    let returned = shop.http.get(returned).send().await.unwrap().text().await.unwrap();
    assert_eq!(shop.confirm("named-1", &payment, "23000").await.0, 200);
    for page in [page("ko").await, page("en").await, returned] {
        assert!(names(&page, "<b>하나 &amp; &lt;i&gt;둘&lt;/i&gt;</b>"), "{page}");
    }
    assert_eq!(office.put("seller-a", person(OTHER_ACCOUNT)).await.status, 200);
}

/// A text is in no file of ours: no database, no history, no log. The simulator keeps what Toss would keep.
fn stands_nowhere(directory: &Path, secret: &str) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("toss") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!holds, "{secret} stands in {}", path.display());
    }
}

async fn a_lost_answer_registers_nobody_twice(database: Kind) {
    let office = Office::open(database).await;
    for (seller, kind) in [("lost-1", "execute_and_error"), ("lost-2", "garbage_after"), ("lost-3", "error_before")] {
        let fault = json!({ "on": "sellers", "kind": kind, "times": 1 });
        office.shop().simulate("mischief", &fault).await;
        assert_eq!(office.put(seller, company(ACCOUNT)).await.status, 201);
        office.reaches(seller, "LIMITED").await;
    }
    office.record("lost.seller", "seller.lost-1").await;
    let names: std::collections::BTreeSet<String> =
        office.at_toss().await.iter().map(|seller| seller["refSellerId"].as_str().unwrap().to_owned()).collect();
    assert_eq!((names.len(), office.at_toss().await.len()), (3, 3));
}

async fn money_of_a_seller_is_held_back(database: Kind) {
    let office = Office::open(database).await;
    let all = json!({ "reason": "an open dispute" });
    let holds = "/v1/sellers/seller-a/holds";
    let hold =
        |body: Value, key: &'static str| office.ask_as(&office.finance, Method::POST, holds, Some(body), Some(key));
    assert_eq!(hold(all.clone(), "first").await.body["code"], "seller_not_found", "nobody has named the seller");
    office.shop().create("held-1").await;
    let payment = office.shop().authorize("held-1").await;
    assert_eq!(office.shop().confirm("held-1", &payment, "23000").await.0, 200);

    let placed = hold(all.clone(), "first").await;
    assert_eq!((placed.status, placed.is_replayed), (201, false), "{}", placed.body);
    let again = hold(all.clone(), "first").await;
    assert_eq!((again.status, again.is_replayed, &again.body), (201, true, &placed.body));
    let another = hold(json!({ "reason": "another" }), "first").await;
    assert_eq!((another.status, &another.body["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(office.seller("seller-a").await["payout_status"], "SUSPENDED");
    let without_key = office.ask(Method::POST, holds, Some(all.clone())).await;
    assert_eq!((without_key.status, &without_key.body["code"]), (400, &json!("idempotency_key_missing")));
    let by_other = office.ask_as(&office.clerk, Method::POST, holds, Some(all), Some("x")).await;
    assert_eq!(by_other.status, 403);

    // The money is pending yet, so there is nothing to reserve.
    let amount = json!({ "reason": "a chargeback", "amount": "5000" });
    let refused = hold(amount.clone(), "second").await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("hold_refused")), "{}", refused.body);
    assert_eq!(hold(json!({ "reason": "x", "amount": "0" }), "third").await.status, 422);
    let id = placed.body["hold_id"].as_str().unwrap();
    for _ in 0..2 {
        let lifted = office.ask(Method::DELETE, &format!("{holds}/{id}"), None).await;
        assert_eq!((lifted.status, &lifted.body["status"]), (200, &json!("LIFTED")), "{}", lifted.body);
    }
    assert_eq!(office.seller("seller-a").await["payout_status"], "UNREGISTERED");
    assert_eq!(office.ask(Method::DELETE, &format!("{holds}/hold-none"), None).await.status, 404);
    until("both are told", || async {
        let types: Vec<String> = office.told("seller-a").await.into_iter().map(|(kind, _)| kind).collect();
        types == ["seller.blocked", "seller.updated"]
    })
    .await;
}

async fn a_purchase_is_confirmed_once(database: Kind) {
    let office = Office::open(database).await;
    let shop = office.shop();
    shop.create("bought-1").await;
    let asker = &office;
    let report = async |id: &str, body: Value| {
        let path = format!("/v1/payments/{id}/confirm-purchase");
        asker.ask_as(&asker.clerk, Method::POST, &path, Some(body), None).await
    };
    assert_eq!(report("bought-1", json!({})).await.body["code"], "not_paid");
    let payment = shop.authorize("bought-1").await;
    assert_eq!(shop.confirm("bought-1", &payment, "23000").await.0, 200);
    let delivered = report("bought-1", json!({ "delivered_at": "2026-11-23T09:00:00+09:00" })).await;
    let orders = delivered.body["payment_orders"].as_array().unwrap();
    assert_eq!((delivered.status, orders.len()), (200, 2), "{}", delivered.body);
    // It was paid by card: a report does not change the date.
    let releases_at = orders[0]["releases_at"].as_str().unwrap().to_owned();
    assert!(releases_at.as_str() > orders[0]["delivered_at"].as_str().unwrap());
    assert!(*releases_at > *chrono::Utc::now().to_rfc3339(), "{}", delivered.body);
    let confirmed = report("bought-1", json!({})).await;
    let first = &confirmed.body["payment_orders"][0];
    assert!(first["confirmed_at"].is_string() && first["delivered_at"].is_string(), "{first}");
    assert_eq!(first["releases_at"], *releases_at);
    assert_eq!(report("bought-1", json!({})).await.body, confirmed.body, "the first confirmation stays");
    assert_eq!(report("bought-1", json!({ "delivered_at": "2999-01-01T00:00:00Z" })).await.status, 422);
    assert_eq!(report("nothing-1", json!({})).await.status, 404);
    let by_finance = office.ask(Method::POST, "/v1/payments/bought-1/confirm-purchase", Some(json!({}))).await;
    assert_eq!(by_finance.status, 403);
}
