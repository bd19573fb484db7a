//! Webhooks are hints: whatever is sent, by whomever, only the PSP's own word moves money.

use std::str::FromStr as _;

use domain::id::CheckoutId;
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, MAX_KEPT_WEBHOOKS, Reader};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(whatever_webhook_comes_does_no_harm);

const PAID: u64 = 23_000;
/// Requests that may be open at once: by so many the inbox may exceed its bound.
const AT_ONCE: usize = 16;

async fn whatever_webhook_comes_does_no_harm(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let url = DatabaseUrl::from_str(&roles.database_url()).unwrap();
    let reader = Reader::new(Database::connect_read_only(&url).await.unwrap());
    let scene = Scene { shop: &roles.shop, reader: &reader };
    let moved: [u64; 6] = tokio::join!(
        scene.forged(),
        scene.stale(),
        scene.duplicate(),
        scene.reordered(),
        scene.of_an_unknown_order(),
        scene.early(),
    )
    .into();
    let moved = moved.iter().sum();
    scene.too_many().await;
    assert_eq!(roles.shop.charged().await, (moved, 0), "what Toss holds, and what it charged twice");
    assert_eq!(roles.shop.receivable().await, moved);
}

/// The stories; each answers the won that Toss holds at its end.
struct Scene<'a> {
    shop: &'a Shop,
    reader: &'a Reader,
}

impl Scene<'_> {
    async fn forged(&self) -> u64 {
        let id = "forged-webhook";
        self.awaits_deposit(id).await;
        self.send(id, "DONE", "2026-11-21T12:00:00.000000", 0).await;
        // The workflow has asked and was told the truth.
        let asked = self.look_ups(id).await;
        until("it asks", || async { self.look_ups(id).await > asked }).await;
        assert_eq!(self.shop.status(id).await, "WAITING_FOR_DEPOSIT");
        0
    }

    async fn stale(&self) -> u64 {
        let id = "stale-webhook";
        self.awaits_deposit(id).await;
        self.shop.simulate("deposit", &json!({ "orderId": id })).await;
        self.send(id, "WAITING_FOR_DEPOSIT", "2020-01-01T00:00:00.000000", 7).await;
        until("the truth is found", || async { self.shop.status(id).await == "SUCCESS" }).await;
        let [(kept, _)] = &self.kept(id).await[..] else { panic!("one webhook is kept") };
        assert_eq!((kept.event.as_deref(), kept.retries), (Some("DEPOSIT_CALLBACK"), Some(7)));
        assert_eq!(kept.delivery_id.as_deref(), Some("delivery-of-a-test"));
        assert_eq!(kept.sent_at.as_deref(), Some("2020-01-01T00:00:00.000000"));
        PAID
    }

    async fn duplicate(&self) -> u64 {
        let id = "duplicate-webhook";
        self.awaits_deposit(id).await;
        self.shop.simulate("deposit", &json!({ "orderId": id })).await;
        for _ in 0..10 {
            self.send(id, "DONE", "2026-11-21T12:00:00.000000", 0).await;
        }
        until("it is paid once", || async { self.shop.status(id).await == "SUCCESS" }).await;
        self.send(id, "DONE", "2026-11-21T12:00:00.000000", 0).await;
        assert_eq!(self.kept(id).await.len(), 1);
        let history = self.shop.get(&format!("/v1/payments/{id}/history")).await;
        let paid = history["history"].as_array().unwrap().iter().filter(|line| line["status"] == "SUCCESS").count();
        assert_eq!(paid, 1, "{history}");
        PAID
    }

    async fn reordered(&self) -> u64 {
        let id = "reordered-webhook";
        self.awaits_deposit(id).await;
        self.shop.simulate("deposit", &json!({ "orderId": id })).await;
        self.send(id, "DONE", "2026-11-21T12:00:02.000000", 0).await;
        until("it is paid", || async { self.shop.status(id).await == "SUCCESS" }).await;
        for (earlier, created_at) in
            [("WAITING_FOR_DEPOSIT", "2026-11-21T12:00:01.000000"), ("CANCELED", "2026-11-21T12:00:00.000000")]
        {
            self.send(id, earlier, created_at, 0).await;
        }
        assert_eq!(self.kept(id).await.len(), 3);
        assert_eq!(self.shop.status(id).await, "SUCCESS");
        PAID
    }

    async fn of_an_unknown_order(&self) -> u64 {
        for number in 0..20 {
            self.send(&format!("nobodys-order-{number}"), "DONE", "2026-11-21T12:00:00.000000", 0).await;
            assert!(self.kept(&format!("nobodys-order-{number}")).await.is_empty(), "strangers fill no database");
        }
        0
    }

    /// It comes while the capture is under way and the record still says `NOT_STARTED`.
    async fn early(&self) -> u64 {
        let id = "early-webhook";
        self.shop.create(id).await;
        self.send(id, "DONE", "2026-11-21T12:00:00.000000", 0).await;
        let key = self.shop.authorize(id).await;
        let stall = json!({ "on": "confirm", "kind": "execute_and_stall", "orderId": id });
        self.shop.simulate("mischief", &stall).await;
        let confirming = self.shop.confirm(id, &key, "23000");
        let telling = async {
            until("Toss was asked to capture", || async { self.calls(id, "POST").await > 0 }).await;
            assert_eq!(self.shop.status(id).await, "NOT_STARTED");
            self.send(id, "DONE", "2026-11-21T12:00:01.000000", 0).await;
        };
        tokio::join!(confirming, telling);
        until("it is paid", || async { self.shop.status(id).await == "SUCCESS" }).await;
        assert_eq!(self.kept(id).await.len(), 2);
        PAID
    }

    async fn too_many(&self) {
        let id = "too-many-webhooks";
        self.shop.create(id).await;
        for number in 0..MAX_KEPT_WEBHOOKS + 20 {
            self.send(id, "DONE", &format!("2026-11-21T12:00:00.{number:06}"), 0).await;
        }
        let kept = self.kept(id).await.len();
        assert!((1..=MAX_KEPT_WEBHOOKS as usize + AT_ONCE).contains(&kept), "{kept} are kept");
    }

    async fn awaits_deposit(&self, id: &str) {
        self.shop.create(id).await;
        let key = self.shop.authorize_by(id, "가상계좌").await;
        let (answer, body) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!((answer, &body["status"]), (200, &json!("WAITING_FOR_DEPOSIT")));
    }

    async fn send(&self, id: &str, status: &str, created_at: &str, retries: u32) {
        let body = json!({ "createdAt": created_at, "secret": "forged", "status": status,
            "transactionKey": "forged", "orderId": id });
        let webhook = self.shop.http.post(format!("{}/v1/webhooks/toss", self.shop.api)).json(&body);
        let webhook = webhook
            .header("tosspayments-webhook-transmission-id", "delivery-of-a-test")
            .header("tosspayments-webhook-transmission-time", created_at)
            .header("tosspayments-webhook-transmission-retried-count", retries.to_string());
        assert_eq!(webhook.send().await.unwrap().status(), 200);
    }

    async fn kept(&self, id: &str) -> Vec<(store::Webhook, domain::Timestamp)> {
        self.reader.webhooks(&CheckoutId::parse(id).unwrap()).await.unwrap()
    }

    async fn look_ups(&self, id: &str) -> usize {
        self.calls(id, "GET").await
    }

    async fn calls(&self, id: &str, method: &str) -> usize {
        let calls = self.shop.http.get(format!("{}/_sim/calls", self.shop.simulator)).send().await.unwrap();
        let calls: Value = calls.json().await.unwrap();
        let calls = calls.as_array().or_else(|| calls["calls"].as_array()).unwrap().clone();
        calls.iter().filter(|call| call["method"] == method && call["orderId"] == id).count()
    }
}

/// Only PostgreSQL has databases that take no connection.
mod on_postgres {
    use sea_orm_migration::sea_orm::ConnectionTrait as _;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn without_a_database_the_psp_is_told_to_send_it_again() {
        let roles = Roles::start(Kind::Postgres).await;
        let url = roles.database_url();
        let (_, name) = url.rsplit_once('/').unwrap();
        let server = std::env::var("TEST_POSTGRES_URL").unwrap();
        let administration = Database::connect(&DatabaseUrl::from_str(&server).unwrap()).await.unwrap();
        let administer = async |statement: String| {
            administration.connection().execute_unprepared(&statement).await.unwrap();
        };
        administer(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        administer(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).await;
        let body = json!({ "createdAt": "2026-11-21T12:00:00.000000", "secret": "s", "status": "DONE",
            "transactionKey": "t", "orderId": "any-checkout" });
        let webhook = roles.shop.http.post(format!("{}/v1/webhooks/toss", roles.shop.api)).json(&body);
        assert_eq!(webhook.send().await.unwrap().status(), 503);
        administer(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    }
}
