//! Clean payments by the thousand: charged in the simulator at once, and written into our books by the store's own
//! functions, as the activities of a checkout call them.

use domain::{
    Currency, Money, Timestamp,
    checkout::{Change, NewCheckout, Order, Payment, Plan, PlanFields, State, Status},
    id::{ApiKeyId, BuyerId, CheckoutId, IdempotencyKey, PaymentKey, PaymentOrderId, SellerAccount, WorkflowId},
    ledger::Entry,
};
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, Writer};
use tokio::task::JoinSet;

use crate::stack::Shop;

/// What each buyer pays, in won.
const AMOUNT: u64 = 23_000;
/// How many are written at once: the books take what comes together in one transaction.
const SIDE_BY_SIDE: usize = 64;
/// How long the workflow of a checkout would have waited for its buyer.
const EXPIRES_MS: u64 = 30 * 60 * 1_000;

/// A payment that Toss has charged.
struct Charged {
    order: String,
    payment_key: String,
}

/// Charges and books a number of payments of today, each of a checkout of its own.
pub(super) async fn paid_in_bulk(shop: &Shop, database_url: &str, count: usize) {
    let wanted = json!({ "orderPrefix": "bulk", "count": count, "amount": AMOUNT });
    let charged = shop.simulate("charges", &wanted).await;
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let charged = charged.as_array().unwrap().iter();
    let charged: Vec<Charged> =
        charged.map(|one| Charged { order: text(one, "orderId"), payment_key: text(one, "paymentKey") }).collect();
    assert_eq!(charged.len(), count);
    let database = Database::connect(&database_url.parse::<DatabaseUrl>().unwrap()).await.unwrap();
    let writer = Writer::new(database);
    let mut writers = JoinSet::new();
    for part in charged.chunks(count.div_ceil(SIDE_BY_SIDE)) {
        let payments: Vec<(NewCheckout, Payment)> = part.iter().map(of).collect();
        let writer = writer.clone();
        writers.spawn(async move {
            for (new, payment) in payments {
                assert!(writer.record_checkout(&new).await.unwrap(), "{:?}", new.plan.checkout_id());
                // What the seller has earned stays pending: nobody is paid by this.
                writer.post(&payment, None).await.unwrap();
            }
        });
    }
    writers.join_all().await;
}

/// A checkout as its workflow records it, and the capture as its workflow books it.
fn of(charged: &Charged) -> (NewCheckout, Payment) {
    let now = service::now();
    let order = Order {
        id: PaymentOrderId::parse(format!("{}-order", charged.order)).unwrap(),
        seller: SellerAccount::parse("bulk-seller").unwrap(),
        amount: Money::try_from_minor(AMOUNT, Currency::Krw).unwrap(),
        tax_free: None,
        name: None,
    };
    let plan = Plan::try_new(PlanFields {
        checkout_id: CheckoutId::parse(charged.order.as_str()).unwrap(),
        order_name: "셔츠".to_owned(),
        buyer_id: BuyerId::parse("buyer-1").unwrap(),
        orders: vec![order],
        success_url: None,
        fail_url: None,
        metadata: None,
        card: None,
        confirm_token_hash: None,
        window: Default::default(),
    })
    .unwrap();
    let (api_key_id, key) = (ApiKeyId::parse("test").unwrap(), IdempotencyKey::parse(charged.order.as_str()).unwrap());
    let new = NewCheckout {
        workflow_id: WorkflowId::of_checkout(&api_key_id, &key),
        api_key_id,
        fingerprint: "bulk".to_owned(),
        plan: plan.clone(),
        created_at: now,
        expires_at: now.plus_ms(EXPIRES_MS),
        saved_card: None,
    };
    (new, payment(&plan, charged, now))
}

fn payment(plan: &Plan, charged: &Charged, at: Timestamp) -> Payment {
    let change = |revision, status| Change {
        payment_key: Some(PaymentKey::parse(charged.payment_key.as_str()).unwrap()),
        ..Change::new(plan.checkout_id().clone(), State { revision, status }, at)
    };
    Payment {
        began: Some(change(1, Status::Executing)),
        change: change(2, Status::Success),
        entry: Entry::of_captured_payment(plan, &[], at).unwrap(),
        method: Some("카드".to_owned()),
        receipt_url: None,
        receipt_numbers: Default::default(),
        confirmed_at: Some(at),
        is_watched: false,
    }
}
