//! The chart of accounts of a marketplace.

use alloc::string::{String, ToString};
use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::id::SellerAccount;

/// The chart of accounts. Every account exists once per currency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Account {
    /// What the PSP has captured for us and not settled yet.
    PspReceivable,
    /// What is in our bank account.
    Bank,
    /// What the PSP has settled and keeps for payouts: with payouts through the PSP it never reaches our bank.
    PspPayoutBalance,
    /// The value-added tax on the PSP's fees, which the tax office gives back.
    InputVat,
    /// The value-added tax in our commission, which the tax office gets.
    OutputVat,
    /// What was sent from the payout balance to our own bank, and no bank statement shows yet.
    SweepInTransit,
    /// What the PSP's rounding of a payment's rows left over, either way.
    Rounding,
    /// What the PSP exchanged: what it took of the currency of a sale, and what it gave for that in the currency that
    /// it pays in. Valued at a rate, what stands here is the gain or the loss of exchanges.
    FxTrading,
    /// What a seller owes us: refunds of money that was paid out to them already.
    SellerDebt(SellerAccount),
    /// What a seller has earned and cannot be paid out yet.
    SellerPending(SellerAccount),
    /// What a seller can be paid out.
    SellerAvailable(SellerAccount),
    /// What is reserved of a seller's money: it is still theirs, and nothing else can be done with it.
    SellerHeld(SellerAccount),
    /// What was sent to a seller's bank, which has not said yet that it arrived.
    PayoutInTransit(SellerAccount),
    /// What we have promised to give back to buyers and the PSP has not given back yet.
    RefundsPayable,
    /// Money that arrived and nobody knows yet whose it is.
    Suspense,
    /// What we earn of what sellers sell.
    PlatformCommission,
    /// What the PSP keeps for its services.
    PspFees,
}

/// What an account is, for a balance sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountClass {
    /// What we have and what others owe us.
    Asset,
    /// What we owe others.
    Liability,
    /// What we earn.
    Income,
    /// What it costs.
    Expense,
    /// What stands between currencies: a gain where it is a credit.
    Equity,
}

/// On which side an account grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormalSide {
    /// Assets and expenses.
    Debit,
    /// Liabilities, income and equity.
    Credit,
}

impl Account {
    /// What the account is.
    pub const fn class(&self) -> AccountClass {
        match self {
            Self::PspReceivable
            | Self::Bank
            | Self::PspPayoutBalance
            | Self::InputVat
            | Self::SweepInTransit
            | Self::SellerDebt(_) => AccountClass::Asset,
            Self::SellerPending(_)
            | Self::SellerAvailable(_)
            | Self::SellerHeld(_)
            | Self::PayoutInTransit(_)
            | Self::RefundsPayable
            | Self::OutputVat
            | Self::Suspense => AccountClass::Liability,
            Self::PlatformCommission => AccountClass::Income,
            Self::PspFees | Self::Rounding => AccountClass::Expense,
            Self::FxTrading => AccountClass::Equity,
        }
    }

    /// On which side the account grows.
    pub const fn normal_side(&self) -> NormalSide {
        match self.class() {
            AccountClass::Asset | AccountClass::Expense => NormalSide::Debit,
            AccountClass::Liability | AccountClass::Income | AccountClass::Equity => NormalSide::Credit,
        }
    }

    /// The seller whose account it is, if it is a seller's.
    pub const fn seller(&self) -> Option<&SellerAccount> {
        match self {
            Self::SellerDebt(seller)
            | Self::SellerPending(seller)
            | Self::SellerAvailable(seller)
            | Self::SellerHeld(seller)
            | Self::PayoutInTransit(seller) => Some(seller),
            Self::PspReceivable
            | Self::Bank
            | Self::PspPayoutBalance
            | Self::InputVat
            | Self::OutputVat
            | Self::SweepInTransit
            | Self::Rounding
            | Self::FxTrading
            | Self::RefundsPayable
            | Self::Suspense
            | Self::PlatformCommission
            | Self::PspFees => None,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PspReceivable => f.write_str("psp:receivable"),
            Self::Bank => f.write_str("bank"),
            Self::PspPayoutBalance => f.write_str("psp:payout_balance"),
            Self::InputVat => f.write_str("vat:input"),
            Self::OutputVat => f.write_str("vat:output"),
            Self::SweepInTransit => f.write_str("platform:sweep_in_transit"),
            Self::Rounding => f.write_str("recon:rounding"),
            Self::FxTrading => f.write_str("fx:trading"),
            Self::SellerDebt(seller) => write!(f, "seller:{seller}:debt"),
            Self::SellerPending(seller) => write!(f, "seller:{seller}:pending"),
            Self::SellerAvailable(seller) => write!(f, "seller:{seller}:available"),
            Self::SellerHeld(seller) => write!(f, "seller:{seller}:held"),
            Self::PayoutInTransit(seller) => write!(f, "seller:{seller}:in_transit"),
            Self::RefundsPayable => f.write_str("refunds:payable"),
            Self::Suspense => f.write_str("suspense"),
            Self::PlatformCommission => f.write_str("platform:commission"),
            Self::PspFees => f.write_str("psp:fees"),
        }
    }
}

/// A text that names no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such account; accounts are bank, fx:trading, platform:commission, platform:sweep_in_transit, psp:fees, \
     psp:payout_balance, psp:receivable, recon:rounding, refunds:payable, suspense, vat:input, vat:output, and \
     seller:<seller>: with one of available, debt, held, in_transit, pending"
)]
pub struct UnknownAccount;

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Self, UnknownAccount> {
        match text {
            "psp:receivable" => return Ok(Self::PspReceivable),
            "bank" => return Ok(Self::Bank),
            "psp:payout_balance" => return Ok(Self::PspPayoutBalance),
            "vat:input" => return Ok(Self::InputVat),
            "vat:output" => return Ok(Self::OutputVat),
            "platform:sweep_in_transit" => return Ok(Self::SweepInTransit),
            "recon:rounding" => return Ok(Self::Rounding),
            "fx:trading" => return Ok(Self::FxTrading),
            "refunds:payable" => return Ok(Self::RefundsPayable),
            "suspense" => return Ok(Self::Suspense),
            "platform:commission" => return Ok(Self::PlatformCommission),
            "psp:fees" => return Ok(Self::PspFees),
            _ => {}
        }
        let (seller, part) =
            text.strip_prefix("seller:").and_then(|rest| rest.split_once(':')).ok_or(UnknownAccount)?;
        let of_seller = match part {
            "debt" => Self::SellerDebt,
            "pending" => Self::SellerPending,
            "available" => Self::SellerAvailable,
            "held" => Self::SellerHeld,
            "in_transit" => Self::PayoutInTransit,
            _ => return Err(UnknownAccount),
        };
        SellerAccount::parse(seller).map(of_seller).map_err(|_| UnknownAccount)
    }
}

impl TryFrom<String> for Account {
    type Error = UnknownAccount;

    fn try_from(text: String) -> Result<Self, UnknownAccount> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.to_string()
    }
}
