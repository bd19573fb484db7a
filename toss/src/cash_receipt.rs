//! Cash receipts for payments that Toss did not make: issue, cancel, list.

use chrono::NaiveDate;
use futures::stream::Stream;
use serde::Serialize;
use serde_json::Value;

use crate::amounts::Currency;
use crate::client::{Client, call, written};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::{self, IdempotencyKey, LimitError, holds, segment, text};
use crate::object::{self, Fields};
use crate::pages::{self, Page};
use crate::payment::CashReceiptRecord;
use crate::private::{Private, exposed};
use crate::shape::{self, ShapeError};
use crate::words::CashReceiptType;

/// Rows asked for in one page; Toss allows 10000.
const PAGE_SIZE: u32 = 1000;

/// Issues a cash receipt. Amounts are won: only Korea's tax office knows these receipts.
///
/// Source: docs.tosspayments.com/reference, "현금영수증 발급 요청".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CashReceiptRequest {
    /// What was paid, in won.
    pub amount: u64,
    /// The merchant's name for the order; a second receipt for it is refused with
    /// `DUPLICATED_CASH_RECEIPT`.
    pub order_id: String,
    /// What the buyer sees, at most 100 characters.
    pub order_name: String,
    /// What it is used for.
    #[serde(rename = "type")]
    pub receipt_type: CashReceiptType,
    /// The buyer's phone, card or business number, at most 30 characters.
    #[serde(serialize_with = "exposed")]
    pub customer_identity_number: Private,
    /// The part without tax, in won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_free_amount: Option<u64>,
}

impl CashReceiptRequest {
    fn check(&self) -> Result<(), LimitError> {
        limits::amount(self.amount)?;
        limits::order_id(&self.order_id)?;
        text(&self.order_name, 100, "orderName", "is 1 to 100 characters")?;
        text(self.customer_identity_number.expose(), 30, "customerIdentityNumber", "is 1 to 30 characters")?;
        holds(self.tax_free_amount <= Some(self.amount), "taxFreeAmount", "is a part of the amount")
    }
}

impl CashReceiptRecord {
    /// Reads a CashReceipt document; its amounts are won.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when it is not JSON, not an object, or holds an amount that is no whole number
    /// of won.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShapeError> {
        object::in_won(&shape::json(bytes)?)
    }
}

impl Client {
    /// Issues a cash receipt: `POST /v1/cash-receipts`. It is `IN_PROGRESS` for a day or two.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known.
    pub async fn issue_cash_receipt(
        &self,
        request: &CashReceiptRequest,
        key: &IdempotencyKey,
    ) -> Result<CashReceiptRecord, Error> {
        request.check()?;
        let call = call(Operation::CashReceiptIssue, &request.order_id);
        self.post(call, &["v1", "cash-receipts"], key, written(request)?, CashReceiptRecord::parse).await
    }

    /// Takes a cash receipt back: `POST /v1/cash-receipts/{receiptKey}/cancel`; all of it, or `amount`
    /// won. The cancellation is a receipt of its own, whose key begins with `c_`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known.
    pub async fn cancel_cash_receipt(
        &self,
        receipt_key: &str,
        amount: Option<u64>,
        key: &IdempotencyKey,
    ) -> Result<CashReceiptRecord, Error> {
        #[derive(Serialize)]
        struct Body {
            #[serde(skip_serializing_if = "Option::is_none")]
            amount: Option<u64>,
        }

        segment(receipt_key, "receiptKey")?;
        amount.map_or(Ok(()), limits::amount)?;
        let segments = ["v1", "cash-receipts", receipt_key, "cancel"];
        let call = call(Operation::CashReceiptCancel, receipt_key);
        self.post(call, &segments, key, written(&Body { amount })?, CashReceiptRecord::parse).await
    }

    /// Lists the cash receipts that were asked for on a day in Korea: `GET /v1/cash-receipts`, page by
    /// page.
    ///
    /// # Errors
    ///
    /// The first [`Error`] ends the stream; a stream that ends without one is whole.
    pub fn cash_receipts(&self, day: NaiveDate) -> impl Stream<Item = Result<CashReceiptRecord, Error>> {
        pages::all(move |cursor: Option<i64>| async move {
            let mut query = vec![("requestDate", day.to_string()), ("limit", PAGE_SIZE.to_string())];
            query.extend(cursor.map(|cursor| ("cursor", cursor.to_string())));
            let call = call(Operation::CashReceiptList, "");
            self.get(call, &["v1", "cash-receipts"], &query, |body| page(body, cursor.as_ref())).await
        })
    }
}

/// Reads a page, `{hasNext, lastCursor, data}`.
pub(crate) fn page(body: &[u8], cursor: Option<&i64>) -> Result<Page<CashReceiptRecord, i64>, ShapeError> {
    let document = shape::json(body)?;
    let mut list = Fields::of(&document, Currency::Krw).map_err(|_| ShapeError::NotAnObject)?;
    let rows = list.required("data")?;
    let has_next = list.required("hasNext")?;
    let last_cursor: Option<Value> = list.loose("lastCursor")?;
    Page::continued(rows, has_next, cursor, last_cursor.as_ref().and_then(Value::as_i64))
}
