//! What is personal: sealed wherever it is written, opened for those who may, erased on request.

use std::{
    path::{Path, PathBuf},
    process::Command,
    str::FromStr as _,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::StatusCode;
use sea_orm_migration::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::{Database, DatabaseUrl, Keyring};

use crate::{
    console::{Visitor, link_of},
    database::Kind,
    events, on_both_databases,
    stack::{Dev, Shop, checkout, daegeum, temporal_cli, until},
};

/// What must not be found in the clear in any file.
const PERSONAL: [&str; 3] = ["홍길동", "hong@example.com", "+82-10-1234-5678"];
/// Whose name the simulator puts on a virtual account.
const HOLDER: &str = "김토스";
/// What the PSP calls the buyer's card.
const CARD_TOKEN: &str = "tok_of_a_card";

on_both_databases!(
    personal_details_are_sealed_shown_and_erased,
    the_name_on_a_virtual_account_is_sealed_shown_and_erased,
);

async fn personal_details_are_sealed_shown_and_erased(database: Kind) {
    let sealed = Sealed::start(database).await;
    let (dev, shop) = (&sealed.dev, &sealed.dev.shop);
    let mut personal = with_details("privacy-1");
    personal["credit_card_info"] = json!({ "token": CARD_TOKEN });
    assert_eq!(shop.post("privacy-1", &personal).await.status(), StatusCode::CREATED);
    let payment_key = shop.authorize("privacy-1").await;
    assert_eq!(shop.confirm("privacy-1", &payment_key, "23000").await.0, 200);

    assert_eq!(sealed.audited("GET /v1/payments/{id}").await, Vec::<Value>::new(), "nothing was read yet");
    let shown = shop.get("/v1/payments/privacy-1").await;
    let line = json!(["privacy-1", "200 buyer_info", key_id(&shop.api_key), "127.0.0.1"]);
    assert_eq!(sealed.audited("GET /v1/payments/{id}").await, std::slice::from_ref(&line));
    assert_eq!(shown["buyer_info"], json!({ "name": PERSONAL[0], "email": PERSONAL[1], "phone": PERSONAL[2] }));
    let reader = sealed.create_key("read");
    let request = shop.http.get(format!("{}/v1/payments/privacy-1", shop.api)).bearer_auth(&reader);
    let read: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&read["status"], &read["buyer_info"]), (&json!("SUCCESS"), &Value::Null));
    assert_eq!(sealed.audited("GET /v1/payments/{id}").await, [line], "to a key of scope read nothing is shown");
    sealed.what_cannot_be_written_down_is_not_shown().await;
    let page = shop.page_text("privacy-1").await;
    for word in PERSONAL {
        assert!(!page.contains(word), "the page of the buyer says {word}");
        assert_eq!(files_with(dev.directory.path(), word), Vec::<String>::new(), "{word} stands in the clear");
    }

    let came_in = Visitor::with(shop, "").get(&link_of(dev)).await;
    let admin = Visitor::with(shop, came_in.cookies[0].split(['=', ';']).nth(1).unwrap());
    let finds = async |word: &str| {
        let request = reqwest::Url::parse_with_params("http://x/console/payments", [("q", word)]).unwrap();
        let path = format!("{}?{}", request.path(), request.query().unwrap());
        admin.get(&path).await.text.contains("/console/payments/privacy-1")
    };
    for word in PERSONAL.into_iter().chain(["HONG@example.com", "010 1234 5678", " 홍길동 "]) {
        assert!(finds(word).await, "a caller says {word}");
    }
    for word in ["홍길", "hong@example.org", "010 1234 5679"] {
        assert!(!finds(word).await, "a caller says {word}");
    }

    let erase = || async {
        let url = format!("{}/v1/buyers/buyer-1/personal-data", shop.api);
        let erased = shop.http.delete(url).bearer_auth(&shop.api_key).send().await.unwrap();
        erased.json::<Value>().await.unwrap()
    };
    let erased = |once: u64| {
        json!({
            "buyer_id": "buyer-1",
            "erased_checkouts": once,
            "erased_cards": once,
            "erased_account_holders": 0,
            "erased_receipt_numbers": 0,
        })
    };
    let plain = hex::encode(Sha256::digest(CARD_TOKEN));
    assert_eq!(files_with(dev.directory.path(), &plain), Vec::<String>::new(), "the card stands in the clear");
    let card = sealed.card().await.unwrap();
    assert!(card.len() == plain.len() && card != plain, "{card}");
    assert_eq!(erase().await, erased(1));
    assert_eq!(erase().await, erased(0));
    assert_eq!(sealed.card().await, None);
    for word in PERSONAL {
        assert!(!finds(word).await, "{word} is erased");
    }
    let after = shop.get("/v1/payments/privacy-1").await;
    assert_eq!((&after["status"], &after["buyer_info"]), (&json!("SUCCESS"), &Value::Null));
    assert!(sealed.command().args(["ledger", "verify"]).output().unwrap().status.success());
}

async fn the_name_on_a_virtual_account_is_sealed_shown_and_erased(database: Kind) {
    let sealed = Sealed::start(database).await;
    let (dev, shop, id) = (&sealed.dev, &sealed.dev.shop, "privacy-account");
    assert_eq!(shop.post(id, &checkout(id)).await.status(), StatusCode::CREATED);
    let payment_key = shop.authorize_by(id, "가상계좌").await;
    assert_eq!(shop.confirm(id, &payment_key, "23000").await.0, 200);

    let account = async |key: &str| {
        let read = shop.http.get(format!("{}/v1/payments/{id}", shop.api)).bearer_auth(key).send().await.unwrap();
        read.json::<Value>().await.unwrap()["psp"]["virtual_account"].clone()
    };
    assert_eq!(account(&shop.api_key).await["holder"], HOLDER);
    let line = json!([id, "200 account_holder", key_id(&shop.api_key), "127.0.0.1"]);
    assert_eq!(sealed.audited("GET /v1/payments/{id}").await, [line]);
    let read = account(&sealed.create_key("read")).await;
    assert!(read["account_number"].is_string() && read.get("holder").is_none(), "{read}");
    assert!(shop.page_text(id).await.contains(HOLDER), "the buyer is told");
    let kept = sealed.account_holder(id).await.unwrap();
    assert!(kept.starts_with("test:") && !kept.contains(HOLDER), "{kept}");
    let files = files_with(dev.directory.path(), HOLDER);
    let ours = files.iter().filter(|file| file.contains("daegeum.db") || file.contains("temporal.db"));
    assert_eq!(ours.collect::<Vec<_>>(), Vec::<&String>::new(), "it stands in the clear");

    for erased_account_holders in [1, 0] {
        let url = format!("{}/v1/buyers/buyer-1/personal-data", shop.api);
        let erased = shop.http.delete(url).bearer_auth(&shop.api_key).send().await.unwrap();
        assert_eq!(erased.json::<Value>().await.unwrap()["erased_account_holders"], erased_account_holders);
    }
    assert_eq!(sealed.account_holder(id).await, None);
    let after = account(&shop.api_key).await;
    assert!(after["account_number"].is_string() && after.get("holder").is_none(), "{after}");
    assert!(!shop.page_text(id).await.contains(HOLDER));
}

/// All that Temporal keeps of a payment with a refund, with sealed histories: what it shows raw, and what its file
/// holds.
#[tokio::test]
async fn nothing_descriptive_stands_in_the_clear_in_temporal() {
    let sealed = Sealed::start(Kind::Sqlite).await;
    let (dev, shop) = (&sealed.dev, &sealed.dev.shop);
    let mut body = with_details("privacy-4");
    body["buyer_info"]["id"] = json!("buyer-of-secrets");
    body["metadata"] = json!({ "note": "선물 포장" });
    body["credit_card_info"] = json!({ "token": CARD_TOKEN });
    assert_eq!(shop.post("privacy-4", &body).await.status(), StatusCode::CREATED);
    let payment_key = shop.authorize_by("privacy-4", "가상계좌").await;
    assert_eq!(shop.confirm("privacy-4", &payment_key, "23000").await.0, 200);
    shop.simulate("deposit", &json!({ "orderId": "privacy-4" })).await;
    until("the deposit is booked", || async { shop.status("privacy-4").await == "SUCCESS" }).await;
    let account = json!({ "bank": "88", "account_number": "110123456789", "holder_name": "김토스" });
    let wish = json!({ "reason": "색이 달라요", "refund_account": account });
    let refunded = shop.cancel("privacy-4", "refund-4", &wish).await;
    assert_eq!(refunded.status, 200, "{}", refunded.body);

    let card = hex::encode(Sha256::digest(CARD_TOKEN));
    let words =
        ["토스 티셔츠", "buyer-of-secrets", "선물 포장", "색이 달라요", "110123456789", "김토스", &payment_key, &card];
    let kept = temporal_keeps(dev);
    for kind in ["checkout", "refunds", "refund"] {
        assert!(kept.contains(&format!("type: name: {kind} ")), "nothing is kept of a {kind}: {kept}");
    }
    for word in words.into_iter().chain(PERSONAL) {
        assert!(!kept.contains(word), "{word} stands in the clear: {kept}");
        let files = files_with(dev.directory.path(), word);
        assert!(!files.iter().any(|file| file.contains("temporal.db")), "{word} stands in {files:?}");
    }
    // What every receiver of events is told, and what stands in an append-only log for months.
    let told = until_told(shop, "refund.succeeded").await;
    let account = shop.get("/v1/payments/privacy-4").await["psp"]["virtual_account"]["account_number"].clone();
    for word in words.into_iter().chain(PERSONAL).chain([account.as_str().unwrap(), HOLDER]) {
        assert!(!told.contains(word), "{word} stands in the event log: {told}");
    }
    // The search would find them.
    let open = Dev::start(Kind::Sqlite, &[]).await;
    open.shop.post("privacy-4", &body).await;
    let kept = temporal_keeps(&open);
    assert!(kept.contains(words[0]) && kept.contains(words[1]) && kept.contains(&card), "{kept}");
}

/// The whole event log as text, once it holds an event of a type.
async fn until_told(shop: &Shop, last: &str) -> String {
    let events = async || serde_json::to_string(&events::log(shop).await).unwrap();
    until(&format!("{last} is told"), || async { events().await.contains(last) }).await;
    events().await
}

#[tokio::test]
async fn a_request_is_logged_with_its_payment_its_address_and_its_key() {
    let sealed = Sealed::start(Kind::Sqlite).await;
    let (dev, shop) = (&sealed.dev, &sealed.dev.shop);
    shop.create("privacy-5").await;
    shop.get("/v1/payments/privacy-5").await;
    let webhook = json!({ "createdAt": "2026-11-21T12:00:00.000000", "secret": "s", "status": "DONE",
        "transactionKey": "t", "orderId": "privacy-5" });
    shop.http.post(format!("{}/v1/webhooks/toss", shop.api)).json(&webhook).send().await.unwrap();
    let payment_key = shop.authorize("privacy-5").await;
    assert_eq!(shop.confirm("privacy-5", &payment_key, "23000").await.0, 200);
    let log = std::fs::read_to_string(dev.directory.path().join("log")).unwrap();
    let line = |text: &str| log.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}: {log}"));
    let key = format!("api_key.id=\"{}\"", key_id(&shop.api_key));
    for (request, key) in [
        ("GET /v1/payments/{id} ", Some(&key)),
        ("POST /v1/webhooks/toss ", None),
        ("POST /v1/payments/{id}/confirm ", None),
    ] {
        let line = line(request);
        for field in ["client.address=127.0.0.1", "payment.id=\"privacy-5\""].into_iter().chain(key.map(String::as_str))
        {
            assert!(line.contains(field), "{field} is missing: {line}");
        }
    }
    // Every step of a workflow names the checkout that it is about.
    let steps: Vec<_> = log.lines().filter(|line| line.contains(" step=")).collect();
    assert!(steps.len() > 2, "{log}");
    for step in steps {
        assert!(step.contains("checkout.id=\"privacy-5\""), "{step}");
    }
}

#[tokio::test]
async fn histories_are_sealed_and_opened_for_operators_only() {
    let sealed = Sealed::start(Kind::Sqlite).await;
    let (dev, shop) = (&sealed.dev, &sealed.dev.shop);
    shop.create("privacy-2").await;
    let history = history(dev, "privacy-2").await;
    let input = &history["events"][0]["workflowExecutionStartedEventAttributes"]["input"];
    assert!(input["payloads"][0]["metadata"]["encryption-key-id"].is_string(), "{input}");
    assert!(!history.to_string().contains("토스 티셔츠"), "the order's name stands in the clear");

    let url = format!("{}/codec/decode", shop.api);
    let asked = shop.http.post(&url).json(input);
    assert_eq!(asked.try_clone().unwrap().send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let reader = sealed.create_key("read");
    let forbidden = asked.try_clone().unwrap().bearer_auth(&reader).send().await.unwrap();
    assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    let opened = asked.try_clone().unwrap().bearer_auth(&shop.api_key).send().await.unwrap();
    assert!(plain(&opened.json().await.unwrap()).contains("토스 티셔츠"));
    let line = |key: &str, result: &str| json!(["", result, key_id(key), "127.0.0.1"]);
    let own = [line(&shop.api_key, "200 opened payloads"), line(&reader, "403 forbidden")];
    assert_eq!(sealed.audited("POST /codec/decode").await, own, "one line for each, the newest first");

    let sign_in = |key: String| shop.http.post(format!("{}/codec/session", shop.api)).form(&[("key", key)]).send();
    assert_eq!(sign_in(reader).await.unwrap().status(), StatusCode::FORBIDDEN);
    let operator = sealed.create_key("ops");
    let signed_in = sign_in(operator.clone()).await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let ui: Value =
        serde_json::from_slice(&std::fs::read(dev.directory.path().join("addresses.json")).unwrap()).unwrap();
    let ui = ui["temporal_ui"].as_str().unwrap();
    let from_ui = |origin: &str| asked.try_clone().unwrap().header("cookie", &cookie).header("origin", origin);
    let opened = from_ui(ui).send().await.unwrap();
    assert_eq!(opened.headers()["access-control-allow-origin"], *ui);
    assert!(plain(&opened.json().await.unwrap()).contains("토스 티셔츠"));
    let newest = sealed.audited("POST /codec/decode").await.swap_remove(0);
    assert_eq!(newest, line(&operator, "200 opened payloads"), "a session is its key");
    let elsewhere = from_ui("http://evil.example.com").send().await.unwrap();
    assert!(!elsewhere.headers().contains_key("access-control-allow-origin"));

    let (id, _) = service::api_key::SecretKey::parse(&operator).unwrap();
    let revoked = sealed.command().args(["keys", "revoke", id.as_str()]).output().unwrap();
    assert!(revoked.status.success());
    assert_eq!(from_ui(ui).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_buyer_is_erased_from_the_command_line_and_keys_change() {
    let sealed = Sealed::start(Kind::Sqlite).await;
    let dev = &sealed.dev;
    assert_eq!(dev.shop.post("privacy-3", &with_details("privacy-3")).await.status(), StatusCode::CREATED);
    let settings = settings_in(dev.directory.path());
    let older = std::fs::read_to_string(&settings).unwrap();
    let newer = older.replace("= \"", &format!("= \"{},", Keyring::generate("newer").unwrap()));
    std::fs::write(&settings, newer).unwrap();
    let said = |arguments: &[&str]| {
        let output = sealed.command().args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(said(&["encryption", "reseal"]).contains("1 checkouts are sealed anew"));
    assert!(said(&["encryption", "reseal"]).contains("of 0 checkouts"));
    assert!(said(&["buyers", "erase", "buyer-1"]).contains("from 1 checkouts"));
    assert!(Keyring::parse(said(&["encryption", "generate", "x"]).trim()).is_ok());
}

/// A `dev` that seals histories too.
struct Sealed {
    dev: Dev,
    database: Vec<String>,
}

impl Sealed {
    async fn start(database: Kind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings_in(directory.path());
        let keys = Keyring::generate("test").unwrap();
        // With a rule, so that decisions about the risk are kept.
        let text = format!("encryption_keys = \"{keys}\"\n[risk]\ndenied_buyers = [\"nobody\"]\n");
        std::fs::write(&settings, text).unwrap();
        let database = database.flags().await;
        let mut arguments = vec!["--config", settings.to_str().unwrap()];
        arguments.extend(database.iter().map(String::as_str));
        let dev = Dev::start_in(directory, Kind::Sqlite, &arguments).await;
        Self { dev, database }
    }

    /// A command beside it, with its settings.
    fn command(&self) -> Command {
        let mut command = daegeum();
        let directory = self.dev.directory.path();
        command.arg("--data-dir").arg(directory).arg("--config").arg(settings_in(directory)).args(&self.database);
        command
    }

    async fn open_database(&self) -> Database {
        let url = match &self.database[..] {
            [_flag, url] => url.clone(),
            _ => format!("sqlite://{}", self.dev.directory.path().join("daegeum.db").display()),
        };
        Database::connect(&DatabaseUrl::from_str(&url).unwrap()).await.unwrap()
    }

    /// What the database calls the card of the only decision.
    async fn card(&self) -> Option<String> {
        let database = self.open_database().await;
        let connection = database.connection();
        let statement = Statement::from_string(connection.get_database_backend(), "SELECT card FROM risk_decisions");
        let rows = connection.query_all_raw(statement).await.unwrap();
        let [row] = &rows[..] else { panic!("one decision is kept, not {}", rows.len()) };
        row.try_get("", "card").unwrap()
    }

    /// What the database keeps of the name on the virtual account of a checkout.
    async fn account_holder(&self, id: &str) -> Option<String> {
        let database = self.open_database().await;
        let connection = database.connection();
        let sql = format!("SELECT account_holder FROM payment_events WHERE checkout_id = '{id}'");
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        connection.query_one_raw(statement).await.unwrap().unwrap().try_get("", "account_holder").unwrap()
    }

    /// Of the lines of the audit log with an action, the newest first: object, result, actor and address.
    async fn audited(&self, action: &str) -> Vec<Value> {
        let log = self.dev.shop.get("/v1/audit-log?limit=100").await;
        let lines = log["data"].as_array().unwrap().iter().filter(|line| line["action"] == action);
        lines.map(|line| json!([line["object"], line["result"], line["actor"], line["address"]])).collect()
    }

    async fn what_cannot_be_written_down_is_not_shown(&self) {
        let database = self.open_database().await;
        let (shut, open) = match database.connection().get_database_backend() {
            DbBackend::Sqlite => (
                "CREATE TRIGGER audit_log_is_shut BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'shut'); END",
                "DROP TRIGGER audit_log_is_shut",
            ),
            _ => (
                "ALTER TABLE audit_log ADD CONSTRAINT audit_log_is_shut CHECK (false) NOT VALID",
                "ALTER TABLE audit_log DROP CONSTRAINT audit_log_is_shut",
            ),
        };
        database.connection().execute_unprepared(shut).await.unwrap();
        let shop = &self.dev.shop;
        let url = format!("{}/v1/payments/privacy-1", shop.api);
        let answer = shop.http.get(url).bearer_auth(&shop.api_key).send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_server_error() && !body.contains(PERSONAL[0]), "{status} {body}");
        database.connection().execute_unprepared(open).await.unwrap();
    }

    fn create_key(&self, scope: &str) -> String {
        let created = self.command().args(["keys", "create", "--scope", scope]).output().unwrap();
        String::from_utf8(created.stdout).unwrap().lines().last().unwrap().to_owned()
    }
}

fn settings_in(directory: &Path) -> PathBuf {
    directory.join("daegeum.toml")
}

fn with_details(checkout_id: &str) -> Value {
    let mut body = checkout(checkout_id);
    let [name, email, phone] = PERSONAL;
    body["buyer_info"] = json!({ "id": "buyer-1", "name": name, "email": email, "phone": phone });
    body
}

/// The first payload of an answer of the codec, as text.
fn plain(opened: &Value) -> String {
    let data = opened["payloads"][0]["data"].as_str().unwrap();
    String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
}

async fn history(dev: &Dev, checkout_id: &str) -> Value {
    let shown = dev.shop.get(&format!("/v1/payments/{checkout_id}")).await;
    ask_temporal(dev, &["show", "--workflow-id", shown["workflow"]["id"].as_str().unwrap()])
}

/// What Temporal's own command line says of workflows, raw.
fn ask_temporal(dev: &Dev, question: &[&str]) -> Value {
    let addresses = std::fs::read(dev.directory.path().join("addresses.json")).unwrap();
    let addresses: Value = serde_json::from_slice(&addresses).unwrap();
    let mut command = Command::new(temporal_cli());
    command.arg("workflow").args(question);
    command.args(["--output", "json", "--address", addresses["temporal"].as_str().unwrap()]);
    let answer = command.output().unwrap();
    assert!(answer.status.success(), "{question:?}: {}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).unwrap()
}

/// The descriptions and histories of all workflows, with all that is in Base64 beside itself as text.
fn temporal_keeps(dev: &Dev) -> String {
    let list = ask_temporal(dev, &["list"]);
    let mut kept = String::new();
    tell(&list, &mut kept);
    for workflow in list.as_array().unwrap() {
        let id = workflow["execution"]["workflowId"].as_str().unwrap();
        for question in ["describe", "show"] {
            tell(&ask_temporal(dev, &[question, "--workflow-id", id]), &mut kept);
        }
    }
    kept
}

fn tell(value: &Value, told: &mut String) {
    match value {
        Value::String(text) => {
            *told += text;
            let bytes = STANDARD.decode(text).unwrap_or_default();
            *told += &format!(" {}\n", String::from_utf8_lossy(&bytes));
        }
        Value::Array(items) => items.iter().for_each(|item| tell(item, told)),
        Value::Object(fields) => {
            for (name, field) in fields {
                *told += &format!("{name}: ");
                tell(field, told);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => *told += &format!("{value}\n"),
    }
}

fn key_id(api_key: &str) -> String {
    service::api_key::SecretKey::parse(api_key).unwrap().0.to_string()
}

/// The files below a directory that hold a text.
fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
    found
}
