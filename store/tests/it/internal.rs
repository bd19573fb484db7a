//! What a reconciliation finds within our own books, and what it leaves alone.

use domain::{Timestamp, ledger::Hold};
use sea_orm::ConnectionTrait;
use store::{InternalDifference, InternalQuestion};

use crate::{
    books::{LATER, execute_refund, hold, paid, promise_refund, seller, won},
    database::Fresh,
    on_both_databases,
    writing::CREATED,
};

on_both_databases!(books_that_agree_have_no_difference, each_kind_of_difference_is_found_where_it_is);

/// From the first movement on, with workflows that are on time.
const ALL: InternalQuestion = InternalQuestion { since: CREATED, now: CREATED };

/// Two paid checkouts, of one of which a part went back, and a hold.
async fn fill(fresh: &Fresh) {
    for (id, name) in [("order-1", "a"), ("order-2", "b")] {
        paid(fresh, id, name, 10_000, 250).await;
    }
    promise_refund(fresh, "r-1", "order-1", 3_000, CREATED).await.unwrap();
    execute_refund(fresh, "r-1", CREATED).await.unwrap();
    while fresh.writer.release_due(CREATED.plus_ms(1), 100).await.unwrap() > 0 {}
    let held = Hold { id: hold("hold-1"), seller: seller("b"), amount: won(500) };
    fresh.writer.reserve(&held, None, LATER).await.unwrap();
}

async fn differences(fresh: &Fresh, question: InternalQuestion) -> Vec<InternalDifference> {
    fresh.reader.internal_differences(&question).await.unwrap()
}

async fn books_that_agree_have_no_difference(fresh: Fresh) {
    assert_eq!(differences(&fresh, ALL).await, []);
    fill(&fresh).await;
    assert_eq!(differences(&fresh, ALL).await, []);
}

async fn each_kind_of_difference_is_found_where_it_is(fresh: Fresh) {
    fill(&fresh).await;
    let later = InternalQuestion { since: Timestamp::from_epoch_ms(32_503_680_000_000), ..ALL };
    let cases: [(&str, &str, &str, bool); 10] = [
        (
            "UPDATE wallets SET available = available + 1 WHERE seller_account = 'b'",
            "UPDATE wallets SET available = available - 1 WHERE seller_account = 'b'",
            "wallet b available",
            true,
        ),
        ("UPDATE wallet_holds SET amount = 499", "UPDATE wallet_holds SET amount = 500", "holds of b held", true),
        (
            "UPDATE wallet_holds SET status = 'RELEASED'",
            "UPDATE wallet_holds SET status = 'RESERVED'",
            "holds of b held",
            true,
        ),
        (
            "UPDATE ledger_balances SET debits = debits + 7 WHERE account = 'psp:receivable'",
            "UPDATE ledger_balances SET debits = debits - 7 WHERE account = 'psp:receivable'",
            "sums KRW",
            true,
        ),
        (
            "UPDATE payment_orders SET refunded_amount = 2999 WHERE refunded_amount = 3000",
            "UPDATE payment_orders SET refunded_amount = 3000 WHERE refunded_amount = 2999",
            "order order-1",
            false,
        ),
        (
            "UPDATE payment_orders SET commission = commission + 1 WHERE payment_order_id LIKE '%2%'",
            "UPDATE payment_orders SET commission = commission - 1 WHERE payment_order_id LIKE '%2%'",
            "order order-2",
            false,
        ),
        (
            "UPDATE payment_orders SET ledger_updated = NOT ledger_updated WHERE payment_order_id LIKE '%2%'",
            "UPDATE payment_orders SET ledger_updated = NOT ledger_updated WHERE payment_order_id LIKE '%2%'",
            "order order-2",
            false,
        ),
        (
            "UPDATE payment_events SET status = 'FAILED' WHERE checkout_id = 'checkout-order-2'",
            "UPDATE payment_events SET status = 'SUCCESS' WHERE checkout_id = 'checkout-order-2'",
            "checkout checkout-order-2",
            false,
        ),
        ("UPDATE refunds SET status = 'FAILED'", "UPDATE refunds SET status = 'SUCCEEDED'", "refund r-1", false),
        (
            "UPDATE payment_events SET status = 'EXECUTING' WHERE checkout_id = 'checkout-order-2'",
            "UPDATE payment_events SET status = 'SUCCESS' WHERE checkout_id = 'checkout-order-2'",
            "checkout checkout-order-2",
            false,
        ),
    ];
    for (break_it, mend_it, subject, is_in_full) in cases {
        fresh.database.connection().execute_unprepared(break_it).await.unwrap();
        let found: Vec<_> = differences(&fresh, ALL).await.into_iter().map(|one| one.subject).collect();
        assert!(found.iter().any(|one| one == subject), "{break_it}: {found:?}");
        let nothing_moved = differences(&fresh, later).await;
        assert_eq!(nothing_moved.iter().any(|one| one.subject == subject), is_in_full, "{break_it}");
        fresh.database.connection().execute_unprepared(mend_it).await.unwrap();
        assert_eq!(differences(&fresh, ALL).await, [], "{mend_it}");
    }
    // A workflow that should have ended its checkout a day ago.
    let stands_still = "UPDATE payment_events SET status = 'EXECUTING' WHERE checkout_id = 'checkout-order-1'";
    fresh.database.connection().execute_unprepared(stands_still).await.unwrap();
    let late = InternalQuestion { now: Timestamp::from_epoch_ms(32_503_680_000_000), ..later };
    let found = differences(&fresh, late).await;
    let [lost] = &found[..] else { panic!("{found:?}") };
    assert_eq!((lost.subject.as_str(), lost.ledger), ("workflow of checkout checkout-order-1", None));
    assert!(lost.workflow_id.is_some() && lost.checkout_id.is_some(), "{lost:?}");
}
