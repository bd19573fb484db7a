//! Refunds: what their rows say, and what is booked of them.

use std::collections::{BTreeMap, HashMap};

use domain::{
    checkout::Status,
    ledger::{Account, Entry, Reason},
    refund::RefundStatus,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    StoreError,
    books::audit::{
        findings::{Check, Findings},
        rows,
    },
    entities::{payment_events, payment_orders, refund_orders, refunds},
};

/// A refund's row, and what goes back of which order.
pub(super) type Row = (refunds::Model, BTreeMap<String, i128>);

/// What the entries about one checkout say of its refunds.
#[derive(Debug, Default)]
pub(super) struct Booked {
    /// The reserved amounts, by refund and order, in minor units.
    promised: BTreeMap<String, BTreeMap<String, i128>>,
    /// The refunded amounts, likewise.
    executed: BTreeMap<String, BTreeMap<String, i128>>,
}

impl Booked {
    pub(super) fn add(&mut self, entry: &Entry) {
        let fields = entry.fields();
        let (key, sign) = match &fields.reverses {
            Some(reversed) => (reversed, -1),
            None => (&fields.key, 1),
        };
        let Some((reason, refund)) = key.split_once(':') else { return };
        let sums = match Reason::parse(reason) {
            Some(Reason::RefundPromised) => &mut self.promised,
            Some(Reason::RefundExecuted) => &mut self.executed,
            _ => return,
        };
        let sums = sums.entry(refund.to_owned()).or_default();
        for posting in &fields.postings {
            let posting = posting.fields();
            let Some(order) = &posting.order else { continue };
            if posting.debit == Account::RefundsPayable || posting.credit == Account::RefundsPayable {
                *sums.entry(order.to_string()).or_default() += sign * i128::from(posting.amount.minor());
            }
        }
        sums.retain(|_, sum| *sum != 0);
    }
}

/// The refunds of some checkouts.
pub(super) async fn of_checkouts(
    checkouts: &[String],
    connection: &impl ConnectionTrait,
    findings: &mut Findings,
) -> Result<HashMap<String, Vec<Row>>, StoreError> {
    let select = refunds::Entity::find()
        .filter(refunds::Column::CheckoutId.is_in(checkouts.iter().map(String::as_str)))
        .order_by_asc(refunds::Column::RefundId);
    let read = rows::rows::<_, String>(select, "refund_id", connection).await?;
    let read: Vec<refunds::Model> = read.into_iter().filter_map(|row| row.or_name("refund", findings)).collect();
    if read.is_empty() {
        return Ok(HashMap::new());
    }
    let lines = refund_orders::Entity::find()
        .filter(refund_orders::Column::RefundId.is_in(read.iter().map(|row| row.refund_id.as_str())))
        .all(connection)
        .await?;
    let mut parts: HashMap<String, BTreeMap<String, i128>> = HashMap::new();
    for line in lines {
        parts.entry(line.refund_id).or_default().insert(line.payment_order_id, line.amount.into());
    }
    let mut found: HashMap<String, Vec<Row>> = HashMap::new();
    for row in read {
        let parts = parts.remove(&row.refund_id).unwrap_or_default();
        found.entry(row.checkout_id.clone()).or_default().push((row, parts));
    }
    Ok(found)
}

/// Compares the refunds of one checkout with what is booked of them, and its status with both.
pub(super) fn compare(
    checkout: &payment_events::Model,
    orders: &[payment_orders::Model],
    rows: &[Row],
    booked: &Booked,
    findings: &mut Findings,
) {
    for (row, parts) in rows {
        compare_refund(row, parts, booked, findings);
    }
    let booked_refunds = booked.promised.iter().chain(&booked.executed).filter(|(_, sums)| !sums.is_empty());
    for (refund, _) in booked_refunds.filter(|(refund, _)| !rows.iter().any(|(row, _)| row.refund_id == **refund)) {
        findings.add(Check::Refunds, format_args!("refund {refund}"), "is booked, and its row is missing");
    }
    compare_status(checkout, orders, booked, findings);
}

fn compare_refund(row: &refunds::Model, parts: &BTreeMap<String, i128>, booked: &Booked, findings: &mut Findings) {
    let subject = format!("refund {}", row.refund_id);
    let Some(status) = RefundStatus::parse(&row.status) else {
        findings.add(Check::Reading, subject, format_args!("{:?} is no status of a refund", row.status));
        return;
    };
    let nothing = BTreeMap::new();
    let promised = booked.promised.get(&row.refund_id).unwrap_or(&nothing);
    let executed = booked.executed.get(&row.refund_id).unwrap_or(&nothing);
    let succeeded = status == RefundStatus::Succeeded;
    for (what, found, expected) in [
        ("promised", promised, if succeeded || status.is_promised() { parts } else { &nothing }),
        ("given back", executed, if succeeded { parts } else { &nothing }),
    ] {
        if found != expected {
            let (found, expected) = (found.values().sum::<i128>(), expected.values().sum::<i128>());
            let problem =
                format!("{status}, so that {expected} is {what}; {found} is by the postings, or of other orders");
            findings.add(Check::Refunds, &subject, problem);
        }
    }
    if !parts.is_empty() {
        let sum = parts.values().sum();
        findings.compare(Check::Refunds, &subject, "its amount", row.amount.unwrap_or_default().into(), sum);
    }
}

/// Whether the checkout's status agrees with the refunded amount.
fn compare_status(
    checkout: &payment_events::Model,
    orders: &[payment_orders::Model],
    booked: &Booked,
    findings: &mut Findings,
) {
    let Some(status) = Status::parse(&checkout.status).filter(|status| status.is_payment_done()) else { return };
    let gone: i128 = booked.executed.values().flat_map(BTreeMap::values).sum();
    let total: i128 = orders.iter().map(|order| i128::from(order.amount)).sum();
    let expected = match gone {
        0 => Status::Success,
        gone if gone == total => Status::Refunded,
        _ => Status::PartiallyRefunded,
    };
    if status != expected {
        let subject = format!("checkout {}", checkout.checkout_id);
        findings.add(Check::Refunds, subject, format_args!("{status}, and by the postings {expected}"));
    }
}
