//! What the door writes down is written once and stays.

use domain::id::CheckoutId;
use sea_orm::ConnectionTrait;
use store::{MAX_KEPT_WEBHOOKS, Noted, Webhook};

use crate::{database::Fresh, on_both_databases};

on_both_databases!(a_webhook_is_kept_once_and_only_so_many_are,);

fn webhook(digest: &str, checkout: &str) -> Webhook {
    Webhook {
        digest: digest.to_owned(),
        event: Some("PAYMENT_STATUS_CHANGED".to_owned()),
        checkout_id: CheckoutId::parse(checkout).unwrap(),
        delivery_id: Some("delivery-1".to_owned()),
        sent_at: Some("2026-11-21T12:00:00+09:00".to_owned()),
        retries: Some(3),
    }
}

/// Whether the database itself refuses to change or remove what stands in a table.
pub(crate) async fn is_append_only(fresh: &Fresh, table: &str, column: &str) -> bool {
    let refused = async |statement: String| fresh.database.connection().execute_unprepared(&statement).await.is_err();
    refused(format!("UPDATE {table} SET {column} = {column}")).await && refused(format!("DELETE FROM {table}")).await
}

async fn a_webhook_is_kept_once_and_only_so_many_are(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let first = webhook("digest-0", "checkout-1");
    assert_eq!(journal.note_webhook(&first).await.unwrap(), Noted::New);
    let [(kept, since)] = &fresh.reader.webhooks(&first.checkout_id).await.unwrap()[..] else {
        panic!("one webhook is kept");
    };
    assert_eq!(*kept, first);
    let later = Webhook { retries: Some(4), ..first.clone() };
    assert_eq!(journal.note_webhook(&later).await.unwrap(), Noted::Again { since: *since });

    let racing: Vec<_> = (0..8)
        .map(|_| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.note_webhook(&webhook("raced", "checkout-2")).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for noted in racing {
        new += usize::from(noted.await.unwrap() == Noted::New);
    }
    assert_eq!(new, 1);

    for number in 1..MAX_KEPT_WEBHOOKS {
        assert_eq!(
            journal.note_webhook(&webhook(&format!("digest-{number}"), "checkout-1")).await.unwrap(),
            Noted::New
        );
    }
    assert_eq!(journal.note_webhook(&webhook("one-too-many", "checkout-1")).await.unwrap(), Noted::Full);
    assert_eq!(journal.note_webhook(&webhook("another", "checkout-2")).await.unwrap(), Noted::New);
    assert_eq!(journal.note_webhook(&first).await.unwrap(), Noted::Again { since: *since });
    assert_eq!(fresh.reader.webhooks(&first.checkout_id).await.unwrap().len() as u64, MAX_KEPT_WEBHOOKS);
    assert!(is_append_only(&fresh, "webhook_inbox", "event").await);
}
