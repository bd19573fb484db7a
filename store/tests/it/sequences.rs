//! Whatever is recorded, paid, refunded, held, paid out and reversed, in whatever order and however often: an
//! audit finds nothing.

use domain::{
    Timestamp,
    checkout::{Plan, Status},
    commission::BasisPoints,
    ledger::{Entry, Hold, PayoutEnd},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use store::StoreError;

use crate::{
    books::{execute_refund, fail_refund, hold, promise_refund, seller, won},
    database::{Fresh, postgres, sqlite},
    writing::{CREATED, begin, change, payment, plan, record},
};

/// Databases are made anew for each case.
const CASES: u32 = 16;
const CHECKOUTS: usize = 4;
const SELLERS: usize = 3;
/// How many ids of refunds and of holds there are: few, so that they meet.
const IDS: usize = 4;
const LATER: Timestamp = CREATED.plus_ms(1);

/// A step that somebody may ask for, at a time that makes sense or not.
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
    Release,
    PromiseRefund {
        refund: usize,
        checkout: usize,
        minor: u64,
    },
    ExecuteRefund {
        refund: usize,
    },
    FailRefund {
        refund: usize,
    },
    Reserve {
        hold: usize,
        seller: usize,
        minor: u64,
    },
    ReleaseHold {
        hold: usize,
    },
    CaptureHold {
        hold: usize,
        minor: u64,
    },
    EndPayout {
        hold: usize,
        arrived: bool,
    },
    Reverse {
        what: usize,
        id: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (checkout, id, minor) = (0..CHECKOUTS, 0..IDS, 0..400_u64);
    let status = prop_oneof![Just(Status::Executing), Just(Status::Unknown), Just(Status::Stuck)];
    prop_oneof![
        4 => (checkout.clone(), 0..2_usize).prop_map(|(checkout, workflow)| Step::Record { checkout, workflow }),
        4 => checkout.clone().prop_map(|checkout| Step::Begin { checkout }),
        1 => (checkout.clone(), 1..5_u32, status)
            .prop_map(|(checkout, revision, status)| Step::Advance { checkout, revision, status }),
        6 => (checkout.clone(), 2..4_u32).prop_map(|(checkout, revision)| Step::Post { checkout, revision }),
        3 => Just(Step::Release),
        3 => (id.clone(), checkout, minor.clone())
            .prop_map(|(refund, checkout, minor)| Step::PromiseRefund { refund, checkout, minor }),
        2 => id.clone().prop_map(|refund| Step::ExecuteRefund { refund }),
        2 => id.clone().prop_map(|refund| Step::FailRefund { refund }),
        3 => (id.clone(), 0..SELLERS, minor.clone())
            .prop_map(|(hold, seller, minor)| Step::Reserve { hold, seller, minor }),
        1 => id.clone().prop_map(|hold| Step::ReleaseHold { hold }),
        2 => (id.clone(), minor).prop_map(|(hold, minor)| Step::CaptureHold { hold, minor }),
        2 => (id.clone(), any::<bool>()).prop_map(|(hold, arrived)| Step::EndPayout { hold, arrived }),
        2 => (0..REVERSED.len(), id).prop_map(|(what, id)| Step::Reverse { what, id }),
    ]
}

const REVERSED: [&str; 5] = [
    "payment_captured:checkout-",
    "refund_promised:r-",
    "refund_executed:r-",
    "hold_reserved:h-",
    "reversed:refund_promised:r-",
];

/// Checkout 3 wants an order of checkout 2: only one of them can be recorded.
fn plan_of(checkout: usize) -> Plan {
    let shared = if checkout == 3 { "o-2-0".to_owned() } else { format!("o-{checkout}-0") };
    let ids = [shared, format!("o-{checkout}-1")];
    let amount = |line: usize| 100 * (checkout as u64 + 1) + line as u64;
    let seller = |line: usize| format!("seller-{}", (checkout + line) % SELLERS);
    plan(&format!("checkout-{checkout}"), &[(&ids[0], &seller(0), amount(0)), (&ids[1], &seller(1), amount(1))])
}

async fn carry_out(fresh: &Fresh, step: Step) -> Result<(), StoreError> {
    let writer = &fresh.writer;
    let (refund_id, hold_id) = (|id| format!("r-{id}"), |id| hold(&format!("h-{id}")));
    match step {
        Step::Record { checkout, workflow } => {
            record(fresh, &format!("key-{checkout}-{workflow}"), &plan_of(checkout)).await;
        }
        Step::Begin { checkout } => begin(fresh, &plan_of(checkout)).await?,
        Step::Advance { checkout, revision, status } => {
            // No workflow goes back from a payment; the store writes what it is told.
            let stored = fresh.reader.checkout(plan_of(checkout).checkout_id()).await?;
            if stored.is_some_and(|stored| stored.orders.iter().any(|order| order.ledger_updated)) {
                return Ok(());
            }
            writer.advance(&change(&plan_of(checkout), revision, status)).await?;
        }
        Step::Post { checkout, revision } => {
            let plan = plan_of(checkout);
            let rates = [BasisPoints::try_new(333).unwrap(), BasisPoints::default()];
            let entry = Entry::of_captured_payment(&plan, &rates, CREATED).unwrap();
            writer.post(&payment(&plan, revision, entry), Some(CREATED)).await?;
        }
        Step::Release => {
            writer.release_due(LATER, 100).await?;
        }
        Step::PromiseRefund { refund, checkout, minor } => {
            promise_refund(fresh, &refund_id(refund), &format!("o-{checkout}-1"), minor, LATER).await?;
        }
        Step::ExecuteRefund { refund } => {
            execute_refund(fresh, &refund_id(refund), LATER).await?;
        }
        Step::Reserve { hold, seller: of, minor } => {
            let hold = Hold { id: hold_id(hold), seller: seller(&format!("seller-{of}")), amount: won(minor) };
            writer.reserve(&hold, None, LATER).await?;
        }
        Step::FailRefund { refund } => {
            fail_refund(fresh, &refund_id(refund), LATER).await?;
        }
        Step::ReleaseHold { hold } => {
            writer.release_hold(&hold_id(hold), LATER).await?;
        }
        Step::CaptureHold { hold, minor } => {
            writer.capture_hold(&hold_id(hold), won(minor), LATER).await?;
        }
        Step::EndPayout { hold, arrived } => {
            let end = if arrived { PayoutEnd::Arrived } else { PayoutEnd::CameBack };
            writer.end_payout(&hold_id(hold), end, LATER).await?;
        }
        Step::Reverse { what, id } => {
            writer.reverse(&format!("{}{id}", REVERSED[what]), LATER).await?;
        }
    }
    Ok(())
}

/// Everything that an audit looks at, and that each history counts without a gap.
async fn check_books(fresh: &Fresh) {
    let audit = fresh.reader.audit(&[], &mut |_| {}).await.unwrap();
    assert_eq!(audit.findings.named, []);
    for checkout in 0..CHECKOUTS {
        let plan = plan_of(checkout);
        let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap();
        let history = fresh.reader.history(plan.checkout_id()).await.unwrap();
        let expected = stored.as_ref().map_or(0, |stored| stored.revision + 1);
        assert!(history.iter().map(|change| change.revision).eq(0..expected), "{history:?}");
    }
}

fn any_sequence_leaves_sound_books(open: impl AsyncFn() -> Fresh) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let sequences = proptest::collection::vec((step(), 1..4_usize), 1..80);
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
fn any_sequence_on_sqlite_leaves_sound_books() {
    any_sequence_leaves_sound_books(sqlite);
}

#[test]
fn any_sequence_on_postgres_leaves_sound_books() {
    any_sequence_leaves_sound_books(postgres);
}
