//! What the marketplace keeps of a sale.

use serde::{Deserialize, Serialize};

use crate::Money;

/// A share in hundredths of a per cent: 0 to 10,000, where 250 is 2.5 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct BasisPoints(u16);

/// More than the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a commission is 0 to 10000 basis points")]
pub struct TooManyBasisPoints;

/// The whole.
const WHOLE: u16 = 10_000;

impl BasisPoints {
    /// Basis points, at most the whole.
    pub const fn try_new(points: u16) -> Result<Self, TooManyBasisPoints> {
        if points > WHOLE { Err(TooManyBasisPoints) } else { Ok(Self(points)) }
    }

    /// Hundredths of a per cent.
    pub const fn points(self) -> u16 {
        self.0
    }

    /// The commission on an amount, rounded down to the minor unit: what rounding leaves is the seller's.
    pub fn of(self, amount: Money) -> Money {
        amount.share(self.0.into(), WHOLE.into())
    }
}

impl TryFrom<u16> for BasisPoints {
    type Error = TooManyBasisPoints;

    fn try_from(points: u16) -> Result<Self, TooManyBasisPoints> {
        Self::try_new(points)
    }
}

impl From<BasisPoints> for u16 {
    fn from(points: BasisPoints) -> Self {
        points.0
    }
}

/// What becomes of the commission when an order is refunded. It is frozen at the sale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnRefund {
    /// It is given back in proportion.
    #[default]
    Returned,
    /// The marketplace keeps it, and the seller gives the whole refund.
    Kept,
}

/// On which terms a commission is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CommissionTerms {
    /// How much of a sale.
    pub rate: BasisPoints,
    /// What becomes of the commission when the order is refunded.
    pub on_refund: OnRefund,
}

impl OnRefund {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Returned, Self::Kept];

    /// The text of the command line and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Kept => "kept",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// How much of an order's commission is given up when `refunded` of the `amount` that is left is given back.
    pub fn given_up(self, commission: Money, refunded: Money, amount: Money) -> Money {
        match self {
            Self::Returned => given_up(commission, refunded, amount),
            Self::Kept => Money::zero(commission.currency()),
        }
    }
}

/// How many parts of an amount with value-added tax are tax: one of eleven, in Korea.
const VAT_PARTS: u64 = 11;

/// The value-added tax in an amount, which includes it, such as a commission: an eleventh, rounded half up.
pub fn vat_in(amount: Money) -> Money {
    // The amount is at most 2^53, so twice the amount fits.
    let doubled = amount.minor().saturating_mul(2).saturating_add(VAT_PARTS);
    Money::try_from_minor(doubled / (2 * VAT_PARTS), amount.currency()).unwrap_or(amount)
}

/// How much of an order's commission has been given up once `refunded` of its `amount` has been given back,
/// rounded down: a whole refund gives up the whole, and the parts of many partial ones add up to it.
pub fn given_up(commission: Money, refunded: Money, amount: Money) -> Money {
    commission.share(refunded.minor(), amount.minor())
}
