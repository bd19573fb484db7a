//! Declines that are answered later, virtual accounts, and deposits that the bank took back.

use domain::{
    Timestamp,
    charge::VirtualAccount,
    checkout::{Change, DepositReturn, Plan, Status},
    failure::Failure,
    id::PaymentKey,
    ledger::{Entry, EntryError},
};
use store::{Refusal, StoreError};

use crate::{
    books::{promise_refund, won},
    database::Fresh,
    on_both_databases,
    writing::{CREATED, EXPIRES, begin, change, payment, plan, post, record},
};

on_both_databases!(
    a_declined_payment_keeps_its_answer_while_another_is_tried,
    a_deposit_that_was_taken_back_is_as_if_it_had_not_been_and_may_come_again,
    a_deposit_is_not_taken_back_from_under_a_refund,
);

const LATER: Timestamp = CREATED.plus_ms(1_000);

fn key(text: &str) -> PaymentKey {
    PaymentKey::parse(text).unwrap()
}

async fn a_declined_payment_keeps_its_answer_while_another_is_tried(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 1_000)]);
    assert!(record(&fresh, "key-1", &plan).await);
    begin(&fresh, &plan).await.unwrap();
    let closed = Failure { retry_at: Some(LATER), ..Failure::new("NOT_AVAILABLE_BANK", "은행 점검").and_retry() };
    let (id, first) = (plan.checkout_id(), key("pk-1"));
    for _ in 0..2 {
        let (payment_key, failure) = (Some(first.clone()), Some(closed.clone()));
        fresh.writer.advance(&Change { payment_key, failure, ..change(&plan, 2, Status::Failed) }).await.unwrap();
    }
    let record = fresh.reader.checkout(id).await.unwrap().unwrap();
    assert_eq!(record.failure.as_ref(), Some(&closed));
    assert!(record.takes_retry(CREATED) && !record.takes_retry(EXPIRES));

    let again = Change { payment_key: Some(key("pk-2")), ..change(&plan, 3, Status::Executing) };
    fresh.writer.advance(&again).await.unwrap();
    let record = fresh.reader.checkout(id).await.unwrap().unwrap();
    assert_eq!((record.failure.as_ref(), record.psp.unwrap().payment_key), (None, key("pk-2")));
    let kept = fresh.reader.decline(id, &first).await.unwrap();
    assert_eq!(kept, Some(Failure { retryable: false, ..closed }));
    assert_eq!(fresh.reader.decline(id, &key("pk-2")).await.unwrap(), None);
}

/// A checkout of 1,000 won that waits for its deposit.
async fn waiting(fresh: &Fresh) -> Plan {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 1_000)]);
    assert!(record(fresh, "key-1", &plan).await);
    begin(fresh, &plan).await.unwrap();
    let awaited = Change { virtual_account: Some(account()), ..change(&plan, 2, Status::WaitingForDeposit) };
    fresh.writer.advance(&awaited).await.unwrap();
    plan
}

fn account() -> VirtualAccount {
    VirtualAccount {
        bank: "20".to_owned(),
        account_number: "X1234567".to_owned(),
        due_date: Some(EXPIRES),
        sealed_holder: None,
    }
}

async fn take_back(fresh: &Fresh, plan: &Plan, revision: u32) -> Result<(), StoreError> {
    let change = Change { occurred_at: LATER, ..change(plan, revision, Status::WaitingForDeposit) };
    let key = Entry::capture_key(plan.checkout_id(), 1);
    fresh.writer.take_deposit_back(&DepositReturn { change, key }).await
}

async fn a_deposit_that_was_taken_back_is_as_if_it_had_not_been_and_may_come_again(fresh: Fresh) {
    let plan = waiting(&fresh).await;
    let id = plan.checkout_id();
    post(&fresh, &plan, 3).await.unwrap();
    for _ in 0..2 {
        take_back(&fresh, &plan, 4).await.unwrap();
    }
    let record = fresh.reader.checkout(id).await.unwrap().unwrap();
    let psp = record.psp.clone().unwrap();
    assert_eq!((record.status, record.revision, psp.approved_at), (Status::WaitingForDeposit, 4, None));
    assert_eq!(psp.virtual_account, Some(account()));
    assert!(record.follows_psp() && !record.orders[0].wallet_updated && !record.orders[0].ledger_updated);
    assert_eq!(crate::books::wallet(&fresh, "seller-a").await.pending, won(0));
    assert!(promise_refund(&fresh, "r-0", "o-1", 1, LATER).await.is_err());

    let again = Entry::of_capture(&plan, 2, &[], LATER).unwrap();
    let again = payment(&plan, 5, again);
    for _ in 0..2 {
        fresh.writer.post(&again, Some(LATER)).await.unwrap();
    }
    let record = fresh.reader.checkout(id).await.unwrap().unwrap();
    assert!(record.status == Status::Success && record.follows_psp() && record.orders[0].wallet_updated);
    assert_eq!(crate::books::wallet(&fresh, "seller-a").await.pending, won(1_000));
    assert_eq!(fresh.writer.release_due(LATER, 10).await.unwrap(), 1);
    promise_refund(&fresh, "r-1", "o-1", 1, LATER).await.unwrap();
    crate::audit::agrees(&fresh).await;
}

async fn a_deposit_is_not_taken_back_from_under_a_refund(fresh: Fresh) {
    let plan = waiting(&fresh).await;
    post(&fresh, &plan, 3).await.unwrap();
    promise_refund(&fresh, "r-1", "o-1", 400, LATER).await.unwrap();
    let refused = take_back(&fresh, &plan, 4).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Refusal::Entry(EntryError::NotEnough))), "{refused:?}");
    let record = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!((record.status, record.revision), (Status::Success, 3));
    // A change that is out of step changes nothing.
    let out_of_step = take_back(&fresh, &plan, 6).await.unwrap_err();
    assert!(matches!(out_of_step, StoreError::Refused(_) | StoreError::OutOfStep { .. }), "{out_of_step:?}");
    crate::audit::agrees(&fresh).await;
}
