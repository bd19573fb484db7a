//! Payouts, breaks and reconciliations, and the connections to the database.

use domain::{
    payout::{PayoutStatus, RunStatus},
    reconciliation::{self, BreakClass, BreakStatus},
};
use service::now;
use store::{MoneyCounts, PoolUse};

use crate::http::exposition::Exposition;

/// The statuses of a break that is not resolved.
const UNRESOLVED: [BreakStatus; 2] = [BreakStatus::Open, BreakStatus::Waiting];

pub(super) fn write(counts: &MoneyCounts, text: &mut Exposition) {
    write_payouts(counts, text);
    write_breaks(counts, text);
    const RECONCILIATIONS: &str = "daegeum_reconciliations";
    text.begin(RECONCILIATIONS, "gauge", "How many runs of the reconciliation stand at each status.");
    let (all, name) = (&reconciliation::RunStatus::ALL, reconciliation::RunStatus::as_str);
    text.by_status(RECONCILIATIONS, all, name, &counts.reconciliations);
    const OVERDUE: &str = "daegeum_reconciliation_overdue_seconds";
    text.begin(OVERDUE, "gauge", "For how long the first day without a verdict is to be reconciled; 0 before that.");
    text.value(OVERDUE, &[], counts.reconciliation_due.map_or(0, |due| now().ms_since(due) / 1_000));
}

fn write_payouts(counts: &MoneyCounts, text: &mut Exposition) {
    const PAYOUTS: &str = "daegeum_payouts";
    text.begin(PAYOUTS, "gauge", "How many payouts stand at each status.");
    text.by_status(PAYOUTS, &PayoutStatus::ALL, PayoutStatus::as_str, &counts.payouts);
    const OLDEST: &str = "daegeum_oldest_payout_seconds";
    text.begin(OLDEST, "gauge", "How long ago the oldest payout of each of these statuses was sent; 0 where none is.");
    text.ages(OLDEST, &store::WATCHED_PAYOUTS, PayoutStatus::as_str, &counts.oldest_payouts);
    const RUNS: &str = "daegeum_payout_runs";
    text.begin(RUNS, "gauge", "How many payout runs stand at each status.");
    text.by_status(RUNS, &RunStatus::ALL, RunStatus::as_str, &counts.runs);
    const OLDEST_RUN: &str = "daegeum_oldest_payout_run_seconds";
    text.begin(
        OLDEST_RUN,
        "gauge",
        "How long ago the oldest payout run of each of these statuses was frozen; 0 where none is.",
    );
    text.ages(OLDEST_RUN, &store::WATCHED_RUNS, RunStatus::as_str, &counts.oldest_runs);
    const STOPPED: &str = "daegeum_payouts_stopped";
    text.begin(STOPPED, "gauge", "Whether a break stops every payout.");
    text.value(STOPPED, &[], u8::from(counts.are_payouts_stopped));
}

fn write_breaks(counts: &MoneyCounts, text: &mut Exposition) {
    let found = |class: BreakClass, status: BreakStatus| {
        counts.breaks.iter().find(|known| known.class == class && known.status == status)
    };
    const BREAKS: &str = "daegeum_breaks";
    text.begin(BREAKS, "gauge", "How many breaks of each class are not resolved, by status.");
    for class in BreakClass::ALL {
        for status in UNRESOLVED {
            let labels = [("class", class.as_str()), ("status", status.as_str())];
            text.value(BREAKS, &labels, found(class, status).map_or(0, |known| known.number));
        }
    }
    const ESCALATED: &str = "daegeum_breaks_escalated";
    text.begin(ESCALATED, "gauge", "How many breaks of each class are not resolved and were escalated.");
    for class in BreakClass::ALL {
        let number = counts.escalated.iter().find(|(known, _)| *known == class).map_or(0, |(_, number)| *number);
        text.value(ESCALATED, &[("class", class.as_str())], number);
    }
    const OLDEST: &str = "daegeum_oldest_break_seconds";
    text.begin(OLDEST, "gauge", "How long ago the oldest open break of each class was opened; 0 where none is open.");
    for class in BreakClass::ALL {
        let oldest = found(class, BreakStatus::Open).map(|known| known.oldest);
        let seconds = oldest.map_or(0, |opened| now().ms_since(opened) / 1_000);
        text.value(OLDEST, &[("class", class.as_str())], seconds);
    }
}

/// The connections of each pool, by its name.
pub(super) fn write_pools(pools: &[(&str, PoolUse)], text: &mut Exposition) {
    const CONNECTIONS: &str = "daegeum_database_connections";
    text.begin(CONNECTIONS, "gauge", "How many connections to the database are taken, and how many wait.");
    for (pool, connections) in pools {
        for (state, number) in [("in_use", connections.in_use), ("idle", connections.idle)] {
            text.value(CONNECTIONS, &[("pool", pool), ("state", state)], number);
        }
    }
    const MOST: &str = "daegeum_database_connections_max";
    text.begin(MOST, "gauge", "The most connections that a pool opens.");
    for (pool, connections) in pools {
        text.value(MOST, &[("pool", pool)], connections.most);
    }
}
