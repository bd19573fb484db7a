//! Whatever is recorded, advanced and posted, in whatever order and however often: the books agree.

use domain::{checkout::Status, ledger::Account};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use store::StoreError;

use crate::{
    database::{Fresh, postgres, sqlite},
    writing::{CREATED, begin, pending, plan, post, record},
};

/// Databases are made anew for each case.
const CASES: u32 = 12;
const CHECKOUTS: usize = 4;
const SELLERS: usize = 3;

/// A step that a workflow may ask for, at a time that makes sense or not.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// By one of two workflows.
    Record {
        checkout: usize,
        workflow: usize,
    },
    Begin {
        checkout: usize,
    },
    Advance {
        checkout: usize,
        revision: u32,
        status: Status,
    },
    Post {
        checkout: usize,
        revision: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let checkout = 0..CHECKOUTS;
    let status = prop_oneof![Just(Status::Executing), Just(Status::Unknown), Just(Status::Stuck)];
    prop_oneof![
        3 => (checkout.clone(), 0..2_usize).prop_map(|(checkout, workflow)| Step::Record { checkout, workflow }),
        3 => checkout.clone().prop_map(|checkout| Step::Begin { checkout }),
        2 => (checkout.clone(), 1..5_u32, status)
            .prop_map(|(checkout, revision, status)| Step::Advance { checkout, revision, status }),
        4 => (checkout, 1..5_u32).prop_map(|(checkout, revision)| Step::Post { checkout, revision }),
    ]
}

/// Checkout 3 wants an order of checkout 2: only one of them can be recorded.
fn plan_of(checkout: usize) -> domain::checkout::Plan {
    let shared = if checkout == 3 { "o-2-0".to_owned() } else { format!("o-{checkout}-0") };
    let ids = [shared, format!("o-{checkout}-1")];
    let amount = |line: usize| 100 * (checkout as u64 + 1) + line as u64;
    let seller = |line: usize| format!("seller-{}", (checkout + line) % SELLERS);
    plan(&format!("checkout-{checkout}"), &[(&ids[0], &seller(0), amount(0)), (&ids[1], &seller(1), amount(1))])
}

async fn carry_out(fresh: &Fresh, step: Step) -> Result<(), StoreError> {
    match step {
        Step::Record { checkout, workflow } => {
            record(fresh, &format!("key-{checkout}-{workflow}"), &plan_of(checkout)).await;
            Ok(())
        }
        Step::Begin { checkout } => begin(fresh, &plan_of(checkout)).await,
        Step::Advance { checkout, revision, status } => {
            fresh.writer.advance(plan_of(checkout).checkout_id(), (revision, status), CREATED, None, None).await
        }
        Step::Post { checkout, revision } => post(fresh, &plan_of(checkout), revision).await,
    }
}

/// Debits are credits are wallets are paid orders, and each history counts without a gap.
async fn check_books(fresh: &Fresh) {
    let trial = fresh.reader.trial_balance().await.unwrap();
    let debits: u64 = trial.iter().map(|balance| balance.debits.minor()).sum();
    let credits: u64 = trial.iter().map(|balance| balance.credits.minor()).sum();
    let receivable = trial.iter().find(|balance| balance.account == Account::PspReceivable);
    let mut wallets = 0;
    for seller in 0..SELLERS {
        wallets += pending(fresh, &format!("seller-{seller}")).await;
    }
    let mut paid = 0;
    for checkout in 0..CHECKOUTS {
        let plan = plan_of(checkout);
        let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap();
        let history = fresh.reader.history(plan.checkout_id()).await.unwrap();
        let expected = stored.as_ref().map_or(0, |stored| stored.revision + 1);
        assert!(history.iter().map(|change| change.revision).eq(0..expected), "{history:?}");
        for order in stored.into_iter().flat_map(|stored| stored.orders) {
            assert_eq!(order.wallet_updated, order.ledger_updated);
            paid += if order.ledger_updated { order.order.amount.minor() } else { 0 };
        }
    }
    assert_eq!((debits, credits, wallets), (paid, paid, paid));
    assert_eq!(receivable.map_or(0, |balance| balance.debits.minor()), paid);
}

fn any_sequence_leaves_the_books_balanced(open: impl AsyncFn() -> Fresh) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let sequences = proptest::collection::vec((step(), 1..4_usize), 1..40);
    let checked = TestRunner::new(config).run(&sequences, |sequence| {
        runtime.block_on(async {
            let fresh = open().await;
            for (step, times) in sequence {
                let mut results = Vec::new();
                for _ in 0..times {
                    results.push(carry_out(&fresh, step).await.is_ok());
                }
                assert!(results.iter().all(|ok| *ok == results[0]), "{step:?} repeated: {results:?}");
            }
            check_books(&fresh).await;
        });
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn any_sequence_on_sqlite_leaves_the_books_balanced() {
    any_sequence_leaves_the_books_balanced(sqlite);
}

#[test]
fn any_sequence_on_postgres_leaves_the_books_balanced() {
    any_sequence_leaves_the_books_balanced(postgres);
}
