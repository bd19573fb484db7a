//! The books: the trial balance, each seller's wallet, and what the simulator really charged.

use anyhow::Context as _;
use serde_json::Value;
use store::DatabaseUrl;

use crate::{
    cli::{ledger, reconciliation},
    compose,
    demo::{
        expectation::{expect, won},
        shop::Shop,
    },
};

/// What the marketplace keeps of the sales of the third seller: 528, 891 and 891 won.
const COMMISSION: u64 = 528 + 891 + 891;
/// What each seller must have earned in the stories.
const EARNED: [(&str, u64); 3] = [
    ("seller-a", 15_000 + 32_000 + 42_000),
    ("seller-b", 8_000 + 89_000),
    ("seller-c", 16_000 + 27_000 + 27_000 - COMMISSION),
];

/// Opens the books and compares them. Answers how many things are wrong.
pub(super) async fn open(shop: &Shop, database: &DatabaseUrl) -> anyhow::Result<usize> {
    let trial = shop.get("/v1/ledger/trial-balance").await?;
    println!("The books");
    println!("     {:<28} {:>12} {:>12}", "account", "debits", "credits");
    let (mut debits, mut credits, mut receivable) = (0, 0, 0);
    let accounts = trial["accounts"].as_array().context("a trial balance without accounts")?;
    // The demonstration sells in won.
    for account in accounts.iter().filter(|account| account["currency"] == "KRW") {
        let (debit, credit) = (amount(&account["debits"])?, amount(&account["credits"])?);
        let name = account["account"].as_str().unwrap_or_default();
        println!("     {name:<28} {:>12} {:>12}", won(&debit.to_string()), won(&credit.to_string()));
        debits += debit;
        credits += credit;
        if name == "psp:receivable" {
            receivable = debit - credit;
        }
    }
    let mut wrong =
        expect(debits == credits && debits > 0, format!("debits equal credits: {}", won(&debits.to_string())));
    for (seller, earned) in EARNED {
        let wallet = shop.get(&format!("/v1/wallets/{seller}")).await?;
        let [available, paid_out] = [amount(&wallet["available"])?, amount(&wallet["paid_out"])?];
        let told = [available, paid_out].map(|amount| won(&amount.to_string()));
        let told = format!("{seller} has {} available, and was paid {}", told[0], told[1]);
        wrong += expect(available + paid_out == earned, told);
    }
    wrong += agree_with_toss(shop, receivable).await?;
    let reader = compose::open_to_read(database).await?;
    let (agree, audit) = ledger::agrees(&reader).await?;
    wrong += expect(agree, audit);
    let (agree, listed) = reconciliation::agrees(shop.temporal(), &reader).await?;
    wrong += expect(agree, listed);
    println!();
    Ok(wrong)
}

async fn agree_with_toss(shop: &Shop, receivable: u64) -> anyhow::Result<usize> {
    let totals = shop.toss("totals").await?;
    let net = totals["net"].as_u64().context("the simulator's totals have no net")?;
    let twice = totals["double_charged_orders"].as_u64().unwrap_or(u64::MAX);
    let agree = format!("Toss holds {} for us, and the ledger says so too", won(&net.to_string()));
    Ok(expect(net == receivable, agree) + expect(twice == 0, "no order was charged twice"))
}

fn amount(value: &Value) -> anyhow::Result<u64> {
    value.as_str().context("an amount that is no string")?.parse().context("an amount that is no number")
}
