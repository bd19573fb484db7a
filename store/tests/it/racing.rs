//! Many at once, from two processes: each writer here has a connection pool of its own.

use std::sync::Arc;

use domain::{checkout::Status, id::WebhookEndpointId, ledger::Entry};
use store::{
    Database, Keyring, StoreError, Writer,
    webhook_endpoint::{Committed, NewEndpoint, Retry, Round, WebhookSecret},
};
use tokio::task::JoinSet;

use crate::{
    database::{Fresh, make_serializable},
    on_both_databases,
    writing::{CREATED, begin, change, new_checkout, payment, pending, plan, post, record, workflow},
};

on_both_databases!(
    of_twenty_workflows_one_gets_the_checkout,
    twenty_recordings_of_one_workflow_are_one,
    checkouts_that_want_each_others_orders_do_not_lock_each_other_up,
    a_checkout_and_an_order_that_want_one_id_do_not_both_get_it,
    of_two_different_changes_with_one_number_one_is_written,
    thirty_two_payments_to_one_seller_add_up,
    an_endpoint_is_removed_beside_the_rounds_of_its_carrier,
);

/// Runs the tasks at once and gathers what they answer.
async fn at_once<F, T>(tasks: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let tasks: JoinSet<T> = tasks.into_iter().collect();
    tasks.join_all().await
}

/// The writers of two processes.
async fn two_writers(fresh: &Fresh) -> [Writer; 2] {
    [fresh.writer.clone(), Writer::new(Database::connect(&fresh.url).await.unwrap())]
}

async fn of_twenty_workflows_one_gets_the_checkout(fresh: Fresh) {
    let writers = two_writers(&fresh).await;
    let accepted = at_once((0..20).map(|index| {
        let writer = writers[index % 2].clone();
        async move {
            let order = format!("o-{index}");
            let plan = plan("checkout-1", &[(&order, "seller-a", 1)]);
            writer.record_checkout(&new_checkout(&format!("key-{index}"), &plan)).await.unwrap()
        }
    }))
    .await;
    assert_eq!(accepted.iter().filter(|accepted| **accepted).count(), 1);
    for index in 0..20 {
        let request = fresh.reader.request(&workflow(&format!("key-{index}"))).await.unwrap();
        assert!(request.is_some(), "request {index} is remembered, refused or not");
    }
}

async fn twenty_recordings_of_one_workflow_are_one(fresh: Fresh) {
    let writers = two_writers(&fresh).await;
    let plan = Arc::new(plan("checkout-1", &[("o-1", "seller-a", 1), ("o-2", "seller-b", 2)]));
    let accepted = at_once((0..20).map(|index| {
        let (writer, plan) = (writers[index % 2].clone(), plan.clone());
        async move { writer.record_checkout(&new_checkout("key", &plan)).await.unwrap() }
    }))
    .await;
    assert_eq!(accepted, [true; 20]);
    assert_eq!(fresh.reader.history(plan.checkout_id()).await.unwrap().len(), 1);
    assert_eq!(fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap().orders.len(), 2);
}

async fn checkouts_that_want_each_others_orders_do_not_lock_each_other_up(fresh: Fresh) {
    let writers = two_writers(&fresh).await;
    for round in 0..20 {
        let accepted = at_once((0..2).map(|side| {
            let writer = writers[side].clone();
            async move {
                let mut ids: Vec<_> = (0..50).map(|order| format!("o-{round}-{order}")).collect();
                if side == 1 {
                    ids.reverse();
                }
                let orders: Vec<_> = ids.iter().map(|id| (id.as_str(), "seller-a", 1)).collect();
                let plan = plan(&format!("checkout-{round}-{side}"), &orders);
                writer.record_checkout(&new_checkout(&format!("key-{round}-{side}"), &plan)).await.unwrap()
            }
        }))
        .await;
        assert_eq!(accepted.iter().filter(|accepted| **accepted).count(), 1);
    }
}

async fn a_checkout_and_an_order_that_want_one_id_do_not_both_get_it(fresh: Fresh) {
    let writers = two_writers(&fresh).await;
    for round in 0..20 {
        let ids = [format!("number-one-{round}"), format!("number-other-{round}")];
        let accepted = at_once((0..2).map(|side| {
            let (writer, ids) = (writers[side].clone(), ids.clone());
            async move {
                // The checkout of one is the order of the other, and the other way round.
                let plan = plan(&ids[side], &[(&ids[1 - side], "seller-a", 1)]);
                writer.record_checkout(&new_checkout(&format!("key-{round}-{side}"), &plan)).await.unwrap()
            }
        }))
        .await;
        assert_eq!(accepted.iter().filter(|accepted| **accepted).count(), 1, "round {round}");
    }
}

async fn of_two_different_changes_with_one_number_one_is_written(fresh: Fresh) {
    let writers = two_writers(&fresh).await;
    let plan = Arc::new(plan("checkout-1", &[("o-1", "seller-a", 1)]));
    record(&fresh, "key", &plan).await;
    let results = at_once([Status::Executing, Status::Canceled].into_iter().zip(writers).map(|(status, writer)| {
        let plan = plan.clone();
        async move { (status, writer.advance(&change(&plan, 1, status)).await) }
    }))
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, result)| result.is_ok());
    assert_eq!((won.len(), lost.len()), (1, 1));
    assert!(matches!(lost[0].1, Err(StoreError::OutOfStep { revision: 1, .. })), "{lost:?}");
    let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.orders[0].status, stored.revision), (won[0].0, won[0].0, 1));
    assert_eq!(fresh.reader.history(plan.checkout_id()).await.unwrap().len(), 2);
}

async fn thirty_two_payments_to_one_seller_add_up(fresh: Fresh) {
    let writers = two_writers(&fresh).await;
    thirty_two_payments_add_up(&fresh, writers).await;
}

/// Every transaction is serializable, as on a database that agrees by consensus: two processes that book at once get in
/// each other's way, and every booking is carried out all the same.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_carries_out_bookings_that_got_in_each_others_way() {
    let fresh = crate::database::postgres().await;
    make_serializable(&fresh.database).await;
    let connect = async || Writer::new(Database::connect(&fresh.url).await.unwrap());
    thirty_two_payments_add_up(&fresh, [connect().await, connect().await]).await;
}

async fn thirty_two_payments_add_up(fresh: &Fresh, writers: [Writer; 2]) {
    let mut plans = Vec::new();
    for index in 0_u64..32 {
        let orders = [format!("o-{index}-1"), format!("o-{index}-2")];
        let plan = plan(
            &format!("checkout-{index}"),
            &[(&orders[0], "seller-a", 1_000 + index), (&orders[1], &format!("seller-{index}"), 7)],
        );
        record(fresh, &format!("key-{index}"), &plan).await;
        begin(fresh, &plan).await.unwrap();
        plans.push(plan);
    }
    // Each of them posted by both processes.
    let posts = plans.iter().flat_map(|plan| writers.clone().map(|writer| (plan.clone(), writer)));
    let posted = at_once(posts.map(|(plan, writer)| async move {
        let entry = Entry::of_captured_payment(&plan, &[], CREATED).unwrap();
        writer.post(&payment(&plan, 2, entry), None).await
    }))
    .await;
    assert!(posted.iter().all(Result::is_ok), "{posted:?}");
    assert_eq!(pending(fresh, "seller-a").await, 32 * 1_000 + (0..32).sum::<u64>());
    assert_eq!(pending(fresh, "seller-31").await, 7);
    assert!(post(fresh, &plans[0], 2).await.is_ok(), "and once more changes nothing");
    assert_eq!(pending(fresh, "seller-0").await, 7);
}

/// Of two transactions that lock the same rows in different orders, PostgreSQL ends one.
async fn an_endpoint_is_removed_beside_the_rounds_of_its_carrier(fresh: Fresh) {
    let keys = Keyring::parse(&Keyring::generate("racing").unwrap()).unwrap();
    let journal = fresh.writer.journal();
    for index in 0..40 {
        let id = WebhookEndpointId::parse(format!("we_{index}")).unwrap();
        let secret = WebhookSecret::generate().unwrap();
        let new = NewEndpoint {
            endpoint_id: &id,
            url: "https://shop.example/",
            types: None,
            description: "",
            secret: &secret,
        };
        let endpoint = journal.create_webhook_endpoint(new, &keys).await.unwrap().unwrap();
        let carrier = fresh.writer.take_webhook_endpoint(&id).await.unwrap().unwrap();
        let now = fresh.reader.time().await.unwrap();
        let waiting = (1..=50).map(|position| Retry {
            position,
            event_id: format!("evt_{position}"),
            event_type: "checkout.paid".to_owned(),
            object: format!("checkout:order-{position}"),
            attempts: 1,
            due_at: now,
            woken: false,
        });
        let round = Round {
            endpoint,
            carrier,
            position: 50,
            attempts: Vec::new(),
            finished: Vec::new(),
            waiting: waiting.collect(),
            requests: Vec::new(),
            failing_since: None,
            paused_until: None,
            wakes: true,
            disable: None,
            now,
        };
        let (committed, removed) =
            tokio::join!(fresh.writer.commit_webhook_round(&round), journal.remove_webhook_endpoint(&id));
        assert!(matches!(committed.unwrap(), Committed::Written | Committed::Superseded));
        assert!(removed.unwrap(), "the endpoint {index} is gone");
        assert_eq!(fresh.reader.webhook_waiting_count(&id).await.unwrap(), 0);
    }
}
