//! Reading cash receipts.

use std::collections::HashMap;

use domain::{
    Timestamp,
    cash_receipt::{CashReceipt, ReceiptEntry, ReceiptPurpose, ReceiptStanding, ReceiptStatus},
    failure::Failure,
    id::{CheckoutId, WorkflowId},
    purchase::PurchaseSums,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    CheckoutRecord, Reader, StoreError, Writer,
    checkout::read::checkout_in,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, to_column_time},
    entities::{
        cash_receipt_watches as watches,
        cash_receipts::{Column, Entity, Model},
        payment_events,
    },
};

/// The receipts of a payment, and where they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CashReceipts {
    /// Where they stand together; none before the PSP was asked, and of a payment that was not paid like cash.
    pub standing: Option<ReceiptStanding>,
    /// When the PSP was asked last.
    pub looked_at: Option<Timestamp>,
    /// Receipts and cancellations, the oldest first.
    pub receipts: Vec<CashReceipt>,
}

impl CashReceipts {
    /// The receipt that a buyer is shown: the last that the tax office has not refused.
    pub fn shown(&self) -> Option<&CashReceipt> {
        let mut shown = self.receipts.iter().rev();
        shown.find(|receipt| receipt.entry == ReceiptEntry::Issue && receipt.status != ReceiptStatus::Failed)
    }
}

/// A payment whose receipts say something else than what was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongReceipts {
    pub checkout_id: CheckoutId,
    pub workflow_id: WorkflowId,
    /// What is wrong.
    pub standing: ReceiptStanding,
    /// Since when.
    pub since: Timestamp,
    pub receipts: CashReceipts,
}

impl Reader {
    /// The receipts of a payment.
    pub async fn cash_receipts(&self, checkout_id: &CheckoutId) -> Result<CashReceipts, StoreError> {
        let mut found = self.cash_receipts_of(std::slice::from_ref(checkout_id)).await?;
        Ok(found.remove(checkout_id.as_str()).unwrap_or_default())
    }

    /// The receipts of each of some payments.
    pub(crate) async fn cash_receipts_of(
        &self,
        checkouts: &[CheckoutId],
    ) -> Result<HashMap<String, CashReceipts>, StoreError> {
        let ids = || checkouts.iter().map(CheckoutId::as_str);
        let watches =
            watches::Entity::find().filter(watches::Column::CheckoutId.is_in(ids())).all(self.connection()).await?;
        let rows = rows_of(self.connection(), checkouts).await?;
        let mut found: HashMap<String, CashReceipts> = HashMap::new();
        for watch in watches {
            let of_checkout = found.entry(watch.checkout_id).or_default();
            of_checkout.standing = watch.standing.as_deref().map(standing).transpose()?;
            of_checkout.looked_at = watch.looked_at.map(from_column_time);
        }
        for row in rows {
            let checkout_id = row.checkout_id.clone();
            found.entry(checkout_id).or_default().receipts.push(receipt(row)?);
        }
        Ok(found)
    }

    /// The payments whose receipts have been wrong since before an instant; those that were wrong first come first.
    pub async fn wrong_receipts(&self, before: Timestamp, limit: u64) -> Result<Vec<WrongReceipts>, StoreError> {
        let wrong = ReceiptStanding::ALL.into_iter().filter(|standing| standing.is_wrong());
        let rows = watches::Entity::find()
            .filter(watches::Column::Standing.is_in(wrong.map(ReceiptStanding::as_str)))
            .filter(watches::Column::StandingSince.lt(to_column_time(before)))
            .order_by_asc(watches::Column::StandingSince)
            .order_by_asc(watches::Column::CheckoutId)
            .limit(limit)
            .all(self.connection())
            .await?;
        let ids: Vec<CheckoutId> = rows.iter().map(|row| checkout(&row.checkout_id)).collect::<Result<_, _>>()?;
        let mut receipts = self.cash_receipts_of(&ids).await?;
        let workflows: HashMap<String, String> = payment_events::Entity::find()
            .filter(payment_events::Column::CheckoutId.is_in(ids.iter().map(CheckoutId::as_str)))
            .select_only()
            .columns([payment_events::Column::CheckoutId, payment_events::Column::WorkflowId])
            .into_tuple::<(String, String)>()
            .all(self.connection())
            .await?
            .into_iter()
            .collect();
        let wrong = rows.into_iter().map(|row| {
            let missing = || corrupt("no payment of receipts", &row.checkout_id);
            let workflow_id = workflows.get(&row.checkout_id).ok_or_else(missing)?;
            Ok(WrongReceipts {
                workflow_id: WorkflowId::parse(workflow_id.as_str()).map_err(|error| corrupt("an id", error))?,
                standing: standing(row.standing.as_deref().unwrap_or_default())?,
                since: from_column_time(row.standing_since.unwrap_or_default()),
                receipts: receipts.remove(&row.checkout_id).unwrap_or_default(),
                checkout_id: checkout(&row.checkout_id)?,
            })
        });
        wrong.collect()
    }
}

impl Writer {
    /// What was kept of the receipts of a payment.
    pub async fn kept_receipts(&self, checkout_id: &CheckoutId) -> Result<Vec<CashReceipt>, StoreError> {
        let rows = rows_of(self.connection(), std::slice::from_ref(checkout_id)).await?;
        rows.into_iter().map(receipt).collect()
    }

    /// A checkout that is paid, and its sums; nothing of one that is not.
    pub async fn paid_checkout(
        &self,
        checkout_id: &CheckoutId,
    ) -> Result<Option<(CheckoutRecord, PurchaseSums)>, StoreError> {
        let record = checkout_in(self.connection(), checkout_id).await?;
        let Some(record) = record.filter(|record| record.status.is_payment_done()) else { return Ok(None) };
        let sums = PurchaseSums::of(record.orders.iter().map(|line| (&line.order, line.refunded)));
        Ok(sums.map(|sums| (record, sums)))
    }
}

async fn rows_of(connection: &impl ConnectionTrait, checkouts: &[CheckoutId]) -> Result<Vec<Model>, StoreError> {
    let rows = Entity::find()
        .filter(Column::CheckoutId.is_in(checkouts.iter().map(CheckoutId::as_str)))
        .order_by_asc(Column::RequestedAt)
        .order_by_asc(Column::FirstSeenAt)
        // An issue stands before the cancellations of the same instant.
        .order_by_desc(Column::Entry)
        .order_by_asc(Column::ReceiptKey)
        .all(connection)
        .await?;
    Ok(rows)
}

fn checkout(text: &str) -> Result<CheckoutId, StoreError> {
    CheckoutId::parse(text).map_err(|error| corrupt("an id", error))
}

fn standing(text: &str) -> Result<ReceiptStanding, StoreError> {
    ReceiptStanding::parse(text).ok_or_else(|| corrupt("a standing of receipts", text))
}

fn receipt(row: Model) -> Result<CashReceipt, StoreError> {
    let currency = from_column_currency(&row.currency)?;
    let purpose = row.purpose.as_deref();
    Ok(CashReceipt {
        entry: ReceiptEntry::parse(&row.entry).ok_or_else(|| corrupt("an entry of a receipt", &row.entry))?,
        purpose: purpose
            .map(|purpose| ReceiptPurpose::parse(purpose).ok_or_else(|| corrupt("a purpose of a receipt", purpose)))
            .transpose()?,
        amount: from_column_amount(row.amount, currency)?,
        tax_free: from_column_amount(row.tax_free_amount, currency)?,
        number: row.receipt_number,
        url: row.receipt_url,
        status: ReceiptStatus::parse(&row.status).ok_or_else(|| corrupt("a status of a receipt", &row.status))?,
        failure: row.failure_code.zip(row.failure_message).map(|(code, message)| Failure::new(code, message)),
        requested_at: row.requested_at.map(from_column_time),
        key: row.receipt_key,
    })
}
