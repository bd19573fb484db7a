//! Workflows that should have ended what they have in hand, and have not: they are lost, or they stand still.
//!
//! A row that waits for the PSP or for a person is none of these: `UNKNOWN` and `STUCK` are told elsewhere.

use domain::{Timestamp, charge::DEPOSIT_GRACE_MS, checkout::Status, refund::RefundStatus};

use super::comparison::Comparison;

/// How long behind its time a workflow may be. A worker that was away for a night has caught up by then.
const PATIENCE_MS: u64 = 24 * 60 * 60 * 1_000;

/// What should have ended by now.
pub(super) fn comparisons(now: Timestamp) -> [Comparison; 2] {
    let by = now.minus_ms(PATIENCE_MS);
    [
        Comparison { sql: checkouts(), times: vec![by, by.minus_ms(DEPOSIT_GRACE_MS)] },
        Comparison { sql: refunds(), times: vec![by] },
    ]
}

fn checkouts() -> String {
    let [not_started, executing, waiting] =
        [Status::NotStarted, Status::Executing, Status::WaitingForDeposit].map(Status::as_str);
    format!(
        "SELECT 'workflow of checkout ' || c.checkout_id AS subject, c.currency AS currency, \
           CAST(NULL AS bigint) AS beside, CAST(NULL AS bigint) AS ledger, \
           'checkout ' || c.status || ' behind its time' AS beside_says, \
           'a workflow that runs would have ended it' AS ledger_says, c.checkout_id AS checkout_id, \
           c.workflow_id AS workflow_id \
         FROM payment_events c \
         WHERE (c.status = '{not_started}' AND c.expires_at < $1) \
           OR (c.status = '{executing}' AND c.updated_at < $1) \
           OR (c.status = '{waiting}' AND c.account_due_at < $2 AND c.updated_at < $2)"
    )
}

fn refunds() -> String {
    let executing = RefundStatus::Executing.as_str();
    format!(
        "SELECT 'workflow of refund ' || r.refund_id AS subject, r.currency AS currency, \
           CAST(NULL AS bigint) AS beside, CAST(NULL AS bigint) AS ledger, \
           'refund ' || r.status || ' behind its time' AS beside_says, \
           'a workflow that runs would have ended it' AS ledger_says, r.checkout_id AS checkout_id, \
           r.workflow_id AS workflow_id \
         FROM refunds r WHERE r.status = '{executing}' AND r.updated_at < $1"
    )
}
