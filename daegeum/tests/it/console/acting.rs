//! Acts: each once, however often the form is sent, and each in the audit log with its person.

use serde_json::json;
use store::console::Role;

use super::{Visitor, signed_in, things};
use crate::{
    database::Kind,
    stack::{Dev, until},
};

/// Opens a refund up to its last page; the fields of that page.
async fn reviewed(person: &Visitor, id: &str, amount: &str) -> Vec<(&'static str, String)> {
    let path = format!("/console/payments/{id}/refund");
    let asked = person.get(&path).await;
    assert!(asked.text.contains("23,000 KRW"), "the sum is shown: {}", asked.text);
    let fields = [("order", ""), ("amount", amount), ("reason", "흠집")];
    let review = person.post(&format!("{path}/review"), &fields).await;
    assert_eq!(review.status, 200);
    ["form_token", "key", "order", "amount", "reason"].map(|name| (name, review.field(name))).into()
}

fn borrowed<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_sent_twice_goes_back_once() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let _things = things(&dev).await;
    let shop = &dev.shop;
    let person = signed_in(&dev, "kim@example.com", Role::Finance).await;
    let fields = reviewed(&person, "console-paid", "5,000").await;
    let path = "/console/payments/console-paid/refund";
    let fields = borrowed(&fields);
    let (first, second) = tokio::join!(person.send(path, &fields), person.send(path, &fields));
    for seen in [&first, &second] {
        assert_eq!(seen.status, 200, "{}", seen.text);
        assert!(seen.text.contains("data-outcome=\"refunded"), "{}", seen.text);
    }
    let third = person.send(path, &fields).await;
    assert!(third.text.contains("data-outcome=\"refunded-before\""), "{}", third.text);
    assert_eq!(shop.charged().await, (18_000, 0));
    let mut other = fields.clone();
    other[3].1 = "6000";
    assert_eq!(person.send(path, &other).await.status, 422, "the key is of another refund");
    assert_eq!(shop.charged().await, (18_000, 0));
    until("the books have it", || async { shop.receivable().await == 18_000 }).await;
    let history = shop.get("/v1/payments/console-paid/history").await;
    let last = history["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["status"], &last["actor"]), (&json!("PARTIALLY_REFUNDED"), &json!("person:kim@example.com")));
    let lines = shop.get("/v1/audit-log?actor=kim@example.com&limit=100").await;
    let line = &lines["data"].as_array().unwrap()[0];
    assert_eq!(line["action"], "POST /console/payments/{id}/refund");
    assert_eq!((&line["object"], &line["actor_kind"]), (&json!("console-paid"), &json!("person")));

    // Finance gives money back, and does no more: neither asks nor ends a checkout.
    shop.create("not-paid").await;
    assert_eq!(person.post("/console/payments/not-paid/cancel", &[("reason", "x")]).await.status, 403);
    assert_eq!(person.post("/console/payments/not-paid/refund", &[("reason", "x"), ("key", "k")]).await.status, 409);
    assert_eq!(shop.status("not-paid").await, "NOT_STARTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_said_and_nothing_moves() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let _things = things(&dev).await;
    let person = signed_in(&dev, "kim", Role::Operations).await;
    let review = "/console/payments/console-paid/refund/review";
    for (amount, reason) in [("0", "x"), ("-5", "x"), ("1.5", "x"), ("abc", "x"), ("", ""), ("", "4242 4242 4242 4242")]
    {
        let seen = person.post(review, &[("order", ""), ("amount", amount), ("reason", reason)]).await;
        assert!(seen.status == 200 && seen.text.contains("role=\"alert\""), "{amount} {reason}: {}", seen.text);
        assert!(!seen.text.contains("name=\"key\""), "{amount} {reason} goes on");
    }
    let unknown = person.post(review, &[("order", "of-another"), ("amount", ""), ("reason", "x")]).await;
    assert_eq!(unknown.status, 404);
    let path = "/console/payments/console-paid/refund";
    let too_much = [("order", ""), ("amount", "23001"), ("reason", "x"), ("key", "too-much")];
    assert_eq!(person.post(path, &too_much).await.status, 422);
    let nameless = [("order", ""), ("amount", "1"), ("reason", "x"), ("key", "")];
    assert_eq!(person.post(path, &nameless).await.status, 400);
    assert_eq!(dev.shop.charged().await, (23_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_asks_retries_and_delivers_again() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let things = things(&dev).await;
    let (shop, person) = (&dev.shop, signed_in(&dev, "kim", Role::Operations).await);
    let told = async |path: &str, outcome: &str| {
        let page = person.get(path).await;
        let (token, key) = (page.field("form_token"), page.field("key"));
        let fields = [("form_token", token.as_str()), ("key", key.as_str()), ("reason", "the key was mended")];
        let seen = person.send(path, &fields).await;
        assert!(seen.text.contains(&format!("data-outcome=\"{outcome}\"")), "{path}: {}", seen.text);
        person.send(path, &fields).await
    };
    let ask = "/console/payments/console-paid/ask-toss";
    let silent = person.post(ask, &[("reason", " ")]).await;
    assert!(silent.status == 200 && silent.text.contains("role=\"alert\""), "{}", silent.text);
    let asked = person.post(ask, &[("reason", "the buyer called")]).await;
    assert_eq!(asked.status, 409, "nothing is under way");
    let letter = &things["letter"];
    let refused = person.post(&format!("/console/dead-letters/{letter}/discard"), &[("reason", "x")]).await;
    assert_eq!(refused.status, 409, "its workflow is open");
    many_letters_are_acted_on_after_a_preview(&person, letter).await;
    until("the payment went on", || async { shop.status("console-stuck").await == "SUCCESS" }).await;
    let done = shop.get(&format!("/v1/dead-letters/{letter}")).await;
    assert_eq!(done["actions"].as_array().unwrap().len(), 1, "{done}");
    assert_eq!(done["actions"][0]["by"], "person:kim");
    assert_eq!(shop.charged().await, (46_000, 0));

    let (endpoint, delivery) = (&things["endpoint"], &things["delivery"]);
    let path = format!("/console/webhook-endpoints/{endpoint}/deliveries/{delivery}/redeliver");
    told(&path, "redelivered").await;
    let lines = shop.get("/v1/audit-log?actor=kim&limit=100").await;
    let acts: Vec<_> = lines["data"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert!(acts.iter().all(|act| act.starts_with("POST /console/")), "{acts:?}");
    for act in ["bulk", "discard", "ask-toss", "redeliver"] {
        assert!(acts.iter().any(|line| line.ends_with(act)), "{act} is not in {acts:?}");
    }
    for line in lines["data"].as_array().unwrap() {
        let (action, result) = (line["action"].as_str().unwrap(), line["result"].as_str().unwrap());
        let says_why = result == "200 the key was mended" || result.starts_with("409 ");
        assert!(says_why || action.ends_with("sign-in"), "{action}: {result}");
    }
}

/// The preview names each letter and whether it takes the act. Sent again, the form finds no such letter.
async fn many_letters_are_acted_on_after_a_preview(person: &Visitor, letter: &str) {
    let path = "/console/dead-letters/bulk";
    let none = person.get(&format!("{path}?act=retry&step=psp.refund")).await.text;
    assert!(!none.contains(letter) && !none.contains("id=\"confirm\""), "{none}");
    let refused = person.get(&format!("{path}?act=discard")).await.text;
    assert!(refused.contains(letter) && !refused.contains("id=\"confirm\""), "its workflow waits for it: {refused}");
    let page = person.get(&format!("{path}?act=retry&step=psp.confirm")).await;
    assert!(page.text.contains(letter), "{}", page.text);
    let hidden = ["form_token", "act", "step", "code", "token"].map(|name| (name, page.field(name)));
    let sent = |reason| hidden.iter().map(|(name, value)| (*name, value.as_str())).chain([("reason", reason)]);
    let silent = person.send(path, &sent(" ").collect::<Vec<_>>()).await.text;
    assert!(silent.contains("role=\"alert\""), "{silent}");
    let fields: Vec<_> = sent("the key was mended").collect();
    let done = person.send(path, &fields).await.text;
    assert!(done.contains("data-outcome=\"letters-acted\"") && done.contains(letter), "{done}");
    let again = person.send(path, &fields).await.text;
    assert!(!again.contains("data-outcome"), "{again}");
}

/// A payment waits for a review, and a person approves it with a reason.
#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_approved_once() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("risk.toml");
    let rule = "[risk]\nvelocities = [{ of = \"buyer\", window_s = 3600, payments = 1, verdict = \"review\" }]\n";
    std::fs::write(&config, rule).unwrap();
    let dev = Dev::start(Kind::Sqlite, &["--config", config.to_str().unwrap()]).await;
    let shop = &dev.shop;
    for (id, status) in [("charged", 200), ("reviewed", 202)] {
        shop.create(id).await;
        let key = shop.authorize(id).await;
        assert_eq!(shop.confirm(id, &key, "23000").await.0, status);
    }
    let letter = shop.letter_of("reviewed").await;
    let person = signed_in(&dev, "kim", Role::Operations).await;
    let path = format!("/console/dead-letters/{letter}/resolve");
    assert!(person.get(&format!("/console/dead-letters/{letter}")).await.text.contains(&path));
    let page = person.get(&path).await;
    assert!(page.text.contains("23,000 KRW") && page.text.contains("value=\"approved\""), "{}", page.text);
    let token = page.field("form_token");
    let sent = |outcome, reason| vec![("form_token", token.as_str()), ("outcome", outcome), ("reason", reason)];
    for (outcome, reason) in [("", "x"), ("nonsense", "x"), ("approved", " ")] {
        let seen = person.send(&path, &sent(outcome, reason)).await;
        assert!(seen.text.contains("role=\"alert\""), "{outcome} {reason}: {}", seen.text);
    }
    let other = person.send(&path, &sent("refunded", "x")).await;
    assert_eq!(other.status, 409, "a review takes no such outcome: {}", other.text);
    for _ in 0..2 {
        let seen = person.send(&path, &sent("approved", "I called the buyer")).await;
        assert!(seen.text.contains("data-outcome=\"letter-acted\""), "{}", seen.text);
    }
    until("the payment is charged", || async { shop.status("reviewed").await == "SUCCESS" }).await;
    assert_eq!(shop.charged().await, (46_000, 0));
    let done = shop.get(&format!("/v1/dead-letters/{letter}")).await;
    assert_eq!(done["actions"].as_array().unwrap().len(), 1, "{done}");
    assert_eq!(
        (&done["actions"][0]["by"], &done["actions"][0]["reason"]),
        (&"person:kim".into(), &"I called the buyer".into())
    );
}

/// Above the limit one person proposes, and another one gives the payment up.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_about_much_money_takes_two_persons() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("letters.toml");
    std::fs::write(&config, "[dead_letters]\nresolve_alone_up_to = \"22999\"\n").unwrap();
    let dev = Dev::start(Kind::Sqlite, &["--config", config.to_str().unwrap()]).await;
    let shop = &dev.shop;
    shop.create("of-two").await;
    let key = shop.authorize("of-two").await;
    shop.lock_out("of-two", 0).await;
    assert_eq!(shop.confirm("of-two", &key, "23000").await.0, 202);
    let letter = shop.letter_of("of-two").await;
    let [kim, lee] = [signed_in(&dev, "kim", Role::Operations).await, signed_in(&dev, "lee", Role::Operations).await];
    let (page, path) = (format!("/console/dead-letters/{letter}"), format!("/console/dead-letters/{letter}/resolve"));
    let typed = [("outcome", "not_paid"), ("reason", "Toss says so on the telephone")];
    let seen = kim.post(&path, &typed).await;
    assert!(seen.text.contains("data-outcome=\"letter-proposed\""), "{}", seen.text);
    assert_eq!(kim.post(&path, &typed).await.status, 403, "the same person is no second principal");
    assert_eq!(shop.status("of-two").await, "STUCK");
    let shown = lee.get(&page).await.text;
    for told in ["id=\"proposal\"", "person:kim", "Toss says so on the telephone"] {
        assert!(shown.contains(told), "{told} is not told: {shown}");
    }
    for _ in 0..2 {
        let seen = lee.post(&path, &typed).await;
        assert!(seen.text.contains("data-outcome=\"letter-acted\""), "{}", seen.text);
    }
    until("the payment is given up", || async { shop.status("of-two").await == "FAILED" }).await;
    assert!(!lee.get(&page).await.text.contains("id=\"proposal\""), "nothing waits any more");
    assert_eq!((shop.charged().await, shop.receivable().await), ((0, 0), 0));
}
