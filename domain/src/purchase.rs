//! What a purchase comes to, on the statement that the buyer keeps.

use crate::{Money, plan::Order, tax::TaxParts};

/// The sums of a purchase. What was paid is what was given back and what is left; the parts of each amount add up to
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchaseSums {
    /// What the buyer paid.
    pub paid: Money,
    /// What was given back.
    pub refunded: Money,
    /// What is left.
    pub left: Money,
    /// The parts of what was paid.
    pub tax: TaxParts,
    /// The parts of what is left.
    pub tax_left: TaxParts,
}

impl PurchaseSums {
    /// The sums of some orders of one currency, of each of which so much was given back. Tax is rounded order by order,
    /// as each seller accounts for it. Nothing where there is no order, or where more was given back than paid.
    pub fn of<'a>(orders: impl IntoIterator<Item = (&'a Order, Money)>) -> Option<Self> {
        let mut sums = orders.into_iter().map(|(order, refunded)| {
            Some(Self {
                paid: order.amount,
                refunded,
                left: order.amount.minus(refunded).ok()?,
                tax: order.tax_parts(),
                tax_left: order.tax_parts_after(refunded),
            })
        });
        let first = sums.next()??;
        sums.try_fold(first, |sum, next| sum.plus(next?))
    }

    fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            paid: self.paid.plus(other.paid).ok()?,
            refunded: self.refunded.plus(other.refunded).ok()?,
            left: self.left.plus(other.left).ok()?,
            tax: self.tax.plus(other.tax)?,
            tax_left: self.tax_left.plus(other.tax_left)?,
        })
    }
}
