//! What a person writes on a payment, and what Toss itself says of it.

use serde_json::{Value, json};
use store::console::Role;

use super::{Visitor, signed_in, things};
use crate::{
    database::Kind,
    stack::{Dev, until},
};

/// The lines of the audit log of a person.
async fn lines_of(dev: &Dev, person: &str) -> Vec<Value> {
    let lines = dev.shop.get(&format!("/v1/audit-log?actor={person}&limit=100")).await;
    lines["data"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_written_once_and_stays() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    for id in ["noted-1", "other-1"] {
        dev.shop.create(id).await;
    }
    let (kim, path) = (signed_in(&dev, "kim", Role::Finance).await, "/console/payments/noted-1/note");
    let page = kim.get(path).await;
    let hidden = ["form_token", "key"].map(|name| (name, page.field(name)));
    let fields = |note| -> Vec<(&str, &str)> {
        hidden.iter().map(|(name, value)| (*name, value.as_str())).chain([("note", note)]).collect()
    };
    let too_long = "a".repeat(501);
    for note in ["", "  ", "4242 4242 4242 4242", too_long.as_str()] {
        let seen = kim.send(path, &fields(note)).await;
        assert!(seen.text.contains("role=\"alert\""), "{note}: {}", seen.text);
    }
    let note = "구매자가 <전화>했습니다";
    let sent = fields(note);
    let (first, second) = tokio::join!(kim.send(path, &sent), kim.send(path, &sent));
    for seen in [first, second, kim.send(path, &sent).await] {
        assert!(seen.text.contains("data-outcome=\"noted\""), "{} {}", seen.status, seen.text);
    }
    assert_eq!(kim.send(path, &fields("another")).await.status, 422, "the form has written another note");
    assert_eq!(kim.send("/console/payments/other-1/note", &sent).await.status, 422, "the note is on another payment");
    let nameless = [("note", "x"), ("key", "no key")];
    assert_eq!(kim.post(path, &nameless).await.status, 400);

    let support = signed_in(&dev, "lee", Role::Support).await;
    let story = support.get("/console/payments/noted-1").await.text;
    assert_eq!(story.matches("data-kind=\"note\"").count(), 1, "{story}");
    assert!(story.contains("구매자가 &lt;전화&gt;했습니다") && story.contains("person:kim"), "{story}");
    assert!(!story.contains("id=\"note\""), "support writes nothing");
    assert_eq!(support.post(path, &[("note", "x")]).await.status, 403);
    assert!(!support.get("/console/payments/other-1").await.text.contains("data-kind=\"note\""));
    let lines = lines_of(&dev, "kim").await;
    let written = lines.iter().filter(|line| line["action"] == "POST /console/payments/{id}/note");
    let written: Vec<_> = written.filter(|line| line["result"] == "200").collect();
    assert!(written.len() == 3 && written.iter().all(|line| line["object"] == "noted-1"), "{lines:?}");
}

/// The answer of Toss, as the page shows it.
async fn answer_of_toss(person: &Visitor, id: &str) -> String {
    let path = format!("/console/payments/{id}/toss");
    let asks = person.get(&path).await;
    assert!(asks.status == 200 && !asks.text.contains("data-line="), "nothing is read before a person asks");
    let seen = person.post(&path, &[]).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    seen.text
}

/// The verdict of one line of the comparison.
fn verdict<'a>(page: &'a str, line: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("data-line=\"{line}\""))?;
    let (row, _) = rest.split_once("</tr>")?;
    // The row may show statuses before the verdict.
    row.rsplit_once("data-code=\"").and_then(|(_, rest)| rest.split('"').next())
}

#[tokio::test(flavor = "multi_thread")]
async fn toss_is_read_beside_our_record_and_nothing_is_written() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let _things = things(&dev).await;
    let shop = &dev.shop;
    let support = signed_in(&dev, "lee", Role::Support).await;
    let before = shop.get("/v1/payments/console-paid/history").await;
    let same = answer_of_toss(&support, "console-paid").await;
    assert!(same.contains("data-psp=\"same\""), "{same}");
    for line in ["total", "held", "payment-key", "method", "approved-at", "approval-number", "cash-receipt"] {
        assert_eq!(verdict(&same, line), Some("SAME"), "{line}: {same}");
    }
    let key = shop.at_toss("console-paid").await["paymentKey"].as_str().unwrap().to_owned();
    assert!(!same.contains(&key), "the whole key is shown: {same}");

    // Another holder of our key gives a part back.
    let cancel = json!({ "cancelReason": "another's", "cancelAmount": 5_000 });
    let request = shop.http.post(format!("{}/v1/payments/{key}/cancel", shop.simulator));
    let request = request.basic_auth(toss_sim::DEFAULT_SECRET_KEY, Some("")).json(&cancel);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let apart = answer_of_toss(&support, "console-paid").await;
    assert!(apart.contains("data-psp=\"differs\"") && apart.contains("18,000 KRW"), "{apart}");
    assert_eq!((verdict(&apart, "held"), verdict(&apart, "total")), (Some("DIFFERENT"), Some("SAME")), "{apart}");

    // Toss fails, and then knows nothing of an order that nobody has paid.
    shop.create("not-paid").await;
    let unknown = answer_of_toss(&support, "not-paid").await;
    assert!(unknown.contains("data-psp=\"unknown\""), "{unknown}");
    let broken =
        json!({ "on": "lookup", "kind": "error_before", "code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "times": 0 });
    shop.simulate("mischief", &broken).await;
    let unreadable = answer_of_toss(&support, "console-paid").await;
    assert!(unreadable.contains("data-psp=\"unreadable\""), "{unreadable}");
    shop.end_mischief().await;

    assert_eq!(shop.get("/v1/payments/console-paid/history").await, before, "it was only read");
    let lines = lines_of(&dev, "lee").await;
    let asked = lines.iter().filter(|line| line["action"] == "POST /console/payments/{id}/toss").count();
    assert_eq!(asked, 4, "{lines:?}");
}

/// The buyer finished the payment window and never came back: the page says so, and Toss's view shows what Toss has.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_nobody_confirmed_is_found_and_explained() {
    let dev = Dev::start(Kind::Sqlite, &["--checkout-deadline-s", "8"]).await;
    let (shop, support) = (&dev.shop, signed_in(&dev, "lee", Role::Support).await);
    shop.create("left-behind").await;
    shop.authorize("left-behind").await;
    until("it expires", || async { shop.status("left-behind").await == "EXPIRED" }).await;
    let found = support.get("/console/payments?q=left-behind").await;
    let story = support.get(&found.location.unwrap()).await.text;
    for told in ["unconfirmed_payment", "nobody confirmed the payment", "No money was taken"] {
        assert!(story.contains(told), "{told} is not told: {story}");
    }
    let at_toss = answer_of_toss(&support, "left-behind").await;
    assert!(at_toss.contains("data-psp=\"same\""), "no money moved on either side: {at_toss}");
    assert_eq!(shop.charged().await, (0, 0));
}
