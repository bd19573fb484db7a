//! The inbox of webhooks.
//!
//! A row says that a webhook came: its digest, its kind, the checkout and how it was sent. The body is not kept:
//! it may hold personal data, and nothing of it is believed anyway.

use chrono::Utc;
use domain::{Timestamp, id::CheckoutId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, sea_query::OnConflict,
};

use crate::{
    Journal, Reader, StoreError,
    convert::{corrupt, from_column_time},
    entities::webhook_inbox,
};

/// The most webhooks of one checkout that are kept. A real one has a handful; whoever knows a checkout's id can
/// forge any number.
pub const MAX_KEPT_WEBHOOKS: u64 = 100;

/// A webhook about a checkout that we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// SHA-256 of its body in lower-case hex: the same news twice has one.
    pub digest: String,
    /// What kind of event it names, in the PSP's words.
    pub event: Option<String>,
    /// The checkout that it names.
    pub checkout_id: CheckoutId,
    /// The PSP's name of this sending.
    pub delivery_id: Option<String>,
    /// When the PSP says that it sent it, in its own format.
    pub sent_at: Option<String>,
    /// How often the PSP says that it was sent before.
    pub retries: Option<u32>,
}

/// What the inbox says to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is new, and kept from now on.
    New,
    /// The same came before.
    Again {
        /// When the first one came.
        since: Timestamp,
    },
    /// It is new and not kept: too many are kept of its checkout.
    Full,
}

impl Journal {
    /// Keeps a webhook, once. The digest is the key.
    pub async fn note_webhook(&self, webhook: &Webhook) -> Result<Noted, StoreError> {
        if let Some(earlier) = self.kept(&webhook.digest).await? {
            return Ok(earlier);
        }
        // Two at once may both find room for one; the bound holds to within the number of open requests.
        let of_checkout = webhook_inbox::Entity::find()
            .filter(webhook_inbox::Column::CheckoutId.eq(webhook.checkout_id.as_str()))
            .count(self.connection())
            .await?;
        if of_checkout >= MAX_KEPT_WEBHOOKS {
            return Ok(Noted::Full);
        }
        let row = webhook_inbox::ActiveModel {
            digest: Set(webhook.digest.clone()),
            event: Set(webhook.event.clone()),
            checkout_id: Set(webhook.checkout_id.to_string()),
            delivery_id: Set(webhook.delivery_id.clone()),
            sent_at: Set(webhook.sent_at.clone()),
            retries: Set(webhook.retries.map(i64::from)),
            received_at: Set(Utc::now()),
        };
        let inserted = webhook_inbox::Entity::insert(row)
            .on_conflict(OnConflict::column(webhook_inbox::Column::Digest).do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        if inserted == 1 {
            return Ok(Noted::New);
        }
        self.kept(&webhook.digest).await?.ok_or_else(|| corrupt("no webhook of digest", &webhook.digest))
    }

    async fn kept(&self, digest: &str) -> Result<Option<Noted>, StoreError> {
        let row = webhook_inbox::Entity::find_by_id(digest).one(self.connection()).await?;
        Ok(row.map(|row| Noted::Again { since: from_column_time(row.received_at) }))
    }
}

impl Reader {
    /// The webhooks of a checkout with when they came, oldest first; at most [`MAX_KEPT_WEBHOOKS`] or so.
    pub async fn webhooks(&self, checkout_id: &CheckoutId) -> Result<Vec<(Webhook, Timestamp)>, StoreError> {
        let rows = webhook_inbox::Entity::find()
            .filter(webhook_inbox::Column::CheckoutId.eq(checkout_id.as_str()))
            .order_by_asc(webhook_inbox::Column::ReceivedAt)
            .order_by_asc(webhook_inbox::Column::Digest)
            .all(self.connection())
            .await?;
        rows.into_iter().map(webhook).collect()
    }
}

fn webhook(row: webhook_inbox::Model) -> Result<(Webhook, Timestamp), StoreError> {
    let retries = row.retries.map(|retries| u32::try_from(retries).map_err(|_| corrupt("a count", retries)));
    let webhook = Webhook {
        digest: row.digest,
        event: row.event,
        checkout_id: CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("an id", error))?,
        delivery_id: row.delivery_id,
        sent_at: row.sent_at,
        retries: retries.transpose()?,
    };
    Ok((webhook, from_column_time(row.received_at)))
}
