//! Payouts: money to sellers, and the balance it comes from. Requests are sealed.

use std::collections::BTreeSet;

use chrono::{DateTime, FixedOffset, NaiveDate};
use futures::stream::Stream;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use serde_json::{Map, Value};

use crate::amounts::Currency;
use crate::client::{Client, call, written};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::{self, IdempotencyKey, LimitError, holds, segment, text};
use crate::money::Money;
use crate::object::{self, object};
use crate::pages;
use crate::payment::Failure;
use crate::private::Private;
use crate::seller::metadata;
use crate::shape::{self, ShapeError};
use crate::words::{PayoutStatus, ScheduleType};

/// Rows asked for in one page. Toss takes at most 10,000.
const PAGE_SIZE: u32 = 1_000;
/// Payouts in one request. Source: Toss, payouts guide.
pub const PAYOUT_COUNT_LIMIT: usize = 100;
/// Won of one payout stay below this. Source: Toss, payouts guide.
pub const PAYOUT_AMOUNT_BOUND: u64 = 1_000_000_000;
/// Characters of what the seller's bank statement shows. Source: Toss, payouts guide.
pub const DESCRIPTION_LIMIT: usize = 7;

object! {
    /// What the merchant can pay out.
    Balance {
        /// What can be paid out now.
        available_amount: Money = required "availableAmount",
        /// What will be settled in the next two days. Test keys have none.
        pending_amount: Option<Money> = exact "pendingAmount",
    }
}

impl Balance {
    /// Reads a balance out of the envelope of the v2 API.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when it is not JSON, has no entity, or names an amount that cannot be read
    /// exactly.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShapeError> {
        object::in_won(&shape::entity(bytes)?)
    }
}

object! {
    /// A payout as Toss knows it.
    ///
    /// Source: docs.tosspayments.com/guides/v2/payouts, "Payout 객체".
    Payout {
        /// Toss's name for it, `FPA_…`.
        id: String = required "id",
        /// The merchant's name for it, at most 50 characters.
        ref_payout_id: String = required "refPayoutId",
        /// How it stands. `COMPLETED` and `FAILED` are final.
        status: PayoutStatus = required "status",
        /// How much.
        amount: Money = required "amount",
        /// The seller who gets it.
        destination: Option<String> = loose "destination",
        /// At once or on a day.
        schedule_type: Option<ScheduleType> = loose "scheduleType",
        /// The day.
        payout_date: Option<NaiveDate> = loose "payoutDate",
        /// What the seller's bank statement shows.
        transaction_description: Option<String> = loose "transactionDescription",
        /// When it was asked for.
        requested_at: Option<DateTime<FixedOffset>> = loose "requestedAt",
        /// Why it failed.
        error: Option<Failure> = loose "error",
        /// The merchant's own pairs, at most five.
        metadata: Option<Private<Map<String, Value>>> = loose "metadata",
    }
}

impl Payout {
    pub(crate) fn from_value(document: Value) -> Result<Self, ShapeError> {
        object::in_won(&document)
    }

    /// Reads a Payout out of the envelope of the v2 API.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when it is not JSON, has no entity, lacks one of the two names, status or
    /// amount, or the amount cannot be read exactly.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShapeError> {
        Self::from_value(shape::entity(bytes)?)
    }
}

/// Pays one seller. Payouts are won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutRequest {
    /// The merchant's name for it, at most 50 characters, never to be used again.
    pub ref_payout_id: String,
    /// [`crate::Seller::id`].
    pub destination: String,
    /// When.
    pub schedule: Schedule,
    /// How much, in won, below [`PAYOUT_AMOUNT_BOUND`].
    pub amount: u64,
    /// What the seller's bank statement shows, at most [`DESCRIPTION_LIMIT`] characters.
    pub transaction_description: String,
    /// The merchant's own pairs, at most five.
    pub metadata: Option<Private<Map<String, Value>>>,
}

/// When a payout is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// At once, on weekdays from 8 to 15 o'clock in Korea. It cannot be cancelled.
    Express,
    /// On a business day: the next one at the earliest, within a year.
    Scheduled(NaiveDate),
}

impl Serialize for PayoutRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Amount {
            currency: &'static str,
            value: u64,
        }

        let (schedule_type, payout_date) = match self.schedule {
            Schedule::Express => (ScheduleType::Express, None),
            Schedule::Scheduled(day) => (ScheduleType::Scheduled, Some(day)),
        };
        let fields = 5 + usize::from(payout_date.is_some()) + usize::from(self.metadata.is_some());
        let mut body = serializer.serialize_struct("PayoutRequest", fields)?;
        body.serialize_field("refPayoutId", &self.ref_payout_id)?;
        body.serialize_field("destination", &self.destination)?;
        body.serialize_field("scheduleType", &schedule_type)?;
        if let Some(day) = payout_date {
            body.serialize_field("payoutDate", &day)?;
        }
        body.serialize_field("amount", &Amount { currency: Currency::Krw.as_str(), value: self.amount })?;
        body.serialize_field("transactionDescription", &self.transaction_description)?;
        if let Some(metadata) = &self.metadata {
            body.serialize_field("metadata", metadata.expose())?;
        }
        body.end()
    }
}

impl PayoutRequest {
    fn check(&self) -> Result<(), LimitError> {
        text(&self.ref_payout_id, 50, "refPayoutId", "is 1 to 50 characters")?;
        segment(&self.destination, "destination")?;
        limits::amount(self.amount)?;
        holds(self.amount < PAYOUT_AMOUNT_BOUND, "amount", "is below 1,000,000,000 won")?;
        let description = &self.transaction_description;
        text(description, DESCRIPTION_LIMIT, "transactionDescription", "is 1 to 7 characters")?;
        metadata(self.metadata.as_ref())
    }
}

fn check(requests: &[PayoutRequest]) -> Result<(), LimitError> {
    holds((1..=PAYOUT_COUNT_LIMIT).contains(&requests.len()), "payouts", "are 1 to 100")?;
    let names: BTreeSet<&str> = requests.iter().map(|request| request.ref_payout_id.as_str()).collect();
    holds(names.len() == requests.len(), "refPayoutId", "is another for every payout")?;
    requests.iter().try_for_each(PayoutRequest::check)
}

/// What an error names: a hundred references would drown it.
fn subject(requests: &[PayoutRequest]) -> String {
    match requests {
        [] => String::new(),
        [only] => only.ref_payout_id.clone(),
        [first, others @ ..] => format!("{} and {} more", first.ref_payout_id, others.len()),
    }
}

/// Reads the answer to a request: every payout that was asked for, and nothing else, once.
///
/// A list that names fewer says nothing of the others, so it is no answer; the caller looks them up.
pub(crate) fn requested(body: &[u8], requests: &[PayoutRequest]) -> Result<Vec<Payout>, ShapeError> {
    let items = match shape::entity(body)? {
        Value::Object(mut list) => list.remove("items").ok_or(ShapeError::NoEntity)?,
        list => list,
    };
    let items: Vec<Value> = shape::fields(items)?;
    let payouts: Vec<Payout> = items.into_iter().map(Payout::from_value).collect::<Result<_, _>>()?;
    let mut asked: Vec<&str> = requests.iter().map(|request| request.ref_payout_id.as_str()).collect();
    let mut named: Vec<&str> = payouts.iter().map(|payout| payout.ref_payout_id.as_str()).collect();
    asked.sort_unstable();
    named.sort_unstable();
    if asked != named {
        return Err(ShapeError::OtherThings);
    }
    Ok(payouts)
}

impl Client {
    /// Reads what can be paid out: `GET /v2/balances`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known.
    pub async fn balance(&self) -> Result<Balance, Error> {
        self.get(call(Operation::Balance, ""), &["v2", "balances"], &[], Balance::parse).await
    }

    /// Asks for 1 to [`PAYOUT_COUNT_LIMIT`] payouts at once: `POST /v2/payouts`, sealed.
    ///
    /// They are accepted, not paid: `EXPRESS` begins `IN_PROGRESS` and `SCHEDULED` begins `REQUESTED`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known; [`LimitError::SecurityKey`] without a security key. After
    /// [`Error::NoAnswer`] and [`Error::Unreadable`] any of the payouts may be on its way: look for
    /// their references in [`Client::payouts`] before anything else.
    pub async fn request_payouts(
        &self,
        requests: &[PayoutRequest],
        key: &IdempotencyKey,
    ) -> Result<Vec<Payout>, Error> {
        check(requests)?;
        let call = call(Operation::PayoutRequest, &subject(requests));
        let read = |body: &[u8]| requested(body, requests);
        self.post_sealed(call, &["v2", "payouts"], key, written(&requests)?, read).await
    }

    /// Looks a payout up by Toss's name: `GET /v2/payouts/{id}`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known.
    pub async fn payout(&self, payout_id: &str) -> Result<Payout, Error> {
        segment(payout_id, "id")?;
        let call = call(Operation::PayoutLookUp, payout_id);
        self.get(call, &["v2", "payouts", payout_id], &[], Payout::parse).await
    }

    /// Lists all payouts: `GET /v2/payouts`, page by page.
    ///
    /// # Errors
    ///
    /// The first [`Error`] ends the stream; a stream that ends without one is whole.
    pub fn payouts(&self) -> impl Stream<Item = Result<Payout, Error>> {
        self.payouts_on(None)
    }

    /// Lists the payouts of a day and all later ones: `GET /v2/payouts?payoutDateGte=…`, page by page.
    ///
    /// # Errors
    ///
    /// The first [`Error`] ends the stream; a stream that ends without one is whole.
    pub fn payouts_since(&self, day: NaiveDate) -> impl Stream<Item = Result<Payout, Error>> {
        self.payouts_on(Some(day))
    }

    fn payouts_on(&self, since: Option<NaiveDate>) -> impl Stream<Item = Result<Payout, Error>> {
        pages::all(move |cursor: Option<String>| async move {
            let mut query = vec![("limit", self.page_rows(PAGE_SIZE).to_string())];
            query.extend(since.map(|day| ("payoutDateGte", day.to_string())));
            query.extend(cursor.clone().map(|cursor| ("startingAfter", cursor)));
            let read = |body: &[u8]| pages::entities(body, cursor.as_ref(), Payout::from_value);
            self.get(call(Operation::PayoutLookUp, ""), &["v2", "payouts"], &query, read).await
        })
    }

    /// Cancels a payout that waits for its day: `POST /v2/payouts/{id}/cancel`, without a body.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known. Only a payout that is `REQUESTED` can be cancelled.
    pub async fn cancel_payout(&self, payout_id: &str, key: &IdempotencyKey) -> Result<Payout, Error> {
        segment(payout_id, "id")?;
        let call = call(Operation::PayoutCancel, payout_id);
        self.post(call, &["v2", "payouts", payout_id, "cancel"], key, Vec::new(), Payout::parse).await
    }
}
