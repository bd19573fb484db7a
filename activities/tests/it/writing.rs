//! Record, advance, post: each twice, on a real database.

use activities::{
    checkout::Checkouts,
    housekeeping::Housekeeping,
    ledger::Ledger,
    risk::{Hook, Risk},
};
use domain::{
    Currency::Krw,
    Money, Timestamp,
    calendar::ReleaseRule,
    checkout::{Order, Plan, PlanFields, Status},
    commission::BasisPoints,
    id::{ApiKeyId, BuyerId, CheckoutId, PaymentKey, PaymentOrderId, SellerAccount, WorkflowId},
    ledger::Entry,
    risk::Rules,
};
use temporalio_sdk::testing::ActivityEnvironment;
use testkit::database::Fresh;
use workflows::ports::{Change, DepositReturn, DueQuestion, NewCheckout, Payment, Recorded, TakenBack};

use crate::as_workflow_sees;

pub(crate) const NOW: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);
const LATER: Timestamp = Timestamp::from_epoch_ms(1_700_000_600_000);

/// The activities that write, and a reader of what they wrote.
pub(crate) struct Books {
    pub(crate) activities: ActivityEnvironment,
    database: Fresh,
}

impl Books {
    pub(crate) async fn open() -> Self {
        Self::open_with_risk(Rules::default(), None).await
    }

    pub(crate) async fn open_with_risk(rules: Rules, hook: Option<Hook>) -> Self {
        let database = testkit::database::sqlite().await;
        let writer = database.writer.clone();
        let activities = ActivityEnvironment::builder()
            .register_activities(Checkouts { writer: writer.clone(), reader: database.reader.clone() })
            .register_activities(Risk { writer: writer.clone(), rules, hook, keyring: None })
            .register_activities(Housekeeping { writer: writer.clone() })
            .register_activities(Ledger { writer, release_rule: ReleaseRule::default(), paid: Default::default() })
            .build();
        Self { activities, database }
    }

    /// With a checkout that the PSP is being asked about.
    async fn open_with(plan: &Plan) -> Self {
        let books = Self::open().await;
        books.activities.run(Checkouts::record, record_of("workflow-1", plan)).await.unwrap();
        books.activities.run(Checkouts::advance, begin_of(plan)).await.unwrap();
        books
    }

    async fn statuses(&self, plan: &Plan) -> Vec<Status> {
        let history = self.database.reader.history(plan.checkout_id()).await.unwrap();
        history.into_iter().map(|change| change.status).collect()
    }

    async fn pending(&self, seller: &str) -> Vec<Money> {
        let wallets = self.database.reader.wallets(&SellerAccount::parse(seller).unwrap()).await.unwrap();
        wallets.into_iter().map(|wallet| wallet.wallet.pending).collect()
    }
}

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

pub(crate) fn plan() -> Plan {
    let order = |id: &str, seller: &str, minor| Order {
        id: PaymentOrderId::parse(id).unwrap(),
        seller: SellerAccount::parse(seller).unwrap(),
        amount: won(minor),
        tax_free: None,
        name: None,
    };
    Plan::try_new(PlanFields {
        checkout_id: CheckoutId::parse("checkout-1").unwrap(),
        order_name: "토스 티셔츠 외 1건".to_owned(),
        buyer_id: BuyerId::parse("buyer-1").unwrap(),
        orders: vec![order("order-1", "seller-a", 10_000), order("order-2", "seller-b", 5_000)],
        success_url: None,
        fail_url: None,
        metadata: None,
        card: None,
        confirm_token_hash: None,
        window: Default::default(),
    })
    .unwrap()
}

pub(crate) fn record_of(workflow: &str, plan: &Plan) -> NewCheckout {
    NewCheckout {
        workflow_id: WorkflowId::parse(workflow).unwrap(),
        api_key_id: ApiKeyId::parse("test").unwrap(),
        fingerprint: "00".repeat(32),
        plan: plan.clone(),
        created_at: NOW,
        expires_at: LATER,
        saved_card: None,
    }
}

pub(crate) fn begin_of(plan: &Plan) -> Change {
    Change {
        checkout_id: plan.checkout_id().clone(),
        revision: 1,
        status: Status::Executing,
        occurred_at: NOW,
        payment_key: Some(PaymentKey::parse("payment-key").unwrap()),
        failure: None,
        virtual_account: None,
    }
}

pub(crate) fn post_of(plan: &Plan, revision: u32) -> Payment {
    Payment {
        began: None,
        confirmed_at: None,
        is_watched: false,
        change: Change { revision, status: Status::Success, payment_key: None, ..begin_of(plan) },
        entry: Entry::of_captured_payment(plan, &[], NOW).unwrap(),
        method: Some("카드".to_owned()),
        receipt_url: None,
        receipt_numbers: Default::default(),
    }
}

#[tokio::test]
async fn recording_twice_is_recording_once_and_a_taken_id_stays_taken() {
    let (books, plan) = (Books::open().await, plan());
    for _ in 0..2 {
        let mine = books.activities.run(Checkouts::record, record_of("workflow-1", &plan)).await;
        assert_eq!(mine.unwrap(), Recorded::Accepted { rates: vec![BasisPoints::default(); 2] });
        let other = books.activities.run(Checkouts::record, record_of("workflow-2", &plan)).await;
        assert_eq!(other.unwrap(), Recorded::Exists);
    }
    let checkout = books.database.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!(checkout.workflow_id.as_str(), "workflow-1");
    assert_eq!(books.statuses(&plan).await, [Status::NotStarted]);
}

#[tokio::test]
async fn advancing_twice_is_advancing_once() {
    let plan = plan();
    let books = Books::open_with(&plan).await;
    books.activities.run(Checkouts::advance, begin_of(&plan)).await.unwrap();
    let checkout = books.database.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!((checkout.status, checkout.revision), (Status::Executing, 1));
    assert_eq!(checkout.psp.unwrap().payment_key.as_str(), "payment-key");
    assert_eq!(books.statuses(&plan).await, [Status::NotStarted, Status::Executing]);
}

#[tokio::test]
async fn posting_twice_is_posting_once() {
    let plan = plan();
    let books = Books::open_with(&plan).await;
    for _ in 0..2 {
        books.activities.run(Ledger::post, post_of(&plan, 2)).await.unwrap();
    }
    assert_eq!(books.pending("seller-a").await, [won(10_000)]);
    assert_eq!(books.pending("seller-b").await, [won(5_000)]);
    assert_eq!(books.statuses(&plan).await, [Status::NotStarted, Status::Executing, Status::Success]);
}

#[tokio::test]
async fn what_is_due_is_done_once_and_nothing_is_too_old() {
    let plan = plan();
    let books = Books::open_with(&plan).await;
    books.activities.run(Ledger::post, post_of(&plan, 2)).await.unwrap();
    for expected in [2, 0] {
        let done = books.activities.run(Housekeeping::do_what_is_due, DueQuestion { within_ms: 60_000 }).await.unwrap();
        assert_eq!((done.done, done.is_unfinished, done.due_in_ms), (expected, false, None));
        let removed = books.activities.run(Housekeeping::remove_what_is_old, ()).await.unwrap();
        assert_eq!(removed, workflows::ports::OldRemoved::default());
    }
    assert_eq!(books.pending("seller-a").await, [won(0)]);
}

#[tokio::test]
async fn taking_a_deposit_back_twice_is_taking_it_back_once() {
    let plan = plan();
    let books = Books::open_with(&plan).await;
    books.activities.run(Ledger::post, post_of(&plan, 2)).await.unwrap();
    let back = |revision| DepositReturn {
        change: Change { revision, status: Status::WaitingForDeposit, payment_key: None, ..begin_of(&plan) },
        key: Entry::capture_key(plan.checkout_id(), 1),
    };
    // What is out of step is for a person, and changes nothing.
    let refused = books.activities.run(Ledger::take_back, back(7)).await.unwrap();
    assert!(matches!(refused, TakenBack::Refused { .. }), "{refused:?}");
    assert_eq!(books.pending("seller-a").await, [won(10_000)]);
    for _ in 0..2 {
        assert_eq!(books.activities.run(Ledger::take_back, back(3)).await.unwrap(), TakenBack::Done);
    }
    assert_eq!(books.pending("seller-a").await, [won(0)]);
    assert_eq!(books.statuses(&plan).await.last(), Some(&Status::WaitingForDeposit));
}

/// What happened has to be written, so nothing that stops a write is final.
#[tokio::test]
async fn a_write_out_of_step_writes_nothing_and_is_repeated() {
    let plan = plan();
    let books = Books::open_with(&plan).await;
    for _ in 0..2 {
        let advanced = Change { revision: 3, ..begin_of(&plan) };
        let failures = [
            as_workflow_sees(books.activities.run(Checkouts::advance, advanced).await),
            as_workflow_sees(books.activities.run(Ledger::post, post_of(&plan, 3)).await),
        ];
        for failure in failures {
            assert_eq!(failure.type_name(), Some("store.out_of_step"));
            assert!(!failure.is_non_retryable());
        }
    }
    assert!(books.pending("seller-a").await.is_empty());
    assert!(books.database.reader.trial_balance().await.unwrap().is_empty());
    assert_eq!(books.statuses(&plan).await, [Status::NotStarted, Status::Executing]);
}
