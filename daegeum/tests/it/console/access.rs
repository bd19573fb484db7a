//! Every role at every page and act: what the table says, and nothing besides.

use std::collections::BTreeMap;

use store::console::{Role, Roles};

use super::{
    SELLER, Visitor,
    finance::things_of_finance,
    keys::things_of_keys,
    link_of,
    refund_approvals::{things_of_refunds, with_approvals},
    signed_in, things,
};
use crate::{
    database::Kind,
    on_both_databases,
    payouts::Payers,
    stack::{Dev, checkout, day_after, until},
};

on_both_databases!(every_page_is_answered);

/// The address of a page about things that are there.
pub(crate) fn filled(path: &str, things: &BTreeMap<&str, String>) -> String {
    let id = if path.contains("dead-letters") {
        &things["letter"]
    } else if path.contains("webhook-endpoints") {
        &things["endpoint"]
    } else if path.ends_with("/cancel") {
        &things["open"]
    } else {
        &things["checkout"]
    };
    let step = if path.contains("/refunds/") {
        "approve"
    } else if path.contains("breaks") {
        "assign"
    } else {
        "cancel"
    };
    let key = if path.ends_with("/rotate") { &things["plain key"] } else { &things["key"] };
    path.replace("{id}", id)
        .replace("{delivery}", &things["delivery"])
        .replace("{seller}", SELLER)
        .replace("{key}", key)
        .replace("{request}", &things["request"])
        .replace("{refund}", &things["refund"])
        .replace("{hold}", &things["hold"])
        .replace("{run}", &things["run"])
        .replace("{payout}", &things["payout"])
        .replace("{day}", &things["day"])
        .replace("{break}", &things["break"])
        .replace("{step}", step)
        .replace("{account}", "psp%3Areceivable")
        .replace("{entry}", "payment_captured%3Aconsole-paid")
}

/// Everything that pages are about. Refunds above a thousand won wait for a second person.
pub(crate) async fn all_things(payers: &Payers) -> BTreeMap<&'static str, String> {
    let mut all = things(&payers.dev).await;
    all.extend(things_of_finance(payers).await);
    all.extend(things_of_keys(&payers.dev).await);
    all.extend(things_of_refunds(&payers.dev).await);
    all
}

/// The address of an act on a thing that is not there.
fn of_nothing(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "nothing-here".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_reaches_what_the_table_says_and_nothing_besides() {
    let payers = with_approvals(Kind::Sqlite).await;
    let dev = &payers.dev;
    let things = all_things(&payers).await;
    assert!(api::ACCESS.len() > 55, "the table was not found");
    let nobody = Visitor::with(&dev.shop, "");
    let stranger = Visitor::with(&dev.shop, &format!("{}.{}", "0".repeat(16), "0".repeat(64)));
    for access in api::ACCESS {
        for visitor in [&nobody, &stranger] {
            let seen = match access.method {
                "get" => visitor.get(&filled(access.path, &things)).await,
                _ => visitor.send(&filled(access.path, &things), &[("form_token", "x")]).await,
            };
            let place = (seen.status, seen.location.as_deref(), seen.text.as_str());
            assert_eq!(place, (303, Some("/console/sign-in"), ""), "{access:?}");
        }
    }
    for role in Role::ALL {
        let person = signed_in(dev, role.as_str(), role).await;
        // The last act of all ends the session.
        for access in api::ACCESS {
            let may = access.needs.admits(Roles::only(role));
            let (is_read, path) = (access.method == "get", filled(access.path, &things));
            let seen = if is_read { person.get(&path).await } else { person.post(&of_nothing(access.path), &[]).await };
            assert_eq!(seen.status != 403, may, "{} at {access:?}: {} {}", role.as_str(), seen.status, seen.text);
            if is_read && may {
                assert_eq!(seen.status, 200, "{} at {path}: {}", role.as_str(), seen.text);
            }
            if !may {
                // The address, which the person typed, stands in the link to the other language.
                let told = seen.text.contains("buyer-1") || seen.text.contains("23,000");
                assert!(!told, "{} at {path} is told something: {}", role.as_str(), seen.text);
            }
        }
        assert_eq!(person.get("/console").await.status, 303, "signed out");
    }
}

async fn every_page_is_answered(database: Kind) {
    let payers = with_approvals(database).await;
    let dev = &payers.dev;
    let came_in = Visitor::with(&dev.shop, "").get(&link_of(dev)).await;
    let admin = Visitor::with(&dev.shop, came_in.cookies[0].split(['=', ';']).nth(1).unwrap());
    let pages = |access: &&api::Access| access.method == "get" && access.needs.admits(Roles::only(Role::Admin));
    for access in api::ACCESS.iter().filter(pages).filter(|access| !access.path.contains('{')) {
        assert_eq!(admin.get(access.path).await.status, 200, "{} of an empty database", access.path);
    }
    let things = all_things(&payers).await;
    for access in api::ACCESS.iter().filter(pages) {
        let seen = admin.get(&filled(access.path, &things)).await;
        assert_eq!(seen.status, 200, "{}: {}", access.path, seen.text);
    }
    let overview = admin.get("/console").await.text;
    assert!(overview.contains("100.0%") && overview.contains("35,000 KRW"), "{overview}");
    told_over_time(&overview);
    told_of_second_persons(&overview);
    let (_, paid) = overview.split_once("id=\"time-to-paid\">").unwrap();
    assert!(paid.starts_with(|digit: char| digit.is_ascii_digit()), "a time: {paid}");
    let end = dev.shop.get("/v1/payments/console-paid").await["psp"]["payment_key_suffix"].as_str().unwrap().to_owned();
    for query in [format!("q={end}"), "q=buyer-1".to_owned(), "status=SUCCESS&amount=23000&from=2020-01-01".to_owned()]
    {
        let found = admin.get(&format!("/console/payments?{query}")).await.text;
        assert!(found.contains("/console/payments/console-paid"), "{query}: {found}");
    }
}

/// The charts and their tables: what was paid today, and the break of today.
fn told_over_time(overview: &str) {
    let (_, days) = overview.split_once("<summary>The figures by day</summary>").unwrap();
    let today = days.split("<tr>").nth(2).unwrap();
    let expected = format!("<td>{}</td><td class=\"number\">2</td>", day_after(0));
    assert!(today.starts_with(&expected) && today.contains("100.0%"), "{today}");
    assert!(overview.contains("aria-label=\"Paid by day, in won: "), "{overview}");
    let (_, breaks) = overview.split_once("aria-label=\"Breaks. Under a day: ").unwrap();
    assert!(breaks.starts_with(|digit: char| ('1'..='9').contains(&digit)), "the breaks of today: {overview}");
}

/// What waits for a second person: a refund and a request for a key, each with the way there.
fn told_of_second_persons(overview: &str) {
    for (name, address) in [
        ("Refunds that wait", "/console/refund-approvals?approval=WAITING"),
        ("API keys that wait", "/console/api-keys"),
    ] {
        let (_, card) = overview.split_once(&format!("<h2>{name} for approval</h2>")).unwrap();
        let expected = format!("<p class=\"figure\"><a class=\"waiting\" href=\"{address}\">1</a></p>");
        assert!(card.starts_with(&expected), "{name}: {card}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_navigation_leads_only_where_a_person_may_go() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let mut of_seller = checkout("walked");
    of_seller["payment_orders"][0]["seller_account"] = SELLER.into();
    dev.shop.create_with("walked", &of_seller).await;
    for role in Role::ALL {
        let person = signed_in(&dev, "walker", role).await;
        let home = if role == Role::Seller { "/console/own" } else { "/console" };
        let overview = person.get(home).await.text;
        let links: Vec<&str> =
            overview.split("href=\"/console").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(links.len() > 2, "{links:?}");
        for link in links.iter().filter(|link| !link.starts_with("/language")) {
            let path = format!("/console{}", link.replace("&amp;", "&"));
            assert_eq!(person.get(&path).await.status, 200, "{} follows {path}", role.as_str());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_found_by_what_a_caller_knows() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let _things = things(&dev).await;
    let person = signed_in(&dev, "kim", Role::Support).await;
    let payment = dev.shop.get("/v1/payments/console-paid").await;
    let order = payment["payment_orders"][0]["payment_order_id"].as_str().unwrap().to_owned();
    for id in ["console-paid", order.as_str()] {
        let seen = person.get(&format!("/console/payments?q={id}")).await;
        assert_eq!(seen.location.as_deref(), Some("/console/payments/console-paid"), "{id}");
    }
    let end = payment["psp"]["payment_key_suffix"].as_str().unwrap();
    let at_toss = dev.shop.at_toss("console-paid").await;
    let approval = at_toss["card"]["approveNo"].as_str().unwrap().to_owned();
    let spaced = format!("{}+{}", &approval[..4], &approval[4..]);
    let story = person.get("/console/payments/console-paid").await.text;
    assert!(story.contains(&format!("<dd class=\"code\">{approval}</dd>")), "{approval}: {story}");
    for (query, finds) in [
        ("q=buyer-1".to_owned(), true),
        ("q=seller-b".to_owned(), true),
        (format!("q={end}"), true),
        (format!("q={approval}"), true),
        (format!("q={spaced}&status=SUCCESS"), true),
        (format!("q={approval}&status=REFUNDED"), false),
        (format!("q={}", &approval[1..]), false),
        ("q=nobody-knows-this".to_owned(), false),
        ("q=x".to_owned(), false),
        ("status=SUCCESS&amount=23,000".to_owned(), true),
        ("status=SUCCESS&amount=22999".to_owned(), false),
        ("status=REFUNDED".to_owned(), false),
        ("from=2020-01-01&to=2020-01-02".to_owned(), false),
        ("from=2020-01-01&to=2999-01-01".to_owned(), true),
        ("q=buyer-1&cursor=nonsense".to_owned(), true),
    ] {
        let seen = person.get(&format!("/console/payments?{query}")).await;
        let found = seen.text.contains("/console/payments/console-paid");
        assert_eq!((seen.status, found), (200, finds), "{query}: {}", seen.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_tells_a_person_what_the_roles_let_them_see() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let things = things(&dev).await;
    let kinds = |text: &str| {
        let mut kinds: Vec<String> =
            text.split("data-kind=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    let operator = signed_in(&dev, "kim", Role::Operations).await;
    let stuck = operator.get("/console/payments/console-stuck").await.text;
    assert!(stuck.contains(&things["letter"]) && stuck.contains("Open in Temporal"), "{stuck}");
    until("Toss's webhook came", || async {
        operator.get("/console/payments/console-paid").await.text.contains("data-kind=\"webhook\"")
    })
    .await;
    let paid = operator.get("/console/payments/console-paid").await.text;
    assert_eq!(kinds(&paid), ["attempt", "audit", "delivery", "event", "ledger", "status", "webhook"], "{paid}");
    let support = signed_in(&dev, "lee", Role::Support).await;
    let paid = support.get("/console/payments/console-paid").await.text;
    assert_eq!(kinds(&paid), ["attempt", "event", "ledger", "status", "webhook"], "{paid}");
    let stuck = support.get("/console/payments/console-stuck").await.text;
    for hidden in [things["letter"].as_str(), "Open in Temporal", "stuck/refund", "/cancel", "/ask-toss"] {
        assert!(!stuck.contains(hidden), "support is shown {hidden}");
    }
}
