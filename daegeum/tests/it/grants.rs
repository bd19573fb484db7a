//! The rights that `daegeum migrate grants` prints are enough for every process, and no more than it needs.

use std::{collections::BTreeSet, io::Write as _, process::Command, str::FromStr};

use reqwest::StatusCode;
use sea_orm_migration::sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, Keyring, console::Role};

use crate::{
    console::{Visitor, keys::key_of, session_in},
    database::Kind,
    roles::Roles,
    stack::{Process, Shop, checkout, until},
};

/// What PostgreSQL says to a statement that a role has no right to.
const DENIED: &str = "permission denied";
/// How often Toss refuses our key before the checkout is put in front of a person.
const QUESTIONS: u32 = 3;

/// A PostgreSQL with a role for each process, and a worker and an API under theirs.
struct Granted {
    roles: Roles,
    owner: Database,
    shop: Shop,
    _settings: tempfile::NamedTempFile,
    _processes: [Process; 2],
}

impl Granted {
    async fn start() -> Self {
        let settings = settings();
        let flags = ["--config", settings.path().to_str().unwrap()];
        let mut roles = Roles::start_with(Kind::Postgres, &flags).await;
        let owner = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
        for grantee in ["api", "worker", "serve", "operator"] {
            let name = role_name(&roles, grantee);
            owner.connection().execute_unprepared(&format!("CREATE ROLE {name} LOGIN")).await.unwrap();
            let granted = roles.command(&["migrate", "grants", "--role", grantee, "--to", &name]).output().unwrap();
            assert!(granted.status.success(), "{}", String::from_utf8_lossy(&granted.stderr));
            let sql = String::from_utf8(granted.stdout).unwrap();
            // Twice: it is run again after each migration.
            for _ in 0..2 {
                owner.connection().execute_unprepared(&sql).await.unwrap();
            }
        }
        roles.kill_api();
        let worker = roles.command(&["--database-url", &url_of(&roles, "worker"), "worker"]);
        let worker = start(worker, &roles, "worker");
        let (api, address) = roles.second_api(&url_of(&roles, "api")).await;
        let shop = Shop { api: address, ..roles.shop.clone() };
        Self { roles, owner, shop, _settings: settings, _processes: [worker, api] }
    }

    /// A command under the role of an operator.
    fn says(&self, arguments: &[&str]) -> String {
        let url = url_of(&self.roles, "operator");
        let arguments = [&["--database-url", &url], arguments].concat();
        let output = self.roles.command(&arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn start(mut command: Command, roles: &Roles, name: &str) -> Process {
    Process::start(&mut command, &roles.log(name))
}

/// Keys, so that details are kept; a rule, so that decisions are.
fn settings() -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    let keys = Keyring::generate("test").unwrap();
    write!(file, "encryption_keys = \"{keys}\"\n[risk]\ndenied_buyers = [\"nobody\"]\n").unwrap();
    file
}

fn role_name(roles: &Roles, grantee: &str) -> String {
    let url = roles.database_url();
    let (_, database) = url.rsplit_once('/').unwrap();
    format!("{grantee}_of_{database}")
}

fn url_of(roles: &Roles, grantee: &str) -> String {
    let role = role_name(roles, grantee);
    // The password is for the search of the logs: no log may tell it.
    roles.database_url().replacen("postgres://postgres@", &format!("postgres://{role}:hunter2@"), 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_process_serves_under_the_rights_that_are_printed_for_it() {
    let granted = Granted::start().await;
    let shop = &granted.shop;
    pay_and_refund(shop).await;
    a_person_answers(shop).await;
    read_everything(shop).await;

    let erased = shop.http.delete(format!("{}/v1/buyers/buyer-1/personal-data", shop.api)).bearer_auth(&shop.api_key);
    let erased: Value = erased.send().await.unwrap().json().await.unwrap();
    assert_eq!((&erased["erased_checkouts"], &erased["erased_cards"]), (&json!(1), &json!(1)), "{erased}");

    let key = granted.says(&["keys", "create", "--scope", "read"]);
    let key = key.lines().last().unwrap();
    let reader = Shop { api_key: key.to_owned(), ..shop.clone() };
    assert_eq!(reader.status("granted-1").await, "PARTIALLY_REFUNDED");
    granted.says(&["keys", "revoke", service::api_key::SecretKey::parse(key).unwrap().0.as_str()]);
    persons_make_keys(&granted).await;
    granted.says(&["commissions", "set", "--bps", "250"]);
    granted.says(&["encryption", "reseal"]);
    granted.says(&["buyers", "erase", "buyer-1"]);
    granted.says(&["ledger", "verify"]);
    granted.says(&["audit", "list"]);

    for log in ["worker", "second-api"] {
        let told = std::fs::read_to_string(granted.roles.log(log)).unwrap();
        assert!(!told.contains(DENIED), "the {log} lacks a right: {told}");
    }
}

/// Two administrators make a key at the console of an API under its own role.
async fn persons_make_keys(granted: &Granted) {
    let signed_in = async |person| {
        let token = session_in(granted.owner.clone(), person, Role::Admin, service::now()).await;
        Visitor::with(&granted.shop, &token)
    };
    let [kim, lee] = [signed_in("kim").await, signed_in("lee").await];
    let key = key_of(&kim, &lee, &["scope_read"]).await;
    let reader = Shop { api_key: key, ..granted.shop.clone() };
    assert_eq!(reader.status("granted-1").await, "PARTIALLY_REFUNDED");
}

async fn pay_and_refund(shop: &Shop) {
    let mut body = checkout("granted-1");
    body["buyer_info"] = json!({ "id": "buyer-1", "name": "홍길동" });
    body["credit_card_info"] = json!({ "token": "tok_of_a_card" });
    until("the checkout is created", || async { shop.post("granted-1", &body).await.status() == 201 }).await;
    let payment_key = shop.authorize("granted-1").await;
    let (status, paid) = shop.confirm("granted-1", &payment_key, "23000").await;
    assert_eq!(status, 200, "{paid}");
    let part = json!({ "amount": "1000", "reason": "a part" });
    let order = paid["payment_orders"][0]["payment_order_id"].as_str().unwrap();
    let refunded = shop.cancel(order, "part", &part).await;
    assert_eq!(refunded.status, 200, "{}", refunded.body);
}

/// A checkout gets stuck, and an operator lets it ask again.
async fn a_person_answers(shop: &Shop) {
    shop.create("granted-2").await;
    let payment_key = shop.authorize("granted-2").await;
    shop.lock_out("granted-2", QUESTIONS).await;
    assert_eq!(shop.confirm("granted-2", &payment_key, "23000").await.0, 202);
    let letter = shop.letter_of("granted-2").await;
    let (status, told) = shop.act(&letter, "retry", &json!({ "reason": "the key is the right one again" })).await;
    assert_eq!(status, 200, "{told}");
    until("it is paid", || async { shop.status("granted-2").await == "SUCCESS" }).await;
}

/// Every route that reads answers.
async fn read_everything(shop: &Shop) {
    let shown = shop.get("/v1/payments/granted-1").await;
    assert_eq!(shown["buyer_info"]["name"], "홍길동", "{shown}");
    let document = shop.get("/openapi.json").await;
    let mut read = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if item.get("get").is_none() {
            continue;
        }
        let path = path.replace("{id}", "granted-1").replace("{checkout_id}", "granted-1");
        let path = path.replace("{seller_account}", "seller-a").replace("{account}", "psp:receivable");
        let response = shop.http.get(format!("{}{path}", shop.api)).bearer_auth(&shop.api_key).send().await.unwrap();
        assert!(response.status() < StatusCode::INTERNAL_SERVER_ERROR, "{path}: {}", response.text().await.unwrap());
        read += 1;
    }
    assert!(read > 15, "{read}");
    let webhook = json!({ "createdAt": "2026-11-21T12:00:00.000000", "secret": "s", "status": "DONE",
        "transactionKey": "t", "orderId": "granted-1" });
    let sent = shop.http.post(format!("{}/v1/webhooks/toss", shop.api)).json(&webhook).send().await.unwrap();
    assert_eq!(sent.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_may_do_more() {
    let granted = Granted::start().await;
    for (grantee, statements) in [
        (
            "api",
            &[
                "UPDATE api_keys SET scope = 'ops'",
                "UPDATE api_keys SET shown_to = NULL",
                "DELETE FROM api_keys",
                "UPDATE api_key_requests SET scope = 'ops'",
                "UPDATE api_key_requests SET requested_by = 'another'",
                "DELETE FROM api_key_requests",
                "UPDATE payment_events SET amount = 1",
                "UPDATE wallets SET available = 1",
                "INSERT INTO ledger_entries DEFAULT VALUES",
                "UPDATE risk_decisions SET verdict = 'allow'",
                "UPDATE dead_letters SET input = ''",
                "DELETE FROM audit_log",
                "CREATE TABLE mine (id text)",
            ][..],
        ),
        (
            "worker",
            &[
                "SELECT secret_hash FROM api_keys",
                "SELECT reason FROM api_key_requests",
                "INSERT INTO audit_log DEFAULT VALUES",
                "SELECT sealed FROM buyer_details WHERE false FOR UPDATE",
                "UPDATE ledger_postings SET amount = 1",
                "DROP TABLE wallets",
            ][..],
        ),
        ("operator", &["DELETE FROM ledger_entries", "TRUNCATE audit_log", "ALTER TABLE wallets ADD mine text"][..]),
    ] {
        // Even a connection that asks for no restraint.
        let url = DatabaseUrl::from_str(&url_of(&granted.roles, grantee)).unwrap();
        let connected = Database::connect(&url).await.unwrap();
        for statement in statements {
            let refusal = connected.connection().execute_unprepared(statement).await.unwrap_err().to_string();
            assert!(refusal.contains(DENIED) || refusal.contains("must be owner"), "{grantee}: {statement}: {refusal}");
        }
    }

    let tables = "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'";
    let connection = granted.owner.connection();
    let statement = Statement::from_string(connection.get_database_backend(), tables);
    let rows = connection.query_all_raw(statement).await.unwrap();
    let there: BTreeSet<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    let known: BTreeSet<String> = migrations::grants::tables().map(str::to_owned).collect();
    assert_eq!(there, known, "migrations/src/grants.rs lists every table");
}
