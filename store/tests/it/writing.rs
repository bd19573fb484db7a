//! What is written is written once, all or nothing, and for good.

use domain::{
    Currency::Krw,
    Money, Timestamp,
    charge::ReceiptNumbers,
    checkout::{Change, NewCheckout, Order, Payment, Plan, PlanFields, State, Status},
    failure::Failure,
    id::{ApiKeyId, BuyerId, CheckoutId, IdempotencyKey, PaymentKey, PaymentOrderId, SellerAccount, WorkflowId},
    ledger::{Account, Entry},
};
use migrations::{Migrator, MigratorTrait};
use sea_orm::ConnectionTrait;
use store::StoreError;

use crate::{database::Fresh, on_both_databases};

on_both_databases!(
    a_checkout_is_recorded_once_and_read_back,
    a_taken_id_is_refused_and_leaves_nothing,
    checkouts_and_orders_share_one_set_of_ids,
    no_statement_passes_by_the_one_set_of_ids,
    ids_of_older_data_that_clash_stay_and_are_taken,
    racing_requests_for_one_checkout_make_one,
    a_change_is_written_once_and_in_order,
    a_payment_is_posted_once_and_as_a_whole,
    a_payment_is_written_with_the_beginning_of_its_attempt,
    concurrent_payments_leave_exact_wallets,
    history_and_books_only_grow,
    a_reader_cannot_write,
    the_schema_goes_down_and_up_again,
);

pub(crate) const CREATED: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);
pub(crate) const EXPIRES: Timestamp = Timestamp::from_epoch_ms(1_700_000_600_000);

pub(crate) fn workflow(name: &str) -> WorkflowId {
    WorkflowId::of_checkout(&api_key(), &IdempotencyKey::parse(name).unwrap())
}

pub(crate) fn api_key() -> ApiKeyId {
    ApiKeyId::parse("test").unwrap()
}

pub(crate) fn plan(checkout: &str, orders: &[(&str, &str, u64)]) -> Plan {
    let order = |(id, seller, minor): &(&str, &str, u64)| Order {
        id: PaymentOrderId::parse(*id).unwrap(),
        seller: SellerAccount::parse(*seller).unwrap(),
        amount: Money::try_from_minor(*minor, Krw).unwrap(),
        tax_free: None,
        name: None,
    };
    Plan::try_new(PlanFields {
        checkout_id: CheckoutId::parse(checkout).unwrap(),
        order_name: "토스 티셔츠".to_owned(),
        buyer_id: BuyerId::parse("buyer-1").unwrap(),
        orders: orders.iter().map(order).collect(),
        success_url: Some("https://shop.example/done".to_owned()),
        fail_url: None,
        metadata: Some(r#"{"cart":7}"#.to_owned()),
        card: None,
        confirm_token_hash: None,
        window: Default::default(),
    })
    .unwrap()
}

pub(crate) async fn record(fresh: &Fresh, workflow_name: &str, plan: &Plan) -> bool {
    fresh.writer.record_checkout(&new_checkout(workflow_name, plan)).await.unwrap()
}

pub(crate) fn new_checkout(workflow_name: &str, plan: &Plan) -> NewCheckout {
    NewCheckout {
        workflow_id: workflow(workflow_name),
        api_key_id: api_key(),
        fingerprint: "fingerprint".to_owned(),
        plan: plan.clone(),
        created_at: CREATED,
        expires_at: EXPIRES,
        saved_card: None,
    }
}

pub(crate) fn change(plan: &Plan, revision: u32, status: Status) -> Change {
    Change::new(plan.checkout_id().clone(), State { revision, status }, CREATED)
}

pub(crate) fn payment(plan: &Plan, revision: u32, entry: Entry) -> Payment {
    Payment {
        began: None,
        change: change(plan, revision, Status::Success),
        entry,
        method: None,
        receipt_url: None,
        receipt_numbers: Default::default(),
        confirmed_at: None,
        is_watched: false,
    }
}

pub(crate) async fn begin(fresh: &Fresh, plan: &Plan) -> Result<(), StoreError> {
    let payment_key = PaymentKey::parse("pk-1").ok();
    fresh.writer.advance(&Change { payment_key, ..change(plan, 1, Status::Executing) }).await
}

/// What stands on the receipts of [`post`].
pub(crate) fn receipt_numbers() -> ReceiptNumbers {
    ReceiptNumbers { approval: Some("00123456".to_owned()), cash_receipt: Some("987654321".to_owned()) }
}

pub(crate) async fn post(fresh: &Fresh, plan: &Plan, revision: u32) -> Result<(), StoreError> {
    let entry = Entry::of_captured_payment(plan, &[], CREATED).unwrap();
    let (method, receipt_url) = (Some("카드".to_owned()), Some("https://receipt.example".to_owned()));
    let receipt_numbers = receipt_numbers();
    let payment = Payment { method, receipt_url, receipt_numbers, ..payment(plan, revision, entry) };
    fresh.writer.post(&payment, None).await
}

pub(crate) async fn pending(fresh: &Fresh, seller: &str) -> u64 {
    let wallets = fresh.reader.wallets(&SellerAccount::parse(seller).unwrap()).await.unwrap();
    wallets.first().map_or(0, |wallet| wallet.wallet.pending.minor())
}

async fn a_checkout_is_recorded_once_and_read_back(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 15_000), ("o-2", "seller-b", 8_000)]);
    assert!(record(&fresh, "key", &plan).await);
    assert!(record(&fresh, "key", &plan).await);

    let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.revision, stored.total), (Status::NotStarted, 0, plan.total()));
    assert_eq!((stored.created_at, stored.expires_at), (CREATED, EXPIRES));
    assert_eq!(stored.orders.iter().map(|order| order.order.clone()).collect::<Vec<_>>(), plan.orders());
    assert_eq!(stored.metadata.as_deref(), Some(r#"{"cart":7}"#));
    assert_eq!(stored.success_url, plan.fields().success_url);
    assert_eq!(fresh.reader.history(plan.checkout_id()).await.unwrap().len(), 1);
    let request = fresh.reader.request(&workflow("key")).await.unwrap().unwrap();
    assert_eq!((request.accepted, request.fingerprint.as_str()), (true, "fingerprint"));
    let order = PaymentOrderId::parse("o-2").unwrap();
    assert_eq!(fresh.reader.checkout_of_order(&order).await.unwrap().as_ref(), Some(plan.checkout_id()));
}

async fn a_taken_id_is_refused_and_leaves_nothing(fresh: Fresh) {
    assert!(record(&fresh, "first", &plan("checkout-1", &[("o-1", "seller-a", 1)])).await);
    assert!(!record(&fresh, "second", &plan("checkout-1", &[("o-2", "seller-a", 1)])).await);
    let same_order = plan("checkout-3", &[("o-3", "seller-a", 1), ("o-1", "seller-a", 1)]);
    assert!(!record(&fresh, "third", &same_order).await);
    assert!(!record(&fresh, "third", &same_order).await);
    assert_eq!(fresh.reader.checkout(same_order.checkout_id()).await.unwrap(), None);
    assert_eq!(fresh.reader.checkout_of_order(&PaymentOrderId::parse("o-3").unwrap()).await.unwrap(), None);
    assert!(!fresh.reader.request(&workflow("third")).await.unwrap().unwrap().accepted);
}

async fn checkouts_and_orders_share_one_set_of_ids(fresh: Fresh) {
    assert!(
        record(&fresh, "first", &plan("number-1", &[("number-2", "seller-a", 1), ("number-3", "seller-b", 1)])).await
    );
    for (key, refused) in [
        ("as-order", plan("number-2", &[("number-9", "seller-a", 1)])),
        ("as-checkout", plan("number-8", &[("number-9", "seller-a", 1), ("number-1", "seller-a", 1)])),
        ("in-itself", plan("number-7", &[("number-9", "seller-a", 1), ("number-7", "seller-a", 1)])),
    ] {
        assert!(!record(&fresh, key, &refused).await, "{key}");
        assert!(!record(&fresh, key, &refused).await, "{key}, once more");
        assert_eq!(fresh.reader.checkout(refused.checkout_id()).await.unwrap(), None, "{key}");
    }
    let free = plan("number-8", &[("number-9", "seller-a", 1)]);
    assert!(record(&fresh, "free", &free).await, "what was refused has claimed nothing");
}

/// A process of an older version knows nothing of the table of ids: the schema claims for it, or refuses.
async fn no_statement_passes_by_the_one_set_of_ids(fresh: Fresh) {
    assert!(record(&fresh, "key", &plan("number-1", &[("number-2", "seller-a", 1)])).await);
    let order = |id: &str| {
        format!(
            "INSERT INTO payment_orders (payment_order_id, checkout_id, line, seller_account, amount, currency, \
             payment_order_status, wallet_updated, ledger_updated) \
             VALUES ('{id}', 'number-1', 1, 's', 1, 'KRW', 'NOT_STARTED', false, false) ON CONFLICT DO NOTHING"
        )
    };
    let checkout = |id: &str| {
        format!(
            "INSERT INTO payment_events (checkout_id, workflow_id, order_name, buyer_id, amount, currency, status, \
             revision, is_payment_done, created_at, expires_at, updated_at, failure_retryable) \
             VALUES ('{id}', 'w-{id}', 'n', 'b', 1, 'KRW', 'NOT_STARTED', 0, false, '2026-01-01 00:00:00+00:00', \
             '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', false) ON CONFLICT DO NOTHING"
        )
    };
    let connection = fresh.database.connection();
    for statement in [order("number-1"), checkout("number-2")] {
        let refused = connection.execute_unprepared(&statement).await.unwrap_err().to_string();
        assert!(refused.contains("the payment id is taken"), "{statement}: {refused}");
    }
    // The same kind again is for the statement's own ON CONFLICT.
    for statement in [order("number-2"), checkout("number-1"), order("number-3"), checkout("number-4")] {
        connection.execute_unprepared(&statement).await.unwrap();
    }
    assert!(!record(&fresh, "later", &plan("number-3", &[("o-9", "seller-a", 1)])).await);
    assert!(!record(&fresh, "latest", &plan("number-5", &[("number-4", "seller-a", 1)])).await);
}

async fn ids_of_older_data_that_clash_stay_and_are_taken(fresh: Fresh) {
    assert!(record(&fresh, "first", &plan("number-1", &[("number-2", "seller-a", 1)])).await);
    assert!(record(&fresh, "second", &plan("number-3", &[("number-4", "seller-a", 1)])).await);
    let connection = fresh.database.connection();
    let migrations = Migrator::migrations();
    let later = migrations.iter().skip_while(|migration| !migration.name().contains("000011_payment_ids")).count();
    Migrator::down(connection, Some(u32::try_from(later).unwrap())).await.unwrap();
    let clash = "UPDATE payment_orders SET payment_order_id = 'number-3' WHERE payment_order_id = 'number-2'";
    connection.execute_unprepared(clash).await.unwrap();
    Migrator::up(connection, None).await.unwrap();
    for id in ["number-1", "number-3", "number-4"] {
        assert!(!record(&fresh, &format!("c-{id}"), &plan(id, &[("o-9", "seller-a", 1)])).await, "{id}");
        assert!(!record(&fresh, &format!("o-{id}"), &plan("number-9", &[(id, "seller-a", 1)])).await, "{id}");
    }
    let stored = fresh.reader.checkout(&CheckoutId::parse("number-1").unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.orders[0].order.id.as_str(), "number-3", "what clashes already stays");
    assert!(record(&fresh, "free", &plan("number-2", &[("number-9", "seller-a", 1)])).await);
}

async fn racing_requests_for_one_checkout_make_one(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 1)]);
    let accepted = futures_of(20, |index| {
        let (writer, plan) = (fresh.writer.clone(), plan.clone());
        async move {
            // Every key comes twice: two runs of one activity.
            writer.record_checkout(&new_checkout(&format!("key-{}", index / 2), &plan)).await.unwrap()
        }
    })
    .await;
    assert_eq!(accepted.iter().filter(|accepted| **accepted).count(), 2, "one key, both of its runs");
    assert_eq!(fresh.reader.history(plan.checkout_id()).await.unwrap().len(), 1);
}

async fn a_change_is_written_once_and_in_order(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 1)]);
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    begin(&fresh, &plan).await.unwrap();
    let failure = Failure::new("REJECT_CARD_PAYMENT", "한도초과");
    let advance = |revision, status| {
        let writer = fresh.writer.clone();
        let change = Change { failure: Some(failure.clone()), ..change(&plan, revision, status) };
        async move { writer.advance(&change).await }
    };
    assert!(matches!(advance(3, Status::Failed).await, Err(StoreError::OutOfStep { revision: 3, .. })));
    assert!(matches!(advance(1, Status::Failed).await, Err(StoreError::OutOfStep { revision: 1, .. })));
    let raced = futures_of(8, |_| advance(2, Status::Failed)).await;
    assert!(raced.iter().all(Result::is_ok), "{raced:?}");

    let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.revision, stored.failure), (Status::Failed, 2, Some(failure)));
    assert_eq!(stored.orders[0].status, Status::Failed);
    let history: Vec<_> =
        fresh.reader.history(plan.checkout_id()).await.unwrap().iter().map(|change| change.status).collect();
    assert_eq!(history, [Status::NotStarted, Status::Executing, Status::Failed]);
}

async fn a_payment_is_posted_once_and_as_a_whole(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 15_000), ("o-2", "seller-b", 8_000)]);
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    assert!(post(&fresh, &plan, 7).await.is_err(), "out of step");
    assert_eq!(pending(&fresh, "seller-a").await, 0);
    assert!(fresh.reader.trial_balance().await.unwrap().is_empty());

    let posted = futures_of(10, |_| post(&fresh, &plan, 2)).await;
    assert!(posted.iter().all(Result::is_ok), "{posted:?}");
    let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!(stored.status, Status::Success);
    assert!(stored.orders.iter().all(|order| order.wallet_updated && order.ledger_updated));
    let psp = stored.psp.unwrap();
    assert_eq!((psp.method.as_deref(), psp.approved_at), (Some("카드"), Some(CREATED)));
    assert_eq!((pending(&fresh, "seller-a").await, pending(&fresh, "seller-b").await), (15_000, 8_000));
    let trial = fresh.reader.trial_balance().await.unwrap();
    let receivable = trial.iter().find(|balance| balance.account == Account::PspReceivable).unwrap();
    assert_eq!(receivable.balance(), Some(plan.total()));
    let debits: u64 = trial.iter().map(|balance| balance.debits.minor()).sum();
    let credits: u64 = trial.iter().map(|balance| balance.credits.minor()).sum();
    assert_eq!((debits, credits), (23_000, 23_000));
}

async fn a_payment_is_written_with_the_beginning_of_its_attempt(fresh: Fresh) {
    let at_once = plan("checkout-1", &[("o-1", "seller-a", 15_000)]);
    let apart = plan("checkout-2", &[("o-2", "seller-b", 8_000)]);
    record(&fresh, "key-1", &at_once).await;
    record(&fresh, "key-2", &apart).await;
    let payment_key = PaymentKey::parse("pk-1").unwrap();
    let pay = |plan: &Plan| {
        let writer = fresh.writer.clone();
        let began = Change { payment_key: Some(payment_key.clone()), ..change(plan, 1, Status::Executing) };
        let payment = payment(plan, 2, Entry::of_captured_payment(plan, &[], CREATED).unwrap());
        let change = Change { occurred_at: EXPIRES, ..payment.change.clone() };
        let payment = Payment { began: Some(began), change, ..payment };
        async move { writer.post(&payment, None).await }
    };
    let raced = futures_of(8, |_| pay(&at_once)).await;
    assert!(raced.iter().all(Result::is_ok), "{raced:?}");
    let stored = fresh.reader.checkout(at_once.checkout_id()).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.revision), (Status::Success, 2));
    assert_eq!(stored.psp.unwrap().payment_key, payment_key);
    let history = fresh.reader.history(at_once.checkout_id()).await.unwrap();
    let lines: Vec<_> = history.iter().map(|line| (line.revision, line.status, line.occurred_at)).collect();
    let expected = [(0, Status::NotStarted, CREATED), (1, Status::Executing, CREATED), (2, Status::Success, EXPIRES)];
    assert_eq!(lines, expected);
    assert_eq!(pending(&fresh, "seller-a").await, 15_000);

    // Where the beginning stands there already, it is not written again, and nothing by half.
    begin(&fresh, &apart).await.unwrap();
    assert!(matches!(pay(&apart).await, Err(StoreError::OutOfStep { revision: 2, .. })));
    assert_eq!(fresh.reader.history(apart.checkout_id()).await.unwrap().len(), 2);
    assert_eq!(pending(&fresh, "seller-b").await, 0);
}

async fn concurrent_payments_leave_exact_wallets(fresh: Fresh) {
    let fresh = std::sync::Arc::new(fresh);
    futures_of(24, |index| {
        let fresh = fresh.clone();
        async move {
            // The sellers in alternating order: locks taken in the order of the postings would deadlock.
            let (first, second) = if index % 2 == 0 { ("seller-a", "seller-b") } else { ("seller-b", "seller-a") };
            let orders = [(format!("o-{index}-1"), first), (format!("o-{index}-2"), second)];
            let lines: Vec<_> = orders.iter().map(|(id, seller)| (id.as_str(), *seller, 1_000)).collect();
            let plan = plan(&format!("checkout-{index}"), &lines);
            assert!(record(&fresh, &format!("key-{index}"), &plan).await);
            begin(&fresh, &plan).await.unwrap();
            post(&fresh, &plan, 2).await.unwrap();
        }
    })
    .await;
    assert_eq!((pending(&fresh, "seller-a").await, pending(&fresh, "seller-b").await), (24_000, 24_000));
}

async fn history_and_books_only_grow(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 1)]);
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    post(&fresh, &plan, 2).await.unwrap();
    for (table, column) in [
        ("ledger_entries", "reason"),
        ("ledger_postings", "currency"),
        ("payment_status_history", "status"),
        ("checkout_requests", "fingerprint"),
        ("payment_ids", "kind"),
    ] {
        for statement in [format!("UPDATE {table} SET {column} = 'x'"), format!("DELETE FROM {table}")] {
            let refused = fresh.database.connection().execute_unprepared(&statement).await;
            assert!(refused.unwrap_err().to_string().contains("append only"), "{statement}");
        }
    }
    let unbalanced = "INSERT INTO ledger_postings (sequence, line, debit_account, credit_account, amount, currency) \
                      VALUES (1, 9, 'psp:receivable', 'psp:receivable', 1, 'KRW')";
    assert!(fresh.database.connection().execute_unprepared(unbalanced).await.is_err());
    let nothing = unbalanced.replace("'psp:receivable', 1", "'seller:a:pending', 0");
    assert!(fresh.database.connection().execute_unprepared(&nothing).await.is_err());
}

async fn a_reader_cannot_write(fresh: Fresh) {
    let statement = "DELETE FROM wallets";
    assert!(fresh.reading.connection().execute_unprepared(statement).await.is_err());
    fresh.database.connection().execute_unprepared(statement).await.unwrap();
}

async fn the_schema_goes_down_and_up_again(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 1)]);
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    post(&fresh, &plan, 2).await.unwrap();
    Migrator::down(fresh.database.connection(), None).await.unwrap();
    Migrator::up(fresh.database.connection(), None).await.unwrap();
    assert_eq!(fresh.reader.checkout(plan.checkout_id()).await.unwrap(), None);
    assert!(record(&fresh, "key", &plan).await);
}

/// Runs `count` tasks at once and gathers what they answer.
async fn futures_of<F, T>(count: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T>,
{
    let mut pinned: Vec<_> = (0..count).map(|index| Some(Box::pin(task(index)))).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        for slot in &mut pinned {
            if let Some(future) = slot
                && let std::task::Poll::Ready(answer) = future.as_mut().poll(context)
            {
                answers.push(answer);
                *slot = None;
            }
        }
        if pinned.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers
}
