//! Our own books against each other, from the balances alone. `daegeum ledger verify` recomputes the balances too.

use std::collections::HashMap;

use domain::{Currency, id::SellerAccount, ledger::Account};
use sea_orm::EntityTrait;

use crate::{
    Reader, StoreError,
    books::held_by_breaks,
    convert::{corrupt, from_column_currency},
    entities::wallets,
    payout::sweep,
};

/// Two numbers of ours that should be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalDifference {
    /// What it is about: `wallet seller-a held`.
    pub subject: String,
    pub currency: Currency,
    /// What stands beside the ledger, in minor units with a sign.
    pub beside: i64,
    /// What the ledger says.
    pub ledger: i64,
}

impl Reader {
    /// Where debits and credits, wallets and accounts, or suspense and its breaks differ.
    pub async fn internal_differences(&self) -> Result<Vec<InternalDifference>, StoreError> {
        // One snapshot: what is booked meanwhile moves both sides.
        let snapshot = self.snapshot().await?;
        let mut accounts: HashMap<(String, Currency), i64> = HashMap::new();
        let mut sums: HashMap<Currency, (i64, i64)> = HashMap::new();
        for row in crate::entities::ledger_balances::Entity::find().all(&snapshot).await? {
            let currency = from_column_currency(&row.currency)?;
            let sum = sums.entry(currency).or_default();
            *sum = (sum.0.saturating_add(row.debits), sum.1.saturating_add(row.credits));
            accounts.insert((row.account, currency), row.credits - row.debits);
        }
        let mut found = Vec::new();
        let mut compare = |subject: String, currency: Currency, beside: i64, ledger: i64| {
            if beside != ledger {
                found.push(InternalDifference { subject, currency, beside, ledger });
            }
        };
        for (currency, (debits, credits)) in sums {
            compare(format!("sums {currency}"), currency, debits, credits);
        }
        for row in wallets::Entity::find().all(&snapshot).await? {
            let currency = from_column_currency(&row.currency)?;
            let seller = SellerAccount::parse(row.seller_account).map_err(|error| corrupt("a seller", error))?;
            let balance = |account: Account| accounts.get(&(account.to_string(), currency)).copied().unwrap_or(0);
            for (part, beside, ledger) in [
                ("pending", row.pending, balance(Account::SellerPending(seller.clone()))),
                ("available", row.available, balance(Account::SellerAvailable(seller.clone()))),
                ("held", row.held, balance(Account::SellerHeld(seller.clone()))),
                ("in_transit", row.in_transit, balance(Account::PayoutInTransit(seller.clone()))),
                ("debt", row.debt, -balance(Account::SellerDebt(seller.clone()))),
            ] {
                compare(format!("wallet {seller} {part}"), currency, beside, ledger);
            }
        }
        let held = held_by_breaks(&snapshot).await?;
        for currency in Currency::ALL {
            let suspense = accounts.get(&(Account::Suspense.to_string(), currency)).copied().unwrap_or(0);
            let beside = held.get(&currency).copied().unwrap_or(0);
            compare(format!("suspense {currency}"), currency, beside, suspense);
        }
        let in_transit = accounts.get(&(Account::SweepInTransit.to_string(), Currency::Krw)).copied().unwrap_or(0);
        compare("sweeps KRW".to_owned(), Currency::Krw, sweep::not_received(&snapshot).await?, -in_transit);
        snapshot.rollback().await?;
        Ok(found)
    }
}
