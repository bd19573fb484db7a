//! The life of one payout: a state machine on the simulator's clock, with no I/O of its own.
//!
//! Source: the payout guide of Toss Payments (v2). How long a bank takes is not documented; see
//! [`EXPRESS_TIME`] and [`SCHEDULED_HOUR`].

use chrono::{Datelike, Months, NaiveDate, NaiveTime, TimeDelta, Timelike, Weekday};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::codes::{Code, Language};
use crate::fields::{Metadata, Won};
use crate::time::{Instant, korean_date, korean_time, midnight, with_offset};

/// From an EXPRESS request to the money's arrival.
const EXPRESS_TIME: TimeDelta = TimeDelta::minutes(1);
/// When the money of a SCHEDULED payout arrives on its day.
const SCHEDULED_HOUR: TimeDelta = TimeDelta::hours(10);
/// EXPRESS is served from and until these hours, on business days.
const EXPRESS_HOURS: std::ops::Range<u32> = 8..15;
const MAX_REFERENCE: usize = 50;
const MAX_DESCRIPTION: usize = 7;
/// Least amount that is too much for one payout, in won.
const AMOUNT_LIMIT: u64 = 1_000_000_000;
const FURTHEST_DATE: Months = Months::new(12);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Schedule {
    Express,
    Scheduled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum PayoutStatus {
    Requested,
    InProgress,
    Completed,
    Failed,
    Canceled,
}

impl PayoutStatus {
    /// Whether the money has left the balance, or is bound to.
    pub(crate) fn takes_money(self) -> bool {
        match self {
            Self::Requested | Self::InProgress | Self::Completed => true,
            Self::Failed | Self::Canceled => false,
        }
    }

    /// Whether Toss sends a webhook on reaching the status.
    pub(crate) fn is_told(self) -> bool {
        match self {
            Self::Completed | Self::Failed => true,
            Self::Requested | Self::InProgress | Self::Canceled => false,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
struct AmountBody {
    currency: String,
    value: Won,
}

/// One payout as it is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PayoutBody {
    pub(crate) ref_payout_id: String,
    pub(crate) destination: String,
    schedule_type: Schedule,
    payout_date: Option<String>,
    amount: AmountBody,
    transaction_description: String,
    #[serde(default)]
    metadata: Metadata,
}

impl PayoutBody {
    pub(crate) fn amount(&self) -> u64 {
        self.amount.value.0
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Payout {
    pub(crate) id: String,
    pub(crate) ref_id: String,
    /// Index among the merchants.
    pub(crate) merchant: usize,
    /// The seller's id.
    pub(crate) destination: String,
    schedule: Schedule,
    date: Option<NaiveDate>,
    /// In won.
    pub(crate) amount: u64,
    description: String,
    metadata: Metadata,
    pub(crate) requested_at: Instant,
    pub(crate) status: PayoutStatus,
    error: Option<Code>,
    /// The bank sent the money back after the payout was COMPLETED. Only the balance shows it: there is no status for
    /// it.
    #[serde(default)]
    is_returned: bool,
}

impl Payout {
    /// A payout that has just been asked for. Whether there is a seller and a balance for it is not known
    /// here.
    ///
    /// # Errors
    /// Toss's code for what is wrong with the request by itself.
    pub(crate) fn requested(
        id: String,
        merchant: usize,
        body: PayoutBody,
        keeps_hours: bool,
        now: Instant,
    ) -> Result<Self, Code> {
        let is_described = (1..=MAX_DESCRIPTION).contains(&body.transaction_description.chars().count());
        let is_referred_to = (1..=MAX_REFERENCE).contains(&body.ref_payout_id.chars().count());
        if !is_described || !is_referred_to || !body.metadata.is_short() {
            return Err(Code::InvalidRequest);
        }
        if body.amount.currency != "KRW" {
            return Err(Code::InvalidCurrency);
        }
        match body.amount() {
            0 => return Err(Code::BelowZeroAmount),
            1..AMOUNT_LIMIT => {}
            AMOUNT_LIMIT.. => return Err(Code::ExceedMaxAmount),
        }
        let date = match body.schedule_type {
            Schedule::Express if keeps_hours && !is_express_hour(now) => return Err(Code::InvalidPayableDate),
            Schedule::Express => None,
            Schedule::Scheduled => Some(payable(body.payout_date.as_deref(), korean_date(now))?),
        };
        Ok(Self {
            id,
            merchant,
            amount: body.amount(),
            ref_id: body.ref_payout_id,
            destination: body.destination,
            schedule: body.schedule_type,
            date,
            description: body.transaction_description,
            metadata: body.metadata,
            requested_at: now,
            status: match body.schedule_type {
                Schedule::Express => PayoutStatus::InProgress,
                Schedule::Scheduled => PayoutStatus::Requested,
            },
            error: None,
            is_returned: false,
        })
    }

    /// When the next thing happens to it by itself.
    pub(crate) fn next(&self) -> Option<Instant> {
        let day = self.date.and_then(midnight);
        match self.status {
            PayoutStatus::Requested => day,
            PayoutStatus::InProgress => Some(day.map_or(self.requested_at + EXPRESS_TIME, |day| day + SCHEDULED_HOUR)),
            PayoutStatus::Completed | PayoutStatus::Failed | PayoutStatus::Canceled => None,
        }
    }

    /// Does the next thing: REQUESTED → IN_PROGRESS → COMPLETED.
    pub(crate) fn go_on(&mut self) {
        self.status = match self.status {
            PayoutStatus::Requested => PayoutStatus::InProgress,
            PayoutStatus::InProgress => PayoutStatus::Completed,
            ended @ (PayoutStatus::Completed | PayoutStatus::Failed | PayoutStatus::Canceled) => ended,
        };
    }

    /// The bank sends the money back.
    ///
    /// # Errors
    /// The sentence says why it cannot.
    pub(crate) fn fail(&mut self, code: Code) -> Result<(), &'static str> {
        match self.status {
            PayoutStatus::Requested | PayoutStatus::InProgress => {
                self.status = PayoutStatus::Failed;
                self.error = Some(code);
                Ok(())
            }
            PayoutStatus::Completed | PayoutStatus::Failed | PayoutStatus::Canceled => {
                Err("the payout is neither REQUESTED nor IN_PROGRESS")
            }
        }
    }

    /// The bank sends the money of a payout back that was COMPLETED, once.
    ///
    /// # Errors
    /// The sentence says why it cannot.
    pub(crate) fn give_back(&mut self) -> Result<(), &'static str> {
        if self.status != PayoutStatus::Completed || self.is_returned {
            return Err("the payout is not COMPLETED, or was returned before");
        }
        self.is_returned = true;
        Ok(())
    }

    /// Whether the money has left the balance, or is bound to, and did not come back.
    pub(crate) fn takes_money(&self) -> bool {
        self.status.takes_money() && !self.is_returned
    }

    /// The day of the payout in Korea; of an EXPRESS one the day of the request.
    pub(crate) fn day(&self) -> NaiveDate {
        self.date.unwrap_or_else(|| korean_date(self.requested_at))
    }

    /// The Payout object and, beside it, what only the bank knows.
    pub(crate) fn truth(&self) -> Value {
        let mut shown = self.json();
        shown["returned"] = json!(self.is_returned);
        shown
    }

    /// The merchant calls it off, which is possible only before its day.
    ///
    /// # Errors
    /// Toss's code; the payout is as it was.
    pub(crate) fn cancel(&mut self) -> Result<(), Code> {
        match self.status {
            PayoutStatus::Requested => {
                self.status = PayoutStatus::Canceled;
                Ok(())
            }
            PayoutStatus::InProgress | PayoutStatus::Completed | PayoutStatus::Failed | PayoutStatus::Canceled => {
                Err(Code::InvalidRequest)
            }
        }
    }

    /// The Payout object.
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "refPayoutId": self.ref_id,
            "destination": self.destination,
            "scheduleType": self.schedule,
            "payoutDate": self.date.map(|date| date.to_string()),
            "amount": { "currency": "KRW", "value": self.amount },
            "transactionDescription": self.description,
            "requestedAt": with_offset(self.requested_at),
            "status": self.status,
            "error": self.error.map(|code| json!({ "code": code.name(), "message": code.message(Language::Korean) })),
            "metadata": self.metadata,
        })
    }
}

/// Reads the day of a SCHEDULED payout: a business day from the next one on, at most a year ahead. Of the
/// holidays only the weekends are known.
fn payable(text: Option<&str>, today: NaiveDate) -> Result<NaiveDate, Code> {
    let date: NaiveDate = text.and_then(|text| text.parse().ok()).ok_or(Code::InvalidPayableDate)?;
    let furthest = today.checked_add_months(FURTHEST_DATE).ok_or(Code::InvalidPayableDate)?;
    if date <= today || date > furthest {
        return Err(Code::InvalidPayableDate);
    }
    if is_business_day(date) { Ok(date) } else { Err(Code::NotAllowedHoliday) }
}

fn is_business_day(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

fn is_express_hour(now: Instant) -> bool {
    let time: NaiveTime = korean_time(now);
    is_business_day(korean_date(now)) && EXPRESS_HOURS.contains(&time.hour())
}

#[cfg(test)]
#[path = "payout_tests.rs"]
mod tests;
