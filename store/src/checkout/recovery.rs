//! Checkouts whose workflow has to be there, and what a workflow needs to take the place of a lost one.

use domain::{
    Timestamp,
    charge::{DEPOSIT_WATCH_MS, VIRTUAL_ACCOUNT},
    checkout::{Plan, PlanFields, Status},
    id::{ApiKeyId, CheckoutId, PaymentKey},
    ledger::Entry,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::read::CheckoutRecord;
use crate::{
    Reader, StoreError,
    convert::{corrupt, to_column_time},
    entities::{checkout_requests, ledger_entries, payment_events, payment_orders},
};

/// What the record says of a checkout whose workflow was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecallRecord {
    pub record: CheckoutRecord,
    /// The payments that were declined, the oldest first.
    pub declined: Vec<PaymentKey>,
    /// How often a payment was booked.
    pub captures: u32,
    /// Whether the last booked payment still stands in the books.
    pub is_booked: bool,
    /// Whether what the PSP says of its deposit is written down.
    pub is_watched: bool,
}

/// A checkout that is not over, with what its workflow is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostCheckout {
    pub record: CheckoutRecord,
    /// What the buyer is asked to pay. No card is in it: the record holds none.
    pub plan: Plan,
    /// The API key that created it.
    pub api_key_id: ApiKeyId,
    /// SHA-256 of the request in lower-case hex.
    pub fingerprint: String,
}

impl Reader {
    /// What the record says of a checkout, for a workflow that goes on from it.
    pub async fn recall_checkout(&self, checkout_id: &CheckoutId) -> Result<Option<RecallRecord>, StoreError> {
        let Some(record) = self.checkout(checkout_id).await? else { return Ok(None) };
        let declines = self.declines(checkout_id).await?;
        let declined = declines.into_iter().map(|decline| decline.payment_key).collect();
        let (mut captures, mut is_booked) = (0, false);
        while let Some(stands) = self.stands_in_books(&Entry::capture_key(checkout_id, captures + 1)).await? {
            (captures, is_booked) = (captures + 1, stands);
        }
        let watched = payment_orders::Entity::find()
            .filter(payment_orders::Column::CheckoutId.eq(checkout_id.as_str()))
            .filter(payment_orders::Column::DepositSeenAt.is_not_null())
            .count(self.connection())
            .await?;
        Ok(Some(RecallRecord { record, declined, captures, is_booked, is_watched: watched > 0 }))
    }

    /// Whether an entry stands in the books, and was not reversed; `None` where it was never booked.
    async fn stands_in_books(&self, key: &str) -> Result<Option<bool>, StoreError> {
        let booked = ledger_entries::Entity::find().filter(ledger_entries::Column::EntryId.eq(key));
        if booked.count(self.connection()).await? == 0 {
            return Ok(None);
        }
        let reversed = ledger_entries::Entity::find().filter(ledger_entries::Column::Reverses.eq(key));
        Ok(Some(reversed.count(self.connection()).await? == 0))
    }

    /// The checkouts whose workflow has something to do, after the one of an id, in the order of their ids.
    pub async fn unfinished_checkouts(
        &self,
        after: Option<&CheckoutId>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<LostCheckout>, StoreError> {
        use payment_events::Column;
        let open = Status::ALL.into_iter().filter(|status| !status.phase().is_end()).map(Status::as_str);
        let watched_since = to_column_time(now.minus_ms(DEPOSIT_WATCH_MS));
        let watched = payment_orders::Entity::find()
            .select_only()
            .column(payment_orders::Column::CheckoutId)
            .filter(payment_orders::Column::DepositSeenAt.is_not_null());
        let is_open = Condition::any()
            .add(Column::Status.is_in(open))
            .add(
                Condition::all()
                    .add(Column::Status.eq(Status::Failed.as_str()))
                    .add(Column::FailureRetryable.eq(true))
                    .add(Column::ExpiresAt.gt(to_column_time(now))),
            )
            .add(Column::CheckoutId.in_subquery(watched.into_query()))
            .add(
                Condition::all()
                    .add(Column::IsPaymentDone.eq(true))
                    .add(
                        Condition::any()
                            .add(Column::AccountNumber.is_not_null())
                            .add(Column::PspMethod.eq(VIRTUAL_ACCOUNT)),
                    )
                    .add(Column::PspApprovedAt.gt(watched_since)),
            );
        let mut query = payment_events::Entity::find().filter(is_open);
        if let Some(after) = after {
            query = query.filter(Column::CheckoutId.gt(after.as_str()));
        }
        let rows = query
            .select_only()
            .column(Column::CheckoutId)
            .order_by_asc(Column::CheckoutId)
            .limit(limit)
            .into_tuple::<String>()
            .all(self.connection())
            .await?;
        let mut lost = Vec::with_capacity(rows.len());
        for row in rows {
            let id = CheckoutId::parse(row).map_err(|error| corrupt("an id", error))?;
            lost.extend(self.lost_checkout(&id).await?);
        }
        Ok(lost)
    }

    async fn lost_checkout(&self, id: &CheckoutId) -> Result<Option<LostCheckout>, StoreError> {
        let Some(record) = self.checkout(id).await? else { return Ok(None) };
        let request = checkout_requests::Entity::find_by_id(record.workflow_id.as_str()).one(self.connection()).await?;
        let request = request.ok_or_else(|| corrupt("no request of a checkout", id))?;
        let fields = PlanFields {
            checkout_id: record.checkout_id.clone(),
            order_name: record.order_name.clone(),
            buyer_id: record.buyer_id.clone(),
            orders: record.orders.iter().map(|line| line.order.clone()).collect(),
            success_url: record.success_url.clone(),
            fail_url: record.fail_url.clone(),
            metadata: record.metadata.clone(),
            card: None,
            confirm_token_hash: record.confirm_token_hash.clone(),
            window: record.window,
        };
        let plan = Plan::try_new(fields).map_err(|error| corrupt("a plan", error))?;
        let api_key_id = ApiKeyId::parse(request.api_key_id).map_err(|error| corrupt("an id", error))?;
        Ok(Some(LostCheckout { record, plan, api_key_id, fingerprint: request.fingerprint }))
    }
}
