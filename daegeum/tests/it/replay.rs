//! Recorded histories replay on today's workflows.

use crate::stack::daegeum;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Every way that a checkout can go.
const CHECKOUTS: [&str; 13] = [
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
];
/// Every way that a refund can go without a person.
const REFUNDS: [&str; 3] = ["refunded", "part", "refused"];
/// How the delivery to a webhook endpoint goes on after a stop, and ends.
const DELIVERIES: [&str; 1] = ["disabled"];

/// How a payout run goes on to its end.
const PAYOUT_RUNS: [&str; 1] = ["paid-out"];

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
    ] {
        let recorded = std::fs::read_to_string(histories.join(file)).unwrap();
        let changed = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(changed.path(), recorded.replace(step, other)).unwrap();
        let replayed = daegeum().arg("replay").arg(changed.path()).output().unwrap();
        assert!(!replayed.status.success(), "{file}: {}", String::from_utf8_lossy(&replayed.stdout));
    }
}
