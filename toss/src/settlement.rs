//! Settlements: what Toss pays the merchant for each payment, and what it keeps.

use chrono::{DateTime, FixedOffset, NaiveDate};
use futures::stream::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::amounts::Currency;
use crate::client::{Client, call, written};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::{self, IdempotencyKey, holds};
use crate::object::{self, object};
use crate::pages::{self, Page, RowMark};
use crate::payment::{Cancel, Card, EasyPay, GiftCertificate, MobilePhone, Transfer, VirtualAccount};
use crate::shape::{self, ShapeError};
use crate::words::{FeeType, Method};

/// Rows asked for in one page; Toss allows 5000.
const PAGE_SIZE: u32 = 1000;

object! {
    /// One approval or cancellation as it is settled. Rows appear the next day, and only with live keys.
    ///
    /// Amounts are minor units of [`Settlement::currency`], but for those of [`Settlement::exchange`], **with the sign
    /// Toss wrote**: how a cancellation is signed is not documented, and a fee may exceed what is left. A row with
    /// [`Settlement::cancel`] is a cancellation.
    ///
    /// Source: docs.tosspayments.com/reference, "정산 조회".
    Settlement {
        /// Toss's name for the payment.
        payment_key: String = required "paymentKey",
        /// Name of this approval or cancellation, at most 64 characters.
        transaction_key: String = required "transactionKey",
        /// The merchant's name for the order.
        order_id: String = required "orderId",
        /// The currency of every amount here.
        currency: Currency = required "currency",
        /// What was paid or given back.
        amount: i64 = required "amount",
        /// What the merchant gets: the amount without the fee.
        pay_out_amount: i64 = required "payOutAmount",
        /// Merchant id, at most 14 characters.
        m_id: Option<String> = loose "mId",
        /// What the buyer paid with.
        method: Option<Method> = loose "method",
        /// The part of the fee that an instalment plan costs.
        interest_fee: Option<i64> = exact "interestFee",
        /// The fee, part by part.
        fees: Vec<Fee> = exact "fees",
        /// The whole fee, its value added tax included. The documented rows lack it, the recorded ones have it.
        fee: Option<i64> = exact "fee",
        /// The supply value of the fee.
        supply_amount: Option<i64> = exact "supplyAmount",
        /// The value added tax of the fee.
        vat: Option<i64> = exact "vat",
        /// When the money was taken.
        approved_at: Option<DateTime<FixedOffset>> = loose "approvedAt",
        /// The day it counts for: of the payment, or the end of the week or month, by contract.
        sold_date: Option<NaiveDate> = loose "soldDate",
        /// The day Toss pays.
        paid_out_date: Option<NaiveDate> = loose "paidOutDate",
        /// Card details.
        card: Option<Card> = loose "card",
        /// Wallet details.
        easy_pay: Option<EasyPay> = loose "easyPay",
        /// Voucher details.
        gift_certificate: Option<GiftCertificate> = loose "giftCertificate",
        /// Mobile phone details.
        mobile_phone: Option<MobilePhone> = loose "mobilePhone",
        /// Bank transfer details.
        transfer: Option<Transfer> = loose "transfer",
        /// Virtual account details.
        virtual_account: Option<VirtualAccount> = loose "virtualAccount",
        /// The cancellation that this row settles.
        cancel: Option<Cancel> = exact "cancel",
        /// What Toss made of the payout in another currency, where it pays in another than the buyer.
        exchange: Option<Exchange> = exact "exchange",
    }
}

impl Settlement {
    /// Reads one row.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when it is not JSON, or lacks a name, a currency we know or an amount.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShapeError> {
        object::in_its_currency(&shape::json(bytes)?)
    }
}

object! {
    /// What Toss gave for [`Settlement::pay_out_amount`] in the currency that it pays in, and what became of that.
    ///
    /// Source: none. Toss publishes neither in which currency it settles a sale in dollars or yen, nor a row of such a
    /// sale. The names are those of a row, so that the amounts add up in each currency by itself.
    ExchangeFields {
        /// What was given.
        amount: i64 = required "amount",
        /// What the merchant gets of it.
        pay_out_amount: i64 = required "payOutAmount",
        /// The fee that is taken after the exchange, its value added tax included.
        fee: Option<i64> = exact "fee",
        /// The supply value of that fee.
        supply_amount: Option<i64> = exact "supplyAmount",
        /// The value added tax of that fee.
        vat: Option<i64> = exact "vat",
    }
}

/// An exchange, with the currency of its amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The currency of every amount of it.
    pub currency: Currency,
    /// The amounts.
    pub fields: ExchangeFields,
}

impl object::Read for Exchange {
    /// The amounts are in its own currency, not in the document's.
    fn read(value: &Value, _currency: Currency) -> Result<Self, object::Misread> {
        let named = value.get("currency").and_then(Value::as_str).and_then(Currency::from_code);
        let currency = named.ok_or(object::Misread::Within(ShapeError::Currency))?;
        Ok(Self { currency, fields: object::Read::read(value, currency)? })
    }
}

object! {
    /// A part of Toss's fee.
    Fee {
        /// What for.
        fee_type: Option<FeeType> = loose "type",
        /// How much, in minor units, with the sign Toss wrote.
        fee: i64 = required "fee",
    }
}

/// Which day of a settlement a period is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateType {
    /// [`Settlement::sold_date`].
    Sold,
    /// [`Settlement::paid_out_date`].
    PaidOut,
}

impl DateType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sold => "soldDate",
            Self::PaidOut => "paidOutDate",
        }
    }
}

/// A page number, and the first row of the page before it: the number alone would not show a server
/// that always answers the same page.
struct Position<T> {
    page: u32,
    first_before: Option<T>,
}

impl Client {
    /// Lists what is settled from `start` to `end`, both days included: `GET /v1/settlements`, page by
    /// page.
    ///
    /// # Errors
    ///
    /// The first [`Error`] ends the stream; a stream that ends without one is whole.
    pub fn settlements(
        &self,
        start: NaiveDate,
        end: NaiveDate,
        date_type: DateType,
    ) -> impl Stream<Item = Result<Settlement, Error>> {
        pages::all(move |position| self.settlements_page([start, end], date_type, position, rows))
    }

    /// Lists the marks of [`Client::settlements`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn settlement_marks(
        &self,
        start: NaiveDate,
        end: NaiveDate,
        date_type: DateType,
    ) -> impl Stream<Item = Result<RowMark, Error>> {
        pages::all(move |position| self.settlements_page([start, end], date_type, position, RowMark::page))
    }

    async fn settlements_page<T: Clone + PartialEq>(
        &self,
        [start, end]: [NaiveDate; 2],
        date_type: DateType,
        position: Option<Position<T>>,
        rows: impl FnOnce(&[u8]) -> Result<Vec<T>, ShapeError>,
    ) -> Result<Page<T, Position<T>>, Error> {
        holds(start <= end, "startDate", "is not after endDate")?;
        let Position { page, first_before } = position.unwrap_or(Position { page: 1, first_before: None });
        let query = [
            ("startDate", start.to_string()),
            ("endDate", end.to_string()),
            ("dateType", date_type.as_str().to_owned()),
            ("page", page.to_string()),
            ("size", self.page_rows(PAGE_SIZE).to_string()),
        ];
        let read = |body: &[u8]| {
            let items = rows(body)?;
            let first = items.first().cloned();
            if first.is_some() && first == first_before {
                return Err(ShapeError::Loop);
            }
            // Only an empty page is the last: a short one does not prove that nothing follows.
            let next = first.map(|first| Position { page: page + 1, first_before: Some(first) });
            Ok(Page { items, next })
        };
        self.get(call(Operation::Settlements, ""), &["v1", "settlements"], &query, read).await
    }

    /// Asks Toss to settle one payment, for contracts that settle by hand: `POST /v1/settlements`.
    ///
    /// Whether Toss will, as it answers; `false` is not documented.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known.
    pub async fn request_settlement(&self, payment_key: &str, key: &IdempotencyKey) -> Result<bool, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            payment_key: &'a str,
        }
        #[derive(Deserialize)]
        struct Answer {
            result: bool,
        }

        limits::payment_key(payment_key)?;
        let body = written(&Body { payment_key })?;
        let call = call(Operation::SettlementRequest, payment_key);
        let read = |body: &[u8]| shape::fields(shape::json(body)?).map(|answer: Answer| answer.result);
        self.post(call, &["v1", "settlements"], key, body, read).await
    }
}

/// Reads the rows of a page.
pub(crate) fn rows(body: &[u8]) -> Result<Vec<Settlement>, ShapeError> {
    let rows: Vec<Value> = shape::list(body)?;
    rows.iter().map(object::in_its_currency).collect()
}
