//! Which break an order is, of all that both sides say of it.

use domain::{
    calendar::Day,
    checkout::Phase,
    id::CheckoutId,
    reconciliation::{BreakClass, BreakType, Compared, Evidence, Finding, Layer},
    refund::{RefundStatus, mark},
    settlement::Flow,
};
use serde_json::json;
use store::{CheckoutRecord, RefundRecord};
use toss::{Payment, PaymentStatus};

/// All that both sides say of one order.
pub(super) struct Examined {
    pub(super) compared: Compared,
    pub(super) record: Option<CheckoutRecord>,
    pub(super) payments: Vec<Payment>,
    pub(super) refunds: Vec<RefundRecord>,
}

impl Examined {
    /// How many payments of the order hold money at the PSP.
    pub(super) fn held_payments(&self) -> usize {
        self.payments.iter().filter(|payment| holds_money(payment)).count()
    }

    /// Whether a workflow of the checkout asks the PSP by itself. One that waits for its buyer does not.
    fn is_followed(&self) -> bool {
        self.record.as_ref().is_some_and(|record| match record.status.phase() {
            Phase::Moving | Phase::Held | Phase::Deposit => true,
            Phase::Open | Phase::Paid | Phase::Declined | Phase::Closed => false,
        })
    }

    /// The refund of ours whose mark a cancellation at the PSP bears, though the books do not know that it went
    /// through.
    fn unbooked_refund(&self) -> Option<&RefundRecord> {
        let reasons: Vec<&str> = self
            .payments
            .iter()
            .flat_map(|payment| payment.cancels.iter().filter_map(|cancel| cancel.cancel_reason.as_deref()))
            .collect();
        self.refunds.iter().filter(|refund| refund.status != RefundStatus::Succeeded).find(|refund| {
            let mark = mark(&refund.refund_id);
            reasons.iter().any(|reason| reason.ends_with(&mark))
        })
    }
}

fn holds_money(payment: &Payment) -> bool {
    let holds = match &payment.status {
        PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Other(_) => true,
        PaymentStatus::Canceled
        | PaymentStatus::Ready
        | PaymentStatus::InProgress
        | PaymentStatus::WaitingForDeposit
        | PaymentStatus::Aborted
        | PaymentStatus::Expired => false,
    };
    holds && payment.balance_amount > 0
}

/// What the order is, with the workflow that may catch up.
fn class_of(examined: &Examined) -> (BreakType, BreakClass, Option<String>) {
    let of = |break_type: BreakType| (break_type, break_type.class(), None);
    let Compared { in_books, at_psp, .. } = &examined.compared;
    let Some(record) = &examined.record else { return of(BreakType::UnknownPayment) };
    if examined.held_payments() > 1 {
        return of(BreakType::DuplicatePayment);
    }
    let currencies = [record.orders.first().map(|order| order.order.amount.currency())];
    if currencies.contains(&Some(at_psp.taken.currency())) {
        // The currency of the checkout, as it should be.
    } else if !at_psp.leaves_nothing() {
        return of(BreakType::WrongCurrency);
    }
    if in_books.leaves_nothing() && !at_psp.leaves_nothing() && in_books.taken.is_zero() {
        let break_type = BreakType::CaptureUnbooked;
        return if examined.is_followed() {
            (break_type, BreakClass::Automatic, Some(record.workflow_id.to_string()))
        } else {
            (break_type, BreakClass::Finance, None)
        };
    }
    let waits_again = examined.payments.iter().any(|payment| payment.status == PaymentStatus::WaitingForDeposit);
    if waits_again && at_psp.taken.is_zero() {
        return of(BreakType::Chargeback);
    }
    if at_psp.taken.is_zero() && !in_books.leaves_nothing() {
        return of(BreakType::MissingAtPsp);
    }
    let gave_more = at_psp.taken == in_books.taken && at_psp.given_back.minor() > in_books.given_back.minor();
    match (gave_more, examined.unbooked_refund()) {
        (true, Some(refund)) => {
            let workflow_id = Some(refund.refund_id.to_string());
            match refund.status {
                RefundStatus::Requested | RefundStatus::Executing | RefundStatus::Unknown | RefundStatus::Stuck => {
                    (BreakType::RefundUnbookedOurs, BreakClass::Automatic, workflow_id)
                }
                RefundStatus::Failed | RefundStatus::Succeeded => {
                    (BreakType::RefundUnbookedOurs, BreakClass::Finance, None)
                }
            }
        }
        (true, None) => of(BreakType::RefundAtConsole),
        (false, _) => of(BreakType::AmountsDiffer),
    }
}

/// The finding about an order.
pub(super) fn finding(order: &str, examined: &Examined, day: Day) -> Finding {
    let (break_type, class, workflow_id) = class_of(examined);
    let Compared { in_books, at_psp, .. } = &examined.compared;
    let left = |taken: domain::Money, given_back: domain::Money| {
        let minor = taken.minor().cast_signed() - given_back.minor().cast_signed();
        Flow::of_signed(minor, taken.currency()).ok()
    };
    Finding {
        layer: Layer::Transactions,
        break_type,
        class,
        key: order.to_owned(),
        day,
        currency: at_psp.taken.currency(),
        ours: left(in_books.taken, in_books.given_back),
        theirs: left(at_psp.taken, at_psp.given_back),
        suspense: None,
        checkout_id: examined.record.as_ref().and_then(|_| CheckoutId::parse(order).ok()),
        workflow_id,
        evidence: evidence(examined),
    }
}

/// What both sides say, without what is about the buyer.
fn evidence(examined: &Examined) -> Evidence {
    let Compared { in_books, at_psp, status, .. } = &examined.compared;
    let ours = json!({
        "status": status.map(|status| status.to_string()),
        "taken": in_books.taken.to_decimal_string(),
        "given_back": in_books.given_back.to_decimal_string(),
        "refunds": examined.refunds.iter().map(|refund| json!({
            "refund_id": refund.refund_id.to_string(),
            "status": refund.status.to_string(),
            "amount": refund.amount.map(|amount| amount.to_decimal_string()),
        })).collect::<Vec<_>>(),
    });
    let payment = |payment: &Payment| {
        json!({
            "status": payment.status.as_str(),
            "total": payment.total_amount,
            "balance": payment.balance_amount,
            "cancels": payment.cancels.iter().map(|cancel| json!({
                "amount": cancel.cancel_amount,
                "transaction_key": cancel.transaction_key,
                "canceled_at": cancel.canceled_at.map(|at| at.to_rfc3339()),
            })).collect::<Vec<_>>(),
        })
    };
    let theirs = json!({
        "taken": at_psp.taken.to_decimal_string(),
        "given_back": at_psp.given_back.to_decimal_string(),
        "payments": examined.payments.iter().map(payment).collect::<Vec<_>>(),
    });
    Evidence { ours: ours.to_string(), theirs: theirs.to_string() }
}
