//! Every act at every role: refused where the table says so, whatever the form holds, and carried out where it admits.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::PersonId;
use store::{
    Decision, Journal, Pepper,
    console::{Role, Roles},
};
use uuid::Uuid;

use super::{
    NEXT_SELLER, SELLER, Visitor,
    access::{all_things, filled},
    database_of,
    finance::{has_a_seller_to_pay, has_details},
    keys::request_of,
    refund_approvals::with_approvals,
    signed_in,
};
use crate::{database::Kind, on_both_databases, stack::Dev};

on_both_databases!(each_role_acts_as_the_table_says);

/// An act on a thing that is there.
struct Act {
    /// The row of the table.
    route: &'static str,
    /// Where the form stands, if that is not where it goes.
    page: Option<String>,
    /// Where the form goes.
    action: String,
    typed: Vec<(&'static str, &'static str)>,
    /// What the answer tells once the act is admitted.
    tells: &'static str,
}

/// Why a person acts.
const WHY: (&str, &str) = ("reason", "a test");

/// The acts, each of which finds the world as the one before left it.
async fn acts(dev: &Dev, things: &mut BTreeMap<&'static str, String>) -> Vec<Act> {
    dev.shop.create("acts-open").await;
    things.insert("open", "acts-open".to_owned());
    let (to_reject, to_show) = (request_of(dev, "asker").await, request_of(dev, "admin").await);
    let approver = PersonId::parse("approver").unwrap();
    let journal = Journal::new(database_of(dev).await);
    let approved = (&approver, service::now());
    let approved = journal.decide_key_request(to_show, Decision::Approved, approved, &Pepper::default()).await;
    approved.unwrap().unwrap();
    let row = |route: &'static str, typed: &[(&'static str, &'static str)], tells: &'static str| {
        let typed = typed.iter().copied().chain([WHY]).collect();
        Act { route, page: None, action: filled(route, things), typed, tells }
    };
    let of = |route: &'static str, page: String, typed: &[(&'static str, &'static str)], tells: &'static str| Act {
        page: Some(page),
        ..row(route, typed, tells)
    };
    let step = |act: Act, from: &str, to: &str| Act { action: act.action.replace(from, to), ..act };
    let request = |route: &'static str, request: Uuid, page: Option<String>, tells: &'static str| {
        let action = route.replace("{request}", &request.to_string());
        Act { page, action, ..row(route, &[], tells) }
    };
    let new_request = Uuid::new_v4();
    vec![
        row("/console/payments/{id}/ask-toss", &[], "nothing_to_ask"),
        row("/console/payments/{id}/cancel", &[], "data-outcome=\"given-up\""),
        of(
            "/console/payments/{id}/refund/review",
            "/console/payments/console-paid/refund".to_owned(),
            &[("order", ""), ("amount", "1000")],
            "id=\"confirm\"",
        ),
        row(
            "/console/payments/{id}/refund",
            &[("order", ""), ("amount", "1000"), ("key", "acts")],
            "data-outcome=\"refunded\"",
        ),
        row("/console/payments/{id}/refunds/{refund}/{step}", &[], "data-outcome=\"refunded"),
        row("/console/payments/{id}/toss", &[], "23,000 KRW"),
        row("/console/payments/{id}/note", &[("note", "the buyer called")], "data-outcome=\"noted\""),
        row("/console/dead-letters/{id}/discard", &[], "dead_letter_not_actionable"),
        row("/console/dead-letters/{id}/resolve", &[("outcome", "approved")], "dead_letter_not_actionable"),
        of(
            "/console/dead-letters/bulk",
            "/console/dead-letters/bulk?act=retry&step=psp.confirm".to_owned(),
            &[],
            "data-outcome=\"letters-acted\"",
        ),
        // The letter is being retried, or has ended by now.
        row("/console/dead-letters/{id}/retry", &[], "letter"),
        row("/console/sellers/{seller}/holds/{hold}/lift", &[], "data-outcome=\"lifted\""),
        row("/console/sellers/{seller}/hold", &[("amount", "1,000")], "data-outcome=\"held\""),
        step(row("/console/sellers/{seller}/reveal", &[], "data-outcome=\"revealed\""), SELLER, "masked"),
        step(row("/console/sellers/{seller}/verify", &[], "account_not_verifiable"), SELLER, "masked"),
        of(
            "/console/payout-runs/new",
            format!("/console/payout-runs/new?sellers={NEXT_SELLER}"),
            &[],
            "data-outcome=\"run-frozen\"",
        ),
        row("/console/payouts/{payout}/act/{step}", &[], "data-outcome=\"payout-acted\""),
        step(row("/console/payout-runs/{run}/{step}", &[], "data-outcome=\"run-approved\""), "/cancel", "/approve"),
        row("/console/reconciliations/{day}/start", &[], "data-outcome=\"reconciliation-begun\""),
        row("/console/breaks/{break}/{step}", &[("to", "mina")], "data-outcome=\"break-acted\""),
        row("/console/ledger/proofs", &[], "data-books=\"agree\""),
        row("/console/webhook-endpoints/{id}/deliveries/{delivery}/redeliver", &[], "data-outcome=\"redelivered\""),
        row("/console/api-keys/{key}/rotate", &[("overlap", "24h")], "data-outcome=\"key-asked-for\""),
        step(row("/console/api-keys/{key}/revoke", &[], "data-outcome=\"key-revoked\""), &things["key"], "plainkey"),
        Act {
            typed: vec![("name", "acts"), ("scope_read", "yes"), ("lifetime", "30d"), WHY],
            ..request(
                "/console/api-key-requests/{request}",
                new_request,
                Some("/console/api-key-requests/new".to_owned()),
                "data-outcome=\"key-asked-for\"",
            )
        },
        row("/console/api-key-requests/{request}/approve", &[], "data-outcome=\"key-approved\""),
        request("/console/api-key-requests/{request}/reject", to_reject, None, "data-outcome=\"key-rejected\""),
        request(
            "/console/api-key-requests/{request}/secret",
            to_show,
            Some(format!("/console/api-key-requests/{to_show}")),
            "data-outcome=\"key-shown\"",
        ),
        Act {
            action: "/console/sessions/nothing-here/end".to_owned(),
            ..of("/console/sessions/{session}/end", "/console/sessions".to_owned(), &[], "")
        },
    ]
}

/// What a person sends: what the page of the form holds, under the token of the own session.
async fn fields(person: &Visitor, act: &Act) -> Vec<(String, String)> {
    let page = person.get(act.page.as_ref().unwrap_or(&act.action)).await;
    assert!([200, 409].contains(&page.status), "{}: {} {}", act.action, page.status, page.text);
    // A form that the page does not hold has nothing but the token.
    let holds = page.text.contains(&format!("method=\"post\" action=\"{}\"", act.action));
    if holds { page.form(&act.action) } else { vec![("form_token".to_owned(), page.field("form_token"))] }
}

async fn send(person: &Visitor, act: &Act, hidden: &[(String, String)], typed: &[(&str, &str)]) -> super::Seen {
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    person.send(&act.action, &hidden.chain(typed.iter().copied()).collect::<Vec<_>>()).await
}

async fn each_role_acts_as_the_table_says(database: Kind) {
    let payers = with_approvals(database).await;
    let dev = &payers.dev;
    let mut things = all_things(&payers).await;
    has_a_seller_to_pay(&payers).await;
    has_details(&payers.maker, "masked").await;
    let acts = acts(dev, &mut things).await;
    let is_act = |access: &&api::Access| access.method == "post" && access.path != "/console/sign-out";
    let of_table: BTreeSet<&str> = api::ACCESS.iter().filter(is_act).map(|access| access.path).collect();
    let here: BTreeSet<&str> = acts.iter().map(|act| act.route).collect();
    assert_eq!(here, of_table, "each act of the table is tried");
    let mut people = Vec::new();
    for role in Role::ALL {
        let person = signed_in(dev, role.as_str(), role).await;
        let token = person.get("/console").await.field("form_token");
        people.push((role, person, token));
    }
    let mut wrong = Vec::new();
    let mut expect = |is_so: bool, role: Role, act: &Act, seen: &super::Seen| {
        if !is_so {
            let told = seen.text.split_once("<main").map_or(seen.text.as_str(), |(_, main)| main);
            wrong.push(format!("{} at {}: {} {told}", role.as_str(), act.action, seen.status));
        }
    };
    for act in &acts {
        let access = api::ACCESS.iter().filter(is_act).find(|access| access.path == act.route).unwrap();
        let admits = |role: Role| access.needs.admits(Roles::only(role));
        let (actor_role, actor, _) = people.iter().find(|(role, ..)| admits(*role)).unwrap();
        let hidden = fields(actor, act).await;
        // Persons whom the table refuses send the whole form, with a token of their own.
        for (role, person, token) in people.iter().filter(|(role, ..)| !admits(*role)) {
            let own = |(name, value): &(String, String)| {
                (name.clone(), if name == "form_token" { token.clone() } else { value.clone() })
            };
            let hidden: Vec<_> = hidden.iter().map(own).collect();
            let seen = send(person, act, &hidden, &act.typed).await;
            let is_refused = seen.status == 403 && seen.text.contains(">forbidden<");
            expect(is_refused, *role, act, &seen);
        }
        // What they sent did nothing: the act is there to be done.
        let seen = send(actor, act, &hidden, &act.typed).await;
        expect(seen.text.contains(act.tells) && seen.status != 403, *actor_role, act, &seen);
        for (role, person, token) in people.iter().filter(|(role, ..)| admits(*role)) {
            let silent = send(person, act, &[("form_token".to_owned(), token.clone())], &[]).await;
            expect(!silent.text.contains(">forbidden<"), *role, act, &silent);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    payers.verify_books();
}
