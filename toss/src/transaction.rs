//! Transactions: every approval and every cancellation, visible the same day.

use chrono::{DateTime, FixedOffset};
use futures::stream::Stream;
use serde::Deserialize;
use serde_json::Value;

use crate::amounts::{Currency, Sign};
use crate::client::{Client, call};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::holds;
use crate::pages::{self, Page};
use crate::private::Private;
use crate::shape::{self, ShapeError, Unknown};
use crate::times;
use crate::words::{Method, PaymentStatus};

/// Rows asked for in one page; Toss allows 5000.
const PAGE_SIZE: u32 = 1000;

/// One approval or one cancellation.
///
/// Source: docs.tosspayments.com/reference, "거래 조회".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Its own name, at most 64 characters; every row has another.
    pub transaction_key: String,
    /// Toss's name for the payment.
    pub payment_key: String,
    /// The merchant's name for the order.
    pub order_id: String,
    /// Where the payment stood after it.
    pub status: PaymentStatus,
    /// The currency of the amount.
    pub currency: Currency,
    /// Minor units, **with the sign Toss wrote**: whether a cancellation is below zero is not
    /// documented, so take the direction from the status and the size from here.
    pub amount: i64,
    /// When.
    #[serde(default, deserialize_with = "times::nullable")]
    pub transaction_at: Option<DateTime<FixedOffset>>,
    /// Merchant id, at most 14 characters.
    pub m_id: Option<String>,
    /// What the buyer paid with.
    pub method: Option<Method>,
    /// The merchant's name for the buyer.
    pub customer_key: Option<Private>,
    /// Whether escrow was used.
    pub use_escrow: Option<bool>,
    /// The receipt page.
    pub receipt_url: Option<String>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Client {
    /// Lists what happened from `start` to `end`: `GET /v1/transactions`, page by page.
    ///
    /// Toss keeps these times in Korea and to the second.
    ///
    /// # Errors
    ///
    /// The first [`Error`] ends the stream; a stream that ends without one is whole.
    pub fn transactions(
        &self,
        start: DateTime<FixedOffset>,
        end: DateTime<FixedOffset>,
    ) -> impl Stream<Item = Result<Transaction, Error>> {
        pages::all(move |cursor: Option<String>| async move {
            holds(start <= end, "startDate", "is not after endDate")?;
            let mut query = vec![
                ("startDate", times::without_offset(start)),
                ("endDate", times::without_offset(end)),
                ("limit", PAGE_SIZE.to_string()),
            ];
            query.extend(cursor.clone().map(|cursor| ("startingAfter", cursor)));
            let call = call(Operation::Transactions, "");
            self.get(call, &["v1", "transactions"], &query, |body| page(body, cursor.as_ref())).await
        })
    }
}

/// Reads a page. Only an empty one is the last: a short page does not prove that nothing follows.
pub(crate) fn page(body: &[u8], cursor: Option<&String>) -> Result<Page<Transaction, String>, ShapeError> {
    let rows: Vec<Value> = shape::fields(shape::json(body)?)?;
    let rows = rows.into_iter().map(|row| shape::in_its_currency(row, Sign::Kept));
    let rows: Vec<Transaction> = rows.collect::<Result<_, _>>()?;
    let next = rows.last().map(|row| row.transaction_key.clone());
    Page::after(rows, cursor, next)
}
