//! What the door writes down is written once and stays.

use domain::id::CheckoutId;
use sea_orm::ConnectionTrait;
use store::{Actor, AuditEntry, MAX_KEPT_WEBHOOKS, Noted, Webhook, Window};

use crate::{database::Fresh, on_both_databases, writing::CREATED};

on_both_databases!(a_webhook_is_kept_once_and_only_so_many_are, the_audit_log_grows_by_lines_that_stay);

pub(crate) fn webhook(digest: &str, checkout: &str) -> Webhook {
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

async fn the_audit_log_grows_by_lines_that_stay(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let line = |number: u64, actor| AuditEntry {
        occurred_at: CREATED.plus_ms(number),
        actor,
        action: format!("POST /v1/{number}"),
        object: String::new(),
        result: "201".to_owned(),
        address: Some("127.0.0.1".to_owned()),
        request_id: None,
    };
    let written: Vec<_> = (0..5)
        .map(|number| {
            let by_key = Actor::ApiKey(crate::writing::api_key());
            line(number, if number.is_multiple_of(2) { by_key } else { Actor::Operator("Kim (os:root)".to_owned()) })
        })
        .collect();
    for entry in &written {
        journal.audit(entry).await.unwrap();
    }
    let again = uuid::Uuid::new_v4();
    let mut written = written;
    written.push(line(5, Actor::Operator("Lee".to_owned())));
    for _ in 0..3 {
        journal.audit_once(again, &written[5]).await.unwrap();
    }
    for limit in 1..=7 {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = fresh.reader.audit_log(None, &Window { after, limit }).await.unwrap();
            after = page.items.last().map(|(sequence, _)| *sequence);
            listed.extend(page.items.into_iter().map(|(_, entry)| entry));
            if !page.more {
                break;
            }
        }
        listed.reverse();
        assert_eq!(listed, written, "pages of {limit}");
    }
    let of_kim = fresh.reader.audit_log(Some("Kim (os:root)"), &Window { after: None, limit: 10 }).await.unwrap();
    assert_eq!(
        of_kim.items.into_iter().map(|(_, entry)| entry.action).collect::<Vec<_>>(),
        ["POST /v1/3", "POST /v1/1"]
    );
    assert!(is_append_only(&fresh, "audit_log", "result").await);
}
