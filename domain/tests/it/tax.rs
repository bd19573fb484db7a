//! Value-added tax in what a buyer pays, and in what goes back.

use domain::{
    Currency, Money,
    checkout::Order,
    purchase::PurchaseSums,
    tax::{TaxParts, tax_free_of_refund, tax_free_of_refunded},
};
use proptest::prelude::*;

use crate::checkout::order;

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Currency::Krw).unwrap()
}

#[test]
fn the_tax_is_an_eleventh_of_what_is_taxed_to_the_nearest_won() {
    for (amount, tax_free, supply, vat) in [
        // Toss's own examples.
        (15_000, 0, 13_636, 1_364),
        (10_000, 3_000, 6_364, 636),
        (10_000, 10_000, 0, 0),
        (5, 0, 5, 0),
        (6, 0, 5, 1),
        (0, 0, 0, 0),
        (100, 200, 0, 0),
    ] {
        let parts = TaxParts::of(won(amount), won(tax_free));
        assert_eq!((parts.supply, parts.vat), (won(supply), won(vat)), "{amount} with {tax_free} tax-free");
    }
}

proptest! {
    /// Whatever is given back in whatever parts: what goes back and what is left add up. No part gives back more
    /// without or with tax than was left, and all of them together give back all of each.
    #[test]
    fn refunds_in_parts_add_up(
        amount in 1_u64..1_000_000_000,
        share in 0_u64..=1_000_000,
        cuts in proptest::collection::vec(1_u64..400_000_000, 0..12),
    ) {
        let tax_free = u64::try_from(u128::from(amount) * u128::from(share) / 1_000_000).unwrap();
        let (mut refunded, mut free_left, mut taxed_left) = (0, tax_free, amount - tax_free);
        // The last refund gives back what is left.
        for cut in cuts.into_iter().chain([u64::MAX]) {
            let part = cut.min(amount - refunded);
            refunded += part;
            let free = tax_free_of_refund(won(amount), won(tax_free), won(refunded), won(part)).minor();
            prop_assert!(free <= free_left && part - free <= taxed_left, "{free} of {part}");
            (free_left, taxed_left) = (free_left - free, taxed_left - (part - free));
            let gone = tax_free_of_refunded(won(amount), won(tax_free), won(refunded)).minor();
            prop_assert_eq!(free_left, tax_free - gone);
            let left = TaxParts::of(won(amount - refunded), won(free_left));
            let sum = left.supply.minor() + left.vat.minor() + left.tax_free.minor();
            prop_assert_eq!(sum, amount - refunded);
            prop_assert_eq!(left.tax_free.minor(), free_left);
        }
        prop_assert_eq!((free_left, taxed_left), (0, 0));
    }
}

/// What an order costs, the share of it without tax, and the share of it that was given back, in millionths.
fn bought() -> impl Strategy<Value = (u64, u64, u64)> {
    (1_u64..1_000_000_000, 0_u64..=1_000_000, 0_u64..=1_000_000)
}

proptest! {
    /// Whatever was given back of whichever orders: the statement's sums are those of its lines, and add up.
    #[test]
    fn the_sums_of_a_purchase_add_up(bought in proptest::collection::vec(bought(), 1..6)) {
        let of = |amount: u64, share: u64| u64::try_from(u128::from(amount) * u128::from(share) / 1_000_000).unwrap();
        let lines: Vec<(Order, Money)> = bought
            .iter()
            .map(|&(amount, free, refunded)| {
                let order = Order { tax_free: Some(won(of(amount, free))), ..order("o", "s", amount) };
                (order, won(of(amount, refunded)))
            })
            .collect();
        let sums = PurchaseSums::of(lines.iter().map(|(order, refunded)| (order, *refunded))).unwrap();
        let sum = |parts: TaxParts| parts.supply.minor() + parts.vat.minor() + parts.tax_free.minor();
        prop_assert_eq!(sums.paid.minor(), lines.iter().map(|(order, _)| order.amount.minor()).sum::<u64>());
        prop_assert_eq!(sums.paid.minor(), sums.refunded.minor() + sums.left.minor());
        prop_assert_eq!(sum(sums.tax), sums.paid.minor());
        prop_assert_eq!(sum(sums.tax_left), sums.left.minor());
        let vat_left: u64 = lines.iter().map(|(order, refunded)| order.tax_parts_after(*refunded).vat.minor()).sum();
        prop_assert_eq!(sums.tax_left.vat.minor(), vat_left);
    }
}

#[test]
fn a_purchase_of_nothing_and_one_that_gave_back_too_much_have_no_sums() {
    assert_eq!(PurchaseSums::of([]), None);
    let order = order("o", "s", 100);
    assert_eq!(PurchaseSums::of([(&order, won(101))]), None);
}
