//! Checkouts, orders and refunds against the entries about them.

use domain::{Timestamp, checkout::Status, ledger::Reason, refund::RefundStatus};

use super::comparison::{Comparison, open_subjects};

/// What is compared where something moved, and where a difference still stands.
pub(super) fn comparisons(since: Timestamp, booked_before: i64) -> [Comparison; 7] {
    [
        Comparison { sql: paid_without_capture(), times: vec![since] },
        Comparison { sql: captured_without_status(booked_before), times: Vec::new() },
        Comparison { sql: captured_twice(booked_before), times: Vec::new() },
        Comparison { sql: orders(booked_before), times: Vec::new() },
        Comparison { sql: orders_without_postings(), times: vec![since] },
        Comparison { sql: refunds_without_entry(), times: vec![since] },
        Comparison { sql: entries_without_refund(booked_before), times: Vec::new() },
    ]
}

/// Whether nothing took an entry back.
fn stands(entry: &str) -> String {
    format!("NOT EXISTS (SELECT 1 FROM ledger_entries l WHERE l.reverses = {entry}.entry_id)")
}

fn list(statuses: impl IntoIterator<Item = Status>) -> String {
    let quoted: Vec<String> = statuses.into_iter().map(|status| format!("'{}'", status.as_str())).collect();
    quoted.join(", ")
}

fn paid() -> String {
    list(Status::ALL.into_iter().filter(|status| status.is_payment_done()))
}

const CAPTURED: &str = Reason::PaymentCaptured.as_str();

fn paid_without_capture() -> String {
    let (paid, open, stands) = (paid(), open_subjects("checkout "), stands("e"));
    format!(
        "SELECT 'checkout ' || c.checkout_id AS subject, c.currency AS currency, c.amount AS beside, \
           CAST(NULL AS bigint) AS ledger, 'checkout ' || c.status AS beside_says, \
           'no payment stands in the books' AS ledger_says, c.checkout_id AS checkout_id, c.workflow_id AS workflow_id \
         FROM payment_events c \
         WHERE c.status IN ({paid}) AND (c.updated_at >= $1 OR c.checkout_id IN ({open})) \
           AND NOT EXISTS (SELECT 1 FROM ledger_entries e \
                           WHERE e.checkout_id = c.checkout_id AND e.reason = '{CAPTURED}' AND {stands})"
    )
}

/// What an entry captured, and in which currency.
const CAPTURE: &str = "(SELECT CAST(SUM(p.amount) AS bigint) FROM ledger_postings p \
                        WHERE p.sequence = e.sequence AND p.debit_account = 'psp:receivable')";
const CURRENCY: &str = "(SELECT MIN(p.currency) FROM ledger_postings p WHERE p.sequence = e.sequence)";

/// A checkout that is stuck may have been paid before.
fn captured_without_status(booked_before: i64) -> String {
    let known = list(Status::ALL.into_iter().filter(|status| status.is_payment_done() || *status == Status::Stuck));
    let (open, stands) = (open_subjects("checkout "), stands("e"));
    format!(
        "SELECT 'checkout ' || e.checkout_id AS subject, {CURRENCY} AS currency, CAST(NULL AS bigint) AS beside, \
           {CAPTURE} AS ledger, 'checkout ' || COALESCE(c.status, 'missing') AS beside_says, \
           e.entry_id AS ledger_says, e.checkout_id AS checkout_id, c.workflow_id AS workflow_id \
         FROM ledger_entries e LEFT JOIN payment_events c ON c.checkout_id = e.checkout_id \
         WHERE e.reason = '{CAPTURED}' AND (e.sequence > {booked_before} OR e.checkout_id IN ({open})) \
           AND (c.checkout_id IS NULL OR c.status NOT IN ({known})) AND {stands}"
    )
}

fn captured_twice(booked_before: i64) -> String {
    let (open, one, other) = (open_subjects("checkout "), stands("e"), stands("f"));
    format!(
        "SELECT 'checkout ' || e.checkout_id AS subject, {CURRENCY} AS currency, c.amount AS beside, \
           2 * {CAPTURE} AS ledger, 'checkout ' || c.status AS beside_says, \
           f.entry_id || ' and ' || e.entry_id AS ledger_says, e.checkout_id AS checkout_id, \
           c.workflow_id AS workflow_id \
         FROM ledger_entries e \
         JOIN ledger_entries f \
           ON f.checkout_id = e.checkout_id AND f.sequence < e.sequence AND f.reason = '{CAPTURED}' \
         JOIN payment_events c ON c.checkout_id = e.checkout_id \
         WHERE e.reason = '{CAPTURED}' AND (e.sequence > {booked_before} OR e.checkout_id IN ({open})) \
           AND {one} AND {other}"
    )
}

/// What the postings of one order come to, as [`domain::ledger::Entry::order_changes`] adds them up.
const SUMS: [(&str, &str, &str); 5] = [
    ("unreleased", "p.credit_account LIKE 'seller:%:pending'", "p.debit_account LIKE 'seller:%:pending'"),
    (
        "commission",
        "p.credit_account IN ('platform:commission', 'vat:output')",
        "p.debit_account IN ('platform:commission', 'vat:output')",
    ),
    ("commission_vat", "p.credit_account = 'vat:output'", "p.debit_account = 'vat:output'"),
    (
        "refunded",
        "p.credit_account = 'refunds:payable' AND p.debit_account <> 'psp:receivable'",
        "p.debit_account = 'refunds:payable' AND p.credit_account <> 'psp:receivable'",
    ),
    (
        "captured",
        "p.debit_account = 'psp:receivable' AND (p.credit_account LIKE 'seller:%:pending' \
           OR p.credit_account IN ('platform:commission', 'vat:output'))",
        "p.credit_account = 'psp:receivable' AND (p.debit_account LIKE 'seller:%:pending' \
           OR p.debit_account IN ('platform:commission', 'vat:output'))",
    ),
];

/// The first of these columns that differs is the amount of the difference. An order that is stuck may have been paid
/// before.
fn orders(booked_before: i64) -> String {
    let sums: String = SUMS
        .iter()
        .map(|(name, more, less)| {
            format!(
                ", CAST(SUM(CASE WHEN {more} THEN p.amount ELSE 0 END - CASE WHEN {less} THEN p.amount ELSE 0 END) \
                 AS bigint) AS {name}"
            )
        })
        .collect();
    let pairs = [
        ("o.amount", "b.captured", "b.captured <> 0 AND o.amount <> b.captured"),
        ("o.unreleased", "b.unreleased", "o.unreleased <> b.unreleased"),
        ("o.commission", "b.commission", "o.commission <> b.commission"),
        ("o.commission_vat", "b.commission_vat", "o.commission_vat <> b.commission_vat"),
        ("o.refunded_amount", "b.refunded", "o.refunded_amount <> b.refunded"),
    ];
    let first = |side: fn(&(&'static str, &'static str, &'static str)) -> &'static str| -> String {
        pairs.iter().map(|pair| format!("WHEN {} THEN {} ", pair.2, side(pair))).collect()
    };
    let (beside, ledger) = (first(|pair| pair.0), first(|pair| pair.1));
    let differs = pairs.map(|(_, _, differs)| format!("({differs})")).join(" OR ");
    let (open, stuck) = (open_subjects("order "), Status::Stuck.as_str());
    format!(
        "WITH touched AS ( \
           SELECT p.payment_order_id AS id FROM ledger_postings p \
           WHERE p.sequence > {booked_before} AND p.payment_order_id IS NOT NULL \
           UNION {open} \
         ), b AS ( \
           SELECT p.payment_order_id AS id, MIN(p.currency) AS currency{sums} \
           FROM touched t JOIN ledger_postings p ON p.payment_order_id = t.id GROUP BY p.payment_order_id \
         ) \
         SELECT 'order ' || b.id AS subject, b.currency AS currency, \
           CASE {beside}ELSE o.amount END AS beside, CASE {ledger}ELSE b.captured END AS ledger, \
           COALESCE('order ' || o.payment_order_status || ' of ' || CAST(o.amount AS text) || ', unreleased ' || \
             CAST(o.unreleased AS text) || ', commission ' || CAST(o.commission AS text) || ', tax in it ' || \
             CAST(o.commission_vat AS text) || ', refunded ' || CAST(o.refunded_amount AS text), 'no such order') \
             AS beside_says, \
           'captured ' || CAST(b.captured AS text) || ', unreleased ' || CAST(b.unreleased AS text) || \
             ', commission ' || CAST(b.commission AS text) || ', tax in it ' || CAST(b.commission_vat AS text) || \
             ', refunded ' || CAST(b.refunded AS text) AS ledger_says, \
           o.checkout_id AS checkout_id, CAST(NULL AS text) AS workflow_id \
         FROM b LEFT JOIN payment_orders o ON o.payment_order_id = b.id \
         WHERE o.payment_order_id IS NULL OR {differs} \
           OR (o.payment_order_status <> '{stuck}' AND o.ledger_updated <> (b.captured <> 0))"
    )
}

fn orders_without_postings() -> String {
    let open = open_subjects("order ");
    format!(
        "SELECT 'order ' || o.payment_order_id AS subject, o.currency AS currency, o.amount AS beside, \
           CAST(NULL AS bigint) AS ledger, 'order ' || o.payment_order_status || ', booked' AS beside_says, \
           'no posting' AS ledger_says, o.checkout_id AS checkout_id, c.workflow_id AS workflow_id \
         FROM payment_orders o JOIN payment_events c ON c.checkout_id = o.checkout_id \
         WHERE (c.updated_at >= $1 OR o.payment_order_id IN ({open})) AND o.ledger_updated \
           AND NOT EXISTS (SELECT 1 FROM ledger_postings p WHERE p.payment_order_id = o.payment_order_id)"
    )
}

const EXECUTED: &str = Reason::RefundExecuted.as_str();

fn refunds_without_entry() -> String {
    let (open, stands, succeeded) = (open_subjects("refund "), stands("e"), RefundStatus::Succeeded.as_str());
    format!(
        "SELECT 'refund ' || r.refund_id AS subject, r.currency AS currency, r.amount AS beside, \
           CAST(NULL AS bigint) AS ledger, 'refund ' || r.status AS beside_says, \
           'nothing was given back by the books' AS ledger_says, r.checkout_id AS checkout_id, \
           r.workflow_id AS workflow_id \
         FROM refunds r \
         WHERE r.status = '{succeeded}' AND (r.updated_at >= $1 OR r.refund_id IN ({open})) \
           AND NOT EXISTS (SELECT 1 FROM ledger_entries e WHERE e.entry_id = '{EXECUTED}:' || r.refund_id AND {stands})"
    )
}

fn entries_without_refund(booked_before: i64) -> String {
    let (open, stands, succeeded) = (open_subjects("refund "), stands("e"), RefundStatus::Succeeded.as_str());
    let refund = format!("substr(e.entry_id, {})", EXECUTED.len() + 2);
    format!(
        "SELECT 'refund ' || {refund} AS subject, {CURRENCY} AS currency, CAST(NULL AS bigint) AS beside, \
           (SELECT CAST(SUM(p.amount) AS bigint) FROM ledger_postings p WHERE p.sequence = e.sequence) AS ledger, \
           'refund ' || COALESCE(r.status, 'missing') AS beside_says, e.entry_id AS ledger_says, \
           e.checkout_id AS checkout_id, r.workflow_id AS workflow_id \
         FROM ledger_entries e LEFT JOIN refunds r ON r.refund_id = {refund} \
         WHERE e.reason = '{EXECUTED}' AND (e.sequence > {booked_before} OR {refund} IN ({open})) \
           AND (r.refund_id IS NULL OR r.status <> '{succeeded}') AND {stands}"
    )
}
