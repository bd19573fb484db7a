//! Every movement that the product knows, as an entry: who owes whom what, and under which key.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec, vec::Vec};
use core::fmt::Display;

use serde::{Deserialize, Serialize};

use super::{Account, Entry, EntryError, EntryFields, Posting, PostingFields, Reason};
use crate::{
    Money, Timestamp,
    commission::{BasisPoints, vat_in},
    id::{CheckoutId, HoldId, PaymentOrderId, RefundId, SellerAccount},
    plan::{Order, Plan},
};

/// A part of one seller's money, reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id, minted by whoever asks for it.
    pub id: HoldId,
    /// Whose money.
    pub seller: SellerAccount,
    /// How much.
    pub amount: Money,
}

/// How a hold ends without a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldEnd {
    /// Somebody released it.
    Released,
    /// Its time ran out.
    Expired,
}

/// How a payout ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutEnd {
    /// The seller's bank has the money, which came from our bank.
    Arrived,
    /// The seller's bank has the money, which came from the payout balance at the PSP.
    ArrivedFromPsp,
    /// The seller's bank never took the money.
    CameBack,
    /// The seller's bank sent the money back to the PSP after it had arrived.
    Returned,
    /// The seller's bank sent the money back to our bank after it had arrived.
    ReturnedToBank,
}

/// What becomes of our own money on its way from the payout balance to our bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepStep {
    /// The PSP paid it, and no bank statement shows it yet.
    Paid,
    /// Our bank sent it back to the PSP.
    Returned,
    /// A bank statement shows it.
    Received,
}

/// Money that goes back to the buyer of one checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its id, minted by whoever asks for it.
    pub id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// What goes back of each order; at least one, and each order once.
    pub parts: Vec<RefundPart>,
}

/// What goes back of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundPart {
    /// The order.
    pub order: Order,
    /// How much the buyer gets back.
    pub amount: Money,
    /// How much of it we give up of our commission; the seller gives the rest.
    pub commission: Money,
    /// How much of that is value-added tax, as it was booked.
    pub commission_vat: Money,
    /// How much of the seller's part has not been released yet; it is taken first.
    pub unreleased: Money,
}

/// What the buyer gets back of one payment order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The order.
    pub order: PaymentOrderId,
    /// How much of it; never zero.
    pub amount: Money,
}

/// What an order earned, to be released to its seller.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// The seller.
    pub seller: &'a SellerAccount,
    /// The order.
    pub order: &'a PaymentOrderId,
    /// The checkout of the order.
    pub checkout_id: &'a CheckoutId,
    /// The number of the release, from 1: more where a refund was taken back after a release.
    pub round: u32,
    /// What is released.
    pub amount: Money,
    /// What the seller owes us. It is recovered first.
    pub debt: Money,
    /// When the earnings are released.
    pub released_at: Timestamp,
}

impl Entry {
    /// A captured payment: for each order the PSP owes us its amount; of it we owe the seller what our
    /// commission leaves, and the tax office the tax in our commission. `rates` are those of the orders, in their
    /// order; one that is missing is zero.
    pub fn of_captured_payment(plan: &Plan, rates: &[BasisPoints], captured_at: Timestamp) -> Result<Self, EntryError> {
        Self::of_capture(plan, 1, rates, captured_at)
    }

    /// A captured payment. `round` is 1, and more where the bank took the deposit before it back.
    pub fn of_capture(
        plan: &Plan,
        round: u32,
        rates: &[BasisPoints],
        captured_at: Timestamp,
    ) -> Result<Self, EntryError> {
        let mut postings = Vec::with_capacity(plan.orders().len());
        for (index, order) in plan.orders().iter().enumerate() {
            let commission = rates.get(index).copied().unwrap_or_default().of(order.amount);
            let pending = minus(order.amount, commission)?;
            let about = Some(&order.id);
            postings.extend(posting(
                &Account::PspReceivable,
                &Account::SellerPending(order.seller.clone()),
                pending,
                about,
            )?);
            let vat = vat_in(commission);
            let own = minus(commission, vat)?;
            postings.extend(posting(&Account::PspReceivable, &Account::PlatformCommission, own, about)?);
            postings.extend(posting(&Account::PspReceivable, &Account::OutputVat, vat, about)?);
        }
        let id = plan.checkout_id();
        Self::of(Reason::PaymentCaptured, capture_reference(id, round), Some(id.clone()), captured_at, postings)
    }

    /// The key of a checkout's capture number `round`, from 1.
    pub fn capture_key(checkout_id: &CheckoutId, round: u32) -> String {
        Reason::PaymentCaptured.key(capture_reference(checkout_id, round))
    }

    /// What an order earned may be paid out from now on; a debt is recovered first.
    pub fn of_release(release: &Release<'_>) -> Result<Self, EntryError> {
        let Release { seller, order, checkout_id, round, amount, debt, released_at } = *release;
        let recovered = debt.least(amount);
        let pending = Account::SellerPending(seller.clone());
        let mut postings =
            Vec::from_iter(posting(&pending, &Account::SellerDebt(seller.clone()), recovered, Some(order))?);
        let rest = minus(amount, recovered)?;
        postings.extend(posting(&pending, &Account::SellerAvailable(seller.clone()), rest, Some(order))?);
        let reference = if round > 1 { format!("{order}:{round}") } else { format!("{order}") };
        Self::of(Reason::PendingReleased, reference, Some(checkout_id.clone()), released_at, postings)
    }

    /// A buyer was promised money back. Taken from what we earned and its tax, then from what the order has pending,
    /// then from what the seller has available; what is left is the seller's debt. `available` says what each seller
    /// has available; orders of one seller take it one after the other.
    pub fn of_refund_promised(
        refund: &Refund,
        mut available: BTreeMap<SellerAccount, Money>,
        promised_at: Timestamp,
    ) -> Result<Self, EntryError> {
        let mut postings = Vec::with_capacity(refund.parts.len());
        for part in &refund.parts {
            let seller = &part.order.seller;
            let by_seller = minus(part.amount, part.commission)?;
            let pending = part.unreleased.least(by_seller);
            let rest = minus(by_seller, pending)?;
            let ready = available.entry(seller.clone()).or_insert(Money::zero(part.amount.currency()));
            let taken = ready.least(rest);
            *ready = minus(*ready, taken)?;
            for (account, amount) in [
                (Account::PlatformCommission, minus(part.commission, part.commission_vat)?),
                (Account::OutputVat, part.commission_vat),
                (Account::SellerPending(seller.clone()), pending),
                (Account::SellerAvailable(seller.clone()), taken),
                (Account::SellerDebt(seller.clone()), minus(rest, taken)?),
            ] {
                postings.extend(posting(&account, &Account::RefundsPayable, amount, Some(&part.order.id))?);
            }
        }
        Self::of(Reason::RefundPromised, &refund.id, Some(refund.checkout_id.clone()), promised_at, postings)
    }

    /// The PSP gave money back to a buyer.
    pub fn of_refund_executed(
        refund: &RefundId,
        checkout_id: &CheckoutId,
        parts: &[Part],
        executed_at: Timestamp,
    ) -> Result<Self, EntryError> {
        let mut postings = Vec::with_capacity(parts.len());
        for part in parts {
            let about = Some(&part.order);
            postings.extend(posting(&Account::RefundsPayable, &Account::PspReceivable, part.amount, about)?);
        }
        Self::of(Reason::RefundExecuted, refund, Some(checkout_id.clone()), executed_at, postings)
    }

    /// A part of what a seller has available is reserved.
    pub fn of_hold(hold: &Hold, reserved_at: Timestamp) -> Result<Self, EntryError> {
        let (available, held) = hold.accounts();
        let postings = posting(&available, &held, hold.amount, None)?;
        Self::of(Reason::HoldReserved, &hold.id, None, reserved_at, Vec::from_iter(postings))
    }

    /// A hold ends, and its money is available again.
    pub fn of_hold_ended(hold: &Hold, end: HoldEnd, ended_at: Timestamp) -> Result<Self, EntryError> {
        let (available, held) = hold.accounts();
        let reason = match end {
            HoldEnd::Released => Reason::HoldReleased,
            HoldEnd::Expired => Reason::HoldExpired,
        };
        Self::of(reason, &hold.id, None, ended_at, Vec::from_iter(posting(&held, &available, hold.amount, None)?))
    }

    /// What was held, or a part of it, is on its way to the seller's bank; the rest is available again.
    pub fn of_hold_captured(hold: &Hold, amount: Money, sent_at: Timestamp) -> Result<Self, EntryError> {
        if amount.is_zero() {
            return Err(EntryError::ZeroAmount);
        }
        let (available, held) = hold.accounts();
        let in_transit = Account::PayoutInTransit(hold.seller.clone());
        let mut postings = Vec::from_iter(posting(&held, &in_transit, amount, None)?);
        postings.extend(posting(&held, &available, minus(hold.amount, amount)?, None)?);
        Self::of(Reason::PayoutSent, &hold.id, None, sent_at, postings)
    }

    /// A payout ends: the seller's bank has the money, or sent it back. Money that came back after it had arrived is
    /// held, until somebody has mended the account.
    pub fn of_payout_ended(payout: &Hold, end: PayoutEnd, ended_at: Timestamp) -> Result<Self, EntryError> {
        let in_transit = Account::PayoutInTransit(payout.seller.clone());
        let (reason, from, to) = match end {
            PayoutEnd::Arrived => (Reason::PayoutArrived, in_transit, Account::Bank),
            PayoutEnd::ArrivedFromPsp => (Reason::PayoutArrived, in_transit, Account::PspPayoutBalance),
            PayoutEnd::CameBack => (Reason::PayoutFailed, in_transit, Account::SellerAvailable(payout.seller.clone())),
            PayoutEnd::Returned => {
                (Reason::PayoutReturned, Account::PspPayoutBalance, Account::SellerHeld(payout.seller.clone()))
            }
            PayoutEnd::ReturnedToBank => {
                (Reason::PayoutReturned, Account::Bank, Account::SellerHeld(payout.seller.clone()))
            }
        };
        let postings = posting(&from, &to, payout.amount, None)?;
        Self::of(reason, &payout.id, None, ended_at, Vec::from_iter(postings))
    }

    /// A step of a sweep, by our name of its attempt.
    pub fn of_sweep(attempt: &HoldId, amount: Money, step: SweepStep, at: Timestamp) -> Result<Self, EntryError> {
        let (reason, debit, credit) = match step {
            SweepStep::Paid => (Reason::SweepPaid, Account::SweepInTransit, Account::PspPayoutBalance),
            SweepStep::Returned => (Reason::SweepReturned, Account::PspPayoutBalance, Account::SweepInTransit),
            SweepStep::Received => (Reason::SweepReceived, Account::Bank, Account::SweepInTransit),
        };
        Self::of(reason, attempt, None, at, Vec::from_iter(posting(&debit, &credit, amount, None)?))
    }

    /// A line of a bank statement shows what the PSP has settled: without a payout contract, it pays to our bank.
    pub fn of_deposit(line_hash: &str, amount: Money, at: Timestamp) -> Result<Self, EntryError> {
        let postings = posting(&Account::Bank, &Account::PspPayoutBalance, amount, None)?;
        Self::of(Reason::PspDeposited, line_hash, None, at, Vec::from_iter(postings))
    }

    /// Takes back another entry. What was taken back stays so: a reversal is not reversed.
    pub fn of_reversal(mistake: &Self, reversed_at: Timestamp) -> Result<Self, EntryError> {
        let fields = mistake.fields();
        fields.reason.reversible()?;
        let mut postings = vec![];
        for wrong in &fields.postings {
            let wrong = wrong.fields();
            postings.extend(posting(&wrong.credit, &wrong.debit, wrong.amount, wrong.order.as_ref())?);
        }
        Self::try_new(EntryFields {
            key: Reason::Reversed.key(&fields.key),
            reason: Reason::Reversed,
            checkout_id: fields.checkout_id.clone(),
            reverses: Some(fields.key.clone()),
            occurred_at: reversed_at,
            postings,
        })
    }

    /// The same movement once more, after its entry was taken back by mistake. `round` is 2, and more where that was
    /// taken back, too.
    pub fn of_undone_reversal(taken_back: &Self, round: u32, undone_at: Timestamp) -> Result<Self, EntryError> {
        let fields = taken_back.fields();
        fields.reason.reversible()?;
        let key = taken_back.key_of_round(round);
        Self::try_new(EntryFields { key, occurred_at: undone_at, ..fields.clone() })
    }

    /// The key of the entry that is booked, taken back and booked again together with this one, where this is one half
    /// of an exchange. A half without the other would leave what the PSP took without what it gave.
    pub fn other_half(&self) -> Option<String> {
        let EntryFields { key, reason, .. } = self.fields();
        let halves = [(Reason::PspSettled, Reason::PspExchanged), (Reason::PspExchanged, Reason::PspSettled)];
        let (_, other) = halves.into_iter().find(|(half, _)| half == reason)?;
        let reference = key.strip_prefix(reason.as_str()).and_then(|rest| rest.strip_prefix(':'))?;
        Some(other.key(reference))
    }

    /// The key under which the same movement is booked for the time number `round`, from 1.
    pub fn key_of_round(&self, round: u32) -> String {
        let first = self.first_key();
        if round > 1 { format!("{first}:{round}") } else { first }
    }

    fn first_key(&self) -> String {
        let fields = self.fields();
        let order = fields.postings.first().and_then(|posting| posting.fields().order.as_ref());
        match (fields.reason, &fields.checkout_id, order) {
            (Reason::PaymentCaptured, Some(checkout_id), _) => Self::capture_key(checkout_id, 1),
            (Reason::PendingReleased, _, Some(order)) => Reason::PendingReleased.key(order),
            _ => without_round(&fields.key).to_owned(),
        }
    }

    fn of(
        reason: Reason,
        reference: impl Display,
        checkout_id: Option<CheckoutId>,
        occurred_at: Timestamp,
        postings: Vec<Posting>,
    ) -> Result<Self, EntryError> {
        Self::try_new(EntryFields {
            key: reason.key(reference),
            reason,
            checkout_id,
            reverses: None,
            occurred_at,
            postings,
        })
    }
}

impl Hold {
    fn accounts(&self) -> (Account, Account) {
        (Account::SellerAvailable(self.seller.clone()), Account::SellerHeld(self.seller.clone()))
    }
}

/// A posting, unless it is over nothing.
fn posting(
    debit: &Account,
    credit: &Account,
    amount: Money,
    order: Option<&PaymentOrderId>,
) -> Result<Option<Posting>, EntryError> {
    if amount.is_zero() {
        return Ok(None);
    }
    Posting::try_new(PostingFields { debit: debit.clone(), credit: credit.clone(), amount, order: order.cloned() })
        .map(Some)
}

fn minus(whole: Money, part: Money) -> Result<Money, EntryError> {
    whole.minus(part).map_err(|_| EntryError::NotEnough)
}

/// A key without the number of a later round: `psp_settled:row` of `psp_settled:row:2`.
fn without_round(key: &str) -> &str {
    let Some((first, round)) = key.rsplit_once(':') else { return key };
    let is_round = round.parse::<u32>().is_ok_and(|round| round > 1) && first.contains(':');
    if is_round { first } else { key }
}

fn capture_reference(checkout_id: &CheckoutId, round: u32) -> String {
    if round > 1 { format!("{checkout_id}:{round}") } else { format!("{checkout_id}") }
}
