//! Cash receipts: what the PSP says of them is kept once, final once the tax office has answered, and asked for again
//! when money moves.

use domain::{
    Currency::Krw,
    Money, Timestamp,
    cash_receipt::{CashReceipt, ReceiptEntry, ReceiptStanding, ReceiptStatus, ReceiptsSeen},
    checkout::{Change, Payment, Status},
    id::PaymentKey,
    ledger::Entry,
};
use sea_orm::ConnectionTrait;
use store::ReceiptLook;

use crate::{
    database::Fresh,
    on_both_databases,
    writing::{CREATED, begin, change, payment, plan, post, record},
};

on_both_databases!(
    only_what_was_paid_like_cash_is_followed,
    what_the_tax_office_answered_stays,
    a_movement_during_a_question_is_asked_about_too,
);

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn receipt(status: ReceiptStatus) -> CashReceipt {
    CashReceipt {
        key: "receipt-1".to_owned(),
        entry: ReceiptEntry::Issue,
        purpose: None,
        amount: won(1_000),
        tax_free: won(0),
        number: Some("123456789".to_owned()),
        url: None,
        status,
        failure: None,
        requested_at: Some(CREATED),
    }
}

fn seen(status: ReceiptStatus, standing: ReceiptStanding) -> ReceiptsSeen {
    ReceiptsSeen { receipts: vec![receipt(status)], standing }
}

/// A payment by a method of the PSP's. Answers what is due to be asked then.
async fn paid_by(fresh: &Fresh, method: &str) -> Vec<ReceiptLook> {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 1_000)]);
    record(fresh, "key", &plan).await;
    begin(fresh, &plan).await.unwrap();
    let entry = Entry::of_captured_payment(&plan, &[], CREATED).unwrap();
    let by = Payment { method: Some(method.to_owned()), ..payment(&plan, 2, entry) };
    fresh.writer.post(&by, None).await.unwrap();
    due(fresh).await
}

async fn due(fresh: &Fresh) -> Vec<ReceiptLook> {
    fresh.writer.receipts_to_look_at(10).await.unwrap()
}

/// The standing and the status of the one receipt.
async fn told(fresh: &Fresh, look: &ReceiptLook) -> (Option<ReceiptStanding>, Vec<ReceiptStatus>) {
    let found = fresh.reader.cash_receipts(&look.checkout_id).await.unwrap();
    (found.standing, found.receipts.into_iter().map(|receipt| receipt.status).collect())
}

async fn only_what_was_paid_like_cash_is_followed(fresh: Fresh) {
    let looks = paid_by(&fresh, "가상계좌").await;
    assert_eq!(looks.len(), 1);
    assert_eq!((looks[0].payment_key.as_str(), looks[0].paid_at, looks[0].round), ("pk-1", CREATED, 0));
    let by_card = plan("checkout-2", &[("o-2", "seller-a", 1_000)]);
    record(&fresh, "key-2", &by_card).await;
    fresh.writer.advance(&change(&by_card, 1, Status::Executing)).await.unwrap();
    let entry = Entry::of_captured_payment(&by_card, &[], CREATED).unwrap();
    let by = Payment { method: Some("카드".to_owned()), ..payment(&by_card, 2, entry) };
    fresh.writer.post(&by, None).await.unwrap();
    assert_eq!(due(&fresh).await, looks, "a card needs no receipt");
    // Of a payment of another kind that has a receipt, the number tells.
    let pointed = plan("checkout-3", &[("o-3", "seller-a", 1_000)]);
    record(&fresh, "key-3", &pointed).await;
    let key = PaymentKey::parse("pk-3").ok();
    let began = change(&pointed, 1, Status::Executing);
    fresh.writer.advance(&Change { payment_key: key, ..began }).await.unwrap();
    post(&fresh, &pointed, 2).await.unwrap();
    assert_eq!(due(&fresh).await.len(), 2);
}

async fn what_the_tax_office_answered_stays(fresh: Fresh) {
    let look = paid_by(&fresh, "계좌이체").await.remove(0);
    let later = Timestamp::from_epoch_ms(4_000_000_000_000);
    let see = async |seen: &ReceiptsSeen| fresh.writer.see_receipts(&look, seen, Some(later)).await.unwrap();
    see(&seen(ReceiptStatus::InProgress, ReceiptStanding::InProgress)).await;
    assert!(due(&fresh).await.is_empty(), "asked again later");
    let in_progress = (Some(ReceiptStanding::InProgress), vec![ReceiptStatus::InProgress]);
    assert_eq!(told(&fresh, &look).await, in_progress);
    for _ in 0..2 {
        see(&seen(ReceiptStatus::Completed, ReceiptStanding::Issued)).await;
        assert_eq!(told(&fresh, &look).await, (Some(ReceiptStanding::Issued), vec![ReceiptStatus::Completed]));
    }
    // An answer to an earlier question that comes late.
    see(&seen(ReceiptStatus::InProgress, ReceiptStanding::InProgress)).await;
    assert_eq!(told(&fresh, &look).await.1, [ReceiptStatus::Completed]);

    assert!(fresh.reader.wrong_receipts(later, 10).await.unwrap().is_empty());
    see(&seen(ReceiptStatus::Completed, ReceiptStanding::Differs)).await;
    let wrong = fresh.reader.wrong_receipts(later, 10).await.unwrap();
    assert_eq!((wrong.len(), wrong[0].standing), (1, ReceiptStanding::Differs));
    assert!(fresh.reader.wrong_receipts(wrong[0].since, 10).await.unwrap().is_empty(), "not wrong for long");
    let since = wrong[0].since;
    see(&seen(ReceiptStatus::Completed, ReceiptStanding::Differs)).await;
    assert_eq!(fresh.reader.wrong_receipts(later, 10).await.unwrap()[0].since, since, "wrong since the first time");
}

async fn a_movement_during_a_question_is_asked_about_too(fresh: Fresh) {
    let look = paid_by(&fresh, "가상계좌").await.remove(0);
    // Money moves between the question and its answer.
    let moved = "UPDATE cash_receipt_watches SET round = round + 1";
    fresh.database.connection().execute_unprepared(moved).await.unwrap();
    fresh.writer.see_receipts(&look, &seen(ReceiptStatus::Completed, ReceiptStanding::Issued), None).await.unwrap();
    let again = due(&fresh).await;
    assert_eq!((again.len(), again[0].round), (1, 1), "the question of the movement is still due");
    assert_eq!(told(&fresh, &look).await, (None, vec![ReceiptStatus::Completed]), "an answer of before says nothing");
    fresh.writer.look_at_receipts_later(&look, Timestamp::from_epoch_ms(4_000_000_000_000)).await.unwrap();
    assert_eq!(due(&fresh).await, again, "nor does its silence");
    fresh.writer.see_receipts(&again[0], &seen(ReceiptStatus::Completed, ReceiptStanding::Issued), None).await.unwrap();
    assert!(due(&fresh).await.is_empty());
    assert_eq!(told(&fresh, &look).await.0, Some(ReceiptStanding::Issued));
}
