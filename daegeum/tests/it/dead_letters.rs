//! What needs a person is put in front of one, and what they say is heard once.

use std::str::FromStr as _;

use sea_orm_migration::sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, Keyring};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Dev, Shop, daegeum, until},
};

on_both_databases!(
    letters_are_answered_once_and_the_workflow_goes_on,
    above_the_limit_two_principals_give_up_a_payment
);

const NOTHING: u64 = 0;
const PAID: u64 = 23_000;
/// More questions than a story asks.
const ALWAYS: u32 = 0;

async fn letters_are_answered_once_and_the_workflow_goes_on(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let scene = Scene { roles: &roles, shop: &roles.shop };
    let moved: [u64; 5] = tokio::join!(
        scene.locked_out_and_mended(),
        scene.locked_out_and_not_paid(),
        scene.a_person_is_wrong_about_money(),
        scene.stuck_again(),
        scene.nobody_waits_any_more(),
    )
    .into();
    let moved = moved.iter().sum();
    scene.many_at_once().await;
    scene.who_may_and_what_is_refused().await;
    assert_eq!(roles.shop.charged().await, (moved, 0), "what Toss holds, and what it charged twice");
    assert_eq!(roles.shop.receivable().await, moved);
}

/// The stories; each answers the won that Toss holds at its end.
struct Scene<'a> {
    roles: &'a Roles,
    shop: &'a Shop,
}

impl Scene<'_> {
    async fn locked_out_and_mended(&self) -> u64 {
        let id = "letter-mended";
        let letter = self.stuck(id, 3).await;
        let told = self.shop.get(&format!("/v1/dead-letters/{letter}")).await;
        assert_eq!((&told["step"], &told["code"]), (&json!("psp.confirm"), &json!("psp_access_denied")), "{told}");
        assert_eq!(told["input"], json!({ "checkout_id": id, "amount": "23000 KRW" }));
        assert_eq!((&told["status"], &told["outcomes"]), (&json!("OPEN"), &json!(["not_paid"])));
        let checkout = self.shop.get(&format!("/v1/payments/{id}")).await;
        assert_eq!(checkout["dead_letter"], format!("/v1/dead-letters/{letter}"));
        assert_eq!(told["workflow"]["id"], checkout["workflow"]["id"]);

        // Two operators at once: one wins, the other is told who did.
        let other = Shop { api_key: self.roles.create_key("ops"), ..self.shop.clone() };
        let reason = json!({ "reason": "the key is the right one again" });
        let (one, two) = tokio::join!(self.shop.act(&letter, "retry", &reason), other.act(&letter, "retry", &reason));
        let mut answers = [one, two];
        answers.sort_by_key(|(status, _)| *status);
        assert_eq!((answers[0].0, answers[1].0), (200, 409), "{answers:?}");
        let winner = answers[0].1["actions"][0]["by"].as_str().unwrap();
        let detail = answers[1].1["detail"].as_str().unwrap();
        assert!(detail.contains(winner) && detail.contains("retry"), "{detail}");
        self.stands_at(id, "SUCCESS").await;
        self.letter_is(&letter, "RESOLVED").await;

        // The winner may repeat the request, and nothing happens.
        let shop = if self.shop.api_key.contains(winner) { self.shop } else { &other };
        let (again, body) = shop.act(&letter, "retry", &reason).await;
        assert_eq!((again, body["actions"].as_array().unwrap().len()), (200, 1), "{body}");
        let checkout = self.shop.get(&format!("/v1/payments/{id}")).await;
        assert_eq!(checkout.get("dead_letter"), None);
        PAID
    }

    async fn locked_out_and_not_paid(&self) -> u64 {
        let id = "letter-not-paid";
        let letter = self.stuck(id, ALWAYS).await;
        let (answer, body) = self.shop.act(&letter, "resolve", &json!({ "reason": "the shop was closed" })).await;
        assert_eq!((answer, &body["errors"][0]["field"]), (422, &json!("outcome")), "{body}");
        let resolve = json!({ "reason": "Toss says so on the telephone", "outcome": "not_paid" });
        let (answer, body) = self.shop.act(&letter, "resolve", &resolve).await;
        assert_eq!((answer, &body["status"]), (200, &json!("RESOLVED")), "{body}");
        self.stands_at(id, "FAILED").await;
        let checkout = self.shop.get(&format!("/v1/payments/{id}")).await;
        assert_eq!(checkout["failure"]["code"], "resolved_by_operator");
        assert_eq!(self.shop.act(&letter, "resolve", &resolve).await.0, 200);
        assert_eq!(self.shop.act(&letter, "retry", &json!({ "reason": "x" })).await.0, 409);
        NOTHING
    }

    /// Toss holds the money, and says so as soon as it is asked: a person cannot talk it away.
    async fn a_person_is_wrong_about_money(&self) -> u64 {
        let id = "letter-wrong";
        self.shop.create(id).await;
        let key = self.shop.authorize(id).await;
        let lost = json!({ "on": "confirm", "kind": "execute_and_error", "orderId": id });
        self.shop.simulate("mischief", &lost).await;
        let deaf = json!({ "on": "lookup", "kind": "garbage_after", "times": 2, "orderId": id });
        self.shop.simulate("mischief", &deaf).await;
        let refusal = json!({ "on": "cancel", "kind": "error_before", "code": "NOT_CANCELABLE_PAYMENT",
            "orderId": id });
        self.shop.simulate("mischief", &refusal).await;
        let confirming = self.shop.confirm(id, &key, "23000");
        let canceling = async {
            self.stands_at(id, "UNKNOWN").await;
            let workflow = self.shop.get(&format!("/v1/payments/{id}")).await["workflow"]["id"].clone();
            let temporal = self.roles.temporal().await;
            let workflow =
                temporal.get_workflow_handle::<workflows::checkout::CheckoutWorkflow>(workflow.as_str().unwrap());
            workflow.cancel(temporalio_client::WorkflowCancelOptions::default()).await.unwrap();
        };
        tokio::join!(confirming, canceling);
        self.stands_at(id, "STUCK").await;
        let letter = self.shop.letter_of(id).await;
        let told = self.shop.get(&format!("/v1/dead-letters/{letter}")).await;
        assert_eq!((&told["step"], &told["code"]), (&json!("psp.cancel"), &json!("undo_refused")), "{told}");
        let resolve = json!({ "reason": "I believe so", "outcome": "not_paid" });
        assert_eq!(self.shop.act(&letter, "resolve", &resolve).await.0, 200);
        // The undo goes on, and gives the money back.
        self.stands_at(id, "FAILED").await;
        let checkout = self.shop.get(&format!("/v1/payments/{id}")).await;
        assert_eq!(checkout["failure"]["code"], "canceled");
        NOTHING
    }

    async fn stuck_again(&self) -> u64 {
        let id = "letter-again";
        // What is asked at once after the retry is refused as well, and so are the three questions that follow.
        let first = self.stuck(id, 7).await;
        let (answer, body) = self.shop.act(&first, "retry", &json!({ "reason": "perhaps" })).await;
        assert_eq!(answer, 200, "{body}");
        let second = self.shop.letter_of(id).await;
        assert_ne!(first, second);
        // The retry was taken; what came of it is the second letter's.
        self.letter_is(&first, "RESOLVED").await;
        let (answer, body) = self.shop.act(&second, "retry", &json!({ "reason": "surely" })).await;
        assert_eq!(answer, 200, "{body}");
        self.stands_at(id, "SUCCESS").await;
        self.letter_is(&second, "RESOLVED").await;
        PAID
    }

    async fn nobody_waits_any_more(&self) -> u64 {
        let id = "letter-orphan";
        let letter = self.stuck(id, ALWAYS).await;
        let reason = json!({ "reason": "the workflow was ended by hand" });
        let (answer, body) = self.shop.act(&letter, "discard", &reason).await;
        assert_eq!((answer, &body["code"]), (409, &json!("dead_letter_not_actionable")), "{body}");
        assert!(body["detail"].as_str().unwrap().contains("retry it or resolve it"), "{body}");
        self.roles.terminate(id);
        let (answer, body) = self.shop.act(&letter, "retry", &reason).await;
        assert_eq!(answer, 409);
        assert!(body["detail"].as_str().unwrap().contains("discard it"), "{body}");
        let (answer, body) = self.shop.act(&letter, "discard", &reason).await;
        assert_eq!((answer, &body["status"]), (200, &json!("DISCARDED")), "{body}");
        NOTHING
    }

    /// By the API first, then the same by the command line.
    async fn many_at_once(&self) {
        let ids = ["letter-bulk-1", "letter-bulk-2", "letter-bulk-3"];
        tokio::join!(self.stuck(ids[0], ALWAYS), self.stuck(ids[1], ALWAYS), self.stuck(ids[2], ALWAYS));
        let ask = |more: Value| {
            let mut body = json!({ "action": "resolve", "outcome": "not_paid", "reason": "closed for the night",
                "filter": { "code": "psp_access_denied" }, "limit": 2 });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        assert_eq!(self.bulk(&ask(json!({}))).await.0, 422, "without a preview nothing is done");
        let (answer, preview) = self.bulk(&ask(json!({ "preview": true }))).await;
        assert_eq!((answer, &preview["count"]), (200, &json!(2)), "{preview}");
        assert!(preview["items"].as_array().unwrap().iter().all(|item| item["result"] == "would_do"), "{preview}");
        let token = preview["token"].clone();
        let (answer, body) = self.bulk(&ask(json!({ "token": token, "limit": 3 }))).await;
        assert_eq!((answer, &body["code"]), (409, &json!("preview_outdated")), "{body}");
        let (answer, done) = self.bulk(&ask(json!({ "token": token }))).await;
        assert_eq!(answer, 200, "{done}");
        assert!(done["items"].as_array().unwrap().iter().all(|item| item["result"] == "done"), "{done}");
        assert_eq!(done["items"].as_array().unwrap().len(), 2);
        let failed = |item: &Value| item["checkout_id"].as_str().unwrap().to_owned();
        let failed: Vec<_> = done["items"].as_array().unwrap().iter().map(failed).collect();
        for id in &failed {
            self.stands_at(id, "FAILED").await;
        }
        let last = ids.into_iter().find(|id| !failed.iter().any(|failed| failed == id)).unwrap();

        let filter = ["--outcome", "not_paid", "--code", "psp_access_denied", "--reason", "closed", "--json"];
        let preview = self.daegeum("resolve", &[&filter[..], &["--preview"]].concat()).await;
        assert_eq!(preview["count"], 1, "{preview}");
        let token = preview["token"].as_str().unwrap();
        let done = self.daegeum("resolve", &[&filter[..], &["--token", token]].concat()).await;
        assert_eq!(done["items"][0]["result"], "ok", "{done}");
        self.stands_at(last, "FAILED").await;
        let listed = self.daegeum("list", &["--checkout", last, "--json"]).await;
        let letter = listed[0]["dead_letter_id"].as_str().unwrap();
        let shown = self.daegeum("show", &[letter, "--json"]).await;
        assert!(shown["actions"][0]["by"].as_str().unwrap().starts_with("os:"), "{shown}");
    }

    async fn who_may_and_what_is_refused(&self) {
        let mere = Shop { api_key: self.roles.create_key("checkout"), ..self.shop.clone() };
        assert_eq!(mere.get("/v1/dead-letters").await["status"], 403);
        assert_eq!(mere.act("any", "retry", &json!({ "reason": "x" })).await.0, 403);
        let (answer, body) = self.shop.act("nothing-here", "retry", &json!({ "reason": "x" })).await;
        assert_eq!((answer, &body["code"]), (404, &json!("dead_letter_not_found")));
        for (body, field) in [
            (json!({}), "reason"),
            (json!({ "reason": "" }), "reason"),
            (json!({ "reason": "x", "outcome": "not_paid" }), "outcome"),
            (json!({ "reason": "x", "other": 1 }), "other"),
        ] {
            let (answer, problem) = self.shop.act("nothing-here", "retry", &body).await;
            assert_eq!((answer, &problem["errors"][0]["field"]), (422, &json!(field)), "{body}");
        }
        assert_eq!(self.shop.get("/v1/dead-letters?status=LOST").await["errors"][0]["field"], "status");
        let first = self.shop.get("/v1/dead-letters?limit=1").await;
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = self.shop.get(&format!("/v1/dead-letters?limit=1&cursor={cursor}")).await;
        assert_ne!(first["data"][0]["dead_letter_id"], second["data"][0]["dead_letter_id"]);
    }

    /// A checkout that Toss does not let us capture; answers its letter.
    async fn stuck(&self, id: &str, questions: u32) -> String {
        self.shop.create(id).await;
        let key = self.shop.authorize(id).await;
        self.shop.lock_out(id, questions).await;
        let (answer, body) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!(answer, 202, "{body}");
        self.stands_at(id, "STUCK").await;
        self.shop.letter_of(id).await
    }

    async fn stands_at(&self, id: &str, status: &str) {
        until(&format!("{id} is {status}"), || async { self.shop.status(id).await == status }).await;
    }

    async fn letter_is(&self, letter: &str, status: &str) {
        let path = format!("/v1/dead-letters/{letter}");
        until(&format!("{letter} is {status}"), || async { self.shop.get(&path).await["status"] == status }).await;
    }

    async fn bulk(&self, body: &Value) -> (u16, Value) {
        let url = format!("{}/v1/dead-letters/bulk", self.shop.api);
        let response = self.shop.http.post(url).bearer_auth(&self.shop.api_key).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn daegeum(&self, action: &str, arguments: &[&str]) -> Value {
        let mut command = self.roles.command(&["dead-letters", action]);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{action}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// What is repeated by itself has a letter too, which closes once somebody has mended the cause.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_does_not_succeed_has_a_letter_until_it_does() {
    let roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let set_revision = async |revision: u32| {
        let statement = format!("UPDATE payment_events SET revision = {revision}");
        database.connection().execute_unprepared(&statement).await.unwrap();
    };
    let shop = &roles.shop;
    shop.create("letter-of-a-write").await;
    let key = shop.authorize("letter-of-a-write").await;
    set_revision(7).await;
    let confirming = shop.confirm("letter-of-a-write", &key, "23000");
    let mending = async {
        let letter = shop.letter_of("letter-of-a-write").await;
        let told = shop.get(&format!("/v1/dead-letters/{letter}")).await;
        assert_eq!((&told["step"], &told["code"]), (&json!("checkout.advance"), &json!("store.out_of_step")), "{told}");
        assert_eq!((&told["awaits"], &told["input"]["status"]), (&json!("mending"), &json!("EXECUTING")), "{told}");
        let (answer, body) = shop.act(&letter, "retry", &json!({ "reason": "now" })).await;
        assert_eq!(answer, 409);
        assert!(body["detail"].as_str().unwrap().contains("repeats the step by itself"), "{body}");
        set_revision(0).await;
        letter
    };
    let (_, letter) = tokio::join!(confirming, mending);
    until("it is written", || async { shop.status("letter-of-a-write").await == "SUCCESS" }).await;
    let path = format!("/v1/dead-letters/{letter}");
    until("the letter is closed", || async { shop.get(&path).await["status"] == "CLOSED" }).await;
    assert_eq!((shop.charged().await, shop.receivable().await), ((PAID, 0), PAID));
}

/// One payment of 23,000 won is above the limit, as two are in bulk. Keys and the command line are principals alike.
async fn above_the_limit_two_principals_give_up_a_payment(database: Kind) {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::io::Write::write_all(&mut file, b"[dead_letters]\nresolve_alone_up_to = \"22999\"\n").unwrap();
    let roles = Roles::start_with(database, &["--config", file.path().to_str().unwrap()]).await;
    let _worker = roles.role("worker");
    let scene = Scene { roles: &roles, shop: &roles.shop };
    let other = Shop { api_key: roles.create_key("ops"), ..roles.shop.clone() };
    let letter = scene.stuck("letter-of-two", ALWAYS).await;
    let resolve = json!({ "reason": "Toss says so on the telephone", "outcome": "not_paid" });
    let (answer, body) = scene.shop.act(&letter, "resolve", &resolve).await;
    assert_eq!((answer, &body["status"], &body["proposal"]["outcome"]), (200, &json!("OPEN"), &json!("not_paid")));
    assert_eq!(body["actions"][0]["action"], "propose", "{body}");
    let (answer, again) = scene.shop.act(&letter, "resolve", &resolve).await;
    assert_eq!((answer, &again["code"]), (403, &json!("four_eyes")), "{again}");
    assert_eq!(scene.shop.status("letter-of-two").await, "STUCK", "one word moves nothing");
    let (answer, body) = other.act(&letter, "resolve", &resolve).await;
    assert_eq!((answer, &body["status"]), (200, &json!("RESOLVED")), "{body}");
    assert_eq!(body["proposal"], Value::Null, "{body}");
    scene.stands_at("letter-of-two", "FAILED").await;

    // Many at once: the command line proposes, and what it proposed is a part of what a key is shown.
    let ids = ["letter-of-two-1", "letter-of-two-2"];
    tokio::join!(scene.stuck(ids[0], ALWAYS), scene.stuck(ids[1], ALWAYS));
    let ask = |more: Value| {
        let mut body = json!({ "action": "resolve", "outcome": "not_paid", "reason": "closed for the night",
            "filter": { "code": "psp_access_denied" } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let results = |body: &Value| {
        let items = body["items"].as_array().unwrap().iter();
        items.map(|item| item["result"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (_, before) = scene.bulk(&ask(json!({ "preview": true }))).await;
    assert_eq!(results(&before), ["would_propose", "would_propose"], "{before}");
    let filter = ["--outcome", "not_paid", "--code", "psp_access_denied", "--reason", "closed", "--json"];
    let preview = scene.daegeum("resolve", &[&filter[..], &["--preview"]].concat()).await;
    let token = preview["token"].as_str().unwrap();
    let done = scene.daegeum("resolve", &[&filter[..], &["--token", token]].concat()).await;
    assert_eq!(done["items"][0]["result"], "proposed", "{done}");
    let (answer, outdated) = scene.bulk(&ask(json!({ "token": before["token"] }))).await;
    assert_eq!((answer, &outdated["code"]), (409, &json!("preview_outdated")), "{outdated}");
    let (_, preview) = scene.bulk(&ask(json!({ "preview": true }))).await;
    assert_eq!(results(&preview), ["would_do", "would_do"], "{preview}");
    let (answer, done) = scene.bulk(&ask(json!({ "token": preview["token"] }))).await;
    assert_eq!((answer, results(&done)), (200, vec!["done".to_owned(), "done".to_owned()]), "{done}");
    for id in ids {
        scene.stands_at(id, "FAILED").await;
    }
    let log = scene.shop.get("/v1/audit-log?limit=100").await.to_string();
    assert!(log.contains("dead-letters resolve") && log.contains("\"proposed\""), "{log}");
    assert_eq!((scene.shop.charged().await, scene.shop.receivable().await), ((NOTHING, 0), NOTHING));
}

/// The data directory of a `dev` holds a key that its worker does not use. A signal under it would stop the workflow.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_from_the_command_line_is_understood_or_not_sent() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, id) = (&dev.shop, "letter-by-hand");
    shop.create(id).await;
    let key = shop.authorize(id).await;
    shop.lock_out(id, 3).await;
    shop.confirm(id, &key, "23000").await;
    let letter = shop.letter_of(id).await;
    assert!(dev.directory.path().join("encryption-keys").exists());
    let retry = |keys: Option<&str>| {
        let mut command = daegeum();
        command.env_remove("TEMPORAL_ADDRESS").arg("--data-dir").arg(dev.directory.path());
        command.args(["dead-letters", "retry", &letter, "--reason", "the key is the right one again"]);
        command.envs(keys.map(|keys| ("DAEGEUM_ENCRYPTION_KEYS", keys))).output().unwrap()
    };
    let refused = retry(Some(&Keyring::generate("dev").unwrap()));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("nothing was done"), "{told}");
    assert!(told.contains("do not have the encryption key dev.") && told.contains("has no keys"), "{told}");
    assert_eq!(shop.get(&format!("/v1/dead-letters/{letter}")).await["status"], "OPEN", "nothing is written down");

    let taken = retry(None);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    until("it is paid", || async { shop.status(id).await == "SUCCESS" }).await;
    assert_eq!((shop.charged().await, shop.receivable().await), ((PAID, 0), PAID));
}
