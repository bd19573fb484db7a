//! Saved cards, from outside: a buyer registers one, the marketplace charges it, and it is deleted.

use std::collections::BTreeSet;

use futures::future::join_all;
use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    stack::{Dev, Shop, checkout, insist, until},
};

on_both_databases!(a_saved_card_is_registered_charged_and_deleted, a_charge_whose_outcome_is_in_doubt_is_made_once);

/// Where the marketplace wants its buyers back.
const BACK: &str = "http://127.0.0.1/cards?tab=1";

/// A marketplace whose buyers save cards.
pub(crate) struct Cards<'a> {
    pub(crate) shop: &'a Shop,
    browser: Client,
}

impl<'a> Cards<'a> {
    pub(crate) fn of(shop: &'a Shop) -> Self {
        Self { shop, browser: Client::builder().redirect(Policy::none()).build().unwrap() }
    }

    /// Asks for a card.
    pub(crate) async fn ask(&self, key: &str, body: &Value) -> (u16, Value) {
        let request = self.shop.http.post(format!("{}/v1/saved-cards", self.shop.api)).bearer_auth(&self.shop.api_key);
        insist(request.header("Idempotency-Key", key).json(body)).await
    }

    /// The answer to a browser: its status, where it leads, and what it shows.
    async fn browse(&self, url: &str) -> (u16, Option<String>, String) {
        let answer = self.browser.get(url).header("Accept-Language", "en").send().await.unwrap();
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location, answer.text().await.unwrap())
    }

    /// Where the PSP's window leads a buyer who answers it so: `agree`, `decline`, `close`.
    pub(crate) async fn window(&self, card: &Value, answer: &str) -> String {
        let (base, token) = card["registration_page"].as_str().unwrap().split_once("?token=").unwrap();
        let fields = [
            ("clientKey", "test_ck_daegeum"),
            ("customerKey", card["saved_card_id"].as_str().unwrap()),
            ("method", "CARD"),
            ("successUrl", &format!("{base}/success?token={token}")),
            ("failUrl", &format!("{base}/fail?token={token}")),
        ];
        let open = format!("{}/_window/billing/open", self.shop.simulator);
        let opened = self.browser.get(open).query(&fields).send().await.unwrap();
        let window = opened.headers()["location"].to_str().unwrap().to_owned();
        let answered = self.browser.post(format!("{}{window}/{answer}", self.shop.simulator)).send().await.unwrap();
        answered.headers()["location"].to_str().unwrap().to_owned()
    }

    /// A card of a buyer that can be charged.
    pub(crate) async fn registered(&self, key: &str) -> String {
        let (status, card) = self.ask(key, &json!({ "buyer_id": "buyer-1" })).await;
        assert_eq!(status, 201, "{card}");
        self.register(&card).await;
        card["saved_card_id"].as_str().unwrap().to_owned()
    }

    /// The buyer registers a card.
    pub(crate) async fn register(&self, card: &Value) {
        let (id, success) = (card["saved_card_id"].as_str().unwrap(), self.window(card, "agree").await);
        until(&format!("{id} is registered"), || async {
            self.browse(&success).await;
            self.status(id).await == "ACTIVE"
        })
        .await;
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        let card = self.shop.get(&format!("/v1/saved-cards/{id}")).await;
        card["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Charges a card 23,000 won. Sends the same request again where the answer says so.
    pub(crate) async fn charge(&self, id: &str, checkout_id: &str) -> (u16, Value) {
        self.charge_with(id, checkout_id, &checkout(checkout_id)).await
    }

    async fn charge_with(&self, id: &str, key: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/v1/saved-cards/{id}/charges", self.shop.api);
        insist(self.shop.http.post(url).bearer_auth(&self.shop.api_key).header("Idempotency-Key", key).json(body)).await
    }

    pub(crate) async fn delete(&self, id: &str) -> (u16, Value) {
        let url = format!("{}/v1/saved-cards/{id}", self.shop.api);
        insist(self.shop.http.delete(url).bearer_auth(&self.shop.api_key)).await
    }

    /// How often Toss was told to charge, and to delete, a card.
    async fn billing_calls(&self) -> (usize, usize) {
        let calls = self.shop.calls().await;
        let of = |method: &str| {
            let is_it = |call: &&Value| {
                let path = call["path"].as_str().unwrap_or_default();
                call["method"] == method && path.starts_with("/v1/billing/") && !path.contains("authorizations")
            };
            calls.iter().filter(is_it).count()
        };
        (of("POST"), of("DELETE"))
    }

    async fn mischief(&self, kind: &str, checkout_id: &str, code: Option<&str>) {
        let mut mischief = json!({ "on": "billing", "kind": kind, "orderId": checkout_id });
        if let Some(code) = code {
            mischief["code"] = code.into();
        }
        self.shop.simulate("mischief", &mischief).await;
    }
}

/// What the events of a type say.
async fn events(shop: &Shop, event_type: &str) -> Vec<Value> {
    let listed = shop.get(&format!("/v1/events?type={event_type}")).await;
    listed["events"].as_array().unwrap().clone()
}

async fn a_saved_card_is_registered_charged_and_deleted(database: Kind) {
    let dev = Dev::start(database, &[]).await;
    let cards = Cards::of(&dev.shop);
    let id = registration(&cards).await;
    charges(&cards, &id).await;
    refusals(&cards, &id).await;
    deletion(&dev, &cards, &id).await;
    assert_eq!((dev.shop.charged().await, dev.shop.receivable().await), ((41_000, 0), 41_000));
}

/// A card is asked for once, and registered by the browser that has the address.
async fn registration(cards: &Cards<'_>) -> String {
    let wanted = json!({ "buyer_id": "buyer-1", "return_url": BACK });
    let (status, card) = cards.ask("card-1", &wanted).await;
    assert_eq!((status, &card["status"], &card["number"]), (201, &json!("REGISTERING"), &Value::Null), "{card}");
    assert_eq!(cards.ask("card-1", &wanted).await, (201, card.clone()));
    let (status, reused) = cards.ask("card-1", &json!({ "buyer_id": "buyer-2" })).await;
    assert_eq!((status, &reused["code"]), (422, &json!("idempotency_key_reused")), "{reused}");
    let (status, elsewhere) =
        cards.ask("card-2", &json!({ "buyer_id": "b", "return_url": "javascript:alert(1)" })).await;
    assert_eq!((status, &elsewhere["errors"][0]["field"]), (422, &json!("return_url")), "{elsewhere}");

    let id = card["saved_card_id"].as_str().unwrap();
    let (status, early) = cards.charge(id, "too-early").await;
    assert_eq!((status, &early["code"]), (409, &json!("saved_card_not_active")), "{early}");
    let page = card["registration_page"].as_str().unwrap();
    let (status, _, shown) = cards.browse(page).await;
    assert!(status == 200 && shown.contains("Register a card") && shown.contains(id), "{shown}");
    let (bare, _) = page.split_once('?').unwrap();
    for wrong in [bare.to_owned(), format!("{bare}?token=ct_wrong")] {
        assert_eq!(cards.browse(&wrong).await.0, 404, "{wrong}");
    }

    let declined = cards.window(&card, "decline").await;
    assert!(declined.starts_with(&format!("{bare}/fail?")), "{declined}");
    let (status, _, shown) = cards.browse(&declined).await;
    assert!(status == 200 && shown.contains("not registered") && shown.contains("Try again"), "{shown}");

    // A consent that Toss does not know.
    let (_, token) = page.split_once("?token=").unwrap();
    let (status, _, shown) = cards.browse(&format!("{bare}/success?token={token}&authKey=bln_forged")).await;
    assert!(status == 200 && shown.contains("not registered"), "{shown}");
    assert_eq!(cards.status(id).await, "REGISTERING");

    let success = cards.window(&card, "agree").await;
    until("the card is registered", || async { cards.browse(&success).await.0 == 303 }).await;
    let (_, back, _) = cards.browse(&success).await;
    assert_eq!(back.unwrap(), format!("{BACK}&saved_card_id={id}&status=ACTIVE"));
    let read = cards.shop.get(&format!("/v1/saved-cards/{id}")).await;
    assert_eq!((&read["status"], &read["issuer_code"]), (&json!("ACTIVE"), &json!("21")), "{read}");
    assert!(read["number"].as_str().unwrap().contains('*') && read["registration_page"].is_null(), "{read}");
    assert_eq!(cards.shop.get("/v1/saved-cards?buyer_id=buyer-1").await["data"], json!([read]));
    assert_eq!(cards.shop.get("/v1/saved-cards").await["errors"][0]["field"], "buyer_id");
    let (status, _, shown) = cards.browse(page).await;
    assert!(status == 200 && shown.contains("Your card is registered"), "{shown}");
    id.to_owned()
}

/// One key makes one charge; what follows is a checkout as any other.
async fn charges(cards: &Cards<'_>, id: &str) {
    let at_once = join_all((0..10).map(|_| cards.charge(id, "charge-1"))).await;
    for (status, body) in &at_once {
        assert_eq!((*status, &body["status"], &body["saved_card_id"]), (200, &json!("SUCCESS"), &json!(id)), "{body}");
    }
    assert_eq!(cards.billing_calls().await.0, 1, "ten requests at once are one charge");
    assert_eq!(cards.shop.at_toss("charge-1").await["charges"], 1);
    let paid = cards.shop.get("/v1/payments/charge-1").await;
    assert_eq!(paid["psp"]["method"], "카드", "{paid}");
    assert_eq!(cards.shop.statuses("charge-1").await, ["NOT_STARTED", "EXECUTING", "SUCCESS"]);
    let (status, other) = cards.charge_with(id, "charge-1", &checkout("charge-other")).await;
    assert_eq!((status, &other["code"]), (422, &json!("idempotency_key_reused")), "{other}");
    let (status, confirmed) = cards.shop.confirm("charge-1", "another-payment", "23000").await;
    assert_eq!((status, &confirmed["code"]), (409, &json!("not_confirmable")), "{confirmed}");

    let part = json!({ "amount": "5000", "reason": "단순 변심" });
    let refunded = cards.shop.cancel("charge-1", "refund-1", &part).await;
    assert_eq!((refunded.status, &refunded.body["status"]), (200, &json!("PARTIALLY_REFUNDED")), "{}", refunded.body);
}

/// What is wrong with a request is said before anything is sent; a decline ends the checkout, and not the card.
async fn refusals(cards: &Cards<'_>, id: &str) {
    let sent = cards.billing_calls().await;
    let mut of_another = checkout("charge-2");
    of_another["buyer_info"]["id"] = "buyer-2".into();
    let (status, body) = cards.charge_with(id, "charge-2", &of_another).await;
    assert_eq!((status, &body["errors"][0]["field"]), (422, &json!("buyer_info.id")), "{body}");
    let (status, body) = cards.charge("card_of_nobody", "charge-2").await;
    assert_eq!((status, &body["code"]), (404, &json!("saved_card_not_found")), "{body}");
    assert_eq!(cards.billing_calls().await, sent);

    cards.mischief("error_before", "charge-3", Some("REJECT_CARD_PAYMENT")).await;
    let (status, body) = cards.charge(id, "charge-3").await;
    assert_eq!((status, &body["code"], &body["retryable"]), (402, &json!("payment_declined"), &Value::Null), "{body}");
    assert_eq!(cards.charge(id, "charge-3").await.0, 402, "the same request is answered alike");
    assert_eq!(cards.shop.status("charge-3").await, "FAILED");
    assert_eq!(cards.charge(id, "charge-4").await.0, 200, "the card can be charged again");
}

/// A card that is deleted, here or at Toss, is charged no more, and its key is nowhere.
async fn deletion(dev: &Dev, cards: &Cards<'_>, id: &str) {
    let gone = cards.registered("card-3").await;
    cards.mischief("error_before", "charge-5", Some("ALREADY_REMOVED_BILLING_KEY")).await;
    assert_eq!(cards.charge(&gone, "charge-5").await.0, 402);
    let read = cards.shop.get(&format!("/v1/saved-cards/{gone}")).await;
    assert_eq!((&read["status"], &read["deleted_by"]), (&json!("DELETED"), &json!("PSP")), "{read}");

    let deletions = cards.billing_calls().await.1;
    let answers = join_all((0..5).map(|_| cards.delete(id))).await;
    for (status, body) in &answers {
        assert_eq!((*status, &body["status"], &body["deleted_by"]), (200, &json!("DELETED"), &json!("MARKETPLACE")));
    }
    assert_eq!(cards.billing_calls().await.1, deletions + 1, "Toss is told once");
    let (status, body) = cards.charge(id, "charge-6").await;
    assert_eq!((status, &body["code"]), (409, &json!("saved_card_not_active")), "{body}");
    assert_eq!(cards.charge(id, "charge-4").await.0, 200, "what was charged before is answered as before");
    assert_eq!(cards.delete("card_of_nobody").await.0, 404);

    until("the events tell of the cards", || async { events(cards.shop, "saved_card.deleted").await.len() == 2 }).await;
    let told = events(cards.shop, "saved_card.registered").await;
    assert_eq!((told.len(), &told[0]["object"]["id"]), (2, &json!(id)), "{told:?}");
    assert!(!json!(told).to_string().contains("buyer"), "{told:?}");
    let reseal = crate::stack::daegeum()
        .arg("--data-dir")
        .arg(dev.directory.path())
        .args(["--database-url", &dev.database_url, "encryption", "reseal"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&reseal.stdout);
    assert!(reseal.status.success() && said.contains("The keys of 0 saved cards"), "{said}");
}

/// A lost answer is asked about. An error that tells nothing is asked about too, and what is sent again has the key of
/// the first request, so that Toss charges once.
async fn a_charge_whose_outcome_is_in_doubt_is_made_once(database: Kind) {
    let dev = Dev::start(database, &[]).await;
    let cards = Cards::of(&dev.shop);
    let id = cards.registered("card-1").await;
    for (kind, code) in [
        ("garbage_after", None),
        ("execute_and_error", Some("FAILED_INTERNAL_SYSTEM_PROCESSING")),
        ("refuse_connection", None),
        ("rate_limit", None),
    ] {
        let checkout_id = format!("doubt-{}", kind.replace('_', "-"));
        cards.mischief(kind, &checkout_id, code).await;
        let (status, body) = cards.charge(&id, &checkout_id).await;
        assert!([200, 202].contains(&status), "{kind}: {status} {body}");
        until(&format!("{checkout_id} is paid"), || async { dev.shop.status(&checkout_id).await == "SUCCESS" }).await;
        assert_eq!(dev.shop.at_toss(&checkout_id).await["charges"], 1, "{kind}");
    }
    // Toss executed nothing and says so in words that do not tell.
    cards.mischief("error_before", "doubt-500", Some("FAILED_INTERNAL_SYSTEM_PROCESSING")).await;
    let before = cards.billing_calls().await.0;
    let (status, body) = cards.charge(&id, "doubt-500").await;
    assert_eq!((status, &body["status"]), (202, &json!("UNKNOWN")), "{body}");
    until("Toss was asked and told again", || async { cards.billing_calls().await.0 > before + 1 }).await;
    let calls = dev.shop.calls().await;
    let sent = calls.iter().filter(|call| call["method"] == "POST" && call["orderId"] == "doubt-500");
    let keys: BTreeSet<&str> = sent.map(|call| call["idempotencyKey"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 1, "all requests of a charge have one key: {keys:?}");
    assert_eq!(dev.shop.status("doubt-500").await, "UNKNOWN");
    assert_eq!((dev.shop.charged().await, dev.shop.receivable().await), ((4 * 23_000, 0), 4 * 23_000));
    assert_eq!(cards.delete(&id).await.0, 200);
}
