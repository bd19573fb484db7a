//! Recorded histories replay on today's workflows.

use crate::stack::daegeum;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Every way that a checkout can go.
const CHECKOUTS: [&str; 16] = [
    "paid",
    "declined",
    "retried",
    "lost",
    "deposited",
    "taken-back",
    "account",
    "abandoned",
    "denied",
    "reviewed",
    "undone",
    "returned-deposit",
    "kept-deposit",
    "card-charged",
    "card-lost",
    "card-declined",
];
/// Every way that a refund can go without a person.
const REFUNDS: [&str; 3] = ["refunded", "part", "refused"];
/// How the delivery to a webhook endpoint goes on after a stop, and ends.
const DELIVERIES: [&str; 1] = ["disabled"];

/// How a payout run goes on to its end.
const PAYOUT_RUNS: [&str; 9] = [
    "paid-out",
    "offender",
    "answer-lost",
    "returned",
    "rejected",
    "seller-changed",
    "swept",
    "approval-lapsed",
    "by-bank-file",
];
/// How a seller is registered and followed.
const SELLERS: [&str; 2] = ["followed", "lost"];
/// What a principal does to a seller, the file by its story and its workflow.
const SELLER_ACTS: [&str; 2] = ["verified.seller_account", "lifted.seller_hold"];
/// How a saved card is registered and deleted, the file by its story and its workflow.
const SAVED_CARDS: [&str; 2] = ["registered.saved_card_registration", "deleted.saved_card_deletion"];
/// What schedules start, the file by its story and its workflow. The day of `clock` is that of the worker's clock, as
/// an older version took it, on a morning that was made up for three days later.
const SCHEDULED: [&str; 8] = [
    "breaks.reconciliation",
    "clock.reconciliation_daily",
    "morning.reconciliation_daily",
    "due.payout_calendar",
    "nobody-due.payout_calendar",
    "woken.housekeeping",
    "removed.retention",
    "followed.cash_receipts",
];

#[test]
fn recorded_histories_replay() {
    let replayed = daegeum().current_dir(ROOT).arg("replay").output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&replayed.stdout), String::from_utf8_lossy(&replayed.stderr));
    assert!(replayed.status.success(), "{said}{errors}");
    for story in CHECKOUTS {
        assert!(said.contains(&format!("{story}.json")), "no history of the story {story}:\n{said}");
    }
    for story in REFUNDS {
        for workflow in ["refund", "refunds"] {
            let file = format!("{story}.{workflow}.json");
            assert!(said.contains(&file), "no history {file}:\n{said}");
        }
    }
    for story in PAYOUT_RUNS {
        assert!(said.contains(&format!("{story}.payout_run.json")), "no history of the payout run {story}:\n{said}");
    }
    for story in SELLERS {
        assert!(said.contains(&format!("{story}.seller.json")), "no history of the seller {story}:\n{said}");
    }
    for file in SCHEDULED.iter().chain(&SELLER_ACTS).chain(&SAVED_CARDS) {
        assert!(said.contains(&format!("{file}.json")), "no history {file}:\n{said}");
    }
    for story in DELIVERIES {
        assert!(said.contains(&format!("{story}.delivery.json")), "no history of the delivery {story}:\n{said}");
    }
}

#[test]
fn a_history_that_took_another_path_is_noticed() {
    let histories = std::path::Path::new(ROOT).join("temporal/histories");
    for (file, step, other) in [
        ("paid.json", "psp.confirm", "psp.confess"),
        ("disabled.delivery.json", "webhook.carry", "webhook.marry"),
        ("paid-out.payout_run.json", "psp.request_payouts", "psp.repeat_payouts"),
        ("answer-lost.payout_run.json", "psp.look_up_payouts", "psp.look_away_payouts"),
        ("returned.payout_run.json", "payout.work", "payout.rest"),
        ("approval-lapsed.payout_run.json", "payout.decide", "payout.divide"),
        ("seller-changed.payout_run.json", "payout.complete", "payout.begin"),
        ("swept.payout_run.json", "payout.freeze", "payout.thaw"),
        ("followed.seller.json", "seller.change", "seller.delete"),
        ("clock.reconciliation_daily.json", "reconciliation.2026-11-27", "reconciliation.2026-11-24"),
        ("due.payout_calendar.json", "payout_run.run_", "payout_run.ran_"),
        ("nobody-due.payout_calendar.json", "payout.look_who_is_due", "payout.look_who_is_paid"),
        ("woken.housekeeping.json", "housekeeping.do_what_is_due", "housekeeping.do_what_was_due"),
        ("by-bank-file.payout_run.json", "payout.take_file", "payout.take_fire"),
        ("verified.seller_account.json", "seller.check_account", "seller.change_account"),
        ("lifted.seller_hold.json", "seller_hold.lift", "seller_hold.left"),
        ("followed.cash_receipts.json", "cash_receipt.follow", "cash_receipt.forget"),
        ("removed.retention.json", "housekeeping.remove_what_is_old", "housekeeping.remove_what_is_new"),
    ] {
        let recorded = std::fs::read_to_string(histories.join(file)).unwrap();
        let changed = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(changed.path(), recorded.replace(step, other)).unwrap();
        let replayed = daegeum().arg("replay").arg(changed.path()).output().unwrap();
        assert!(!replayed.status.success(), "{file}: {}", String::from_utf8_lossy(&replayed.stdout));
    }
}
