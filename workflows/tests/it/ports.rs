//! The table of ports.

use std::collections::BTreeSet;

use workflows::{
    cash_receipt, checkout, ports, reconciliation, refund, refunds, reversal, seller, seller_account, seller_hold,
};

#[test]
fn the_names_of_ports_and_workflows_are_distinct_and_dotted() {
    let scheduled = || {
        let of_schedules = ports::OF_HOUSEKEEPING.iter().chain(ports::OF_PAYOUT_CALENDAR);
        of_schedules.chain(cash_receipt::OF_CASH_RECEIPTS)
    };
    let of_payouts = || ports::OF_PAYOUTS.iter().chain(ports::OF_BANK_FILES);
    let by_hand = || reconciliation::OF_RECONCILIATION.iter().chain(reversal::OF_REVERSALS);
    let all = || {
        let of_workflows = ports::ALL.iter().chain(ports::OF_SELLERS).chain(of_payouts());
        of_workflows.chain(scheduled()).chain(by_hand())
    };
    let names: BTreeSet<_> = all().collect();
    assert_eq!(names.len(), all().count());
    for name in all() {
        let (noun, verb) = name.split_once('.').unwrap();
        let is_lower = |text: &str| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
        assert!(is_lower(noun) && is_lower(verb), "{name}");
    }
    assert_eq!(
        [
            checkout::WORKFLOW_TYPE,
            refund::WORKFLOW_TYPE,
            refunds::WORKFLOW_TYPE,
            seller::WORKFLOW_TYPE,
            seller_account::WORKFLOW_TYPE,
            seller_hold::WORKFLOW_TYPE
        ],
        ["checkout", "refund", "refunds", "seller", "seller_account", "seller_hold"]
    );
}
