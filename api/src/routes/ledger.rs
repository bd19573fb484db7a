//! The books: accounts and their movements, entries, and the trial balance.

pub(crate) mod accounts;
pub(crate) mod entries;
pub(crate) mod movements;
pub(crate) mod trial_balance;

use domain::{
    Money,
    id::{CheckoutId, PaymentOrderId},
    ledger::{AccountClass, NormalSide, Reason},
};
use serde::Serialize;
use store::{AccountBalance, AsOf, EntryFilter};

use crate::{
    http::{
        parameters::Parameters,
        problem::Problem,
        values::{rfc3339, signed},
    },
    openapi::shapes::{Balance, CurrencyCode, Instant},
};

/// The instant that is asked for; `None` asks for the present. `by` says which of an entry's two times counts.
pub(crate) fn as_of(parameters: &Parameters) -> Result<Option<AsOf>, Problem> {
    let as_of = parameters.read("by", |text| match text {
        "occurred" => Ok(AsOf::Occurred as fn(_) -> _),
        "booked" => Ok(AsOf::Booked as fn(_) -> _),
        _ => Err("is neither `occurred` nor `booked`"),
    })?;
    Ok(parameters.instant("at")?.map(as_of.unwrap_or(AsOf::Occurred)))
}

/// The entries that are asked for. `from` is the first instant that counts, `to` the first that does not.
pub(crate) fn chosen(parameters: &Parameters) -> Result<EntryFilter, Problem> {
    let reason = |text: &str| {
        let names = Reason::ALL.map(Reason::as_str).join(", ");
        Reason::parse(text).ok_or_else(|| format!("is none of {names}"))
    };
    Ok(EntryFilter {
        from: parameters.border("from")?,
        to: parameters.border("to")?,
        checkout_id: parameters.read("checkout_id", CheckoutId::parse)?,
        order: parameters.read("payment_order_id", PaymentOrderId::parse)?,
        reason: parameters.read("reason", reason)?,
        currency: parameters.read("currency", str::parse::<domain::Currency>)?,
    })
}

/// What an entry is about: its key without the reason that stands before it.
pub(crate) fn reference(key: &str, reason: Reason) -> &str {
    key.strip_prefix(reason.as_str()).and_then(|rest| rest.strip_prefix(':')).unwrap_or(key)
}

/// The instant of an answer about the past.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AsOf)]
pub(crate) struct AsOfBody {
    #[schema(value_type = Instant)]
    at: String,
    by: &'static str,
}

impl AsOfBody {
    pub(crate) fn new(as_of: AsOf) -> Self {
        let (at, by) = match as_of {
            AsOf::Occurred(at) => (at, "occurred"),
            AsOf::Booked(at) => (at, "booked"),
        };
        Self { at: rfc3339(at), by }
    }
}

/// What stands on an account in one currency. The balance is below zero while the account stands on the side on
/// which it does not grow.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AccountBalance)]
struct BalanceBody {
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = Balance)]
    debits: String,
    #[schema(value_type = Balance)]
    credits: String,
    #[schema(value_type = Balance)]
    balance: String,
}

/// An account in one currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AccountInCurrency)]
pub(crate) struct AccountBody {
    account: String,
    class: &'static str,
    normal_side: &'static str,
    #[serde(flatten)]
    balance: BalanceBody,
}

impl BalanceBody {
    fn new(account: &AccountBalance) -> Self {
        let (debits, credits): (Money, Money) = (account.debits, account.credits);
        Self {
            currency: debits.currency().code(),
            debits: debits.to_decimal_string(),
            credits: credits.to_decimal_string(),
            balance: match account.account.normal_side() {
                NormalSide::Debit => signed(debits, credits),
                NormalSide::Credit => signed(credits, debits),
            },
        }
    }
}

impl AccountBody {
    fn new(balance: &AccountBalance) -> Self {
        Self {
            account: balance.account.to_string(),
            class: class(balance.account.class()),
            normal_side: side(balance.account.normal_side()),
            balance: BalanceBody::new(balance),
        }
    }
}

const fn class(class: AccountClass) -> &'static str {
    match class {
        AccountClass::Asset => "asset",
        AccountClass::Liability => "liability",
        AccountClass::Income => "income",
        AccountClass::Expense => "expense",
    }
}

const fn side(side: NormalSide) -> &'static str {
    match side {
        NormalSide::Debit => "debit",
        NormalSide::Credit => "credit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_key_without_its_reason() {
        assert_eq!(reference("hold_reserved:hold-1", Reason::HoldReserved), "hold-1");
        assert_eq!(reference("reversed:psp_settled:2026-11-21", Reason::Reversed), "psp_settled:2026-11-21");
        assert_eq!(reference("by-hand", Reason::PspSettled), "by-hand");
        assert_eq!(reference("psp_settled", Reason::PspSettled), "psp_settled");
    }
}
