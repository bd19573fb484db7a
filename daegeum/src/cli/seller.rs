//! Sellers on the command line: each command is a request to a running API, by an API key, which is the principal.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{
    cli::output::{Output, print_json},
    settings::Settings,
};

/// The variable that holds the API key.
const KEY_VARIABLE: &str = "DAEGEUM_API_KEY";
/// How long an answer may take.
const ANSWER_TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// What to do with sellers. All of it goes through the API, with a key of scope `finance`, or `read` to look.
#[derive(Debug, Subcommand)]
pub(crate) enum SellersAction {
    /// List sellers by their names
    #[command(after_help = example!("daegeum sellers list --payout-status KYC_REQUIRED"))]
    List {
        /// Only with this status, such as KYC_REQUIRED
        #[arg(long)]
        payout_status: Option<String>,
        /// The most that are listed
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=100))]
        limit: u64,
        /// Go on behind the `next_cursor` of an earlier list
        #[arg(long)]
        cursor: Option<String>,
        #[command(flatten)]
        door: SellersDoor,
    },
    /// Show a seller with its holds and its next payouts; the account number is masked
    #[command(after_help = example!("daegeum sellers show seller-a"))]
    Show {
        /// The seller
        seller: String,
        #[command(flatten)]
        door: SellersDoor,
    },
    /// Create or change a seller from a file with the body of `PUT /v1/sellers/{seller_account}`
    #[command(after_help = example!("daegeum sellers set seller-a seller-a.json"))]
    Set {
        /// The seller
        seller: String,
        /// A file with the JSON body
        file: PathBuf,
        #[command(flatten)]
        door: SellersDoor,
    },
    /// Hold an amount of a seller's money back, or all payouts
    #[command(after_help = example!("daegeum sellers hold seller-a --reason 'an open dispute' --amount 50000"))]
    Hold {
        /// The seller
        seller: String,
        /// The amount in won [default: all payouts]
        #[arg(long)]
        amount: Option<String>,
        /// The reason, which is stored with the hold
        #[arg(long)]
        reason: String,
        /// When the hold ends by itself, such as 2026-12-31T00:00:00+09:00 [default: never]
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Makes the request safe to repeat [default: a new key]
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
        #[command(flatten)]
        door: SellersDoor,
    },
    /// Lift a hold
    #[command(after_help = example!("daegeum sellers release seller-a hold-6f2c5e0a-7d0b-5c7e-9a55-d2c034b8a1f7"))]
    Release {
        /// The seller
        seller: String,
        /// The hold
        hold: String,
        #[command(flatten)]
        door: SellersDoor,
    },
    /// Show contact and bank account in the clear; the audit log names the key and the reason
    #[command(after_help = example!("daegeum sellers reveal seller-a --reason 'a payout came back'"))]
    Reveal {
        /// The seller
        seller: String,
        /// The reason, which stands in the audit log
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        door: SellersDoor,
    },
}

/// The API and the key.
#[derive(Debug, Args)]
pub(crate) struct SellersDoor {
    /// The API [default: of the settings, or of the `dev` in the data directory]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// A file that holds the API key [default: the variable DAEGEUM_API_KEY]
    #[arg(long, value_name = "PATH")]
    api_key_file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// A request to the API.
struct Asked<'a> {
    method: Method,
    path: String,
    body: Option<Value>,
    idempotency_key: Option<&'a str>,
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: SellersAction) -> anyhow::Result<()> {
    match action {
        SellersAction::List { payout_status, limit, cursor, door } => {
            let filters = [("payout_status", payout_status), ("cursor", cursor), ("limit", Some(limit.to_string()))];
            let given: Vec<String> =
                filters.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?))).collect();
            let page = door.get(settings, format!("/v1/sellers?{}", given.join("&"))).await?;
            list(&door, &page)
        }
        SellersAction::Show { seller, door } => {
            let found = door.get(settings, format!("/v1/sellers/{seller}")).await?;
            show(&door, &found)
        }
        SellersAction::Set { seller, file, door } => {
            let text = std::fs::read(&file).with_context(|| format!("could not read {}", file.display()))?;
            let body: Value = serde_json::from_slice(&text).context("the file holds no JSON")?;
            let path = format!("/v1/sellers/{seller}");
            let asked = Asked { method: Method::PUT, path, body: Some(body), idempotency_key: None };
            show(&door, &door.send(settings, asked).await?)
        }
        SellersAction::Hold { seller, amount, reason, until, idempotency_key, door } => {
            let mut body = Map::from_iter([("reason".to_owned(), json!(reason))]);
            body.extend(amount.map(|amount| ("amount".to_owned(), json!(amount))));
            body.extend(until.map(|until| ("until".to_owned(), json!(until))));
            let key = idempotency_key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
            let path = format!("/v1/sellers/{seller}/holds");
            let asked = Asked { method: Method::POST, path, body: Some(body.into()), idempotency_key: Some(&key) };
            print(&door, &door.send(settings, asked).await?)
        }
        SellersAction::Release { seller, hold, door } => {
            let path = format!("/v1/sellers/{seller}/holds/{hold}");
            let asked = Asked { method: Method::DELETE, path, body: None, idempotency_key: None };
            print(&door, &door.send(settings, asked).await?)
        }
        SellersAction::Reveal { seller, reason, door } => {
            let path = format!("/v1/sellers/{seller}/bank-account/reveal");
            let body = Some(json!({ "reason": reason }));
            let asked = Asked { method: Method::POST, path, body, idempotency_key: None };
            print_json(&door.send(settings, asked).await?)
        }
    }
}

impl SellersDoor {
    async fn get(&self, settings: &Settings, path: String) -> anyhow::Result<Value> {
        self.send(settings, Asked { method: Method::GET, path, body: None, idempotency_key: None }).await
    }

    async fn send(&self, settings: &Settings, asked: Asked<'_>) -> anyhow::Result<Value> {
        let base = self.api_url.clone().or_else(|| settings.api_url.clone());
        let base = base.context("no API is known; name it with --api-url, or a running dev with --data-dir")?;
        let client = reqwest::Client::builder().timeout(ANSWER_TIME).build()?;
        let mut request = client.request(asked.method, format!("{}{}", base.trim_end_matches('/'), asked.path));
        request = request.bearer_auth(self.key()?);
        if let Some(key) = asked.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = &asked.body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("the API at {base} was not reached"))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.json().await?);
        }
        let problem: Value = answer.json().await.unwrap_or_default();
        let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        let fields = problem["errors"].as_array().into_iter().flatten();
        let fields: Vec<String> = fields
            .map(|error| {
                let part = |name: &str| error[name].as_str().unwrap_or_default();
                format!("\n  {} {}", part("field"), part("detail"))
            })
            .collect();
        bail!("the API refused ({status} {}): {}{}", text("code"), text("detail"), fields.concat())
    }

    fn key(&self) -> anyhow::Result<String> {
        let key = match &self.api_key_file {
            Some(path) => {
                std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?
            }
            None => std::env::var(KEY_VARIABLE)
                .with_context(|| format!("set {KEY_VARIABLE} to an API key, or name a file with --api-key-file"))?,
        };
        let key = key.trim().to_owned();
        ensure!(!key.is_empty(), "the API key is empty");
        Ok(key)
    }
}

fn list(door: &SellersDoor, page: &Value) -> anyhow::Result<()> {
    if door.output.json {
        return print_json(page);
    }
    println!("{:<24} {:<18} {:<12} name", "seller", "payout status", "next payout");
    for seller in page["data"].as_array().into_iter().flatten() {
        println!(
            "{:<24} {:<18} {:<12} {}",
            text(seller, "seller_account"),
            text(seller, "payout_status"),
            seller["next_payouts"][0].as_str().unwrap_or("-"),
            text(seller, "name")
        );
    }
    if let Some(cursor) = page["next_cursor"].as_str() {
        eprintln!("There are more; give --cursor {cursor}.");
    }
    Ok(())
}

fn show(door: &SellersDoor, seller: &Value) -> anyhow::Result<()> {
    if door.output.json {
        return print_json(seller);
    }
    println!("{} is {}", text(seller, "seller_account"), text(seller, "payout_status"));
    println!("  {} ({})", text(seller, "name"), text(seller, "business_type"));
    println!("  bank account {}, e-mail {}", text(&seller["bank_account"], "masked"), text(seller, "email"));
    if let Some(until) = seller["bank_account"]["cools_down_until"].as_str() {
        println!("  nothing is paid to the account before {until}, because it was changed");
    }
    if let Some(code) = seller["registration"]["failure_code"].as_str() {
        println!("  Toss refused the details: {code}");
    }
    let days: Vec<&str> = seller["next_payouts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    println!("  next payouts: {}", if days.is_empty() { "none by a calendar".to_owned() } else { days.join(" ") });
    for hold in seller["holds"].as_array().into_iter().flatten() {
        println!("  {}", line(hold));
    }
    Ok(())
}

fn print(door: &SellersDoor, hold: &Value) -> anyhow::Result<()> {
    if door.output.json {
        return print_json(hold);
    }
    println!("{}", line(hold));
    Ok(())
}

/// A hold in one line.
fn line(hold: &Value) -> String {
    let amount = hold["amount"].as_str().map_or("all payouts".to_owned(), |amount| format!("{amount} KRW"));
    format!("{} {} {amount}: {}", text(hold, "hold_id"), text(hold, "status"), text(hold, "reason"))
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or("-")
}
