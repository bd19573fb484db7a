//! What may be swept: no more than our own, and nothing that is due.

use domain::{
    Currency::Krw,
    Money, Timestamp,
    payout::{
        plan::{PlanRules, Standing},
        sweep::{Funds, OwnCompany, SweepRefusal, plan},
    },
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_epoch_ms(1_796_000_000_000);

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn own(standing: Standing) -> OwnCompany {
    OwnCompany { standing, account_changed_at: None, this_week: won(0) }
}

/// One settled sale of 100,000: the seller has 90,000, the PSP kept 3,000, and 7,000 are our own.
const SETTLED: Funds = Funds {
    booked: 97_000,
    not_paid_yet: 0,
    receivable: 0,
    pending: 0,
    settled_pending: 0,
    available: 90_000,
    held: 0,
    in_transit: 0,
    refunds_payable: 0,
    refunds_to_deduct: 0,
    suspense: 0,
    exchanged: 0,
    sweeps: 0,
};

#[test]
fn what_is_owed_stays_wherever_it_is() {
    for (funds, free, why) in [
        (SETTLED, 7_000, "our commission with its tax"),
        (Funds { available: 0, held: 90_000, ..SETTLED }, 7_000, "a frozen payout"),
        (Funds { available: 0, in_transit: 90_000, ..SETTLED }, 7_000, "the balance falls when it arrives"),
        (Funds { available: 0, pending: 90_000, settled_pending: 90_000, ..SETTLED }, 7_000, "not released yet"),
        (Funds { refunds_payable: 4_000, ..SETTLED }, 3_000, "promised to a buyer"),
        (Funds { receivable: -4_000, refunds_to_deduct: 4_000, ..SETTLED }, 3_000, "given back, and not deducted"),
        (Funds { suspense: 6_000, ..SETTLED }, 1_000, "nobody knows whose it is"),
        (Funds { exchanged: 6_500, ..SETTLED }, 500, "what came of dollars is owed in dollars"),
        (Funds { exchanged: -6_500, ..SETTLED }, 7_000, "won that were given for dollars free nothing"),
        (Funds { sweeps: 5_000, ..SETTLED }, 2_000, "another sweep"),
        (Funds { not_paid_yet: 97_000, ..SETTLED }, 0, "the PSP pays it tomorrow"),
        (Funds { not_paid_yet: 1_500, ..SETTLED }, 5_500, "a part of it tomorrow"),
        (Funds { not_paid_yet: -1_500, ..SETTLED }, 7_000, "what is deducted tomorrow is booked today"),
        (Funds { receivable: 50_000, pending: 45_000, ..SETTLED }, 7_000, "a sale that is not settled"),
        (Funds { booked: 0, receivable: 100_000, ..SETTLED }, 0, "released before it was settled"),
        (Funds { receivable: -20_000, ..SETTLED }, 0, "the PSP takes back more than our own"),
        (Funds { refunds_payable: -5_000, suspense: -5_000, ..SETTLED }, 7_000, "an overdrawn account frees nothing"),
        (Funds { booked: -1, available: 0, ..SETTLED }, 0, "an overdrawn balance"),
        (Funds { booked: i64::MIN, available: i64::MAX, ..SETTLED }, 0, "beyond all money"),
    ] {
        assert_eq!(funds.free(), won(free), "{why}");
    }
}

#[test]
fn a_sweep_is_what_is_asked_for_or_all_that_is_free() {
    let rules = PlanRules::default();
    let free = won(7_000);
    let planned = |amount: Option<u64>, standing| plan(amount.map(won), free, &own(standing), &rules, NOW);
    assert_eq!(planned(None, Standing::Approved), Ok(free));
    assert_eq!(planned(Some(7_000), Standing::Approved), Ok(free));
    assert_eq!(planned(Some(7_001), Standing::Approved), Err(SweepRefusal::TooMuch { free }));
    assert_eq!(planned(Some(0), Standing::Approved), Err(SweepRefusal::TooMuch { free }));
    assert_eq!(planned(Some(1), Standing::Refused), Err(SweepRefusal::NotPayable));
    let nothing = plan(None, won(0), &own(Standing::Approved), &rules, NOW);
    assert_eq!(nothing, Err(SweepRefusal::TooMuch { free: won(0) }));
    let changed = OwnCompany { account_changed_at: Some(NOW.minus_ms(1_000)), ..own(Standing::Approved) };
    assert_eq!(plan(None, free, &changed, &rules, NOW), Err(SweepRefusal::CoolingDown));
}

#[test]
fn a_company_that_is_not_fully_approved_stays_below_its_weekly_limit() {
    let rules = PlanRules::default();
    let limited = OwnCompany { this_week: won(4_000_000), ..own(Standing::Limited) };
    let of = |amount: Option<u64>| plan(amount.map(won), won(2_000_000_000), &limited, &rules, NOW);
    assert_eq!(of(None), Ok(won(5_999_999)));
    assert_eq!(of(Some(6_000_000)), Err(SweepRefusal::WeeklyLimit { room: won(5_999_999) }));
    let spent = OwnCompany { this_week: won(9_999_999), ..limited };
    assert_eq!(
        plan(None, won(5), &spent, &rules, NOW),
        Err(SweepRefusal::WeeklyLimit { room: won(0) }),
        "never a payout of nothing"
    );
    let approved = own(Standing::Approved);
    assert_eq!(plan(None, won(2_000_000_000), &approved, &rules, NOW), Ok(won(999_999_999)));
    let bound = plan(Some(won(1_000_000_000)), won(2_000_000_000), &approved, &rules, NOW);
    assert_eq!(bound, Err(SweepRefusal::AmountBound));
}

proptest! {
    /// After a sweep of all that is free, the balance holds what is due, and what is at the PSP is no less than all
    /// debts.
    #[test]
    fn no_sweep_takes_what_is_owed(
        booked in 0_i64..4_000_000, not_paid_yet in -1_000_i64..100_000, receivable in -100_000_i64..1_000_000,
        settled_pending in 0_i64..500_000, unsettled_pending in 0_i64..500_000, available in 0_i64..500_000,
        held in 0_i64..100_000, in_transit in 0_i64..100_000, refunds in 0_i64..100_000, suspense in 0_i64..100_000,
        exchanged in 0_i64..100_000,
    ) {
        let funds = Funds {
            booked, not_paid_yet, receivable, settled_pending, available, held, in_transit, suspense,
            pending: settled_pending + unsettled_pending, refunds_payable: refunds, refunds_to_deduct: refunds,
            exchanged, sweeps: 0,
        };
        let swept = funds.free().minor().cast_signed();
        if swept == 0 {
            return Ok(());
        }
        let due = available + held + in_transit + refunds + suspense + exchanged;
        prop_assert!(booked - swept >= due + settled_pending);
        prop_assert!(booked - not_paid_yet - swept >= due + settled_pending);
        prop_assert!(booked + receivable - swept >= due + funds.pending);
        let again = Funds { sweeps: swept, ..funds };
        prop_assert!(again.free().is_zero(), "two sweeps never take more than one");
    }
}
