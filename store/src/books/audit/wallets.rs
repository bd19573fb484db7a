//! What stands beside the postings for accounts and sellers: balances, wallets, holds.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Currency, hold::HoldStatus, id::SellerAccount, ledger::Account, wallet::Wallet};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    StoreError,
    books::audit::{
        findings::{Check, Findings, Fold},
        rows,
    },
    convert::{corrupt, from_column_currency},
    entities::{ledger_balances, wallet_holds, wallets},
};

/// How many holds are read at once.
const PAGE: u64 = 1000;

/// Compares the balances with the postings, and debits with credits. Answers what was ever moved.
pub(super) async fn compare_balances(
    connection: &impl ConnectionTrait,
    fold: &Fold,
    findings: &mut Findings,
) -> Result<BTreeMap<Currency, u128>, StoreError> {
    let mut seen = BTreeSet::new();
    for row in rows::rows::<_, String>(
        ledger_balances::Entity::find().order_by_asc(ledger_balances::Column::Account),
        "account",
        connection,
    )
    .await?
    {
        let Some(row) = row.or_name("balance of", findings) else { continue };
        let subject = format!("balance of {} {}", row.account, row.currency);
        let key = row.account.parse::<Account>().map_err(|_| corrupt("an account", &row.account));
        match key.and_then(|account| Ok((account, from_column_currency(&row.currency)?))) {
            Ok(key) => {
                let (debits, credits) = fold.accounts.get(&key).copied().unwrap_or_default();
                findings.compare(Check::Balances, &subject, "the sum of debits", row.debits.into(), debits);
                findings.compare(Check::Balances, &subject, "the sum of credits", row.credits.into(), credits);
                seen.insert(key);
            }
            Err(error) => findings.add(Check::Reading, &subject, error),
        }
    }
    for (account, currency) in fold.accounts.keys().filter(|key| !seen.contains(key)) {
        findings.add(Check::Balances, format_args!("balance of {account} {currency}"), "its row is missing");
    }
    Ok(compare_sums(fold, findings))
}

fn compare_sums(fold: &Fold, findings: &mut Findings) -> BTreeMap<Currency, u128> {
    let mut sums: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
    for ((_, currency), (debits, credits)) in &fold.accounts {
        let sum = sums.entry(*currency).or_default();
        *sum = (sum.0 + debits, sum.1 + credits);
    }
    for (currency, (debits, credits)) in &sums {
        if debits != credits {
            findings.add(Check::Sums, currency, format_args!("debits are {debits}, and credits {credits}"));
        }
    }
    sums.into_iter().map(|(currency, (debits, _))| (currency, debits.unsigned_abs())).collect()
}

/// Compares the wallets with the postings. Answers how many there are.
pub(super) async fn compare_wallets(
    connection: &impl ConnectionTrait,
    fold: &Fold,
    findings: &mut Findings,
) -> Result<u64, StoreError> {
    let by_seller = wallets::Entity::find().order_by_asc(wallets::Column::SellerAccount);
    let rows = rows::rows::<_, String>(by_seller, "seller_account", connection).await?;
    let count = rows.len() as u64;
    let mut seen = BTreeSet::new();
    for row in rows {
        let Some(row) = row.or_name("wallet", findings) else { continue };
        let subject = format!("wallet {} {}", row.seller_account, row.currency);
        match wallet_key(&row.seller_account, &row.currency) {
            Ok(key) => {
                let booked = fold.wallets.get(&key).copied().unwrap_or(Wallet::empty(key.1));
                for (part, found, booked) in [
                    ("pending", row.pending, booked.pending),
                    ("available", row.available, booked.available),
                    ("held", row.held, booked.held),
                    ("in transit", row.in_transit, booked.in_transit),
                    ("paid out", row.paid_out, booked.paid_out),
                    ("owed", row.debt, booked.debt),
                ] {
                    findings.compare(Check::Wallets, &subject, part, found.into(), booked.minor().into());
                }
                seen.insert(key);
            }
            Err(error) => findings.add(Check::Reading, &subject, error),
        }
    }
    for (seller, currency) in fold.wallets.keys().filter(|key| !seen.contains(key)) {
        findings.add(Check::Wallets, format_args!("wallet {seller} {currency}"), "its row is missing");
    }
    Ok(count)
}

/// Compares what holds say is held, in transit and paid out with the postings. Answers how many there are.
pub(super) async fn compare_holds(
    connection: &impl ConnectionTrait,
    fold: &Fold,
    findings: &mut Findings,
) -> Result<u64, StoreError> {
    let mut sums: BTreeMap<(SellerAccount, Currency), [i128; 3]> =
        fold.wallets.keys().map(|key| (key.clone(), [0; 3])).collect();
    let (mut count, mut after) = (0, String::new());
    loop {
        let page = wallet_holds::Entity::find()
            .filter(wallet_holds::Column::HoldId.gt(&after))
            .order_by_asc(wallet_holds::Column::HoldId)
            .limit(PAGE);
        let page = rows::rows::<_, String>(page, "hold_id", connection).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.key);
        count += page.len() as u64;
        for row in page {
            let Some(row) = row.or_name("hold", findings) else { continue };
            let status = HoldStatus::parse(&row.status).ok_or_else(|| corrupt("a status of a hold", &row.status));
            let read = wallet_key(&row.seller_account, &row.currency).and_then(|key| Ok((key, status?)));
            match read {
                Ok((key, status)) => {
                    let sum = sums.entry(key).or_default();
                    match status {
                        HoldStatus::Reserved => sum[0] += i128::from(row.amount),
                        HoldStatus::InTransit => sum[1] += i128::from(row.captured_amount),
                        HoldStatus::PaidOut => sum[2] += i128::from(row.captured_amount),
                        HoldStatus::Released | HoldStatus::Expired | HoldStatus::PayoutFailed => {}
                    }
                }
                Err(error) => findings.add(Check::Reading, format_args!("hold {}", row.hold_id), error),
            }
        }
    }
    for ((seller, currency), [held, in_transit, paid_out]) in sums {
        let booked = fold.wallets.get(&(seller.clone(), currency)).copied().unwrap_or(Wallet::empty(currency));
        let subject = format!("holds of {seller} {currency}");
        findings.compare(Check::Holds, &subject, "what they hold", held, booked.held.minor().into());
        findings.compare(Check::Holds, &subject, "what they sent", in_transit, booked.in_transit.minor().into());
        findings.compare(Check::Holds, &subject, "what they paid out", paid_out, booked.paid_out.minor().into());
    }
    Ok(count)
}

fn wallet_key(seller: &str, currency: &str) -> Result<(SellerAccount, Currency), StoreError> {
    let seller = SellerAccount::parse(seller).map_err(|error| corrupt("a seller", error))?;
    Ok((seller, from_column_currency(currency)?))
}
