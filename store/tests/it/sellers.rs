//! Sellers: said twice is said once, sealed, masked, and held back.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Currency, Money, Timestamp,
    calendar::PurchaseReport,
    failure::Failure,
    id::{HoldId, PaymentOrderId, PspSellerId, RefSellerId, SellerAccount},
    ledger::Hold,
    payout::{
        PaidBy,
        schedule::{Cycle, HolidayRule, Schedule},
    },
    principal::Principal,
    seller::{
        Approval, BankAccount, BankAccountParts, BusinessType, Contact, ContactParts, Details, HoldAnswer, LiftedHold,
        NewHold, PayoutStatus, SellerName,
        registration::{RegistrationChange, RegistrationEvent, RegistrationStep, SellerAnswer},
    },
};
use store::{
    HoldLifted, HoldPlaced, Keyring, NewSellerDetails, ReportedPurchase, SellerFilter, SellerHoldStatus, Window,
};

use crate::{
    books::{execute_refund, paid, promise_refund, wallet},
    database::Fresh,
    events::log,
    on_both_databases,
    writing::{begin, plan, post, record},
};

on_both_databases!(
    details_said_twice_are_said_once,
    details_are_sealed_under_the_newest_key,
    a_hold_without_an_amount_stops_every_payout,
    a_run_gets_terms_of_every_seller_that_it_names,
    sellers_are_listed_by_name_and_status,
    the_psp_decides_whether_a_seller_may_be_paid,
    an_amount_is_held_in_the_wallet_and_freed_once,
    a_purchase_that_waits_is_released_by_its_report,
    an_open_refund_keeps_earnings_back,
);

const ACCOUNT_NUMBER: &str = "110123456789";

fn keys(name: &str) -> Keyring {
    Keyring::parse(&Keyring::generate(name).unwrap()).unwrap()
}

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Currency::Krw).unwrap()
}

fn seller(name: &str) -> SellerAccount {
    SellerAccount::parse(name).unwrap()
}

pub(crate) fn details(account_number: &str) -> NewSellerDetails {
    let contact = ContactParts {
        business_registration_number: Some("1234567890".to_owned()),
        representative_name: Some("김대표".to_owned()),
        email: "pay@shop.kr".to_owned(),
        phone: "01012345678".to_owned(),
    };
    let account = BankAccountParts {
        bank_code: "092".to_owned(),
        account_number: account_number.to_owned(),
        holder_name: "김토스".to_owned(),
    };
    NewSellerDetails {
        name: SellerName::try_new("토스 상점").unwrap(),
        business_type: BusinessType::Corporate,
        details: Details {
            contact: Contact::try_new(BusinessType::Corporate, contact).unwrap(),
            account: BankAccount::try_new(&account).unwrap(),
        },
        schedule: Schedule::try_new(Cycle::Weekly { days: BTreeSet::from([1, 4]) }, 2, HolidayRule::Before).unwrap(),
        minimum_payout: Money::parse("10000", Currency::Krw).unwrap(),
        metadata: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
        by: Principal::parse("key:ab12").unwrap(),
    }
}

fn block(id: &str, of: &str) -> NewHold {
    NewHold {
        hold_id: HoldId::parse(id).unwrap(),
        seller: seller(of),
        amount: None,
        reason: "an open dispute".to_owned(),
        until: None,
        placed_by: Principal::parse("key:ab12").unwrap(),
    }
}

/// Type, version and data of each event.
async fn told(fresh: &Fresh) -> Vec<(String, u32, String)> {
    let events = log(fresh).await.into_iter();
    events.map(|event| (event.event_type.to_string(), event.version, event.data)).collect()
}

async fn details_said_twice_are_said_once(fresh: Fresh) {
    let (journal, keys, a) = (fresh.writer.journal(), keys("a"), seller("seller-a"));
    let first = journal.put_seller(&a, &details(ACCOUNT_NUMBER), &keys).await.unwrap();
    assert!(first.is_new && first.has_changed);
    assert_eq!((first.record.version, first.record.payout_status()), (1, PayoutStatus::Unregistered));
    let profile = first.record.profile.clone().unwrap();
    assert_eq!((profile.account, profile.account_changed_at, profile.details_version), (1, None, 1));
    assert_eq!(profile.account_masked, "092 ********6789");
    assert_eq!(profile.email_masked, "p***@shop.kr");
    assert_eq!(profile.schedule, details(ACCOUNT_NUMBER).schedule);
    assert_eq!(profile.metadata, details(ACCOUNT_NUMBER).metadata);

    let again = journal.put_seller(&a, &details(ACCOUNT_NUMBER), &keys).await.unwrap();
    assert!(!again.is_new && !again.has_changed);
    assert_eq!(again.record, first.record);

    // A calendar is nothing that the PSP is told.
    let mut daily = details(ACCOUNT_NUMBER);
    daily.schedule = Schedule::try_new(Cycle::Daily, 0, HolidayRule::After).unwrap();
    let put = journal.put_seller(&a, &daily, &keys).await.unwrap().record;
    assert_eq!((put.version, put.profile.unwrap().details_version), (2, 1));
    let other_account = journal.put_seller(&a, &details("220987654321"), &keys).await.unwrap().record;
    let profile = other_account.profile.unwrap();
    assert_eq!((profile.account, profile.details_version), (2, 2));
    assert!(profile.account_changed_at.is_some(), "a changed account has a time");

    let opened = fresh.reader.seller_details(&a, &keys).await.unwrap().unwrap();
    assert_eq!(opened.account.account_number(), "220987654321");
    let events = told(&fresh).await;
    let heads: Vec<(&str, u32)> = events.iter().map(|(kind, version, _)| (kind.as_str(), *version)).collect();
    assert_eq!(heads, [("seller.updated", 1), ("seller.updated", 2), ("seller.updated", 3)]);
    for (_, _, data) in events {
        for secret in ["220987654321", ACCOUNT_NUMBER, "4321", "6789", "토스", "shop", "01012345678", "김"] {
            assert!(!data.contains(secret), "{secret} in {data}");
        }
    }
}

async fn details_are_sealed_under_the_newest_key(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let old = Keyring::generate("old").unwrap();
    let ring = |text: &str| Keyring::parse(text).unwrap();
    for name in ["seller-a", "seller-b"] {
        journal.put_seller(&seller(name), &details(ACCOUNT_NUMBER), &ring(&old)).await.unwrap();
    }
    let both = format!("{},{old}", Keyring::generate("new").unwrap());
    assert_eq!(journal.reseal_sellers(&ring(&both), 10).await.unwrap(), 2);
    assert_eq!(journal.reseal_sellers(&ring(&both), 10).await.unwrap(), 0);
    let (newest, _) = both.split_once(',').unwrap();
    let opened = fresh.reader.seller_details(&seller("seller-a"), &ring(newest)).await.unwrap().unwrap();
    assert_eq!(opened, details(ACCOUNT_NUMBER).details);
    fresh.reader.seller_details(&seller("seller-a"), &ring(&old)).await.unwrap_err();
    assert_eq!(fresh.reader.seller_details(&seller("seller-c"), &ring(newest)).await.unwrap(), None);
}

async fn a_hold_without_an_amount_stops_every_payout(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let hold = block("hold-1", "seller-a");
    assert_eq!(journal.place_seller_hold(&hold).await.unwrap(), HoldPlaced::Now);
    assert_eq!(journal.place_seller_hold(&hold).await.unwrap(), HoldPlaced::Before);
    let other = NewHold { reason: "another".to_owned(), ..hold.clone() };
    assert_eq!(journal.place_seller_hold(&other).await.unwrap(), HoldPlaced::Reused);
    let record = fresh.reader.seller(&hold.seller).await.unwrap().unwrap();
    assert_eq!((record.payout_status(), record.version), (PayoutStatus::Suspended, 1));
    assert_eq!(record.blocked.len(), 1);
    // A seller that is blocked before anything is known of it gets its details later.
    let put = journal.put_seller(&hold.seller, &details(ACCOUNT_NUMBER), &keys("a")).await.unwrap();
    assert!(put.is_new);
    assert_eq!((put.record.payout_status(), put.record.version), (PayoutStatus::Suspended, 2));

    // One that has an end ends by itself.
    let now = fresh.reader.time().await.unwrap();
    let past = NewHold { until: Some(now.minus_ms(1)), ..block("hold-2", "seller-b") };
    journal.place_seller_hold(&past).await.unwrap();
    assert_eq!(fresh.reader.seller(&past.seller).await.unwrap().unwrap().payout_status(), PayoutStatus::Unregistered);
    let expired = fresh.reader.seller_hold(&past.hold_id).await.unwrap().unwrap();
    assert_eq!(expired.status, SellerHoldStatus::Expired);

    let by = Principal::parse("key:cd34").unwrap();
    let lift = |of: &'static str| {
        let lifted = LiftedHold { hold_id: hold.hold_id.clone(), seller: seller(of), lifted_by: by.clone() };
        let journal = journal.clone();
        async move { journal.lift_seller_hold(&lifted).await.unwrap() }
    };
    assert_eq!(lift("seller-b").await, HoldLifted::NoSuchHold, "a hold of another seller");
    assert_eq!(lift("seller-a").await, HoldLifted::Now);
    assert_eq!(lift("seller-a").await, HoldLifted::Before);
    let record = fresh.reader.seller(&hold.seller).await.unwrap().unwrap();
    assert_eq!((record.payout_status(), record.version), (PayoutStatus::Unregistered, 3));
    let heads: Vec<_> = told(&fresh).await.into_iter().map(|(kind, version, _)| (kind, version)).collect();
    let expected = [("seller.blocked", 1), ("seller.updated", 2), ("seller.blocked", 1), ("seller.updated", 3)];
    assert_eq!(heads, expected.map(|(kind, version)| (kind.to_owned(), version)));
}

async fn a_run_gets_terms_of_every_seller_that_it_names(fresh: Fresh) {
    let journal = fresh.writer.journal();
    journal.put_seller(&seller("seller-a"), &details(ACCOUNT_NUMBER), &keys("a")).await.unwrap();
    journal.place_seller_hold(&block("hold-1", "seller-a")).await.unwrap();
    let named = [seller("seller-a"), seller("seller-z"), seller("seller-a")];
    let terms = fresh.reader.payout_terms(&named).await.unwrap();
    assert_eq!(terms.len(), 2);
    let a = &terms[&seller("seller-a")];
    assert_eq!((a.payout_status, a.minimum.minor()), (PayoutStatus::Suspended, 10_000));
    assert_eq!((a.name.as_deref(), a.account_masked.as_deref()), (Some("토스 상점"), Some("092 ********6789")));
    assert_eq!(a.blocked.iter().map(|block| block.reason.as_str()).collect::<Vec<_>>(), ["an open dispute"]);
    let z = &terms[&seller("seller-z")];
    assert_eq!((z.payout_status, z.minimum.minor(), z.blocked.len()), (PayoutStatus::Unregistered, 0, 0));
    assert!(!z.payout_status.may_be_paid());
}

async fn sellers_are_listed_by_name_and_status(fresh: Fresh) {
    let journal = fresh.writer.journal();
    for name in ["a", "b", "c", "d", "e"] {
        journal.put_seller(&seller(name), &details(ACCOUNT_NUMBER), &keys("a")).await.unwrap();
    }
    journal.place_seller_hold(&block("hold-1", "b")).await.unwrap();
    journal.place_seller_hold(&block("hold-2", "e")).await.unwrap();
    let list = |payout_status, after: Option<SellerAccount>| {
        let reader = fresh.reader.clone();
        async move {
            let filter = SellerFilter { payout_status, paid_by: PaidBy::Psp, text: None };
            let (page, after) = reader.sellers(&filter, &Window { after, limit: 2 }).await.unwrap();
            let names: Vec<String> = page.items.iter().map(|record| record.seller.to_string()).collect();
            (names.join(" "), page.more, after)
        }
    };
    let (names, more, after) = list(None, None).await;
    assert_eq!((names.as_str(), more), ("a b", true));
    let (names, more, after) = list(None, after).await;
    assert_eq!((names.as_str(), more), ("c d", true));
    assert_eq!(list(None, after).await, ("e".to_owned(), false, None));
    let (names, more, after) = list(Some(PayoutStatus::Suspended), None).await;
    assert_eq!((names.as_str(), more), ("b e", true));
    assert_eq!(list(Some(PayoutStatus::Suspended), after).await, (String::new(), false, None));
}

fn change(number: u32, event: RegistrationEvent, at: Timestamp) -> RegistrationChange {
    RegistrationChange { seller: seller("seller-a"), number, event, at }
}

fn taken(approval: Approval) -> SellerAnswer {
    SellerAnswer::Taken { psp_seller_id: PspSellerId::parse("seller_1").unwrap(), approval }
}

/// Does what a workflow would do next, with the PSP's answer to it; every write twice.
async fn goes_on(fresh: &Fresh, answer: SellerAnswer) -> PayoutStatus {
    let a = seller("seller-a");
    let now = fresh.reader.time().await.unwrap();
    let state = fresh.writer.registration_state(&a).await.unwrap();
    let (number, sent) = match state.next() {
        RegistrationStep::Register(sending) => {
            let ref_seller_id = sending.ref_seller_id.clone();
            let event = RegistrationEvent::Begun { ref_seller_id, business_type: sending.wanted.business_type };
            for _ in 0..2 {
                fresh.writer.change_registration(&change(sending.number, event.clone(), now)).await.unwrap();
            }
            let begun = fresh.writer.registration_state(&a).await.unwrap();
            let RegistrationStep::Register(again) = begun.next() else { panic!("{begun:?}") };
            assert!(
                again.is_repeated && again.idempotency_key == sending.idempotency_key,
                "a lost answer is looked up"
            );
            (sending.number, sending.wanted)
        }
        RegistrationStep::Change(sending) => (sending.number, sending.wanted),
        other => panic!("{other:?}"),
    };
    for _ in 0..2 {
        let event = RegistrationEvent::Answered { sent, answer: answer.clone() };
        fresh.writer.change_registration(&change(number, event, now)).await.unwrap();
    }
    fresh.reader.seller(&a).await.unwrap().unwrap().payout_status()
}

async fn the_psp_decides_whether_a_seller_may_be_paid(fresh: Fresh) {
    let (journal, keys, a) = (fresh.writer.journal(), keys("a"), seller("seller-a"));
    assert_eq!(fresh.writer.registration_state(&a).await.unwrap().next(), RegistrationStep::Rest);
    journal.put_seller(&a, &details(ACCOUNT_NUMBER), &keys).await.unwrap();
    let refused = SellerAnswer::Refused { failure: Failure::new("INVALID_BANK", ""), is_about_account: true };
    assert_eq!(goes_on(&fresh, refused).await, PayoutStatus::AccountUnverified);
    let state = fresh.writer.registration_state(&a).await.unwrap();
    assert_eq!(state.next(), RegistrationStep::Rest, "what was refused is not sent again by itself");
    let again = journal.put_seller(&a, &details(ACCOUNT_NUMBER), &keys).await.unwrap();
    assert!(again.has_changed, "a principal says it again");
    assert_eq!(goes_on(&fresh, taken(Approval::Limited)).await, PayoutStatus::Limited);
    let now = fresh.reader.time().await.unwrap();
    let state = fresh.writer.registration_state(&a).await.unwrap();
    assert!(matches!(state.next(), RegistrationStep::Follow { .. }), "{state:?}");

    fresh.writer.seller_account_returned(&a, now).await.unwrap();
    let terms = fresh.reader.payout_terms(std::slice::from_ref(&a)).await.unwrap();
    assert_eq!(terms[&a].payout_status, PayoutStatus::AccountUnverified);
    assert_eq!(terms[&a].psp_seller_id, PspSellerId::parse("seller_1").ok());
    journal.put_seller(&a, &details("220987654321"), &keys).await.unwrap();
    assert_eq!(goes_on(&fresh, taken(Approval::Approved)).await, PayoutStatus::Approved);

    fresh.writer.change_registration(&change(1, RegistrationEvent::Deleted, now)).await.unwrap();
    fresh
        .writer
        .change_registration(&change(1, RegistrationEvent::Seen { approval: Approval::Approved }, now))
        .await
        .unwrap();
    assert_eq!(fresh.reader.seller(&a).await.unwrap().unwrap().payout_status(), PayoutStatus::Unregistered);
    assert_eq!(fresh.writer.registration_state(&a).await.unwrap().next(), RegistrationStep::Rest);
    journal.put_seller(&a, &details("220987654321"), &keys).await.unwrap();
    let state = fresh.writer.registration_state(&a).await.unwrap();
    let RegistrationStep::Register(second) = state.next() else { panic!("{state:?}") };
    assert_eq!((second.number, second.ref_seller_id), (2, RefSellerId::of_registration(&a, 2)));
    let versions: Vec<u32> = told(&fresh).await.into_iter().map(|(_, version, _)| version).collect();
    let expected: Vec<u32> = (1..).take(versions.len()).collect();
    assert_eq!(versions, expected, "each event has the next version");
}

async fn an_amount_is_held_in_the_wallet_and_freed_once(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    let now = fresh.reader.time().await.unwrap();
    let hold = NewHold { amount: Some(won(4_000)), ..block("hold-1", "seller-a") };
    let refused = fresh.writer.hold_of_seller(&hold, now).await.unwrap();
    assert!(matches!(refused, HoldAnswer::Refused { .. }), "nothing is available yet");
    assert_eq!(fresh.reader.seller_hold(&hold.hold_id).await.unwrap(), None);
    assert_eq!(fresh.writer.release_due(now, 10).await.unwrap(), 1);
    for _ in 0..2 {
        assert_eq!(fresh.writer.hold_of_seller(&hold, now).await.unwrap(), HoldAnswer::Done);
    }
    assert_eq!(wallet(&fresh, "seller-a").await.held, won(4_000));
    let record = fresh.reader.seller_hold(&hold.hold_id).await.unwrap().unwrap();
    assert_eq!((record.status, record.hold.clone()), (SellerHoldStatus::Active, hold.clone()));
    // An amount is no block.
    assert_eq!(fresh.reader.seller(&hold.seller).await.unwrap().unwrap().blocked, []);

    let by = Principal::parse("key:cd34").unwrap();
    let lifted = |id: &str, of: &str| LiftedHold {
        hold_id: HoldId::parse(id).unwrap(),
        seller: seller(of),
        lifted_by: by.clone(),
    };
    assert_eq!(fresh.writer.free_of_seller(&lifted("hold-1", "seller-b"), now).await.unwrap(), HoldAnswer::NoSuchHold);
    // A reservation that no principal placed, such as a payout's, is not lifted as a hold.
    let payout = Hold { id: HoldId::parse("payout-1").unwrap(), seller: seller("seller-a"), amount: won(1_000) };
    fresh.writer.reserve(&payout, None, now).await.unwrap();
    assert_eq!(
        fresh.writer.free_of_seller(&lifted("payout-1", "seller-a"), now).await.unwrap(),
        HoldAnswer::NoSuchHold
    );
    for _ in 0..2 {
        assert_eq!(fresh.writer.free_of_seller(&lifted("hold-1", "seller-a"), now).await.unwrap(), HoldAnswer::Done);
    }
    assert_eq!(wallet(&fresh, "seller-a").await.held, won(1_000));
    let record = fresh.reader.seller_hold(&hold.hold_id).await.unwrap().unwrap();
    assert_eq!(record.status, SellerHoldStatus::Lifted);
}

async fn a_purchase_that_waits_is_released_by_its_report(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 10_000), ("o-2", "seller-b", 5_000)]);
    assert!(record(&fresh, "key-1", &plan).await);
    begin(&fresh, &plan).await.unwrap();
    post(&fresh, &plan, 2).await.unwrap();
    let now = fresh.reader.time().await.unwrap();
    assert_eq!(fresh.writer.release_due(now, 10).await.unwrap(), 0, "nothing was reported");
    let orders = ["o-1", "o-2"].map(|id| PaymentOrderId::parse(id).unwrap());
    let by = Principal::parse("key:ab12").unwrap();
    let report = |orders: &[PaymentOrderId], report, due_at| {
        let (journal, by, checkout_id) = (fresh.writer.journal(), by.clone(), plan.checkout_id().clone());
        let orders = orders.to_vec();
        async move {
            let reported =
                ReportedPurchase { checkout_id: &checkout_id, orders: &orders, report, due_at, recorded_by: &by };
            journal.report_purchase(reported).await.unwrap()
        }
    };
    let later = now.plus_ms(1_000_000);
    let delivered = report(&orders, PurchaseReport::Delivered(now), later).await;
    assert_eq!(delivered.iter().map(|record| record.releases_at).collect::<Vec<_>>(), [later, later]);
    assert_eq!(fresh.writer.release_due(now, 10).await.unwrap(), 0, "its time has not come");
    // A later report that says nothing new changes nothing; a confirmation brings the date forward.
    let again = report(&orders[..1], PurchaseReport::Delivered(later), later.plus_ms(5)).await;
    assert_eq!(again[0], delivered[0]);
    let confirmed = report(&orders[..1], PurchaseReport::Confirmed(now), now).await;
    assert_eq!((confirmed[0].releases_at, confirmed[0].delivered_at), (now, Some(now)));
    assert_eq!(fresh.writer.release_due(now, 10).await.unwrap(), 1);
    assert_eq!(
        (wallet(&fresh, "seller-a").await.available, wallet(&fresh, "seller-b").await.available),
        (won(10_000), won(0))
    );
    assert_eq!(fresh.writer.release_due(now, 10).await.unwrap(), 0);
    assert_eq!(fresh.writer.release_due(later, 10).await.unwrap(), 1);
    assert_eq!(wallet(&fresh, "seller-b").await.available, won(5_000));
}

async fn an_open_refund_keeps_earnings_back(fresh: Fresh) {
    for id in ["o-1", "o-2"] {
        paid(&fresh, id, "seller-a", 10_000, 0).await;
    }
    let now = fresh.reader.time().await.unwrap();
    promise_refund(&fresh, "r-1", "o-1", 1_000, now).await.unwrap();
    assert_eq!(fresh.writer.release_due(now, 10).await.unwrap(), 1, "the other order alone");
    assert_eq!(wallet(&fresh, "seller-a").await.available, won(10_000));
    execute_refund(&fresh, "r-1", now).await.unwrap();
    assert_eq!(fresh.writer.release_due(now, 10).await.unwrap(), 1);
    assert_eq!(wallet(&fresh, "seller-a").await.available, won(19_000));
}
