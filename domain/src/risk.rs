//! Whether a payment may be charged: the marketplace's rules, before any money moves.
//!
//! Rules are data and this module is pure: whoever calls it brings along what was counted. A rule can only make the
//! verdict stricter, so their order does not matter. With no rule everything is allowed.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use crate::{
    Currency, Money,
    checkout::Plan,
    id::{BuyerId, CardFingerprint, SellerAccount},
    money::MAX_MINOR,
    rate::Rates,
};

/// How long a payment may wait for a person, in milliseconds. The PSP lets a payment be confirmed for 10 minutes after
/// the buyer has authorized it; of these, two are left to charge it.
pub const REVIEW_MS: u64 = 8 * 60 * 1_000;
/// The most reasons that are kept of one decision.
pub const MAX_REASONS: usize = 20;
/// The most characters of a reason; a service of somebody else's may tell a long one.
pub const MAX_REASON_CHARS: usize = 200;

/// What is to happen with a payment, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskVerdict {
    /// Charge it.
    Allow,
    /// Let a person decide.
    Review,
    /// Do not charge it.
    Deny,
}

impl RiskVerdict {
    /// The verdict as it is written: `allow`, `review`, `deny`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Review => "review",
            Self::Deny => "deny",
        }
    }

    /// The verdict written as [`RiskVerdict::as_str`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Allow, Self::Review, Self::Deny].into_iter().find(|verdict| verdict.as_str() == text)
    }
}

/// What was decided about one attempt to pay, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// What is to happen.
    pub verdict: RiskVerdict,
    /// Every rule that asked for more than to allow it. They are for the marketplace and never for the buyer.
    #[serde(default)]
    pub reasons: Vec<String>,
}

impl Assessment {
    /// Nothing speaks against it.
    pub const fn allowed() -> Self {
        Self { verdict: RiskVerdict::Allow, reasons: Vec::new() }
    }

    /// Adds a reason; the strictest verdict counts.
    pub fn add(&mut self, verdict: RiskVerdict, reason: &str) {
        if verdict == RiskVerdict::Allow {
            return;
        }
        self.verdict = self.verdict.max(verdict);
        if self.reasons.len() < MAX_REASONS {
            self.reasons.push(reason.chars().take(MAX_REASON_CHARS).collect());
        }
    }
}

impl Assessment {
    /// Joins what somebody else found; the strictest verdict counts.
    pub fn join(&mut self, other: Self) {
        if other.reasons.is_empty() {
            self.add(other.verdict, "no reason was given");
        }
        for reason in &other.reasons {
            self.add(other.verdict, reason);
        }
    }
}

/// Whose payments are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The buyer's.
    Buyer,
    /// The card's, where the marketplace names one.
    Card,
}

/// How much there may be of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Most {
    /// A number of payments.
    Payments(u64),
    /// So much money in all. Of payments in another currency it holds by the newest exchange rate, where one is known.
    Amount(Money),
}

/// A limit on what one buyer or one card pays within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Velocity {
    /// Whose payments.
    pub of: Subject,
    /// Within how many milliseconds before now.
    pub window_ms: u64,
    /// How much, this payment included.
    pub most: Most,
    /// What happens beyond it.
    pub verdict: RiskVerdict,
}

/// A limit on one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountLimit {
    /// A payment above this; in another currency, by the newest exchange rate, where one is known.
    pub above: Money,
    /// What happens to it.
    pub verdict: RiskVerdict,
}

/// The marketplace's rules. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Buyers that are denied.
    pub denied_buyers: BTreeSet<BuyerId>,
    /// Cards that are denied.
    pub denied_cards: BTreeSet<CardFingerprint>,
    /// Sellers to whom no payment is taken.
    pub denied_sellers: BTreeSet<SellerAccount>,
    /// Limits on one payment.
    pub amounts: Vec<AmountLimit>,
    /// Limits within a time.
    pub velocities: Vec<Velocity>,
}

/// What was let through of one subject within a window, in other checkouts than this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentsBefore {
    /// How many payments.
    pub payments: u64,
    /// How much, in minor units of this payment's currency.
    pub minor: u64,
}

impl Rules {
    /// Whether there is none, so that nothing needs to be counted.
    pub fn is_empty(&self) -> bool {
        self.denied_buyers.is_empty()
            && self.denied_cards.is_empty()
            && self.denied_sellers.is_empty()
            && self.amounts.is_empty()
            && self.velocities.is_empty()
    }

    /// Whether a limit is in another currency than this, so that a payment in it is compared by an exchange rate.
    pub fn compares_currencies(&self, of_payment: Currency) -> bool {
        let of_velocities = self.velocities.iter().filter_map(|velocity| match velocity.most {
            Most::Amount(most) => Some(most),
            Most::Payments(_) => None,
        });
        self.amounts.iter().map(|limit| limit.above).chain(of_velocities).any(|limit| limit.currency() != of_payment)
    }

    /// Assesses a payment. `counted` belongs to the velocities, in their order; a card's limit without a card has none.
    /// `rates` are those of now.
    pub fn assess(&self, plan: &Plan, counted: &[Option<PaymentsBefore>], rates: &Rates) -> Assessment {
        let mut assessment = Assessment::allowed();
        let fields = plan.fields();
        if self.denied_buyers.contains(&fields.buyer_id) {
            assessment.add(RiskVerdict::Deny, "the buyer is on the list of denied buyers");
        }
        if fields.card.as_ref().is_some_and(|card| self.denied_cards.contains(card)) {
            assessment.add(RiskVerdict::Deny, "the card is on the list of denied cards");
        }
        for seller in fields.orders.iter().map(|order| &order.seller).collect::<BTreeSet<_>>() {
            if self.denied_sellers.contains(seller) {
                assessment.add(RiskVerdict::Deny, &format!("the seller {seller} is on the list of denied sellers"));
            }
        }
        for limit in &self.amounts {
            if let Some(above) = above(plan.total(), limit.above, rates) {
                assessment.add(limit.verdict, &format!("the amount is above {above}"));
            }
        }
        for (velocity, counted) in self.velocities.iter().zip(counted) {
            if let Some(reason) = counted.and_then(|counted| velocity.exceeded(plan.total(), counted, rates)) {
                assessment.add(velocity.verdict, &reason);
            }
        }
        assessment
    }
}

impl Velocity {
    fn exceeded(&self, total: Money, before: PaymentsBefore, rates: &Rates) -> Option<String> {
        let of = match self.of {
            Subject::Buyer => "buyer",
            Subject::Card => "card",
        };
        let seconds = self.window_ms / 1_000;
        match self.most {
            Most::Payments(most) if before.payments.saturating_add(1) > most => {
                Some(format!("the {of} makes more than {most} payments within {seconds} s"))
            }
            Most::Amount(most) => {
                let minor = before.minor.saturating_add(total.minor()).min(MAX_MINOR);
                let in_all = Money::try_from_minor(minor, total.currency()).ok()?;
                let above = above(in_all, most, rates)?;
                Some(format!("the {of} pays more than {above} within {seconds} s"))
            }
            Most::Payments(_) => None,
        }
    }
}

/// The limit that an amount is above, as a reason names it. One in another currency goes with the rate.
fn above(amount: Money, limit: Money, rates: &Rates) -> Option<String> {
    if amount.currency() == limit.currency() {
        return (amount.minor() > limit.minor()).then(|| limit.to_string());
    }
    let rate = rates.between(amount.currency(), limit.currency())?;
    // What is more than money can be is above every limit.
    let is_above = rate.convert(amount)?.map_or(true, |converted| converted.minor() > limit.minor());
    is_above.then(|| format!("{limit} (at {rate})"))
}
