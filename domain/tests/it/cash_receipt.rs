//! Whether cash receipts say what was paid.

use domain::{
    Currency, Money,
    cash_receipt::{
        CashReceipt, Coverage, MISSING_PATIENCE_MS, ReceiptEntry, ReceiptStanding, ReceiptStatus, recorded, standing,
    },
};
use proptest::prelude::*;

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Currency::Krw).unwrap()
}

fn receipt(entry: ReceiptEntry, amount: u64, status: ReceiptStatus) -> CashReceipt {
    CashReceipt {
        key: format!("{}-{amount}", entry.as_str()),
        entry,
        purpose: None,
        amount: won(amount),
        tax_free: won(0),
        number: None,
        url: None,
        status,
        failure: None,
        requested_at: None,
    }
}

#[test]
fn receipts_stand_as_they_say_what_is_held() {
    use Coverage::{Part, Whole};
    use ReceiptEntry::{Cancel, Issue};
    use ReceiptStanding::{Differs, Failed as Refused, InProgress as UnderWay, Issued, Missing, TakenBack};
    use ReceiptStatus::{Completed, Failed, InProgress};
    for (receipts, held, coverage, expected) in [
        (vec![], 10_000, Whole, Missing),
        (vec![], 0, Whole, TakenBack),
        (vec![(Issue, 10_000, Completed)], 10_000, Whole, Issued),
        (vec![(Issue, 10_000, InProgress)], 10_000, Whole, UnderWay),
        (vec![(Issue, 10_000, Failed)], 10_000, Whole, Refused),
        (vec![(Issue, 10_000, Failed)], 0, Whole, TakenBack),
        // A later one takes the place of the refused.
        (vec![(Issue, 10_000, Failed), (Issue, 10_000, Completed)], 10_000, Whole, Issued),
        (vec![(Issue, 10_000, Completed), (Cancel, 3_000, Completed)], 7_000, Whole, Issued),
        (vec![(Issue, 10_000, Completed), (Cancel, 3_000, InProgress)], 7_000, Whole, UnderWay),
        (vec![(Issue, 10_000, Completed), (Cancel, 3_000, Failed)], 7_000, Whole, Refused),
        (vec![(Issue, 10_000, Completed)], 7_000, Whole, Differs),
        (vec![(Issue, 10_000, Completed), (Cancel, 10_000, Completed)], 0, Whole, TakenBack),
        (vec![(Issue, 10_000, Completed)], 0, Whole, Differs),
        (vec![(Issue, 10_000, Completed), (Cancel, 12_000, Completed)], 0, Whole, Differs),
        // The points in an easy pay.
        (vec![(Issue, 2_000, Completed)], 10_000, Part, Issued),
        (vec![(Issue, 2_000, Completed)], 1_000, Part, Differs),
        (vec![(Issue, 2_000, Failed)], 10_000, Part, Refused),
        (vec![(Issue, 2_000, Completed), (Cancel, 2_000, Completed)], 0, Part, TakenBack),
    ] {
        let all: Vec<_> = receipts.iter().map(|&(entry, amount, status)| receipt(entry, amount, status)).collect();
        assert_eq!(standing(&all, won(held), coverage), expected, "{receipts:?} of {held}");
    }
}

#[test]
fn a_missing_receipt_is_asked_about_until_it_is_overdue_and_a_wrong_one_until_it_is_right() {
    for standing in ReceiptStanding::ALL {
        let asked = |ms| standing.next_look_ms(ms).is_some();
        let (soon, late) = (asked(0), asked(MISSING_PATIENCE_MS));
        match standing {
            ReceiptStanding::InProgress | ReceiptStanding::Failed | ReceiptStanding::Differs => {
                assert!(soon && late, "{standing:?}");
            }
            ReceiptStanding::Missing => assert!(soon && !late),
            ReceiptStanding::Issued | ReceiptStanding::TakenBack => assert!(!soon && !late, "{standing:?}"),
        }
        assert_eq!(ReceiptStanding::parse(standing.as_str()), Some(standing));
    }
}

proptest! {
    /// Whatever is given back in whatever parts, receipts that follow it say what is held; one cancellation that the
    /// tax office refuses is seen.
    #[test]
    fn receipts_that_follow_each_refund_say_what_is_held(
        paid in 1_u64..1_000_000,
        cuts in proptest::collection::vec(0_u64..1_000_000, 0..8),
        refused in any::<proptest::sample::Index>(),
    ) {
        let mut receipts = vec![receipt(ReceiptEntry::Issue, paid, ReceiptStatus::Completed)];
        let mut held = paid;
        for cut in cuts {
            let part = cut.min(held);
            if part == 0 {
                continue;
            }
            held -= part;
            receipts.push(receipt(ReceiptEntry::Cancel, part, ReceiptStatus::Completed));
            prop_assert_eq!(recorded(&receipts), Some(held));
            let right = standing(&receipts, won(held), Coverage::Whole);
            let expected = if held == 0 { ReceiptStanding::TakenBack } else { ReceiptStanding::Issued };
            prop_assert_eq!(right, expected);
        }
        let refused = refused.index(receipts.len());
        receipts[refused].status = ReceiptStatus::Failed;
        let wrong = standing(&receipts, won(held), Coverage::Whole);
        // A payment of which nothing was held was never recorded too much.
        prop_assert!(wrong.is_wrong(), "{:?}", wrong);
    }
}
