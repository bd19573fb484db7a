//! The table of ports.

use std::collections::BTreeSet;

use workflows::{checkout, ports, refund, refunds};

#[test]
fn the_names_of_ports_and_workflows_are_distinct_and_dotted() {
    let names: BTreeSet<_> = ports::ALL.iter().collect();
    assert_eq!(names.len(), ports::ALL.len());
    for name in ports::ALL {
        let (noun, verb) = name.split_once('.').unwrap();
        let is_lower = |text: &str| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
        assert!(is_lower(noun) && is_lower(verb), "{name}");
    }
    assert_eq!(
        [checkout::WORKFLOW_TYPE, refund::WORKFLOW_TYPE, refunds::WORKFLOW_TYPE],
        ["checkout", "refund", "refunds"]
    );
}
