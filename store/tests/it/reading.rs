//! What was recorded is read back, every field of it.

use domain::{
    Currency::{Krw, Usd},
    Money,
    cash_receipt::ReceiptPreset,
    checkout::{Change, Order, Plan, PlanFields, Status, WindowTerms},
    failure::Failure,
    id::{BuyerId, CheckoutId, ConfirmTokenHash, PaymentKey, PaymentOrderId, SellerAccount},
};
use store::{
    AccountBalance, CheckoutFilter, CheckoutRecord, OrderRecord, PspRecord, RequestRecord, StatusChange, Window,
};

use crate::{
    database::Fresh,
    on_both_databases,
    writing::{CREATED, EXPIRES, begin, change, plan, post, receipt_numbers, record, workflow},
};

on_both_databases!(
    every_field_of_a_checkout_comes_back,
    a_checkout_is_found_by_the_number_of_a_receipt,
    a_failure_is_read_with_its_history_and_goes_with_the_next_change,
    wallets_and_books_are_kept_by_currency,
    what_was_never_written_is_not_there,
);

async fn every_field_of_a_checkout_comes_back(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-2", "seller-b", 8_000), ("o-1", "seller-a", 15_000)]);
    let named = |order: &Order| Order { name: Some(format!("셔츠 {}", order.id)), ..order.clone() };
    let fields = PlanFields {
        fail_url: Some("http://shop.example/fail?a=1&b='2'".to_owned()),
        confirm_token_hash: Some(ConfirmTokenHash::parse("ab".repeat(32)).unwrap()),
        order_name: "'토스' \"티셔츠\" 👕; DROP TABLE wallets --".to_owned(),
        window: WindowTerms { use_escrow: true, cash_receipt: Some(ReceiptPreset::ExpenseProof) },
        orders: plan.orders().iter().map(named).collect(),
        ..plan.fields().clone()
    };
    let plan = Plan::try_new(fields).unwrap();
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    post(&fresh, &plan, 2).await.unwrap();

    let paid = |order: &Order| OrderRecord {
        order: order.clone(),
        status: Status::Success,
        wallet_updated: true,
        ledger_updated: true,
        refunded: Money::zero(Krw),
    };
    let expected = CheckoutRecord {
        checkout_id: plan.checkout_id().clone(),
        workflow_id: workflow("key"),
        order_name: plan.fields().order_name.clone(),
        buyer_id: plan.fields().buyer_id.clone(),
        total: plan.total(),
        status: Status::Success,
        revision: 2,
        orders: plan.orders().iter().map(paid).collect(),
        failure: None,
        psp: Some(PspRecord {
            payment_key: PaymentKey::parse("pk-1").unwrap(),
            method: Some("카드".to_owned()),
            approved_at: Some(CREATED),
            virtual_account: None,
            receipt_url: Some("https://receipt.example".to_owned()),
            receipt_numbers: receipt_numbers(),
        }),
        success_url: plan.fields().success_url.clone(),
        fail_url: plan.fields().fail_url.clone(),
        confirm_token_hash: plan.fields().confirm_token_hash.clone(),
        window: plan.fields().window,
        metadata: plan.fields().metadata.clone(),
        saved_card: None,
        created_at: CREATED,
        expires_at: EXPIRES,
    };
    assert_eq!(fresh.reader.checkout(plan.checkout_id()).await.unwrap(), Some(expected));
    assert_eq!(fresh.reader.workflow_of(plan.checkout_id()).await.unwrap(), Some(workflow("key")));
    let request = RequestRecord {
        fingerprint: "fingerprint".to_owned(),
        checkout_id: plan.checkout_id().clone(),
        accepted: true,
    };
    assert_eq!(fresh.reader.request(&workflow("key")).await.unwrap(), Some(request));
    fresh.reader.ping().await.unwrap();
}

async fn a_failure_is_read_with_its_history_and_goes_with_the_next_change(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 1)]);
    record(&fresh, "key", &plan).await;
    let failure = Failure::new("REJECT_CARD_PAYMENT", "한도초과");
    let at = |ms: u64| CREATED.plus_ms(123 + ms);
    let advance = async |revision, status, ms, failure| {
        let occurred_at = at(ms);
        fresh.writer.advance(&Change { occurred_at, failure, ..change(&plan, revision, status) }).await
    };
    advance(1, Status::Stuck, 1, Some(failure.clone())).await.unwrap();
    let stuck = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!(stuck.failure.as_ref(), Some(&failure));
    advance(2, Status::Executing, 2, None).await.unwrap();
    let going_on = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!((going_on.failure, going_on.psp), (None, None));

    let history = fresh.reader.history(plan.checkout_id()).await.unwrap();
    let lines: Vec<_> = history
        .iter()
        .map(|StatusChange { revision, status, failure, occurred_at, recorded_at: _ }| {
            (*revision, *status, failure.clone(), *occurred_at)
        })
        .collect();
    let expected = [
        (0, Status::NotStarted, None, CREATED),
        (1, Status::Stuck, Some(failure), at(1)),
        (2, Status::Executing, None, at(2)),
    ];
    assert_eq!(lines, expected);
    assert!(history.iter().all(|line| line.recorded_at > EXPIRES), "written by the clock of today");
}

async fn wallets_and_books_are_kept_by_currency(fresh: Fresh) {
    let won = plan("checkout-1", &[("o-1", "seller-a", 15_000)]);
    let order = Order { amount: Money::try_from_minor(1_250, Usd).unwrap(), ..won.orders()[0].clone() };
    let order = Order { id: PaymentOrderId::parse("o-2").unwrap(), ..order };
    let dollars = PlanFields {
        checkout_id: CheckoutId::parse("checkout-2").unwrap(),
        buyer_id: BuyerId::parse("buyer-2").unwrap(),
        orders: vec![order],
        ..won.fields().clone()
    };
    let dollars = Plan::try_new(dollars).unwrap();
    for (key, plan) in [("key-1", &won), ("key-2", &dollars)] {
        record(&fresh, key, plan).await;
        begin(&fresh, plan).await.unwrap();
        post(&fresh, plan, 2).await.unwrap();
    }
    let seller = SellerAccount::parse("seller-a").unwrap();
    let wallets = fresh.reader.wallets(&seller).await.unwrap();
    let pending: Vec<_> = wallets.iter().map(|wallet| wallet.wallet.pending).collect();
    assert_eq!(pending, [won.total(), dollars.total()]);
    assert!(wallets.iter().all(|wallet| wallet.wallet.available.is_zero() && wallet.wallet.paid_out.is_zero()));
    let trial = fresh.reader.trial_balance().await.unwrap();
    let balances: Vec<_> = trial.iter().map(AccountBalance::balance).collect();
    assert_eq!(balances, [won.total(), dollars.total(), won.total(), dollars.total()].map(Some));
}

async fn what_was_never_written_is_not_there(fresh: Fresh) {
    let checkout = CheckoutId::parse("checkout-1").unwrap();
    assert_eq!(fresh.reader.checkout(&checkout).await.unwrap(), None);
    assert_eq!(fresh.reader.workflow_of(&checkout).await.unwrap(), None);
    assert_eq!(fresh.reader.history(&checkout).await.unwrap(), []);
    assert_eq!(fresh.reader.request(&workflow("key")).await.unwrap(), None);
    assert_eq!(fresh.reader.wallets(&SellerAccount::parse("seller-a").unwrap()).await.unwrap(), []);
    assert_eq!(fresh.reader.trial_balance().await.unwrap(), []);
    let order = PaymentOrderId::parse("o-1").unwrap();
    assert_eq!(fresh.reader.checkout_of_order(&order).await.unwrap(), None);
    let nowhere = plan("checkout-1", &[("o-1", "seller-a", 1)]);
    assert!(begin(&fresh, &nowhere).await.is_err());
    assert!(post(&fresh, &nowhere, 1).await.is_err());
}

async fn a_checkout_is_found_by_the_number_of_a_receipt(fresh: Fresh) {
    let (paid, open) =
        (plan("checkout-1", &[("order-1", "seller-a", 100)]), plan("checkout-2", &[("order-2", "seller-a", 100)]));
    for (key, plan) in [("one", &paid), ("two", &open)] {
        assert!(record(&fresh, key, plan).await);
    }
    begin(&fresh, &paid).await.unwrap();
    // Written again, nothing changes.
    for _ in 0..2 {
        post(&fresh, &paid, 2).await.unwrap();
    }
    let seller = |name: &str| SellerAccount::parse(name).ok();
    for (receipt_number, seller, expected) in [
        ("00123456", None, vec!["checkout-1"]),
        ("987654321", None, vec!["checkout-1"]),
        ("987654321", seller("seller-a"), vec!["checkout-1"]),
        ("987654321", seller("seller-b"), vec![]),
        ("123456", None, vec![]),
        ("%", None, vec![]),
    ] {
        let filter =
            CheckoutFilter { receipt_number: Some(receipt_number.to_owned()), seller, ..CheckoutFilter::default() };
        let found = fresh.reader.checkouts(&filter, &Window { after: None, limit: 10 }).await.unwrap().items;
        let found: Vec<_> = found.iter().map(|record| record.checkout_id.as_str()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}
