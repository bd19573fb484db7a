//! Sellers in events: no name, no contact, no account number.

use domain::{
    Timestamp,
    event::{Event, EventType},
    id::SellerAccount,
};
use serde::Serialize;

use crate::{
    StoreError,
    convert::{corrupt, to_column_time},
    event::{
        append,
        data::{data_of, rfc3339},
    },
    seller::seller_record,
    transaction::Transaction,
};

#[derive(Debug, Serialize)]
struct Seller {
    seller_account: String,
    payout_status: &'static str,
    business_type: Option<&'static str>,
    /// How often the bank account was changed.
    bank_account_changes: Option<u32>,
    bank_account_changed_at: Option<String>,
    minimum_payout: Option<String>,
    created_at: Option<String>,
}

/// Appends what a change of a seller tells. The row is changed already, and its version is the event's.
pub(crate) async fn append_seller(
    transaction: &Transaction,
    seller: &SellerAccount,
    event_type: EventType,
    at: Timestamp,
) -> Result<(), StoreError> {
    let record = seller_record(transaction, seller, at).await?;
    let record = record.ok_or_else(|| corrupt("no seller of an event", seller))?;
    let profile = record.profile.as_ref();
    let time = |time| rfc3339(to_column_time(time));
    let data = Seller {
        seller_account: seller.to_string(),
        payout_status: record.payout_status().as_str(),
        business_type: profile.map(|profile| profile.business_type.as_str()),
        bank_account_changes: profile.map(|profile| profile.account.saturating_sub(1)),
        bank_account_changed_at: profile.and_then(|profile| profile.account_changed_at).map(time),
        minimum_payout: profile.map(|profile| profile.minimum_payout.to_decimal_string()),
        created_at: record.created_at.map(time),
    };
    let event = Event {
        event_type,
        object_id: seller.to_string(),
        version: record.version,
        occurred_at: at,
        data: data_of(&data)?,
    };
    append(transaction, event).await
}
