//! Sessions: how they begin, what ends them, and what nobody can do to them.

use std::str::FromStr as _;

use domain::Timestamp;
use sea_orm_migration::sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use store::{
    Database, DatabaseUrl,
    console::{MAX_IDLE_MS, MAX_SESSION_MS, Role},
};

use super::{COOKIE, Visitor, database_of, link_after, link_of, session, signed_in};
use crate::{
    database::Kind,
    roles::Roles,
    stack::{Dev, Shop, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_signs_in_once_under_a_token_of_its_own() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let brought = format!("{}.{}", "a".repeat(16), "b".repeat(64));
    let browser = Visitor::with(&dev.shop, &brought);
    let wrong = browser.get("/console/sign-in/link?token=0123").await;
    assert_eq!((wrong.status, wrong.cookies.len()), (403, 0));
    let link = link_of(&dev);
    let came_in = browser.get(&link).await;
    assert_eq!((came_in.status, came_in.location.as_deref()), (303, Some("/console")));
    let cookie = came_in.cookies[0].clone();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=28800"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    assert_ne!(token, brought, "a token that a request brings along is never taken over");
    assert_eq!(browser.get("/console").await.status, 303);
    assert_eq!(browser.get(&link).await.status, 403, "the link was used");
    until("the terminal shows the next link", || async { link_of(&dev) != link }).await;

    let admin = Visitor::with(&dev.shop, token);
    assert_eq!(admin.get("/console/audit-log").await.status, 200);
    // Another sign-in in the same browser ends the session before.
    let again = admin.get(&link_of(&dev)).await;
    assert_eq!(again.status, 303);
    assert_eq!(admin.get("/console").await.status, 303);
    let token = again.cookies[0].split(['=', ';']).nth(1).unwrap().to_owned();
    let admin = Visitor::with(&dev.shop, &token);
    let out = admin.post("/console/sign-out", &[]).await;
    assert!(out.cookies[0].starts_with(&format!("{COOKIE}=;")) && out.cookies[0].contains("Max-Age=0"), "{out:?}");
    assert_eq!(admin.get("/console").await.status, 303);

    let lines = dev.shop.get("/v1/audit-log?actor=dev&limit=100").await;
    let lines = lines["data"].as_array().unwrap();
    let told: Vec<_> = lines.iter().map(|line| (line["actor_kind"].as_str(), line["action"].as_str())).collect();
    let person = Some("person");
    let signed_in = (person, Some("console sign-in"));
    assert_eq!(told, [(person, Some("POST /console/sign-out")), signed_in, signed_in], "{lines:?}");
    let text = format!("{lines:?}");
    assert!(!text.contains(&token[17..]) && !text.contains(link.split('=').nth(1).unwrap()), "{text}");
}

/// A shop's backend asks for a link for a seller.
async fn offered(shop: &Shop, key: &str, seller: &str) -> (u16, Value) {
    let url = format!("{}/v1/sellers/{seller}/sign-in-link", shop.api);
    let answer = shop.http.post(url).bearer_auth(key).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_the_shop_signs_its_seller_in_once() {
    let roles = Roles::start(Kind::Postgres).await;
    let shop = &roles.shop;
    // Its first order makes a seller known.
    let _worker = roles.role("worker");
    shop.create("linked-1").await;
    let finance = roles.create_key("finance");
    assert_eq!(offered(shop, &roles.create_key("checkout"), "seller-a").await.0, 403);
    assert_eq!(offered(shop, &finance, "seller-nobody").await.1["code"], "seller_not_found");

    let of = |link: &Value| format!("/console/{}", link["url"].as_str().unwrap().split_once("/console/").unwrap().1);
    let (status, link) = offered(shop, &finance, "seller-a").await;
    assert_eq!((status, &link["seller_account"]), (201, &json!("seller-a")), "{link}");
    let path = of(&link);
    let (token, changed) = (path.split('=').nth(1).unwrap(), path.replace(&path[path.len() - 4..], "0000"));
    let nobody = Visitor::with(shop, "");
    assert_eq!(nobody.get(&changed).await.status, 403, "another secret");
    let both = tokio::join!(nobody.get(&path), nobody.get(&path));
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403], "of two uses at once one signs in");
    let came_in = [both.0, both.1].into_iter().find(|seen| seen.status == 303).unwrap();
    assert_eq!(came_in.location.as_deref(), Some("/console/own"));
    let seller = Visitor::with(shop, came_in.cookies[0].split(['=', ';']).nth(1).unwrap());
    assert!(seller.get("/console/own").await.text.contains("seller-a"));
    assert_eq!(seller.get("/console/payments").await.status, 403);
    assert_eq!(nobody.get(&path).await.status, 403, "the link was used");

    let (_, old) = offered(shop, &finance, "seller-a").await;
    let (_, stolen) = offered(shop, &finance, "seller-a").await;
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let id = |link: &Value| of(link).split(['=', '.']).nth(1).unwrap().to_owned();
    for (link, change) in [(&old, "expires_at = '2000-01-01'"), (&stolen, "seller_account = 'seller-b'")] {
        let change = format!("UPDATE seller_links SET {change} WHERE link_id = '{}'", id(link));
        database.connection().execute_unprepared(&change).await.unwrap();
        assert_eq!(nobody.get(&of(link)).await.status, 403, "{change}");
    }
    let lines = shop.http.get(format!("{}/v1/audit-log?limit=100", shop.api)).bearer_auth(roles.create_key("ops"));
    let lines: Value = lines.send().await.unwrap().json().await.unwrap();
    let text = lines.to_string();
    assert!(text.contains("sign-in-link") && text.contains("ok by shop_link as seller") && !text.contains(token));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_link_signs_a_seller_in_who_sees_own_data_alone() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    // Its first order makes a seller known.
    dev.shop.create("corner-1").await;
    let (admin, link) = (link_of(&dev), link_after(&dev, "  Seller's corner "));
    let browser = Visitor::with(&dev.shop, "");
    let came_in = browser.get(&link).await;
    assert_eq!((came_in.status, came_in.location.as_deref()), (303, Some("/console/own")));
    assert_eq!(browser.get(&link).await.status, 403, "the link was used");
    let seller = Visitor::with(&dev.shop, came_in.cookies[0].split(['=', ';']).nth(1).unwrap());
    let own = seller.get("/console/own").await;
    assert!(own.status == 200 && own.text.contains("seller-a"), "{}", own.text);
    assert_eq!(seller.get("/console/payments").await.status, 403);
    assert_eq!(browser.get(&admin).await.status, 303, "the link of the administrator is good still");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_page_is_answered_by_a_page_in_both_languages() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    for (language, words) in [("en", "The console has no page at this address."), ("ko", "lang=\"ko\"")] {
        let request = dev.shop.http.get(format!("{}/console/no-such-page/at-all", dev.shop.api));
        let answer = request.header("accept-language", language).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
        let text = answer.text().await.unwrap();
        assert!(text.contains(words) && text.contains("not_found"), "{text}");
    }
    let overview = Visitor::with(&dev.shop, "").get("/console/").await;
    assert_eq!((overview.status, overview.location.as_deref()), (308, Some("/console")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_runs_out_and_is_ended_by_others() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let now = service::now();
    let before = |ms: u64| now.minus_ms(ms);
    let status = async |at: Timestamp| {
        let visitor = Visitor::with(&dev.shop, &session(&dev, "kim", Role::Support, at).await);
        visitor.get("/console").await.status
    };
    assert_eq!(status(now).await, 200);
    assert_eq!(status(before(MAX_IDLE_MS - 60_000)).await, 200);
    assert_eq!(status(before(MAX_IDLE_MS)).await, 303, "it was not used for too long");
    let token = session(&dev, "kim", Role::Support, before(MAX_SESSION_MS)).await;
    let database = database_of(&dev).await;
    let used = format!("UPDATE console_sessions SET seen_at = '{}'", "2999-01-01 00:00:00+00:00");
    database.connection().execute_unprepared(&used).await.unwrap();
    assert_eq!(Visitor::with(&dev.shop, &token).get("/console").await.status, 303, "it is eight hours old");

    let victim = signed_in(&dev, "lee", Role::Support).await;
    let admin = signed_in(&dev, "park", Role::Admin).await;
    let sessions = admin.get("/console/sessions").await.text;
    let of_victim = sessions.split("lee of the tests").nth(1).unwrap();
    let act = of_victim.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(admin.post(&act, &[]).await.status, 303);
    assert_eq!((victim.get("/console").await.status, admin.get("/console").await.status), (303, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_to_the_database_gives_nobody_more_rights() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let database = database_of(&dev).await;
    let later = "expires_at = '2999-01-01 00:00:00+00:00'";
    for (role, change) in [
        (Role::Support, "roles = 'admin'"),
        (Role::Support, "person = 'other'"),
        (Role::Support, later),
        (Role::Support, "mac = 'x'"),
        (Role::Support, "seller_account = 'seller-a'"),
        (Role::Seller, "seller_account = 'seller-a'"),
        (Role::Seller, "seller_account = NULL"),
        (Role::Seller, "roles = 'support'"),
    ] {
        let visitor = signed_in(&dev, "kim", role).await;
        assert_ne!(visitor.get("/console").await.status, 303);
        let update = format!("UPDATE console_sessions SET {change} WHERE person = 'kim'");
        database.connection().execute_unprepared(&update).await.unwrap();
        assert_eq!(visitor.get("/console").await.status, 303, "{change}");
        database.connection().execute_unprepared("DELETE FROM console_sessions").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_page_sends_a_form() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    shop.create("csrf-1").await;
    let person = signed_in(&dev, "kim", Role::Admin).await;
    let other = signed_in(&dev, "lee", Role::Admin).await;
    let path = "/console/payments/csrf-1/cancel";
    let of_other = other.get(path).await.field("form_token");
    let own = person.get(path).await.field("form_token");
    for token in ["", "x", of_other.as_str()] {
        let seen = person.send(path, &[("form_token", token), ("reason", "test")]).await;
        assert_eq!(seen.status, 403, "{token}");
    }
    let cross = person.http.post(format!("{}{path}", shop.api)).header("cookie", &person.cookie);
    let cross = cross.header("sec-fetch-site", "cross-site").form(&[("form_token", own.as_str()), ("reason", "test")]);
    assert_eq!(cross.send().await.unwrap().status(), 403);
    let json = person.http.post(format!("{}{path}", shop.api)).header("cookie", &person.cookie);
    let json = json.json(&serde_json::json!({ "form_token": own, "reason": "test" }));
    assert_eq!(json.send().await.unwrap().status(), 415);
    assert_eq!(shop.status("csrf-1").await, "NOT_STARTED");
    let seen = person.send(path, &[("form_token", &own), ("reason", "test")]).await;
    assert!(seen.status == 200 && seen.text.contains("data-outcome=\"given-up\""), "{seen:?}");
    assert_eq!(shop.status("csrf-1").await, "CANCELED");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_the_console_says_what_it_takes() {
    let roles = Roles::start(Kind::Sqlite).await;
    let visitor = Visitor::with(&roles.shop, "");
    let seen = visitor.get("/console").await;
    assert_eq!(seen.status, 200);
    for told in ["DAEGEUM_CONSOLE_ISSUER", "DAEGEUM_CONSOLE_CLIENT_ID", "/console/sign-in/callback"] {
        assert!(seen.text.contains(told), "{}", seen.text);
    }
    assert_eq!(visitor.get("/console/sign-in/link?token=").await.status, 403);
    assert_eq!(visitor.get("/console/sign-in/provider").await.status, 404);
    let elsewhere = visitor.get("/console/language/en?to=//evil.example").await;
    assert_eq!(elsewhere.location.as_deref(), Some("/console"));
}
