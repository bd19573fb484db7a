//! The trial balance: every account, now or at any instant.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use domain::Currency;
use serde::Serialize;
use store::{AccountBalance, AsOf};

use super::{AccountBody, AsOfBody, Past, as_of};
use crate::{
    Api,
    http::{caller::ReadCaller, parameters::Parameters, problem::Problem},
};

/// The sum over all accounts in one currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Total)]
struct TotalBody {
    currency: &'static str,
    debits: String,
    credits: String,
}

/// The trial balance.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrialBalance)]
pub(crate) struct TrialBalanceBody {
    as_of: Option<AsOfBody>,
    balanced: bool,
    totals: Vec<TotalBody>,
    accounts: Vec<AccountBody>,
}

/// Read the trial balance
///
/// Debits and credits of every account; with `at`, of what had happened by then, or had been booked by then.
#[utoipa::path(
    get,
    path = "/v1/ledger/trial-balance",
    operation_id = "read_trial_balance",
    tag = "Ledger",
    security(("bearer" = ["read"])),
    params(Past),
    responses((status = 200, description = "The trial balance", body = TrialBalanceBody))
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Json<TrialBalanceBody>, Problem> {
    let as_of = as_of(&parameters)?;
    let accounts = match as_of {
        Some(as_of) => api.service.reader.trial_balance_as_of(as_of).await?,
        None => api.service.reader.trial_balance().await?,
    };
    Ok(Json(TrialBalanceBody::new(as_of, &accounts)))
}

impl TrialBalanceBody {
    fn new(as_of: Option<AsOf>, accounts: &[AccountBalance]) -> Self {
        // Wider than one account's amount: the sum over the books may pass the largest amount of money.
        let mut sums: BTreeMap<Currency, (u128, u128)> = BTreeMap::new();
        for account in accounts {
            let (debits, credits) = sums.entry(account.debits.currency()).or_default();
            *debits += u128::from(account.debits.minor());
            *credits += u128::from(account.credits.minor());
        }
        Self {
            as_of: as_of.map(AsOfBody::new),
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

#[cfg(test)]
mod tests {
    use domain::{Money, Timestamp, id::SellerAccount, ledger::Account};

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
        insta::assert_json_snapshot!(TrialBalanceBody::new(None, &accounts), @r#"
        {
          "as_of": null,
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
              "class": "asset",
              "normal_side": "debit",
              "currency": "KRW",
              "debits": "15000",
              "credits": "0",
              "balance": "15000"
            },
            {
              "account": "seller:seller-a:pending",
              "class": "liability",
              "normal_side": "credit",
              "currency": "KRW",
              "debits": "0",
              "credits": "15000",
              "balance": "15000"
            }
          ]
        }
        "#);
        let past = AsOf::Booked(Timestamp::from_epoch_ms(0));
        let half = TrialBalanceBody::new(Some(past), &accounts[..1]);
        assert!(!half.balanced);
        insta::assert_json_snapshot!(half.as_of, @r#"
        {
          "at": "1970-01-01T00:00:00.000Z",
          "by": "booked"
        }
        "#);
    }
}
