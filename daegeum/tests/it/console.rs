//! The console from outside: who sees what, who does what, and whether a form sent twice acts twice.

pub(crate) mod access;
mod acting;
mod acts;
pub(crate) mod finance;
pub(crate) mod keys;
mod korean;
mod ledger;
mod overview;
mod payments;
mod provider;
pub(crate) mod refund_approvals;
mod sessions;
mod system;

use std::{collections::BTreeMap, str::FromStr as _};

use domain::{
    Timestamp,
    id::{PersonId, SellerAccount},
};
use reqwest::{Client, Response, redirect::Policy};
use serde_json::json;
use store::{
    Database, DatabaseUrl, Journal, Pepper,
    console::{NewSession, Role, Roles, SessionToken, SignedInBy},
};

use crate::{
    stack::{Dev, Shop, until},
    webhook_receivers::free_port,
};

/// The seller whom a session of the role `seller` is confined to.
pub(crate) const SELLER: &str = "seller-000";
/// A seller whom no run has paid.
pub(crate) const NEXT_SELLER: &str = "seller-002";
/// The name of the session's cookie over plain HTTP.
pub(crate) const COOKIE: &str = "daegeum_console";

/// A browser without a screen: it keeps its cookie, and goes where it is told.
pub(crate) struct Visitor {
    http: Client,
    base: String,
    cookie: String,
}

/// What a page answered.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) cookies: Vec<String>,
    pub(crate) text: String,
}

impl Seen {
    async fn of(response: Response) -> Self {
        let headers = response.headers();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
        Self {
            status: response.status().as_u16(),
            location: headers.get("location").map(text),
            cookies: headers.get_all("set-cookie").iter().map(text).collect(),
            text: response.text().await.unwrap(),
        }
    }

    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let begins = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&begins).unwrap_or_else(|| panic!("no field {name}: {}", self.text));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The hidden fields of the form that acts at an address.
    pub(crate) fn form(&self, action: &str) -> Vec<(String, String)> {
        let begins = format!("method=\"post\" action=\"{action}\"");
        let (_, rest) = self.text.split_once(&begins).unwrap_or_else(|| panic!("no form {action}: {}", self.text));
        let form = rest.split("</form>").next().unwrap();
        let fields = form.split("type=\"hidden\" name=\"").skip(1);
        let field = |text: &str| {
            let mut parts = text.split('"');
            (parts.next().unwrap().to_owned(), parts.nth(1).unwrap().to_owned())
        };
        fields.map(field).collect()
    }
}

impl Visitor {
    /// A browser with a token, or without one.
    pub(crate) fn with(shop: &Shop, token: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().redirect(Policy::none()).build().unwrap();
        let cookie = if token.is_empty() { String::new() } else { format!("{COOKIE}={token}") };
        Self { http, base: shop.api.clone(), cookie }
    }

    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.read(path, "en").await
    }

    /// A page in a language.
    pub(crate) async fn read(&self, path: &str, language: &str) -> Seen {
        let request = self.http.get(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        Seen::of(request.header("accept-language", language).send().await.unwrap()).await
    }

    /// Sends a form as it is given.
    pub(crate) async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let request = self.http.post(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        Seen::of(request.header("accept-language", "en").form(fields).send().await.unwrap()).await
    }

    /// Sends a form with the token of the session.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let token = self.get("/console").await.field("form_token");
        let fields: Vec<_> = fields.iter().copied().chain([("form_token", token.as_str())]).collect();
        self.send(path, &fields).await
    }
}

/// The database of a `dev`, from another process.
pub(crate) async fn database_of(dev: &Dev) -> Database {
    database_at(&dev.database_url).await
}

/// The database at an address.
pub(crate) async fn database_at(url: &str) -> Database {
    Database::connect(&DatabaseUrl::from_str(url).unwrap()).await.unwrap()
}

/// A session of a person with a role, as a sign-in at an instant would have begun it.
pub(crate) async fn session(dev: &Dev, person: &str, role: Role, at: Timestamp) -> String {
    session_in(database_of(dev).await, person, role, at).await
}

/// The same, in a database.
pub(crate) async fn session_in(database: Database, person: &str, role: Role, at: Timestamp) -> String {
    let seller = (role == Role::Seller).then(|| SellerAccount::parse(SELLER.to_owned()).unwrap());
    let journal = Journal::new(database);
    let token = SessionToken::generate().unwrap();
    let new = NewSession {
        person: PersonId::parse(person).unwrap(),
        name: format!("{person} of the tests"),
        roles: Roles::only(role),
        seller,
        signed_in_by: SignedInBy::Provider,
        created_at: at,
    };
    journal.begin_session(&token, new, &Pepper::default()).await.unwrap();
    token.to_text()
}

/// A browser in which a person with a role is signed in.
pub(crate) async fn signed_in(dev: &Dev, person: &str, role: Role) -> Visitor {
    Visitor::with(&dev.shop, &session(dev, person, role, service::now()).await)
}

/// The sign-in link of an administrator that `dev` told last, as a path.
pub(crate) fn link_of(dev: &Dev) -> String {
    link_after(dev, "  Console ")
}

/// The sign-in link that `dev` told last under a label, as a path.
pub(crate) fn link_after(dev: &Dev, label: &str) -> String {
    let log = std::fs::read_to_string(dev.directory.path().join("log")).unwrap();
    let line = log.lines().rfind(|line| line.starts_with(label)).unwrap();
    let (_, path) = line.split_once("/console/").unwrap();
    format!("/console/{}", path.trim())
}

/// What pages are about: a paid checkout, a stuck one with its dead letter, an endpoint that does not answer.
pub(crate) async fn things(dev: &Dev) -> BTreeMap<&'static str, String> {
    let shop = &dev.shop;
    // Nothing listens there.
    let request = shop.http.post(format!("{}/v1/webhook-endpoints", shop.api)).bearer_auth(&shop.api_key);
    let made = request.json(&json!({ "url": format!("http://127.0.0.1:{}/hook", free_port()) })).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let made: serde_json::Value = made.json().await.unwrap();
    let endpoint = made["webhook_endpoint_id"].as_str().unwrap().to_owned();
    for id in ["console-paid", "console-stuck"] {
        shop.create(id).await;
    }
    shop.lock_out("console-stuck", 3).await;
    for (id, status) in [("console-paid", 200), ("console-stuck", 202)] {
        let key = shop.authorize(id).await;
        assert_eq!(shop.confirm(id, &key, "23000").await.0, status);
    }
    let letter = shop.letter_of("console-stuck").await;
    let deliveries = format!("/v1/webhook-endpoints/{endpoint}/deliveries");
    until("a delivery was tried", || async { shop.get(&deliveries).await["data"][0]["delivery_id"].is_string() }).await;
    until("the books have it", || async { shop.receivable().await == 23_000 }).await;
    let delivery = shop.get(&deliveries).await["data"][0]["delivery_id"].as_str().unwrap().to_owned();
    BTreeMap::from([
        ("checkout", "console-paid".to_owned()),
        ("open", "console-stuck".to_owned()),
        ("letter", letter),
        ("endpoint", endpoint),
        ("delivery", delivery),
        ("key", shop.api_key.split('_').nth(1).unwrap().to_owned()),
    ])
}
