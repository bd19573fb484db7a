//! Reading the other side to its end, or saying that it was not.

use std::{num::NonZeroU32, time::Duration};

use chrono::{DateTime, FixedOffset, Utc};
use domain::{Currency, Money, Timestamp};
use store::StoreError;
use toss::{Class, Meaning, Payment};

use crate::{failure::evidence, psp::to_currency};

/// How often a question to the PSP is put.
const ATTEMPTS: u32 = 5;
/// How long is waited before the second of them; each time it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// From this HTTP status on, the PSP has a fault of its own. To ask changes nothing, so it is asked again.
const SERVER_ERROR: u16 = 500;
/// How often a list is read until two readings in a row are the same.
pub(super) const READINGS: u32 = 4;

/// The most rows of a page in every second reading; the others have 1,000. A page that is missing or cut is missing or
/// cut elsewhere in pages of another size, so two such readings differ.
const OTHER_PAGE: u64 = 900;

/// Why a step did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// The other side was not read to its end: there is no verdict.
    #[error("{0}")]
    Incomplete(String),
    /// The contract does not offer the source.
    #[error("{0}")]
    LeftOut(String),
    /// The database did not say. The step is tried again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<toss::Error> for StepError {
    fn from(error: toss::Error) -> Self {
        Self::Incomplete(evidence(&error))
    }
}

pub(super) fn incomplete(reason: impl Into<String>) -> StepError {
    StepError::Incomplete(reason.into())
}

/// An amount of the PSP's.
pub(super) fn money(minor: u64, currency: toss::Currency) -> Result<Money, StepError> {
    let known = known_currency(currency)?;
    Money::try_from_minor(minor, known).map_err(|error| incomplete(format!("an amount of the PSP: {error}")))
}

pub(super) fn known_currency(currency: toss::Currency) -> Result<Currency, StepError> {
    to_currency(currency).ok_or_else(|| {
        incomplete(format!("the PSP names an amount in {}, in which nothing is booked", currency.as_str()))
    })
}

/// A payment that the PSP does not know is an answer. One by an id that no question may hold can only be asked by its
/// key.
pub(super) async fn if_known(
    answer: impl Future<Output = Result<Payment, toss::Error>>,
) -> Result<Option<Payment>, StepError> {
    match answer.await {
        Ok(payment) => Ok(Some(payment)),
        Err(error) if error.meaning() == Some(Meaning::UnknownPayment) => Ok(None),
        Err(toss::Error::Limit(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The client for one reading of a list, by the reading's number from 0 and the rows of the reading before. Every
/// second reading takes pages of another size, so that also a list of one page comes in two.
pub(super) fn paged(toss: &toss::Client, reading: u32, rows_before: u64) -> toss::Client {
    let rows = u32::try_from(rows_before.div_ceil(2).min(OTHER_PAGE)).ok().and_then(NonZeroU32::new);
    match rows {
        Some(rows) if !reading.is_multiple_of(2) => toss.in_pages_of(rows),
        _ => toss.clone(),
    }
}

/// Asks again where the PSP may answer another time.
pub(super) async fn patiently<T, A>(ask: impl Fn() -> A) -> Result<T, toss::Error>
where
    A: Future<Output = Result<T, toss::Error>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match ask().await {
            Err(error) if is_worth_another_try(&error) => tokio::time::sleep(pause).await,
            answer => return answer,
        }
        pause *= 2;
    }
    ask().await
}

fn is_worth_another_try(error: &toss::Error) -> bool {
    if let toss::Error::Refused { status, .. } = error
        && *status >= SERVER_ERROR
    {
        return true;
    }
    match error.class() {
        Class::QueryFirst | Class::RetryLater => true,
        Class::BuyerActs | Class::Permanent => false,
    }
}

/// This instant.
pub(super) fn machine_time() -> Timestamp {
    Timestamp::from_epoch_ms(Utc::now().timestamp_millis())
}

/// An instant as the PSP is asked about it.
pub(super) fn to_toss_time(at: Timestamp) -> DateTime<FixedOffset> {
    DateTime::<Utc>::from_timestamp_millis(at.epoch_ms()).unwrap_or_default().fixed_offset()
}
