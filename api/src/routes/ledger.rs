//! The books: accounts and their movements, entries, and the trial balance.

pub(crate) mod accounts;
pub(crate) mod entries;
pub(crate) mod movements;
pub(crate) mod reversal;
pub(crate) mod trial_balance;

use domain::{
    Money, Timestamp,
    ledger::{AccountClass, NormalSide, Reason},
};
use serde::Serialize;
use store::{AccountBalance, AsOf, EntryFilter};

use crate::{
    http::{
        forms::{Border, Moment, text_form},
        parameters::Parameters,
        problem::Problem,
        table::parameters,
        values::{rfc3339, signed},
    },
    openapi::shapes::{Balance, CheckoutName, CurrencyCode, Instant, PaymentOrderName, ReasonName},
};

parameters! {
    /// The past.
    pub(crate) struct Past {
        /// As of this instant, RFC 3339; now by default.
        at: Moment,
        /// Which of an entry's two times counts; when it happened by default.
        by: TimeName,
    }
}

text_form! {
    /// One of an entry's two times.
    pub(crate) TimeName: fn(Timestamp) -> AsOf = |text| match text {
        "occurred" => Ok(AsOf::Occurred as fn(_) -> _),
        "booked" => Ok(AsOf::Booked as fn(_) -> _),
        _ => Err("is neither `occurred` nor `booked`"),
    },
    |text| text.enum_values(Some(["occurred", "booked"])).description(Some("One of an entry's two times."))
}

parameters! {
    /// Which time and which reason.
    pub(crate) struct ChosenTimes {
        /// The first instant that counts, RFC 3339; of what happened.
        from: Border,
        /// The first instant that does not, RFC 3339.
        to: Border,
        reason: ReasonName,
    }
}

parameters! {
    /// What an entry is about.
    pub(crate) struct ChosenSubject {
        checkout_id: CheckoutName,
        payment_order_id: PaymentOrderName,
    }
}

parameters! {
    /// Which currency.
    pub(crate) struct ChosenCurrency {
        currency: CurrencyCode,
    }
}

/// The instant that is asked for; `None` asks for the present. `by` says which of an entry's two times counts.
pub(crate) fn as_of(parameters: &Parameters) -> Result<Option<AsOf>, Problem> {
    let Past { at, by } = Past::of(parameters)?;
    Ok(at.map(by.unwrap_or(AsOf::Occurred)))
}

/// The entries that are asked for. `from` is the first instant that counts, `to` the first that does not.
pub(crate) fn chosen(parameters: &Parameters) -> Result<EntryFilter, Problem> {
    let ChosenTimes { from, to, reason } = ChosenTimes::of(parameters)?;
    let ChosenSubject { checkout_id, payment_order_id } = ChosenSubject::of(parameters)?;
    let ChosenCurrency { currency } = ChosenCurrency::of(parameters)?;
    Ok(EntryFilter { from, to, checkout_id, order: payment_order_id, reason, currency })
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
        AccountClass::Equity => "equity",
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
