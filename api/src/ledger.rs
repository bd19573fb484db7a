//! Wallets and the books.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, Query, State},
};
use domain::{Currency, Money, Timestamp, id::SellerAccount, ledger::NormalSide, wallet::Wallet};
use serde::Serialize;
use store::{AccountBalance, WalletRecord};

use crate::{
    Api,
    callers::ReadCaller,
    problem::{Code, FieldCode, Problem},
    shapes::rfc3339,
};

/// A seller's money in one currency.
#[derive(Debug, Serialize)]
struct BalanceBody {
    currency: &'static str,
    pending: String,
    available: String,
    held: String,
    in_transit: String,
    paid_out: String,
    debt: String,
    updated_at: Option<String>,
}

/// A seller's wallet: the balance in one currency, and all of them.
#[derive(Debug, Serialize)]
pub(crate) struct WalletBody {
    seller_account: String,
    #[serde(flatten)]
    balance: BalanceBody,
    balances: Vec<BalanceBody>,
}

/// What stands on an account in one currency.
#[derive(Debug, Serialize)]
struct AccountBody {
    account: String,
    currency: &'static str,
    normal_side: &'static str,
    debits: String,
    credits: String,
    balance: String,
}

/// The sum over all accounts in one currency.
#[derive(Debug, Serialize)]
struct TotalBody {
    currency: &'static str,
    debits: String,
    credits: String,
}

/// The trial balance.
#[derive(Debug, Serialize)]
pub(crate) struct TrialBalanceBody {
    balanced: bool,
    totals: Vec<TotalBody>,
    accounts: Vec<AccountBody>,
}

/// The parameters of an address.
type Parameters = BTreeMap<String, String>;

/// `GET /v1/wallets/{seller_account}?currency=KRW`. A seller who was never credited has an empty wallet.
pub(crate) async fn wallet(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(seller): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<WalletBody>, Problem> {
    let seller = SellerAccount::parse(seller).map_err(|_| Problem::new(Code::NotFound, "No seller has this name."))?;
    let currency = currency_of(&parameters)?;
    let wallets = api.reader.wallets(&seller).await?;
    let balance = wallets.iter().find(|wallet| wallet.wallet.currency() == currency);
    Ok(Json(WalletBody {
        seller_account: seller.to_string(),
        balance: balance.map_or_else(|| BalanceBody::of(&Wallet::empty(currency), None), BalanceBody::new),
        balances: wallets.iter().map(BalanceBody::new).collect(),
    }))
}

/// `GET /v1/ledger/trial-balance`: every account, recomputed from the postings.
pub(crate) async fn trial_balance(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Query(parameters): Query<Parameters>,
) -> Result<Json<TrialBalanceBody>, Problem> {
    refuse_others(&parameters, &[])?;
    let accounts = api.reader.trial_balance().await?;
    Ok(Json(TrialBalanceBody::new(&accounts)))
}

fn currency_of(parameters: &Parameters) -> Result<Currency, Problem> {
    refuse_others(parameters, &["currency"])?;
    let Some(code) = parameters.get("currency") else { return Ok(Currency::Krw) };
    code.parse().map_err(|error: domain::money::MoneyError| Problem::of_field("currency", FieldCode::Invalid, error))
}

/// A parameter that is not understood would silently give another answer than the one asked for.
fn refuse_others(parameters: &Parameters, known: &[&str]) -> Result<(), Problem> {
    match parameters.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Problem::of_field(name, FieldCode::UnknownField, "is not a parameter of this route")),
        None => Ok(()),
    }
}

impl BalanceBody {
    fn new(record: &WalletRecord) -> Self {
        Self::of(&record.wallet, Some(record.updated_at))
    }

    fn of(wallet: &Wallet, updated_at: Option<Timestamp>) -> Self {
        Self {
            currency: wallet.currency().code(),
            pending: wallet.pending.to_decimal_string(),
            available: wallet.available.to_decimal_string(),
            held: wallet.held.to_decimal_string(),
            in_transit: wallet.in_transit.to_decimal_string(),
            paid_out: wallet.paid_out.to_decimal_string(),
            debt: wallet.debt.to_decimal_string(),
            updated_at: updated_at.map(rfc3339),
        }
    }
}

impl TrialBalanceBody {
    fn new(accounts: &[AccountBalance]) -> Self {
        // Wider than one account's amount: the sum over the books may pass the largest amount of money.
        let mut sums: BTreeMap<Currency, (u128, u128)> = BTreeMap::new();
        for account in accounts {
            let (debits, credits) = sums.entry(account.debits.currency()).or_default();
            *debits += u128::from(account.debits.minor());
            *credits += u128::from(account.credits.minor());
        }
        Self {
            balanced: sums.values().all(|(debits, credits)| debits == credits),
            totals: sums.into_iter().map(|(currency, sums)| TotalBody::new(currency, sums)).collect(),
            accounts: accounts.iter().map(AccountBody::new).collect(),
        }
    }
}

impl TotalBody {
    fn new(currency: Currency, (debits, credits): (u128, u128)) -> Self {
        Self { currency: currency.code(), debits: decimal(debits, currency), credits: decimal(credits, currency) }
    }
}

fn decimal(minor: u128, currency: Currency) -> String {
    let minor = i128::try_from(minor).unwrap_or(i128::MAX);
    rust_decimal::Decimal::try_from_i128_with_scale(minor, currency.exponent())
        .map(|sum| sum.to_string())
        .unwrap_or_default()
}

impl AccountBody {
    fn new(account: &AccountBalance) -> Self {
        let (normal_side, grows, shrinks) = match account.account.normal_side() {
            NormalSide::Debit => ("debit", account.debits, account.credits),
            NormalSide::Credit => ("credit", account.credits, account.debits),
        };
        // An account may stand on its other side for a while; the sign says so.
        let balance = match grows.minus(shrinks) {
            Ok(balance) => balance.to_decimal_string(),
            Err(_) => format!("-{}", shrinks.minus(grows).unwrap_or(Money::zero(grows.currency())).to_decimal_string()),
        };
        Self {
            account: account.account.to_string(),
            currency: account.debits.currency().code(),
            normal_side,
            debits: account.debits.to_decimal_string(),
            credits: account.credits.to_decimal_string(),
            balance,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ledger::Account;

    use super::*;

    fn won(minor: u64) -> Money {
        Money::try_from_minor(minor, Currency::Krw).unwrap()
    }

    #[test]
    fn a_trial_balance_adds_up() {
        let seller = SellerAccount::parse("seller-a").unwrap();
        let accounts = [
            AccountBalance { account: Account::PspReceivable, debits: won(15_000), credits: won(0) },
            AccountBalance { account: Account::SellerPending(seller), debits: won(0), credits: won(15_000) },
        ];
        insta::assert_json_snapshot!(TrialBalanceBody::new(&accounts), @r#"
        {
          "balanced": true,
          "totals": [
            {
              "currency": "KRW",
              "debits": "15000",
              "credits": "15000"
            }
          ],
          "accounts": [
            {
              "account": "psp:receivable",
              "currency": "KRW",
              "normal_side": "debit",
              "debits": "15000",
              "credits": "0",
              "balance": "15000"
            },
            {
              "account": "seller:seller-a:pending",
              "currency": "KRW",
              "normal_side": "credit",
              "debits": "0",
              "credits": "15000",
              "balance": "15000"
            }
          ]
        }
        "#);
        assert!(!TrialBalanceBody::new(&accounts[..1]).balanced);
    }

    #[test]
    fn a_parameter_that_is_not_understood_is_refused() {
        let parameters = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(currency_of(&BTreeMap::new()).unwrap(), Currency::Krw);
        assert_eq!(currency_of(&parameters("currency", "USD")).unwrap(), Currency::Usd);
        assert_eq!(currency_of(&parameters("currency", "EUR")).unwrap_err().code(), Code::ValidationFailed);
        assert_eq!(currency_of(&parameters("at", "2026-01-01")).unwrap_err().code(), Code::ValidationFailed);
    }
}
