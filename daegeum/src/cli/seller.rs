//! Sellers on the command line: each command is a request to a running API, by an API key, which is the principal.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{
    cli::{
        api_request::{ApiOptions, ApiRequest, with_query},
        output::print_json,
    },
    settings::Settings,
};

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
        api: ApiOptions,
    },
    /// Show a seller with its holds and its next payouts; the account number is masked
    #[command(after_help = example!("daegeum sellers show seller-a"))]
    Show {
        /// The seller
        seller: String,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// Create or change a seller from a file with the body of `PUT /v1/sellers/{seller_account}`
    #[command(after_help = example!("daegeum sellers set seller-a seller-a.json"))]
    Set {
        /// The seller
        seller: String,
        /// A file with the JSON body
        file: PathBuf,
        #[command(flatten)]
        api: ApiOptions,
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
        api: ApiOptions,
    },
    /// Lift a hold
    #[command(after_help = example!("daegeum sellers release seller-a hold-6f2c5e0a-7d0b-5c7e-9a55-d2c034b8a1f7"))]
    Release {
        /// The seller
        seller: String,
        /// The hold
        hold: String,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// Call a seller's bank account verified, where sellers are paid by bank file
    #[command(after_help = example!("daegeum sellers verify-account seller-a --account 1 --reason 'the bank book'"))]
    VerifyAccount {
        /// The seller
        seller: String,
        /// The number of the account that was looked at, which `sellers show` prints
        #[arg(long)]
        account: u64,
        /// What was looked at, which is stored
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        api: ApiOptions,
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
        api: ApiOptions,
    },
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: SellersAction) -> anyhow::Result<()> {
    match action {
        SellersAction::List { payout_status, limit, cursor, api } => {
            let filters = [("payout_status", payout_status), ("cursor", cursor), ("limit", Some(limit.to_string()))];
            let page = api.get(settings, with_query("/v1/sellers", &filters)).await?;
            list(&api, &page)
        }
        SellersAction::Show { seller, api } => {
            let found = api.get(settings, format!("/v1/sellers/{seller}")).await?;
            show(&api, &found)
        }
        SellersAction::Set { seller, file, api } => {
            let text = std::fs::read(&file).with_context(|| format!("could not read {}", file.display()))?;
            let body: Value = serde_json::from_slice(&text).context("the file holds no JSON")?;
            let path = format!("/v1/sellers/{seller}");
            let request = ApiRequest::new(Method::PUT, path).with_body(body);
            show(&api, &api.json(settings, request).await?)
        }
        SellersAction::Hold { seller, amount, reason, until, idempotency_key, api } => {
            let mut body = Map::from_iter([("reason".to_owned(), json!(reason))]);
            body.extend(amount.map(|amount| ("amount".to_owned(), json!(amount))));
            body.extend(until.map(|until| ("until".to_owned(), json!(until))));
            let key = idempotency_key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
            let path = format!("/v1/sellers/{seller}/holds");
            let request = ApiRequest::new(Method::POST, path).with_body(body.into()).under_key(&key);
            print(&api, &api.json(settings, request).await?)
        }
        SellersAction::Release { seller, hold, api } => {
            let path = format!("/v1/sellers/{seller}/holds/{hold}");
            print(&api, &api.json(settings, ApiRequest::new(Method::DELETE, path)).await?)
        }
        SellersAction::VerifyAccount { seller, account, reason, api } => {
            let path = format!("/v1/sellers/{seller}/bank-account/verify");
            let body = json!({ "account": account, "reason": reason });
            show(&api, &api.json(settings, ApiRequest::new(Method::POST, path).with_body(body)).await?)
        }
        SellersAction::Reveal { seller, reason, api } => {
            let path = format!("/v1/sellers/{seller}/bank-account/reveal");
            let request = ApiRequest::new(Method::POST, path).with_body(json!({ "reason": reason }));
            print_json(&api.json(settings, request).await?)
        }
    }
}

fn list(api: &ApiOptions, page: &Value) -> anyhow::Result<()> {
    if api.output.json {
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

fn show(api: &ApiOptions, seller: &Value) -> anyhow::Result<()> {
    if api.output.json {
        return print_json(seller);
    }
    println!("{} is {}", text(seller, "seller_account"), text(seller, "payout_status"));
    let account = &seller["bank_account"];
    if seller["name"].is_string() {
        println!("  {} ({})", text(seller, "name"), text(seller, "business_type"));
        let number = account["number"].as_u64().unwrap_or_default();
        println!("  bank account {} (number {number}), e-mail {}", text(account, "masked"), text(seller, "email"));
    }
    if let Some(by) = account["verified_by"].as_str() {
        println!("  {by} verified the account");
    }
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

fn print(api: &ApiOptions, hold: &Value) -> anyhow::Result<()> {
    if api.output.json {
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
