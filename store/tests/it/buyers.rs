//! Buyers' details: kept once, erased for good, sealed anew.

use domain::{
    Timestamp,
    charge::VirtualAccount,
    checkout::{Change, Status},
    id::BuyerId,
};
use store::{
    BuyerDetails, BuyerField, CheckoutFilter, DigestedDetail, Erased, Keyring, Sealed, SealedBuyer, Window,
    open_holder, seal_holder,
};

use crate::{
    database::Fresh,
    on_both_databases,
    writing::{begin, change, plan, record, workflow},
};

on_both_databases!(
    the_first_details_stay_and_are_those_of_the_body_that_won,
    what_is_erased_is_gone_for_good,
    details_of_no_checkout_are_forgotten,
    details_are_sealed_anew,
    a_checkout_is_found_by_a_detail_of_its_own_buyer,
    the_name_on_an_account_is_sealed_anew_and_erased_for_good,
);

/// Before and after everything in a test.
const EVER: (Timestamp, Timestamp) = (Timestamp::from_epoch_ms(0), Timestamp::from_epoch_ms(9_000_000_000_000));

fn ring(names: &[&str]) -> Keyring {
    let keys: Vec<_> = names.iter().map(|name| format!("{name}:{}=", "A".repeat(43))).collect();
    Keyring::parse(&keys.join(",")).unwrap()
}

async fn keep(fresh: &Fresh, (key, fingerprint): (&str, &str), text: &str) {
    let id = workflow(key);
    let (keys, plain) = (ring(&["old"]), BuyerDetails { name: Some(text.to_owned()), ..BuyerDetails::default() });
    let (details, digests) = (plain.seal(&keys, &id).unwrap(), plain.digests(&keys).unwrap());
    let buyer = BuyerId::parse("buyer-1").unwrap();
    fresh
        .writer
        .journal()
        .keep_buyer(SealedBuyer { workflow_id: &id, fingerprint, buyer_id: &buyer, details, digests })
        .await
        .unwrap();
}

async fn kept(fresh: &Fresh, key: &str, keys: &Keyring) -> Option<String> {
    let id = workflow(key);
    let sealed: Option<Sealed> = fresh.reader.buyer_details(&id).await.unwrap();
    sealed.map(|sealed| BuyerDetails::open(keys, &sealed, &id).unwrap().name.unwrap())
}

async fn the_first_details_stay_and_are_those_of_the_body_that_won(fresh: Fresh) {
    keep(&fresh, ("one", "another body"), "wrong").await;
    keep(&fresh, ("one", "fingerprint"), "first").await;
    keep(&fresh, ("one", "fingerprint"), "second").await;
    assert_eq!(kept(&fresh, "one", &ring(&["old"])).await, None, "no checkout came of it yet");
    assert!(record(&fresh, "one", &plan("checkout-1", &[("order-1", "seller-a", 100)])).await);
    assert_eq!(kept(&fresh, "one", &ring(&["old"])).await.as_deref(), Some("first"));
}

async fn what_is_erased_is_gone_for_good(fresh: Fresh) {
    assert!(record(&fresh, "one", &plan("checkout-1", &[("order-1", "seller-a", 100)])).await);
    keep(&fresh, ("one", "fingerprint"), "first").await;
    let (journal, buyer) = (fresh.writer.journal(), BuyerId::parse("buyer-1").unwrap());
    assert_eq!(journal.erase_buyer(&BuyerId::parse("buyer-2").unwrap()).await.unwrap(), Erased::default());
    assert_eq!(journal.erase_buyer(&buyer).await.unwrap(), Erased { checkouts: 1, ..Erased::default() });
    assert_eq!(journal.erase_buyer(&buyer).await.unwrap(), Erased::default());
    keep(&fresh, ("one", "fingerprint"), "again").await;
    assert_eq!(kept(&fresh, "one", &ring(&["old"])).await, None);
}

async fn the_name_on_an_account_is_sealed_anew_and_erased_for_good(fresh: Fresh) {
    let plan = plan("checkout-1", &[("order-1", "seller-a", 100)]);
    assert!(record(&fresh, "one", &plan).await);
    begin(&fresh, &plan).await.unwrap();
    let (id, old) = (plan.checkout_id(), ring(&["old"]));
    let account = VirtualAccount {
        bank: "20".to_owned(),
        account_number: "X1".to_owned(),
        due_date: None,
        sealed_holder: Some(seal_holder(&old, id, "김토스").unwrap()),
    };
    let wait = async |revision, account: &VirtualAccount| {
        let awaited = change(&plan, revision, Status::WaitingForDeposit);
        let awaited = Change { virtual_account: Some(account.clone()), ..awaited };
        fresh.writer.advance(&awaited).await.unwrap();
    };
    let holder = async || {
        let record = fresh.reader.checkout(id).await.unwrap().unwrap();
        record.psp.unwrap().virtual_account.unwrap().sealed_holder
    };
    wait(2, &account).await;
    let (journal, keys) = (fresh.writer.journal(), ring(&["new", "old"]));
    assert_eq!(journal.reseal_holders(&keys, 3).await.unwrap(), 1);
    assert_eq!(journal.reseal_holders(&keys, 3).await.unwrap(), 0);
    assert_eq!(open_holder(&ring(&["new"]), id, &holder().await.unwrap()), Ok("김토스".to_owned()));

    let erased = Erased { account_holders: 1, ..Erased::default() };
    let buyer = BuyerId::parse("buyer-1").unwrap();
    assert_eq!(journal.erase_buyer(&buyer).await.unwrap(), erased);
    assert_eq!(journal.erase_buyer(&buyer).await.unwrap(), Erased::default());
    wait(3, &account).await;
    assert_eq!(holder().await, None, "the PSP says it once more of the same account");
    wait(4, &VirtualAccount { account_number: "X2".to_owned(), ..account }).await;
    assert!(holder().await.is_some(), "of another account it is new");
}

async fn details_of_no_checkout_are_forgotten(fresh: Fresh) {
    assert!(record(&fresh, "one", &plan("checkout-1", &[("order-1", "seller-a", 100)])).await);
    keep(&fresh, ("one", "fingerprint"), "stays").await;
    keep(&fresh, ("one", "another body"), "goes").await;
    keep(&fresh, ("two", "fingerprint"), "goes").await;
    let journal = fresh.writer.journal();
    assert_eq!(journal.forget_unrecorded_buyers(EVER.1, EVER.1).await.unwrap(), 0, "not of that age");
    assert_eq!(journal.forget_unrecorded_buyers(EVER.0, EVER.1).await.unwrap(), 2);
    assert_eq!(kept(&fresh, "one", &ring(&["old"])).await.as_deref(), Some("stays"));
}

async fn found(fresh: &Fresh, name: &str, keys: &Keyring) -> Vec<String> {
    let detail = DigestedDetail::new(BuyerField::Name, name, keys).unwrap();
    let filter = CheckoutFilter { buyer_detail: Some(detail), ..CheckoutFilter::default() };
    let page = fresh.reader.checkouts(&filter, &Window { after: None, limit: 10 }).await.unwrap();
    page.items.into_iter().map(|record| record.checkout_id.to_string()).collect()
}

async fn a_checkout_is_found_by_a_detail_of_its_own_buyer(fresh: Fresh) {
    let (old, both, new) = (ring(&["old"]), ring(&["new", "old"]), ring(&["new"]));
    assert!(record(&fresh, "one", &plan("checkout-1", &[("order-1", "seller-a", 100)])).await);
    keep(&fresh, ("one", "another body"), "박영희").await;
    keep(&fresh, ("one", "fingerprint"), "Kim Toss").await;
    assert_eq!(found(&fresh, "박영희", &old).await, Vec::<String>::new(), "of a body that was refused");
    for keys in [&old, &both] {
        assert_eq!(found(&fresh, "kim  toss", keys).await, ["checkout-1"]);
    }
    assert_eq!(found(&fresh, "kim", &both).await, Vec::<String>::new());
    assert_eq!(fresh.writer.journal().reseal_buyers(&both, 5).await.unwrap(), 2);
    assert_eq!(found(&fresh, "Kim Toss", &new).await, ["checkout-1"]);
    fresh.writer.journal().erase_buyer(&BuyerId::parse("buyer-1").unwrap()).await.unwrap();
    assert_eq!(found(&fresh, "Kim Toss", &both).await, Vec::<String>::new());
}

async fn details_are_sealed_anew(fresh: Fresh) {
    for number in 0..5 {
        let (key, order) = (format!("key-{number}"), format!("order-{number}"));
        assert!(record(&fresh, &key, &plan(&format!("checkout-{number}"), &[(&order, "seller-a", 100)])).await);
        keep(&fresh, (&key, "fingerprint"), &key).await;
    }
    let (journal, keys) = (fresh.writer.journal(), ring(&["new", "old"]));
    assert_eq!(journal.reseal_buyers(&keys, 3).await.unwrap(), 3);
    assert_eq!(journal.reseal_buyers(&keys, 3).await.unwrap(), 2);
    assert_eq!(journal.reseal_buyers(&keys, 3).await.unwrap(), 0);
    for number in 0..5 {
        let key = format!("key-{number}");
        assert_eq!(kept(&fresh, &key, &ring(&["new"])).await.as_deref(), Some(key.as_str()));
    }
}
