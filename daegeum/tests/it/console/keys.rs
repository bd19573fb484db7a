//! API keys at the console: one administrator asks, another one approves, and the first one sees the secret once.

use std::collections::BTreeMap;

use domain::id::{ApiKeyId, PersonId};
use serde_json::Value;
use store::{Grant, Journal, KeyForm, NewKey, NewKeyRequest, Pepper, Scope, Scopes, Secret, Writer, console::Role};
use uuid::Uuid;

use super::{Seen, Visitor, database_of, signed_in};
use crate::{
    database::Kind,
    on_both_databases,
    stack::{Dev, Shop, daegeum},
};

on_both_databases!(two_administrators_make_and_rotate_a_key);

/// The name that the tests give a key.
const NAME: &str = "shop backend";

/// A request of another administrator.
pub(crate) async fn request_of(dev: &Dev, person: &str) -> Uuid {
    let request = NewKeyRequest {
        request_id: Uuid::new_v4(),
        key_id: ApiKeyId::parse(Uuid::new_v4().simple().to_string()[..12].to_owned()).unwrap(),
        form: KeyForm::New { lifetime_ms: Some(30 * 24 * 60 * 60 * 1_000) },
        name: NAME.to_owned(),
        scopes: Scopes::only(Scope::Checkout).and(Scope::Refund),
        seller: None,
        refund_limit: None,
        reason: "the shop moves to another server".to_owned(),
        requested_by: PersonId::parse(person).unwrap(),
        requested_at: service::now(),
    };
    Journal::new(database_of(dev).await).ask_for_key(&request, &Pepper::default()).await.unwrap();
    request.request_id
}

/// A key that reads, and a request for another one.
pub(crate) async fn things_of_keys(dev: &Dev) -> BTreeMap<&'static str, String> {
    let id = ApiKeyId::parse("plainkey").unwrap();
    let grant =
        Grant { id: id.clone(), origin: id, scopes: Scopes::only(Scope::Read), seller: None, refund_limit: None };
    let key = NewKey { grant: &grant, name: "reports", expires_at: None, shown_to: None };
    let secret = Secret { text: "nobody knows", pepper: &Pepper::default() };
    Writer::new(database_of(dev).await).create_api_key(key, secret).await.unwrap();
    let request = request_of(dev, "asker").await;
    BTreeMap::from([("plain key", "plainkey".to_owned()), ("request", request.to_string())])
}

/// Sends a form with what a person filled in.
async fn sent(person: &Visitor, action: &str, hidden: &[(String, String)], typed: &[(&str, &str)]) -> Seen {
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    person.send(action, &hidden.chain(typed.iter().copied()).collect::<Vec<_>>()).await
}

#[track_caller]
fn came(seen: &Seen, outcome: &str) {
    assert!(seen.text.contains(&format!("data-outcome=\"{outcome}\"")), "not {outcome}: {} {}", seen.status, seen.text);
}

/// The address of the request that an answer leads to.
fn request_in(seen: &Seen) -> String {
    let (_, rest) = seen.text.split_once("href=\"/console/api-key-requests/").unwrap();
    format!("/console/api-key-requests/{}", rest.split('"').next().unwrap())
}

/// The key on a page.
fn secret_in(seen: &Seen) -> String {
    let (_, rest) = seen.text.split_once("id=\"secret\">").unwrap_or_else(|| panic!("{} {}", seen.status, seen.text));
    rest.split('<').next().unwrap().to_owned()
}

/// Asks for a key.
async fn asked(person: &Visitor, scopes: &[&str]) -> String {
    let page = person.get("/console/api-key-requests/new").await;
    let (_, action) = page.text.split_once("action=\"/console/api-key-requests/").unwrap();
    let action = format!("/console/api-key-requests/{}", action.split('"').next().unwrap());
    let mut typed = vec![("name", NAME), ("lifetime", "90d"), ("reason", "the shop moves")];
    typed.extend(scopes.iter().map(|scope| (*scope, "yes")));
    let seen = sent(person, &action, &page.form(&action), &typed).await;
    came(&seen, "key-asked-for");
    request_in(&seen)
}

async fn decided(person: &Visitor, request: &str, step: &str) -> Seen {
    person.post(&format!("{request}/{step}"), &[("reason", "agreed by mail")]).await
}

async fn seen_by(person: &Visitor, request: &str) -> Seen {
    let action = format!("{request}/secret");
    let page = person.get(request).await;
    sent(person, &action, &page.form(&action), &[]).await
}

/// A key of some scopes that one administrator asks for and sees.
pub(crate) async fn key_of(asker: &Visitor, approver: &Visitor, scopes: &[&str]) -> String {
    let request = asked(asker, scopes).await;
    came(&decided(approver, &request, "approve").await, "key-approved");
    secret_in(&seen_by(asker, &request).await)
}

async fn status_of(shop: &Shop, path: &str, key: &str) -> u16 {
    shop.http.get(format!("{}{path}", shop.api)).bearer_auth(key).send().await.unwrap().status().as_u16()
}

async fn two_administrators_make_and_rotate_a_key(database: Kind) {
    let dev = Dev::start(database, &[]).await;
    let [kim, lee] = [signed_in(&dev, "kim", Role::Admin).await, signed_in(&dev, "lee", Role::Admin).await];
    what_cannot_be_taken_asks_for_nothing(&kim).await;
    let request = asked(&kim, &["scope_checkout"]).await;
    let own = decided(&kim, &request, "approve").await;
    assert!(own.status == 403 && own.text.contains("four_eyes"), "{} {}", own.status, own.text);
    let page = kim.get(&request).await.text;
    assert!(page.contains("data-code=\"WAITING\"") && !page.contains("/secret\""), "{page}");
    assert_eq!(kim.post(&format!("{request}/secret"), &[("seed", &"a".repeat(64))]).await.status, 409, "too early");
    let silent = lee.post(&format!("{request}/approve"), &[("reason", " ")]).await.text;
    assert!(silent.contains("role=\"alert\""), "{silent}");
    for _ in 0..2 {
        came(&decided(&lee, &request, "approve").await, "key-approved");
    }
    assert_eq!(decided(&lee, &request, "reject").await.status, 409, "the first decision stays");
    assert!(!lee.get(&request).await.text.contains("/secret\""));
    assert_eq!(lee.post(&format!("{request}/secret"), &[("seed", &"a".repeat(64))]).await.status, 403);
    assert_eq!(kim.post(&format!("{request}/secret"), &[("seed", "short")]).await.status, 400);

    // Two clicks at once, and a reload: one key. Another page of the same person shows nothing.
    let action = format!("{request}/secret");
    let (page, other) = (kim.get(&request).await.form(&action), kim.get(&request).await.form(&action));
    let (first, second) = tokio::join!(sent(&kim, &action, &page, &[]), sent(&kim, &action, &page, &[]));
    let key = secret_in(&first);
    assert_eq!(secret_in(&second), key);
    assert_eq!(secret_in(&sent(&kim, &action, &page, &[]).await), key);
    let late = sent(&kim, &action, &other, &[]).await;
    assert!(late.status == 409 && !late.text.contains("dk_"), "{} {}", late.status, late.text);
    let id = key.split('_').nth(1).unwrap().to_owned();
    let keys = kim.get("/console/api-keys").await.text;
    assert!(keys.contains(&id) && keys.contains(NAME) && !keys.contains(&key), "{keys}");
    assert_eq!(status_of(&dev.shop, "/v1/payments", &key).await, 200);
    assert_eq!(status_of(&dev.shop, "/v1/dead-letters", &key).await, 403, "the scope was not asked for");

    let replaced = rotated(&kim, &lee, &id, "0h").await;
    assert_eq!(status_of(&dev.shop, "/v1/payments", &key).await, 401, "the overlap is over");
    assert_eq!(status_of(&dev.shop, "/v1/payments", &replaced).await, 200);
    let id = replaced.split('_').nth(1).unwrap().to_owned();
    let next = rotated(&lee, &kim, &id, "24h").await;
    for key in [&replaced, &next] {
        assert_eq!(status_of(&dev.shop, "/v1/payments", key).await, 200, "both go on for a day");
    }
    let of_ops = dev.shop.api_key.split('_').nth(1).unwrap();
    let refused = kim.get(&format!("/console/api-keys/{of_ops}/rotate")).await;
    assert!(refused.status == 403 && refused.text.contains("command line"), "{}", refused.text);

    let request = asked(&lee, &["scope_read"]).await;
    came(&decided(&kim, &request, "reject").await, "key-rejected");
    assert_eq!(lee.post(&format!("{request}/secret"), &[("seed", &"a".repeat(64))]).await.status, 409);
    audit_names_the_persons(&dev.shop).await;
}

/// Nothing is asked for by a form that lacks something.
async fn what_cannot_be_taken_asks_for_nothing(person: &Visitor) {
    let page = person.get("/console/api-key-requests/new").await;
    let (_, action) = page.text.split_once("action=\"/console/api-key-requests/").unwrap();
    let action = format!("/console/api-key-requests/{}", action.split('"').next().unwrap());
    let good = [("name", NAME), ("scope_read", "yes"), ("lifetime", "90d"), ("reason", "x")];
    let without = |name: &str| good.iter().copied().filter(|(field, _)| *field != name).collect::<Vec<_>>();
    let with = |more: (&'static str, &'static str)| good.iter().copied().chain([more]).collect::<Vec<_>>();
    let mut wrong: Vec<_> = ["name", "scope_read", "lifetime", "reason"].map(without).into();
    wrong.extend([with(("refund_limit", "many")), with(("refund_limit", "5")), with(("seller", "a seller!"))]);
    wrong.push([&with(("seller", "seller-a"))[..], &[("scope_refund", "yes")]].concat());
    for typed in wrong {
        let seen = sent(person, &action, &page.form(&action), &typed).await;
        assert!(seen.text.contains("role=\"alert\""), "{typed:?}: {} {}", seen.status, seen.text);
        assert!(seen.text.contains(&action), "the form keeps its name");
    }
    assert!(!person.get("/console/api-keys").await.text.contains(NAME));
    for _ in 0..2 {
        came(&sent(person, &action, &page.form(&action), &good).await, "key-asked-for");
    }
    assert_eq!(person.get("/console/api-keys").await.text.matches(NAME).count(), 1, "a form sent twice asks once");
    let other = [("name", "another"), ("scope_read", "yes"), ("lifetime", "90d"), ("reason", "x")];
    assert_eq!(sent(person, &action, &page.form(&action), &other).await.status, 422);
}

async fn rotated(asker: &Visitor, approver: &Visitor, id: &str, overlap: &str) -> String {
    let path = format!("/console/api-keys/{id}/rotate");
    assert!(asker.get("/console/api-keys").await.text.contains(&path));
    let hidden = asker.get(&path).await.form(&path);
    let silent = sent(asker, &path, &hidden, &[("reason", "x")]).await;
    assert!(silent.text.contains("role=\"alert\""), "no overlap is chosen: {}", silent.text);
    let typed = [("overlap", overlap), ("reason", "it is a year old")];
    let seen = [sent(asker, &path, &hidden, &typed).await, sent(asker, &path, &hidden, &typed).await];
    let requests = seen.each_ref().map(request_in);
    assert_eq!(requests[0], requests[1]);
    came(&decided(approver, &requests[0], "approve").await, "key-approved");
    secret_in(&seen_by(asker, &requests[0]).await)
}

async fn audit_names_the_persons(shop: &Shop) {
    let lines = async |person: &str| {
        let lines: Value = shop.get(&format!("/v1/audit-log?actor={person}&limit=100")).await;
        let lines = lines["data"].as_array().unwrap().clone();
        lines.iter().map(|line| format!("{} {}", line["action"].as_str().unwrap(), line["result"])).collect::<Vec<_>>()
    };
    let (kim, lee) = (lines("kim").await, lines("lee").await);
    let told = |lines: &[String], part: &str| lines.iter().any(|line| line.contains(part));
    assert!(told(&kim, "{request}/secret \"200 made the key "), "{kim:?}");
    assert!(told(&lee, "{request}/approve \"200 agreed by mail\""), "{lee:?}");
    assert!(told(&kim, "{key}/rotate \"200 it is a year old\""), "{kim:?}");
    assert!(!told(&kim, "dk_") && !told(&lee, "dk_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_revokes_a_key() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let mut command = daegeum();
    command.args(["keys", "create", "--scope", "read", "--name", "leaked", "--data-dir"]);
    let made = command.arg(dev.directory.path()).output().unwrap();
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let id = key.split('_').nth(1).unwrap().to_owned();
    let opens = async || {
        let asked = dev.shop.http.get(format!("{}/v1/payments", dev.shop.api)).bearer_auth(&key);
        asked.send().await.unwrap().status().as_u16()
    };
    assert_eq!(opens().await, 200);
    let path = format!("/console/api-keys/{id}/revoke");
    for role in [Role::Operations, Role::Finance, Role::Support] {
        let person = signed_in(&dev, role.as_str(), role).await;
        assert_eq!(person.get(&path).await.status, 403, "{}", role.as_str());
        assert_eq!(person.post(&path, &[("reason", "x")]).await.status, 403, "{}", role.as_str());
        let list = person.get("/console/api-keys").await.text;
        assert!(!list.contains("/revoke\""), "{}: {list}", role.as_str());
    }
    let admin = signed_in(&dev, "kim", Role::Admin).await;
    assert!(admin.get("/console/api-keys").await.text.contains(&path));
    let page = admin.get(&path).await.text;
    assert!(page.contains("leaked") && page.contains(&id) && !page.contains(&key), "{page}");
    let silent = admin.post(&path, &[("reason", " ")]).await.text;
    assert!(silent.contains("role=\"alert\""), "{silent}");
    assert_eq!(opens().await, 200, "nothing is revoked without a reason");
    for _ in 0..2 {
        let seen = admin.post(&path, &[("reason", "it stood in a log")]).await;
        assert!(seen.text.contains("data-outcome=\"key-revoked\""), "{} {}", seen.status, seen.text);
    }
    assert_eq!(opens().await, 401);
    assert!(!admin.get("/console/api-keys").await.text.contains(&path));
    assert_eq!(admin.post("/console/api-keys/nothing/revoke", &[("reason", "x")]).await.status, 404);
    let lines = dev.shop.get("/v1/audit-log?actor=kim&limit=100").await;
    let revoked: Vec<_> =
        lines["data"].as_array().unwrap().iter().filter(|line| line["object"] == id.as_str()).collect();
    assert!(revoked.len() == 2 && revoked.iter().all(|line| line["result"] == "200 it stood in a log"), "{lines}");
}
