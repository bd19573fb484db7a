//! A seller's wallet: what the books say of one seller in one currency.

use alloc::vec::Vec;

use crate::{
    Currency, Money,
    id::SellerAccount,
    ledger::{Account, Entry, Posting, PostingFields},
};

/// A seller's money in one currency, folded from the postings on the seller's accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wallet {
    /// Earned, and not to be paid out yet.
    pub pending: Money,
    /// Ready to be paid out.
    pub available: Money,
    /// Reserved by holds.
    pub held: Money,
    /// On its way to the seller's bank.
    pub in_transit: Money,
    /// Arrived at the seller's bank so far.
    pub paid_out: Money,
    /// Owed to us, for refunds of money that was paid out before; the next releases recover it.
    pub debt: Money,
}

/// More would be taken from a part of a wallet than is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seller {seller}: the entry takes more {part} money than there is")]
pub struct Overdrawn {
    /// Whose wallet.
    pub seller: SellerAccount,
    /// Which part of it.
    pub part: &'static str,
}

impl Wallet {
    /// A wallet that was never credited.
    pub const fn empty(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { pending: zero, available: zero, held: zero, in_transit: zero, paid_out: zero, debt: zero }
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.pending.currency()
    }

    /// The wallet after an entry; entries in another currency and on others' accounts leave it as it is. No
    /// part falls below zero: a refund that takes more makes a debt, which is a part of its own.
    pub fn after(self, seller: &SellerAccount, entry: &Entry) -> Result<Self, Overdrawn> {
        if entry.currency() != self.currency() {
            return Ok(self);
        }
        let moved: Vec<(Effect, u128)> = entry
            .fields()
            .postings
            .iter()
            .map(Posting::fields)
            .flat_map(|PostingFields { debit, credit, amount, .. }| {
                effects(debit, credit, seller).map(|effect| (effect, u128::from(amount.minor())))
            })
            .collect();
        let mut after = self;
        for part in Part::ALL {
            let (mut added, mut taken) = (u128::from(self.part(part).minor()), 0);
            for (effect, amount) in &moved {
                match effect {
                    Effect::Add(to) if *to == part => added += amount,
                    Effect::Take(from) if *from == part => taken += amount,
                    Effect::Add(_) | Effect::Take(_) => {}
                }
            }
            *after.part_mut(part) = added
                .checked_sub(taken)
                .and_then(|minor| u64::try_from(minor).ok())
                .and_then(|minor| Money::try_from_minor(minor, self.currency()).ok())
                .ok_or_else(|| Overdrawn { seller: seller.clone(), part: part.name() })?;
        }
        Ok(after)
    }

    const fn part(&self, part: Part) -> Money {
        match part {
            Part::Pending => self.pending,
            Part::Available => self.available,
            Part::Held => self.held,
            Part::InTransit => self.in_transit,
            Part::Debt => self.debt,
            Part::PaidOut => self.paid_out,
        }
    }

    const fn part_mut(&mut self, part: Part) -> &mut Money {
        match part {
            Part::Pending => &mut self.pending,
            Part::Available => &mut self.available,
            Part::Held => &mut self.held,
            Part::InTransit => &mut self.in_transit,
            Part::Debt => &mut self.debt,
            Part::PaidOut => &mut self.paid_out,
        }
    }
}

/// A part of a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// [`Wallet::pending`].
    Pending,
    /// [`Wallet::available`].
    Available,
    /// [`Wallet::held`].
    Held,
    /// [`Wallet::in_transit`].
    InTransit,
    /// [`Wallet::debt`].
    Debt,
    /// [`Wallet::paid_out`].
    PaidOut,
}

/// What a posting does to a part of a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The part grows.
    Add(Part),
    /// The part shrinks.
    Take(Part),
}

impl Part {
    /// Every part, in the order in which an overdraft is reported.
    const ALL: [Self; 6] = [Self::Pending, Self::Available, Self::Held, Self::InTransit, Self::Debt, Self::PaidOut];

    /// The part in messages.
    const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Held => "held",
            Self::InTransit => "in transit",
            Self::Debt => "owed",
            Self::PaidOut => "paid out",
        }
    }

    /// The part of a seller's wallet that an account is.
    fn of(account: &Account, seller: &SellerAccount) -> Option<Self> {
        if account.seller() != Some(seller) {
            return None;
        }
        match account {
            Account::SellerPending(_) => Some(Self::Pending),
            Account::SellerAvailable(_) => Some(Self::Available),
            Account::SellerHeld(_) => Some(Self::Held),
            Account::PayoutInTransit(_) => Some(Self::InTransit),
            Account::SellerDebt(_) => Some(Self::Debt),
            Account::PspReceivable
            | Account::Bank
            | Account::PspPayoutBalance
            | Account::InputVat
            | Account::OutputVat
            | Account::SweepInTransit
            | Account::Rounding
            | Account::FxTrading
            | Account::RefundsPayable
            | Account::Suspense
            | Account::PlatformCommission
            | Account::PspFees => None,
        }
    }

    /// The effect of a debit: a debt grows by it, and what we owe the seller shrinks.
    const fn debited(self) -> Effect {
        match self {
            Self::Debt => Effect::Add(self),
            Self::Pending | Self::Available | Self::Held | Self::InTransit | Self::PaidOut => Effect::Take(self),
        }
    }

    /// The effect of a credit.
    const fn credited(self) -> Effect {
        match self {
            Self::Debt => Effect::Take(self),
            Self::Pending | Self::Available | Self::Held | Self::InTransit | Self::PaidOut => Effect::Add(self),
        }
    }
}

/// The effects on a seller's wallet of a debit and a credit of the same money. Money that leaves for the bank is paid
/// out, and comes back if it returns.
pub fn effects(debit: &Account, credit: &Account, seller: &SellerAccount) -> impl Iterator<Item = Effect> {
    let debited = Part::of(debit, seller);
    let credited = Part::of(credit, seller);
    let paid_out = if debited == Some(Part::InTransit) && pays_sellers(credit) {
        Some(Effect::Add(Part::PaidOut))
    } else if credited == Some(Part::InTransit) && pays_sellers(debit) {
        Some(Effect::Take(Part::PaidOut))
    } else if credited == Some(Part::Held) && pays_sellers(debit) {
        // A payout that had arrived came back: the money waits in the held part until the account is mended.
        Some(Effect::Take(Part::PaidOut))
    } else {
        None
    };
    [debited.map(Part::debited), credited.map(Part::credited), paid_out].into_iter().flatten()
}

/// Whether sellers are paid from an account.
fn pays_sellers(account: &Account) -> bool {
    matches!(account, Account::Bank | Account::PspPayoutBalance)
}
