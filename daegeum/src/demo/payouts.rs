//! The story of money that goes out: two principals agree, Toss pays, and a seller reads the statement.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use domain::{
    Currency, Money,
    ledger::{Account, Entry, EntryFields, Posting, PostingFields, Reason},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use store::{DatabaseUrl, Scope, Scopes, Writer};
use tokio::time::sleep;

use crate::{
    cli::api_key,
    compose,
    demo::{
        expectation::{expect, won},
        shop::Shop,
    },
    settings::Settings,
};

/// The sellers who are paid, and what they are called.
const SELLERS: [(&str, &str); 2] = [("seller-b", "비 상회"), ("seller-c", "씨 공방")];
/// What the marketplace keeps of seller-c's sales, in ten-thousandths.
const COMMISSION_BPS: u16 = 330;
/// How long Toss may take to know a seller, and to pay a run.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// By how much the simulator's time goes on at a look: a bank takes a minute.
const MINUTE_S: u64 = 61;

/// Two principals of the scope `finance`, and the books of the marketplace.
pub(super) struct Principals {
    maker: String,
    checker: String,
    writer: Writer,
}

/// A run that was paid.
pub(super) struct PaidRun {
    pub(super) wrong: usize,
    pub(super) run_id: String,
}

impl Principals {
    /// Creates their keys, and sets the commission before anything is sold.
    pub(super) async fn prepare(settings: &Settings, database: &DatabaseUrl) -> anyhow::Result<Self> {
        let (writer, _) = compose::open(database).await?;
        let rate = domain::commission::BasisPoints::try_new(COMMISSION_BPS)?;
        let terms = domain::commission::CommissionTerms { rate, ..Default::default() };
        let seller = domain::id::SellerAccount::parse("seller-c")?;
        writer.set_commission(Some(&seller), terms, writer.time().await?).await?;
        let key = async |name| {
            let scopes = Scopes::only(Scope::Finance);
            let wanted = api_key::NewKey { name, scopes, seller: None, refund_limit: None, expires_at: None };
            api_key::create(&writer, wanted, &settings.door.key_pepper).await.map(|(_, secret)| secret)
        };
        let (maker, checker) = (key("the demo's maker").await?, key("the demo's checker").await?);
        Ok(Self { maker, checker, writer })
    }

    /// The marketplace puts money into the balance out of which Toss pays: Toss settles sales days later.
    async fn put_into_balance(&self, shop: &Shop, amount: u64) -> anyhow::Result<()> {
        shop.put_into_balance(amount).await?;
        let posting = Posting::try_new(PostingFields {
            debit: Account::PspPayoutBalance,
            credit: Account::Bank,
            amount: Money::try_from_minor(amount, Currency::Krw)?,
            order: None,
        })?;
        let entry = Entry::try_new(EntryFields {
            key: Reason::PspSettled.key("demo"),
            reason: Reason::PspSettled,
            checkout_id: None,
            reverses: None,
            occurred_at: self.writer.time().await?,
            postings: vec![posting],
        })?;
        self.writer.book(entry).await?;
        println!("     the marketplace puts {} from its bank into its balance at Toss", won(&amount.to_string()));
        Ok(())
    }
}

/// The sellers register, a run is frozen by one principal and approved by another, and Toss pays.
pub(super) async fn sellers_are_paid(shop: &Shop, principals: &Principals) -> anyhow::Result<PaidRun> {
    println!("10. Two sellers are paid what they earned, after two people agreed");
    let Principals { maker, checker, .. } = principals;
    for (seller, name) in SELLERS {
        register(shop, maker, seller, name).await?;
    }
    println!("     Toss knows {} and {}", SELLERS[0].0, SELLERS[1].0);
    let wanted = json!({ "seller_accounts": SELLERS.map(|(seller, _)| seller) });
    let frozen = shop.ask_as(maker, Method::POST, "/v1/payout-runs", Some(&wanted)).await?;
    ensure!(frozen.status == StatusCode::CREATED, "no run was frozen: {} {}", frozen.status, frozen.body);
    let run = frozen.body;
    let (run_id, total) = (text(&run, "payout_run_id")?.to_owned(), text(&run, "total")?.to_owned());
    principals.put_into_balance(shop, total.parse()?).await?;
    let (approve, digest) = (format!("/v1/payout-runs/{run_id}/approve"), json!({ "digest": run["digest"] }));
    let alone = shop.ask_as(maker, Method::POST, &approve, Some(&digest)).await?;
    let agreed = shop.ask_as(checker, Method::POST, &approve, Some(&digest)).await?;
    let mut wrong = expect(
        alone.status == StatusCode::FORBIDDEN && alone.body["code"] == "four_eyes",
        "the principal who froze the run may not approve it",
    );
    wrong += expect(agreed.status == StatusCode::OK, format!("another principal approved {}", won(&total)));
    let paid = completed(shop, maker, &run_id).await?;
    let payouts = paid["payouts"].as_array().cloned().unwrap_or_default();
    let at_toss = shop.toss("payouts").await?;
    let is_paid = payouts.len() == SELLERS.len() && payouts.iter().all(|payout| payout["status"] == "PAID");
    let is_sum = total.parse::<u64>().is_ok_and(|total| at_toss["completed"] == total);
    let is_once = is_sum && at_toss["count"] == SELLERS.len();
    wrong += expect(is_paid && is_once, format!("Toss paid {} to {} sellers, each once", won(&total), payouts.len()));
    let of_seller = payouts.iter().find(|payout| payout["seller_account"] == SELLERS[1].0);
    let payout_id = text(of_seller.context("no payout of the second seller")?, "payout_id")?;
    wrong += statement(shop, maker, payout_id).await?;
    println!();
    Ok(PaidRun { wrong, run_id })
}

async fn register(shop: &Shop, key: &str, seller: &str, name: &str) -> anyhow::Result<()> {
    let path = format!("/v1/sellers/{seller}");
    let body = json!({
        "name": name, "business_type": "CORPORATE", "business_registration_number": "123-45-67890",
        "representative_name": "김대표", "email": format!("pay@{seller}.example"), "phone": "010-1234-5678",
        "bank_account": { "bank_code": "092", "account_number": "110123456789", "holder_name": name },
        "payout_schedule": { "cycle": "manual" },
    });
    let put = shop.ask_as(key, Method::PUT, &path, Some(&body)).await?;
    ensure!(put.status.is_success(), "{seller} was not registered: {} {}", put.status, put.body);
    let began = Instant::now();
    loop {
        let status = shop.get(&path).await?["payout_status"].clone();
        if status == "LIMITED" || status == "APPROVED" {
            return Ok(());
        }
        if began.elapsed() > LIMIT {
            bail!("Toss does not pay {seller}: {status}");
        }
        sleep(POLL).await;
    }
}

/// Lets the simulator's time pass until the run is complete; answers the run.
async fn completed(shop: &Shop, key: &str, run_id: &str) -> anyhow::Result<Value> {
    let (path, began) = (format!("/v1/payout-runs/{run_id}"), Instant::now());
    loop {
        let run = shop.ask_as(key, Method::GET, &path, None).await?.body;
        let is_taken = run["payouts"].as_array().is_some_and(|all| all.iter().all(|one| one["status"] != "APPROVED"));
        if run["status"] == "COMPLETED" {
            return Ok(run);
        }
        if began.elapsed() > LIMIT {
            bail!("the run is not complete: {run}");
        }
        if is_taken {
            shop.pass_time(MINUTE_S).await?;
        }
        sleep(POLL * 3).await;
    }
}

/// Prints a statement as a seller reads it. Answers how many things are wrong.
async fn statement(shop: &Shop, key: &str, payout_id: &str) -> anyhow::Result<usize> {
    let path = format!("/v1/payouts/{payout_id}/statement");
    let shown = shop.ask_as(key, Method::GET, &path, None).await?.body;
    println!("     the statement of {}:", text(&shown, "seller_account")?);
    println!("     {:<12} {:>10} {:>10} {:>8} {:>10}", "line", "gross", "commission", "(VAT)", "amount");
    println!("     {:<12} {:>42}", "opening", shown["opening"].as_str().unwrap_or_default());
    let mut sum = number(&shown, "opening")?;
    for line in shown["lines"].as_array().into_iter().flatten() {
        let [kind, gross, commission, vat, amount] =
            ["kind", "gross", "commission", "commission_vat", "amount"].map(|name| line[name].as_str().unwrap_or("-"));
        println!("     {kind:<12} {gross:>10} {commission:>10} {vat:>8} {amount:>10}");
        sum += number(line, "amount")?;
    }
    for part in ["payout", "carried_over", "closing"] {
        println!("     {part:<12} {:>42}", shown[part].as_str().unwrap_or_default());
    }
    let right = number(&shown, "payout")? + number(&shown, "closing")?;
    Ok(expect(sum == right, "opening and lines are what is paid and what stays"))
}

fn number(value: &Value, name: &str) -> anyhow::Result<i64> {
    Ok(text(value, name)?.parse()?)
}

fn text<'v>(value: &'v Value, name: &str) -> anyhow::Result<&'v str> {
    value[name].as_str().with_context(|| format!("an answer without {name}"))
}
