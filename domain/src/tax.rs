//! Value-added tax in what a buyer pays: the part without tax, the supply and its tax always make up the amount.

use crate::{Money, commission::vat_in};

/// What an amount is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxParts {
    /// What is supplied, without its tax.
    pub supply: Money,
    /// The tax on the supply.
    pub vat: Money,
    /// What is supplied without tax.
    pub tax_free: Money,
}

impl TaxParts {
    /// The parts of an amount; of a part without tax that is more than the amount, the amount. A tenth of the taxed
    /// supply is tax, rounded to the nearest minor unit, half up. Sources: Value-Added Tax Act, Article 30; Toss
    /// Payments, field `vat`.
    pub fn of(amount: Money, tax_free: Money) -> Self {
        let currency = amount.currency();
        let money = |minor: u64| Money::try_from_minor(minor, currency).unwrap_or(Money::zero(currency));
        let free = tax_free.minor().min(amount.minor());
        let taxed = money(amount.minor() - free);
        let vat = vat_in(taxed);
        Self { supply: money(taxed.minor() - vat.minor()), vat, tax_free: money(free) }
    }
}

impl TaxParts {
    /// The parts of two amounts together; nothing where they are of two currencies or too large.
    pub fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            supply: self.supply.plus(other.supply).ok()?,
            vat: self.vat.plus(other.vat).ok()?,
            tax_free: self.tax_free.plus(other.tax_free).ok()?,
        })
    }
}

/// How much of what was given back of an order is without tax. It depends on the sum alone: refunds follow one another,
/// so each gives back what the sum after it says, less what the sum before it says, and all of them together give back
/// all that was without tax.
pub fn tax_free_of_refunded(amount: Money, tax_free: Money, refunded: Money) -> Money {
    let (whole, free) = (u128::from(amount.minor()), u128::from(tax_free.minor()));
    let refunded = u128::from(refunded.minor()).min(whole);
    let minor = (free * refunded).checked_div(whole).and_then(|minor| u64::try_from(minor).ok());
    let money = minor.and_then(|minor| Money::try_from_minor(minor, amount.currency()).ok());
    money.unwrap_or(Money::zero(amount.currency()))
}

/// The part without tax of a refund of an order, of which so much is given back with this refund.
pub fn tax_free_of_refund(amount: Money, tax_free: Money, refunded: Money, part: Money) -> Money {
    let zero = Money::zero(amount.currency());
    let before = refunded.minus(part).unwrap_or(zero);
    let of = |refunded| tax_free_of_refunded(amount, tax_free, refunded);
    of(refunded).minus(of(before)).unwrap_or(zero)
}
