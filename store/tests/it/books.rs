//! What sellers earn, owe and are paid: releases, refunds, holds, payouts and corrections, as the books see them.

use domain::{
    Currency::Krw,
    Money, Timestamp,
    checkout::{Plan, Status},
    commission::{BasisPoints, CommissionTerms, OnRefund},
    failure::Failure,
    hold::HoldStatus,
    id::{CheckoutId, HoldId, PaymentOrderId, RefundId, SellerAccount},
    ledger::{Account, Entry, EntryError, EntryFields, Hold, PayoutEnd, Posting, PostingFields, Reason},
    principal::Principal,
    refund::{
        Executed, NewRefund, RefundChange, RefundExecution, RefundFailure, RefundPromise, RefundRecorded, RefundScope,
        RefundStatus, Unrefundable,
    },
    wallet::Wallet,
};
use futures::future::join_all;
use store::{Booked, Database, RefundRecord, Refusal, StoreError, Writer};
use tokio::task::JoinSet;

use crate::{
    database::Fresh,
    on_both_databases,
    writing::{CREATED, begin, change, payment, plan, record},
};

on_both_databases!(
    commission_is_kept_and_the_rest_is_released_when_its_time_has_come,
    a_rate_counts_from_its_day_and_is_never_changed,
    a_commission_that_is_kept_stays_ours_when_the_order_is_refunded,
    a_refund_takes_what_is_pending_then_what_is_available_then_makes_a_debt,
    a_sale_that_was_booked_without_tax_gives_up_none,
    a_debt_is_recovered_by_the_next_release,
    refunds_never_exceed_what_was_paid,
    a_promised_refund_that_is_taken_back_is_as_if_it_had_not_been,
    what_a_refund_taken_back_after_a_release_leaves_is_released_again,
    nothing_is_reversed_that_a_status_rests_on,
    a_capture_without_its_status_is_reversed,
    a_hold_is_captured_and_paid_out_or_comes_back,
    holds_run_out_of_time,
    many_holds_at_once_never_hold_more_than_there_is,
    a_mistake_is_reversed_once_and_for_good,
    nothing_happens_on_a_closed_day_any_more,
    a_key_stands_for_one_entry_also_from_two_processes_at_once,
    one_refused_booking_leaves_the_others_of_its_batch_alone,
);

pub(crate) const LATER: Timestamp = CREATED.plus_ms(1_000);

pub(crate) fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

pub(crate) fn seller(name: &str) -> SellerAccount {
    SellerAccount::parse(name).unwrap()
}

pub(crate) fn order(id: &str) -> PaymentOrderId {
    PaymentOrderId::parse(id).unwrap()
}

pub(crate) fn refund(id: &str) -> RefundId {
    RefundId::parse(id).unwrap()
}

pub(crate) fn hold(id: &str) -> HoldId {
    HoldId::parse(id).unwrap()
}

/// A paid checkout of one order, of which we keep `bps`, released at [`CREATED`].
pub(crate) async fn paid(fresh: &Fresh, id: &str, seller: &str, minor: u64, bps: u16) -> Plan {
    let plan = plan(&format!("checkout-{id}"), &[(id, seller, minor)]);
    assert!(record(fresh, &format!("key-{id}"), &plan).await);
    begin(fresh, &plan).await.unwrap();
    let rates = [BasisPoints::try_new(bps).unwrap()];
    let entry = Entry::of_captured_payment(&plan, &rates, CREATED).unwrap();
    fresh.writer.post(&payment(&plan, 2, entry), Some(CREATED)).await.unwrap();
    plan
}

pub(crate) async fn wallet(fresh: &Fresh, name: &str) -> Wallet {
    let wallets = fresh.reader.wallets(&seller(name)).await.unwrap();
    wallets.first().map_or(Wallet::empty(Krw), |record| record.wallet)
}

/// Pending, available, held, in transit, paid out, owed.
async fn parts(fresh: &Fresh, name: &str) -> [u64; 6] {
    let wallet = wallet(fresh, name).await;
    [wallet.pending, wallet.available, wallet.held, wallet.in_transit, wallet.paid_out, wallet.debt].map(Money::minor)
}

async fn balance(fresh: &Fresh, account: &str) -> u64 {
    let balances = fresh.reader.trial_balance().await.unwrap();
    let found = balances.into_iter().find(|balance| balance.account.to_string() == account);
    found.map_or(0, |found| found.balance().unwrap().minor())
}

fn refused(result: Result<Booked, StoreError>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// Records a refund of a part of an order, and promises it.
pub(crate) async fn promise_refund(
    fresh: &Fresh,
    id: &str,
    of: &str,
    minor: u64,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let checkout_id = fresh.reader.checkout_of_order(&order(of)).await?;
    let checkout_id = checkout_id.ok_or_else(|| StoreError::from(Refusal::NoSuchOrder { order: order(of) }))?;
    let wanted = RefundScope { order: Some(order(of)), amount: Some(won(minor)) };
    let promise = RefundPromise {
        refund_id: refund(id),
        checkout_id: checkout_id.clone(),
        wanted: wanted.clone(),
        promised_at: at,
    };
    let new = NewRefund {
        refund_id: refund(id),
        checkout_id,
        wanted,
        requested_by: Principal::parse("key:key1").unwrap(),
        fingerprint: format!("{of} {minor}"),
        reason: "단순 변심".to_owned(),
        requested_at: at,
    };
    if fresh.writer.record_refund(&new).await? == RefundRecorded::Others {
        return Err(Refusal::KeyReused { key: id.to_owned() }.into());
    }
    let before = fresh.reader.refund(&refund(id)).await?.unwrap().status;
    fresh.writer.promise_refund(&promise).await?;
    Ok(if before == RefundStatus::Requested { Booked::Now } else { Booked::Before })
}

/// Books that the PSP gave back what was promised.
pub(crate) async fn execute_refund(fresh: &Fresh, id: &str, at: Timestamp) -> Result<Booked, StoreError> {
    let stored = fresh.reader.refund(&refund(id)).await?;
    let checkout_id = checkout_of(stored.as_ref());
    let amount = stored.and_then(|refund| refund.amount).unwrap_or(won(1));
    let executed = Executed { amount, executed_at: at, transaction_key: Some(format!("transaction-{id}")) };
    let execution = RefundExecution { refund_id: refund(id), checkout_id, executed, learned_at: at };
    fresh.writer.execute_refund(&execution).await
}

/// The checkout of a refund; any where there is no such refund, which the writer has to find out.
fn checkout_of(refund: Option<&RefundRecord>) -> CheckoutId {
    refund.map_or_else(|| CheckoutId::parse("no-such-checkout").unwrap(), |refund| refund.checkout_id.clone())
}

/// Done twice, it is done once.
async fn twice(what: impl AsyncFn() -> Result<Booked, StoreError>) {
    assert_eq!(what().await.unwrap(), Booked::Now);
    assert_eq!(what().await.unwrap(), Booked::Before);
}

async fn commission_is_kept_and_the_rest_is_released_when_its_time_has_come(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_001, 250).await;
    assert_eq!(parts(&fresh, "seller-a").await, [9_751, 0, 0, 0, 0, 0], "rounding is the seller's");
    assert_eq!((balance(&fresh, "platform:commission").await, balance(&fresh, "vat:output").await), (227, 23));
    assert_eq!(fresh.writer.release_due(Timestamp::from_epoch_ms(CREATED.epoch_ms() - 1), 10).await.unwrap(), 0);
    assert_eq!(fresh.writer.release_due(CREATED, 10).await.unwrap(), 1);
    assert_eq!(fresh.writer.release_due(CREATED, 10).await.unwrap(), 0);
    assert_eq!(parts(&fresh, "seller-a").await, [0, 9_751, 0, 0, 0, 0]);
}

async fn a_rate_counts_from_its_day_and_is_never_changed(fresh: Fresh) {
    let [own, every] = [500, 100].map(|points| terms(points, OnRefund::Returned));
    let (a, b) = (seller("seller-a"), seller("seller-b"));
    let rates = async |at| fresh.reader.commissions(&[&a, &b], at).await.unwrap().map_points();
    assert_eq!(rates(CREATED).await, [0, 0]);
    assert!(fresh.writer.set_commission(None, every, CREATED).await.unwrap());
    assert!(fresh.writer.set_commission(Some(&a), own, LATER).await.unwrap());
    assert!(!fresh.writer.set_commission(Some(&a), every, LATER).await.unwrap(), "it stays as it was set");
    assert_eq!(rates(CREATED).await, [100, 100]);
    assert_eq!(rates(LATER).await, [500, 100]);
}

fn terms(points: u16, on_refund: OnRefund) -> CommissionTerms {
    CommissionTerms { rate: BasisPoints::try_new(points).unwrap(), on_refund }
}

async fn a_commission_that_is_kept_stays_ours_when_the_order_is_refunded(fresh: Fresh) {
    let kept = terms(1_000, OnRefund::Kept);
    fresh.writer.set_commission(Some(&seller("seller-a")), kept, CREATED).await.unwrap();
    paid(&fresh, "o-1", "seller-a", 10_000, 1_000).await;
    paid(&fresh, "o-2", "seller-b", 10_000, 1_000).await;
    // What is set later is of later sales.
    let returned = terms(1_000, OnRefund::Returned);
    fresh.writer.set_commission(Some(&seller("seller-a")), returned, LATER).await.unwrap();
    let ours = async || [balance(&fresh, "platform:commission").await, balance(&fresh, "vat:output").await];
    assert_eq!(ours().await, [1_818, 182]);
    twice(async || promise_refund(&fresh, "r-1", "o-1", 4_000, LATER).await).await;
    assert_eq!((parts(&fresh, "seller-a").await, ours().await), ([5_000, 0, 0, 0, 0, 0], [1_818, 182]));
    twice(async || execute_refund(&fresh, "r-1", LATER).await).await;
    promise_refund(&fresh, "r-2", "o-1", 6_000, LATER).await.unwrap();
    assert_eq!(parts(&fresh, "seller-a").await, [0, 0, 0, 0, 0, 1_000], "the seller owes what we keep");
    promise_refund(&fresh, "r-3", "o-2", 10_000, LATER).await.unwrap();
    assert_eq!((parts(&fresh, "seller-b").await, ours().await), ([0; 6], [909, 91]), "another seller's goes back");
    // What is taken back is as if it had not been.
    fail_refund(&fresh, "r-2", LATER).await.unwrap();
    assert_eq!((parts(&fresh, "seller-a").await, ours().await), ([5_000, 0, 0, 0, 0, 0], [909, 91]));
    let findings = fresh.reader.audit(&[], &mut |_| {}).await.unwrap().findings;
    assert_eq!(findings.count, 0, "{:?}", findings.named);
}

trait Points {
    fn map_points(self) -> Vec<u16>;
}

impl Points for Vec<BasisPoints> {
    fn map_points(self) -> Vec<u16> {
        self.into_iter().map(BasisPoints::points).collect()
    }
}

async fn a_refund_takes_what_is_pending_then_what_is_available_then_makes_a_debt(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 1_000).await;
    let promise = async |id: &str, of: &str, minor| {
        twice(async || promise_refund(&fresh, id, of, minor, LATER).await).await;
    };
    promise("r-1", "o-1", 1_000).await;
    assert_eq!(parts(&fresh, "seller-a").await, [8_100, 0, 0, 0, 0, 0]);
    let ours = async || [balance(&fresh, "platform:commission").await, balance(&fresh, "vat:output").await];
    assert_eq!(ours().await, [818, 82], "a tenth of our share is given up, and of its tax");
    assert_eq!(balance(&fresh, "refunds:payable").await, 1_000);
    twice(async || execute_refund(&fresh, "r-1", LATER).await).await;
    assert_eq!((balance(&fresh, "refunds:payable").await, balance(&fresh, "psp:receivable").await), (0, 9_000));

    fresh.writer.release_due(LATER, 10).await.unwrap();
    promise("r-2", "o-1", 3_000).await;
    assert_eq!(parts(&fresh, "seller-a").await, [0, 5_400, 0, 0, 0, 0]);
    let payout = Hold { id: hold("p-1"), seller: seller("seller-a"), amount: won(5_000) };
    fresh.writer.reserve(&payout, None, LATER).await.unwrap();
    fresh.writer.capture_hold(&payout.id, won(5_000), LATER).await.unwrap();
    promise("r-3", "o-1", 6_000).await;
    assert_eq!(parts(&fresh, "seller-a").await, [0, 0, 0, 5_000, 0, 5_000], "the rest is a debt");
    assert_eq!(ours().await, [0, 0], "all of our share is given up");
}

/// Earlier versions booked all of the commission as income. Such an entry stays as it is, and so does what it means.
async fn a_sale_that_was_booked_without_tax_gives_up_none(fresh: Fresh) {
    let plan = plan("checkout-o-1", &[("o-1", "seller-a", 10_000)]);
    assert!(record(&fresh, "key-o-1", &plan).await);
    begin(&fresh, &plan).await.unwrap();
    let parts = [(Account::SellerPending(seller("seller-a")), 9_000), (Account::PlatformCommission, 1_000)];
    let postings = parts.map(|(credit, minor)| {
        let (debit, amount, order) = (Account::PspReceivable, won(minor), Some(order("o-1")));
        Posting::try_new(PostingFields { debit, credit, amount, order }).unwrap()
    });
    let now = Entry::of_captured_payment(&plan, &[], CREATED).unwrap();
    let entry = Entry::try_new(EntryFields { postings: postings.to_vec(), ..now.fields().clone() }).unwrap();
    fresh.writer.post(&payment(&plan, 2, entry), Some(CREATED)).await.unwrap();
    let ours = async || [balance(&fresh, "platform:commission").await, balance(&fresh, "vat:output").await];
    assert_eq!(ours().await, [1_000, 0]);
    promise_refund(&fresh, "r-1", "o-1", 3_333, LATER).await.unwrap();
    assert_eq!(ours().await, [667, 0]);
    promise_refund(&fresh, "r-2", "o-1", 6_667, LATER).await.unwrap();
    assert_eq!(ours().await, [0, 0]);
    let findings = fresh.reader.audit(&[], &mut |_| {}).await.unwrap().findings;
    assert_eq!(findings.count, 0, "{:?}", findings.named);
}

async fn a_debt_is_recovered_by_the_next_release(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    fresh.writer.release_due(LATER, 10).await.unwrap();
    let payout = Hold { id: hold("p-1"), seller: seller("seller-a"), amount: won(10_000) };
    fresh.writer.reserve(&payout, None, LATER).await.unwrap();
    fresh.writer.capture_hold(&payout.id, won(10_000), LATER).await.unwrap();
    promise_refund(&fresh, "r-1", "o-1", 10_000, LATER).await.unwrap();
    assert_eq!(parts(&fresh, "seller-a").await, [0, 0, 0, 10_000, 0, 10_000]);
    paid(&fresh, "o-2", "seller-a", 4_000, 0).await;
    fresh.writer.release_due(LATER, 10).await.unwrap();
    assert_eq!(parts(&fresh, "seller-a").await, [0, 0, 0, 10_000, 0, 6_000]);
    paid(&fresh, "o-3", "seller-a", 7_000, 0).await;
    fresh.writer.release_due(LATER, 10).await.unwrap();
    assert_eq!(parts(&fresh, "seller-a").await, [0, 1_000, 0, 10_000, 0, 0]);
}

async fn refunds_never_exceed_what_was_paid(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 333).await;
    let promise = async |id: &str, minor| promise_refund(&fresh, id, "o-1", minor, LATER).await;
    assert_eq!(promise("r-1", 7_000).await.unwrap(), Booked::Now);
    let left = won(3_000);
    assert_eq!(refused(promise("r-2", 3_001).await), Refusal::Unrefundable(Unrefundable::Exceeds(left)));
    assert!(matches!(refused(promise("r-1", 6_999).await), Refusal::KeyReused { .. }));
    assert_eq!(refused(promise("r-3", 0).await), Refusal::Unrefundable(Unrefundable::Amount));
    assert!(matches!(refused(promise_refund(&fresh, "r-4", "nowhere", 1, LATER).await), Refusal::NoSuchOrder { .. }));
    let at_once = (0..10)
        .map(async |number| promise_refund(&fresh, &format!("many-{number}"), "o-1", 1_000, LATER).await.is_ok());
    assert_eq!(join_all(at_once).await.into_iter().filter(|ok| *ok).count(), 3);
    assert_eq!((balance(&fresh, "refunds:payable").await, balance(&fresh, "platform:commission").await), (10_000, 0));
    assert_eq!(parts(&fresh, "seller-a").await, [0; 6]);
}

async fn a_promised_refund_that_is_taken_back_is_as_if_it_had_not_been(fresh: Fresh) {
    let plan = paid(&fresh, "o-1", "seller-a", 10_000, 250).await;
    let promise = async |id: &str| promise_refund(&fresh, id, "o-1", 10_000, LATER).await;
    promise("r-1").await.unwrap();
    twice(async || fail_refund(&fresh, "r-1", LATER).await).await;
    assert_eq!(parts(&fresh, "seller-a").await, [9_750, 0, 0, 0, 0, 0]);
    assert!(matches!(refused(execute_refund(&fresh, "r-1", LATER).await), Refusal::RefundEnded { .. }));
    let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert!(stored.orders[0].refunded.is_zero());
    assert_eq!(promise("r-2").await.unwrap(), Booked::Now);
}

async fn what_a_refund_taken_back_after_a_release_leaves_is_released_again(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    for (id, available) in [("r-1", 10_000), ("r-2", 10_000)] {
        promise_refund(&fresh, id, "o-1", 4_000, LATER).await.unwrap();
        fresh.writer.release_due(LATER, 10).await.unwrap();
        fail_refund(&fresh, id, LATER).await.unwrap();
        fresh.writer.release_due(LATER, 10).await.unwrap();
        assert_eq!(parts(&fresh, "seller-a").await, [0, available, 0, 0, 0, 0]);
    }
    assert_eq!(fresh.writer.release_due(LATER, 10).await.unwrap(), 0);
}

async fn nothing_is_reversed_that_a_status_rests_on(fresh: Fresh) {
    let plan = paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    let promise = async |id: &str| promise_refund(&fresh, id, "o-1", 4_000, LATER).await;
    let rests = async |key: &str, told: &str| {
        let preview = fresh.reader.reversal_preview(key, LATER).await.unwrap().unwrap();
        let refusal = refused(fresh.writer.reverse(key, LATER).await);
        // Two principals may do without the entry of a payment.
        if !key.starts_with("payment_captured:") || !told.contains("SUCCESS") {
            assert_eq!(preview.refusal.as_ref(), Some(&refusal), "the preview tells the same");
        }
        assert!(matches!(refusal, Refusal::StatusRests { .. }), "{refusal}");
        assert!(refusal.to_string().starts_with(told), "{refusal}");
    };
    let capture = "payment_captured:checkout-o-1";
    rests(capture, "checkout checkout-o-1 is SUCCESS because of payment_captured:checkout-o-1; ").await;
    promise("r-1").await.unwrap();
    for status in [RefundStatus::Executing, RefundStatus::Unknown, RefundStatus::Stuck] {
        let checkout_id = plan.checkout_id().clone();
        let change = RefundChange { refund_id: refund("r-1"), checkout_id, status, failure: None };
        fresh.writer.advance_refund(&change).await.unwrap();
        rests("refund_promised:r-1", &format!("refund r-1 is {status} because of ")).await;
    }
    execute_refund(&fresh, "r-1", LATER).await.unwrap();
    rests("refund_promised:r-1", "refund r-1 is SUCCEEDED because of ").await;
    rests("refund_executed:r-1", "refund r-1 is SUCCEEDED because of ").await;
    rests(capture, "checkout checkout-o-1 is PARTIALLY_REFUNDED because of ").await;
    let revision = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap().revision + 1;
    fresh.writer.advance(&change(&plan, revision, Status::Stuck)).await.unwrap();
    rests(capture, "checkout checkout-o-1 is STUCK because of ").await;
    assert_eq!(parts(&fresh, "seller-a").await, [6_000, 0, 0, 0, 0, 0], "nothing was booked");
}

/// A capture that no status says can only come of a mistake, and is taken back.
async fn a_capture_without_its_status_is_reversed(fresh: Fresh) {
    let plan = plan("checkout-o-9", &[("o-9", "seller-a", 500)]);
    record(&fresh, "key-9", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    fresh.writer.advance(&change(&plan, 2, Status::Failed)).await.unwrap();
    fresh.writer.book(Entry::of_captured_payment(&plan, &[], CREATED).unwrap()).await.unwrap();
    let key = "payment_captured:checkout-o-9";
    let preview = fresh.reader.reversal_preview(key, LATER).await.unwrap().unwrap();
    assert_eq!(preview.refusal, None);
    assert_eq!(preview.wallets[0].before.pending, won(500));
    assert_eq!(preview.wallets[0].after.unwrap().pending, won(0));
    assert_eq!((preview.orders[0].order.as_str(), preview.orders[0].change.unreleased), ("o-9", -500));
    twice(async || fresh.writer.reverse(key, LATER).await).await;
    let again = fresh.reader.reversal_preview(key, LATER).await.unwrap().unwrap();
    assert!(again.booked.is_some() && again.wallets.is_empty() && again.refusal.is_none());
    assert_eq!(fresh.reader.audit(&[], &mut |_| {}).await.unwrap().findings.named, []);
}

pub(crate) async fn fail_refund(fresh: &Fresh, id: &str, at: Timestamp) -> Result<Booked, StoreError> {
    let failure = Failure::new("refused", "Toss refused.");
    let checkout_id = checkout_of(fresh.reader.refund(&refund(id)).await?.as_ref());
    fresh.writer.fail_refund(&RefundFailure { refund_id: refund(id), checkout_id, failure, failed_at: at }).await
}

async fn a_hold_is_captured_and_paid_out_or_comes_back(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    fresh.writer.release_due(LATER, 10).await.unwrap();
    let reserve = async |id: &str, minor| {
        let hold = Hold { id: hold(id), seller: seller("seller-a"), amount: won(minor) };
        fresh.writer.reserve(&hold, None, LATER).await
    };
    twice(async || reserve("h-1", 6_000).await).await;
    assert!(matches!(refused(reserve("h-1", 5_000).await), Refusal::KeyReused { .. }));
    assert!(matches!(refused(reserve("h-2", 4_001).await), Refusal::Overdrawn(_)));
    assert_eq!(parts(&fresh, "seller-a").await, [0, 4_000, 6_000, 0, 0, 0]);
    assert_eq!(
        refused(fresh.writer.capture_hold(&hold("h-1"), won(0), LATER).await),
        Refusal::Entry(EntryError::ZeroAmount)
    );
    assert_eq!(
        refused(fresh.writer.capture_hold(&hold("h-1"), won(6_001), LATER).await),
        Refusal::Entry(EntryError::NotEnough)
    );
    twice(async || fresh.writer.capture_hold(&hold("h-1"), won(5_000), LATER).await).await;
    assert_eq!(parts(&fresh, "seller-a").await, [0, 5_000, 0, 5_000, 0, 0], "what is not captured is available again");
    twice(async || fresh.writer.end_payout(&hold("h-1"), PayoutEnd::Arrived, LATER).await).await;
    assert_eq!(parts(&fresh, "seller-a").await, [0, 5_000, 0, 0, 5_000, 0]);
    let late = fresh.writer.capture_hold(&hold("h-1"), won(5_000), LATER).await;
    assert_eq!(late.unwrap(), Booked::Before, "it was sent, whatever became of it");
    let ended = Refusal::HoldEnded { hold: hold("h-1"), status: HoldStatus::PaidOut };
    assert_eq!(refused(fresh.writer.capture_hold(&hold("h-1"), won(4_999), LATER).await), ended);
    assert_eq!(refused(fresh.writer.end_payout(&hold("h-1"), PayoutEnd::CameBack, LATER).await), ended);
    assert_eq!(refused(fresh.writer.release_hold(&hold("h-1"), LATER).await), ended);

    reserve("h-2", 2_000).await.unwrap();
    twice(async || fresh.writer.release_hold(&hold("h-2"), LATER).await).await;
    reserve("h-3", 5_000).await.unwrap();
    fresh.writer.capture_hold(&hold("h-3"), won(5_000), LATER).await.unwrap();
    twice(async || fresh.writer.end_payout(&hold("h-3"), PayoutEnd::CameBack, LATER).await).await;
    assert_eq!(parts(&fresh, "seller-a").await, [0, 5_000, 0, 0, 5_000, 0]);
    assert!(matches!(refused(fresh.writer.release_hold(&hold("never"), LATER).await), Refusal::NoSuchHold { .. }));
    let due = Refusal::ReleaseDue { order: order("o-1") };
    assert_eq!(refused(fresh.writer.reverse("pending_released:o-1", LATER).await), due);
    for key in ["hold_reserved:h-1", "payout_sent:h-1", "payout_arrived:h-1", "payout_failed:h-3"] {
        assert_eq!(refused(fresh.writer.reverse(key, LATER).await), Refusal::Entry(EntryError::NotReversible), "{key}");
    }
}

async fn holds_run_out_of_time(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    fresh.writer.release_due(LATER, 10).await.unwrap();
    for (id, expires_at) in [("h-1", Some(LATER)), ("h-2", Some(LATER.plus_ms(1))), ("h-3", None)] {
        let hold = Hold { id: hold(id), seller: seller("seller-a"), amount: won(1_000) };
        fresh.writer.reserve(&hold, expires_at, CREATED).await.unwrap();
    }
    assert_eq!(fresh.writer.expire_holds(LATER, 10).await.unwrap(), 1);
    assert_eq!(fresh.writer.expire_holds(LATER, 10).await.unwrap(), 0);
    assert_eq!(parts(&fresh, "seller-a").await, [0, 8_000, 2_000, 0, 0, 0]);
    assert!(matches!(
        refused(fresh.writer.capture_hold(&hold("h-1"), won(1), LATER).await),
        Refusal::HoldEnded { status: HoldStatus::Expired, .. }
    ));
}

async fn many_holds_at_once_never_hold_more_than_there_is(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    fresh.writer.release_due(LATER, 10).await.unwrap();
    let other = Writer::new(Database::connect(&fresh.url).await.unwrap());
    let mut at_once = JoinSet::new();
    for number in 0..40 {
        let writer = if number % 2 == 0 { fresh.writer.clone() } else { other.clone() };
        at_once.spawn(async move {
            let hold = Hold { id: hold(&format!("h-{number}")), seller: seller("seller-a"), amount: won(900) };
            writer.reserve(&hold, None, LATER).await
        });
    }
    let (held, refused): (Vec<_>, Vec<_>) = at_once.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((held.len(), refused.len()), (11, 29));
    assert!(refused.iter().all(|refusal| matches!(refusal, Err(StoreError::Refused(Refusal::Overdrawn(_))))));
    assert_eq!(parts(&fresh, "seller-a").await, [0, 100, 9_900, 0, 0, 0]);
}

async fn a_mistake_is_reversed_once_and_for_good(fresh: Fresh) {
    let settlement = testkit::settlement::to_bank("2026-11-21", won(9_000), won(300), LATER).unwrap();
    twice(async || fresh.writer.book(settlement.clone()).await).await;
    twice(async || fresh.writer.reverse("psp_settled:2026-11-21", LATER).await).await;
    assert_eq!((balance(&fresh, "bank").await, balance(&fresh, "psp:fees").await), (0, 0));
    assert_eq!(
        refused(fresh.writer.reverse("reversed:psp_settled:2026-11-21", LATER).await),
        Refusal::Entry(EntryError::ReversalOfReversal)
    );
    assert!(matches!(refused(fresh.writer.reverse("nothing", LATER).await), Refusal::NoSuchEntry { .. }));
    // A reversal under another key is refused by the database itself.
    let again = Entry::of_reversal(&settlement, LATER).unwrap();
    let again = Entry::try_new(EntryFields { key: "again".to_owned(), ..again.fields().clone() }).unwrap();
    fresh.writer.book(again).await.unwrap_err();
    assert_eq!(balance(&fresh, "bank").await, 0);
}

async fn nothing_happens_on_a_closed_day_any_more(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 1_000)]);
    record(&fresh, "key-1", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    fresh.writer.close_books_before(LATER).await.unwrap();
    fresh.writer.close_books_before(CREATED).await.unwrap();
    let settlement = |at| testkit::settlement::to_bank("one", won(9_000), won(300), at).unwrap();
    assert!(matches!(refused(fresh.writer.book(settlement(CREATED)).await), Refusal::DayClosed { .. }));
    assert_eq!(fresh.writer.book(settlement(LATER)).await.unwrap(), Booked::Now);
    // Money that was captured is booked all the same, and the PSP's own time is kept.
    for _ in 0..2 {
        crate::writing::post(&fresh, &plan, 2).await.unwrap();
    }
    assert_eq!(parts(&fresh, "seller-a").await, [1_000, 0, 0, 0, 0, 0]);
    let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!(stored.psp.unwrap().approved_at, Some(CREATED));
}

async fn a_key_stands_for_one_entry_also_from_two_processes_at_once(fresh: Fresh) {
    let other = Writer::new(Database::connect(&fresh.url).await.unwrap());
    let settlement = testkit::settlement::to_bank("one", won(9_000), won(300), LATER).unwrap();
    let mut at_once = JoinSet::new();
    for number in 0..40 {
        let (entry, writer) = (settlement.clone(), if number % 2 == 0 { fresh.writer.clone() } else { other.clone() });
        at_once.spawn(async move { writer.book(entry).await.unwrap() });
    }
    let booked = at_once.join_all().await;
    assert_eq!(booked.into_iter().filter(|booked| *booked == Booked::Now).count(), 1);
    assert_eq!(balance(&fresh, "bank").await, 8_700);
    let changed = testkit::settlement::to_bank("one", won(9_000), won(301), LATER).unwrap();
    assert!(matches!(refused(fresh.writer.book(changed).await), Refusal::KeyReused { .. }));
}

async fn one_refused_booking_leaves_the_others_of_its_batch_alone(fresh: Fresh) {
    let mut at_once = JoinSet::new();
    for number in 0..60_u64 {
        let writer = fresh.writer.clone();
        at_once.spawn(async move {
            let (from, to) = if number % 3 == 0 { ("available", "pending") } else { ("debt", "pending") };
            let account = |part: &str| format!("seller:seller-{number}:{part}").parse().unwrap();
            let fields = PostingFields { debit: account(from), credit: account(to), amount: won(1), order: None };
            let entry = Entry::try_new(EntryFields {
                key: format!("mixed:{number}"),
                reason: Reason::PaymentCaptured,
                checkout_id: None,
                reverses: None,
                occurred_at: LATER,
                postings: vec![Posting::try_new(fields).unwrap()],
            });
            (number, writer.book(entry.unwrap()).await)
        });
    }
    for (number, result) in at_once.join_all().await {
        if number % 3 == 0 {
            assert!(matches!(refused(result), Refusal::Overdrawn(_)), "{number}");
        } else {
            assert_eq!(result.unwrap(), Booked::Now, "{number}");
        }
    }
    assert_eq!(fresh.reader.trial_balance().await.unwrap().len(), 80);
}
