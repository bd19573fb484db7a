//! Lists that Toss gives in pages, as one stream.

use std::borrow::Cow;
use std::future::Future;

use chrono::{DateTime, FixedOffset};
use futures::stream::{self, Stream, TryStreamExt};
use serde::Deserialize;
use serde_json::Value;

use crate::amounts::Currency;
use crate::error::Error;
use crate::object::{self, Fields};
use crate::shape::{self, ShapeError};
use crate::times;

/// One page, and where the next one begins; `None` after the last.
pub(crate) struct Page<T, C> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<C>,
}

impl<T, C: PartialEq> Page<T, C> {
    /// A page whose next one begins elsewhere than it began itself, so that a list ends.
    pub(crate) fn after(items: Vec<T>, this: Option<&C>, next: Option<C>) -> Result<Self, ShapeError> {
        if next.is_some() && next.as_ref() == this {
            return Err(ShapeError::Loop);
        }
        Ok(Self { items, next })
    }

    /// A page that says itself whether another follows. One that follows without a cursor cannot be
    /// asked for, and leaving it out would pass a part of the list for the whole.
    pub(crate) fn continued(
        items: Vec<T>,
        has_next: bool,
        this: Option<&C>,
        cursor: Option<C>,
    ) -> Result<Self, ShapeError> {
        match (has_next, cursor) {
            (false, _) => Ok(Self { items, next: None }),
            (true, None) => Err(ShapeError::Loop),
            (true, next) => Self::after(items, this, next),
        }
    }
}

/// What two readings of a list are compared by: the name and the amounts of a row. Reading it costs a fraction of what
/// the row costs.
///
/// Amounts are minor units, with the sign Toss wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowMark {
    /// Name of this approval or cancellation.
    pub transaction_key: String,
    /// What was paid or given back.
    pub amount: i64,
    /// What the merchant gets; in a list of settlements alone.
    pub pay_out_amount: Option<i64>,
    /// When; in a list of transactions alone.
    pub transaction_at: Option<DateTime<FixedOffset>>,
}

impl RowMark {
    /// The marks of a page.
    pub(crate) fn page(body: &[u8]) -> Result<Vec<Self>, ShapeError> {
        let rows: Vec<MarkFields<'_>> = shape::list(body)?;
        rows.into_iter().map(MarkFields::mark).collect()
    }
}

/// The fields of a row that its mark is made of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MarkFields<'a> {
    #[serde(borrow)]
    transaction_key: Cow<'a, str>,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    amount: Value,
    pay_out_amount: Option<Value>,
    transaction_at: Option<Value>,
}

impl MarkFields<'_> {
    fn mark(self) -> Result<RowMark, ShapeError> {
        let currency = Currency::from_code(&self.currency).ok_or(ShapeError::Currency)?;
        let amount = |value: &Value, field| object::field(value, currency, field);
        let pay_out_amount = self.pay_out_amount.map(|value| amount(&value, "payOutAmount")).transpose()?;
        Ok(RowMark {
            amount: amount(&self.amount, "amount")?,
            pay_out_amount,
            transaction_at: self.transaction_at.as_ref().and_then(Value::as_str).and_then(times::parse),
            transaction_key: self.transaction_key.into_owned(),
        })
    }
}

/// Reads a list of the v2 API, `{hasNext, lastCursor, items}` in an envelope.
pub(crate) fn entities<T>(
    body: &[u8],
    cursor: Option<&String>,
    read: impl Fn(Value) -> Result<T, ShapeError>,
) -> Result<Page<T, String>, ShapeError> {
    let document = shape::entity(body)?;
    let mut list = Fields::of(&document, Currency::Krw).map_err(|_| ShapeError::NotAnObject)?;
    let items: Vec<Value> = list.required("items")?;
    let items = items.into_iter().map(read).collect::<Result<_, _>>()?;
    let has_next: Option<bool> = list.exact("hasNext")?;
    Page::continued(items, has_next.unwrap_or(false), cursor, list.loose("lastCursor")?)
}

/// The items of all pages in order. A page is asked for when the one before it is used up; the first
/// error is the last item, so a list that ended without one is whole.
pub(crate) fn all<T, C, F, A>(ask: F) -> impl Stream<Item = Result<T, Error>>
where
    F: Fn(Option<C>) -> A,
    A: Future<Output = Result<Page<T, C>, Error>>,
{
    enum Begin<C> {
        Start,
        Cursor(C),
        End,
    }

    stream::try_unfold((Begin::Start, ask), |(begin, ask)| async move {
        let cursor = match begin {
            Begin::Start => None,
            Begin::Cursor(cursor) => Some(cursor),
            Begin::End => return Ok::<_, Error>(None),
        };
        let page = ask(cursor).await?;
        let next = page.next.map_or(Begin::End, Begin::Cursor);
        Ok(Some((stream::iter(page.items.into_iter().map(Ok)), (next, ask))))
    })
    .try_flatten()
}
