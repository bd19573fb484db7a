//! Transactions: every approval and every cancellation, visible the same day.

use chrono::{DateTime, FixedOffset};
use futures::stream::Stream;
use serde_json::Value;

use crate::amounts::Currency;
use crate::client::{Client, call};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::holds;
use crate::object::{self, object};
use crate::pages::{self, Page, RowMark};
use crate::private::Private;
use crate::shape::{self, ShapeError};
use crate::times;
use crate::words::{Method, PaymentStatus};

/// Rows asked for in one page; Toss allows 5000.
const PAGE_SIZE: u32 = 1000;

object! {
    /// One approval or one cancellation.
    ///
    /// Source: docs.tosspayments.com/reference, "거래 조회".
    Transaction {
        /// Its own name, at most 64 characters; every row has another.
        transaction_key: String = required "transactionKey",
        /// Toss's name for the payment.
        payment_key: String = required "paymentKey",
        /// The merchant's name for the order.
        order_id: String = required "orderId",
        /// Where the payment stood after it.
        status: PaymentStatus = required "status",
        /// The currency of the amount.
        currency: Currency = required "currency",
        /// Minor units, **with the sign Toss wrote**: whether a cancellation is below zero is not
        /// documented, so take the direction from the status and the size from here.
        amount: i64 = required "amount",
        /// When.
        transaction_at: Option<DateTime<FixedOffset>> = loose "transactionAt",
        /// Merchant id, at most 14 characters.
        m_id: Option<String> = loose "mId",
        /// What the buyer paid with.
        method: Option<Method> = loose "method",
        /// The merchant's name for the buyer.
        customer_key: Option<Private> = loose "customerKey",
        /// Whether escrow was used.
        use_escrow: Option<bool> = loose "useEscrow",
        /// The receipt page.
        receipt_url: Option<String> = loose "receiptUrl",
    }
}

impl Transaction {
    /// Reads one row.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when it is not JSON, or lacks a name, the status, a currency we know or the amount.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShapeError> {
        object::in_its_currency(&shape::json(bytes)?)
    }
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
        pages::all(move |cursor| self.transactions_page(start, end, cursor, page))
    }

    /// Lists the marks of [`Client::transactions`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn transaction_marks(
        &self,
        start: DateTime<FixedOffset>,
        end: DateTime<FixedOffset>,
    ) -> impl Stream<Item = Result<RowMark, Error>> {
        let page = |body: &[u8], cursor: Option<&String>| {
            following(RowMark::page(body)?, cursor, |mark| &mark.transaction_key)
        };
        pages::all(move |cursor| self.transactions_page(start, end, cursor, page))
    }

    async fn transactions_page<T>(
        &self,
        start: DateTime<FixedOffset>,
        end: DateTime<FixedOffset>,
        cursor: Option<String>,
        read: impl FnOnce(&[u8], Option<&String>) -> Result<Page<T, String>, ShapeError>,
    ) -> Result<Page<T, String>, Error> {
        holds(start <= end, "startDate", "is not after endDate")?;
        let mut query = vec![
            ("startDate", times::without_offset(start)),
            ("endDate", times::without_offset(end)),
            ("limit", self.page_rows(PAGE_SIZE).to_string()),
        ];
        query.extend(cursor.clone().map(|cursor| ("startingAfter", cursor)));
        let call = call(Operation::Transactions, "");
        self.get(call, &["v1", "transactions"], &query, |body| read(body, cursor.as_ref())).await
    }
}

/// Reads a page.
pub(crate) fn page(body: &[u8], cursor: Option<&String>) -> Result<Page<Transaction, String>, ShapeError> {
    let rows: Vec<Value> = shape::list(body)?;
    let rows: Vec<Transaction> = rows.iter().map(object::in_its_currency).collect::<Result<_, _>>()?;
    following(rows, cursor, |row| &row.transaction_key)
}

/// A page that begins after a row. Only an empty one is the last: a short page does not prove that nothing follows.
fn following<T>(
    rows: Vec<T>,
    cursor: Option<&String>,
    key: impl Fn(&T) -> &String,
) -> Result<Page<T, String>, ShapeError> {
    let next = rows.last().map(|row| key(row).clone());
    Page::after(rows, cursor, next)
}
