//! What is personal: sealed wherever it is written, opened for those who may, erased on request.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::Keyring;

use crate::{
    database::Kind,
    on_both_databases,
    stack::{Dev, checkout, daegeum, temporal_cli},
};

/// What must not be found in the clear in any file.
const PERSONAL: [&str; 3] = ["홍길동", "hong@example.com", "+82-10-1234-5678"];

on_both_databases!(personal_details_are_sealed_shown_and_erased);

async fn personal_details_are_sealed_shown_and_erased(database: Kind) {
    let sealed = Sealed::start(database).await;
    let (dev, shop) = (&sealed.dev, &sealed.dev.shop);
    let personal = with_details("privacy-1");
    assert_eq!(shop.post("privacy-1", &personal).await.status(), StatusCode::CREATED);
    let payment_key = shop.authorize("privacy-1").await;
    assert_eq!(shop.confirm("privacy-1", &payment_key, "23000").await.0, 200);

    let shown = shop.get("/v1/payments/privacy-1").await;
    assert_eq!(shown["buyer_info"], json!({ "name": PERSONAL[0], "email": PERSONAL[1], "phone": PERSONAL[2] }));
    let reader = sealed.create_key("read");
    let request = shop.http.get(format!("{}/v1/payments/privacy-1", shop.api)).bearer_auth(&reader);
    let read: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&read["status"], &read["buyer_info"]), (&json!("SUCCESS"), &Value::Null));
    let page = shop.page_text("privacy-1").await;
    for word in PERSONAL {
        assert!(!page.contains(word), "the page of the buyer says {word}");
        assert_eq!(files_with(dev.directory.path(), word), Vec::<String>::new(), "{word} stands in the clear");
    }

    let erase = || async {
        let url = format!("{}/v1/buyers/buyer-1/personal-data", shop.api);
        let erased = shop.http.delete(url).bearer_auth(&shop.api_key).send().await.unwrap();
        erased.json::<Value>().await.unwrap()
    };
    assert_eq!(erase().await, json!({ "buyer_id": "buyer-1", "erased_checkouts": 1 }));
    assert_eq!(erase().await["erased_checkouts"], 0);
    let after = shop.get("/v1/payments/privacy-1").await;
    assert_eq!((&after["status"], &after["buyer_info"]), (&json!("SUCCESS"), &Value::Null));
    assert!(sealed.command().args(["ledger", "verify"]).output().unwrap().status.success());
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
    let elsewhere = from_ui("http://evil.example.com").send().await.unwrap();
    assert!(!elsewhere.headers().contains_key("access-control-allow-origin"));

    let (id, _) = api::keys::SecretKey::parse(&operator).unwrap();
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
        std::fs::write(&settings, format!("encryption_keys = \"{}\"\n", Keyring::generate("test").unwrap())).unwrap();
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
    let addresses = std::fs::read(dev.directory.path().join("addresses.json")).unwrap();
    let addresses: Value = serde_json::from_slice(&addresses).unwrap();
    let mut show = Command::new(temporal_cli());
    show.args(["workflow", "show", "--output", "json", "--address", addresses["temporal"].as_str().unwrap()]);
    let shown = show.args(["--workflow-id", shown["workflow"]["id"].as_str().unwrap()]).output().unwrap();
    serde_json::from_slice(&shown.stdout).unwrap()
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
