//! The bodies that say something of a seller.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Currency, Money, Timestamp,
    payout::schedule::{Cycle, MAX_LAG_BUSINESS_DAYS, Schedule},
    principal::Principal,
    seller::{
        BankAccount, BankAccountParts, BusinessType, Contact, ContactParts, DetailError, Details,
        MAX_HOLD_REASON_CHARS, MAX_METADATA_PAIRS, Problem as Wrong, SellerName, checked_metadata,
    },
};
use serde_json::{Value, json};
use store::NewSellerDetails;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use super::bodies::{BusinessTypeName, CycleName, HolidayName};
use crate::{
    http::{
        body::JsonBody,
        fields::{FieldErrors, FieldForm, Form},
        forms::{Border, Number, Objects, Shown, any_text},
        problem::{FieldCode, Problem},
        table::body,
    },
    openapi::shapes::Amount,
};

/// The most characters of a text whose form `domain` checks.
const MAX_TEXT_CHARS: usize = 100;
/// The most business days of a lag.
const MAX_LAG: u64 = MAX_LAG_BUSINESS_DAYS as u64;

/// The most characters of a reason.
const MAX_REASON_CHARS: usize = 500;
/// The most bank accounts that a seller ever has.
const MAX_ACCOUNTS: u64 = 1_000_000;

/// A text whose form `domain` checks.
type Words = Shown<MAX_TEXT_CHARS>;
/// Days of the week, or of the month.
type Days = Objects<Number<1, 31>, 1, 31>;

body! {
    /// The whole of what the marketplace says of a seller.
    pub(crate) struct NewSellerBody as "NewSeller" with example new_seller {
        /// Buyers see it.
        name: required Words,
        business_type: required BusinessTypeName,
        /// 10 digits. An individual without a business has none.
        business_registration_number: optional Words,
        /// An individual without a business has none.
        representative_name: optional Words,
        /// The payment provider writes to it.
        email: required Words,
        /// The payment provider's identity check calls it.
        phone: required Words,
        bank_account: required AccountBody,
        payout_schedule: required ScheduleBody,
        /// In won. Less than this is carried over; nothing is carried over without it.
        minimum_payout: optional Amount,
        /// At most five pairs of texts.
        metadata: optional Pairs,
    }
}

body! {
    /// A bank account that a principal calls verified.
    pub(crate) struct VerifyBody as "SellerAccountCheck" with example verified {
        /// The `number` of the bank account.
        account: required Number<1, MAX_ACCOUNTS>,
        /// What was looked at. It is kept.
        reason: required Shown<MAX_REASON_CHARS>,
    }
}

body! {
    /// A bank account of a seller.
    struct AccountBody as "NewSellerBankAccount" {
        /// The bank's code, such as `092`.
        bank_code: required Words,
        /// 6 to 20 digits.
        account_number: required Words,
        holder_name: required Words,
    }
}

body! {
    /// When a seller is paid out.
    struct ScheduleBody as "NewPayoutSchedule" {
        cycle: required CycleName,
        /// `weekly`: 1 (Monday) to 7. `monthly`: 1 to 31, where 31 is the last day of every month.
        days: optional Days,
        /// Business days between the release of money and its payout; 0 by default.
        lag_business_days: optional Number<0, MAX_LAG>,
        /// `after` by default.
        holiday: optional HolidayName,
    }
}

body! {
    /// Why what is sealed of a seller is read.
    pub(crate) struct RevealBody as "SellerReveal" with example reveal {
        reason: required Shown<MAX_HOLD_REASON_CHARS>,
    }
}

body! {
    /// Money of a seller to hold back, or all payouts.
    pub(crate) struct NewHoldBody as "NewSellerHold" with example new_hold {
        /// In won, of what is available now. Without it, all payouts are held back.
        amount: optional Amount,
        reason: required Shown<MAX_HOLD_REASON_CHARS>,
        /// When the hold ends by itself, RFC 3339.
        until: optional Border,
    }
}

/// Pairs of texts.
struct Pairs;

impl Form for Pairs {
    type Value = BTreeMap<String, String>;

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(any_text())).into()
    }
}

impl FieldForm for Pairs {
    fn read(value: &Value, path: String, errors: &mut FieldErrors) -> Option<Self::Value> {
        let pairs = value.as_object().and_then(|object| {
            let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
            object.iter().map(pair).collect::<Option<BTreeMap<_, _>>>()
        });
        if pairs.is_none() {
            let detail = format!("must be an object of at most {MAX_METADATA_PAIRS} texts");
            errors.add(path, FieldCode::WrongType, detail);
        }
        pairs
    }
}

/// What a body says to hold back.
pub(super) struct WantedHold {
    pub(super) amount: Option<Money>,
    pub(super) reason: String,
    pub(super) until: Option<Timestamp>,
}

pub(super) fn read_new(body: &JsonBody, by: Principal) -> Result<NewSellerDetails, Problem> {
    let mut errors = FieldErrors::default();
    let read = NewSellerBody::read(&body.fields(), &mut errors);
    let new = checked(read, by, &mut errors);
    errors.finish(new)
}

fn checked(read: NewSellerBody, by: Principal, errors: &mut FieldErrors) -> Option<NewSellerDetails> {
    let name = read.name.and_then(|name| taken(SellerName::try_new(&name), errors));
    let contact = read.business_type.zip(read.email).zip(read.phone).and_then(|((kind, email), phone)| {
        let parts = ContactParts {
            business_registration_number: read.business_registration_number,
            representative_name: read.representative_name,
            email,
            phone,
        };
        Some((kind, taken(Contact::try_new(kind, parts), errors)?))
    });
    let account = read.bank_account.and_then(|account| account.whole()).and_then(|parts| {
        let checked = BankAccount::try_new(&parts);
        taken(checked, errors)
    });
    let schedule = read.payout_schedule.and_then(|schedule| schedule.whole(errors));
    let minimum_payout = won("minimum_payout", read.minimum_payout, errors);
    let metadata = taken(checked_metadata(read.metadata.unwrap_or_default()), errors);
    let (business_type, contact): (BusinessType, Contact) = contact?;
    Some(NewSellerDetails {
        name: name?,
        business_type,
        details: Details { contact, account: account? },
        schedule: schedule?,
        minimum_payout: minimum_payout?.unwrap_or(Money::zero(Currency::Krw)),
        metadata: metadata?,
        by,
    })
}

pub(super) fn read_reason(body: &JsonBody) -> Result<String, Problem> {
    let mut errors = FieldErrors::default();
    let RevealBody { reason } = RevealBody::read(&body.fields(), &mut errors);
    errors.finish(reason)
}

pub(super) fn read_hold(body: &JsonBody) -> Result<WantedHold, Problem> {
    let mut errors = FieldErrors::default();
    let NewHoldBody { amount, reason, until } = NewHoldBody::read(&body.fields(), &mut errors);
    let amount = won("amount", amount, &mut errors);
    if amount.flatten().is_some_and(Money::is_zero) {
        errors.add(
            "amount".to_owned(),
            FieldCode::Invalid,
            "must be above zero; leave it out to hold all payouts back",
        );
    }
    if until.is_some_and(|until| until <= service::now()) {
        errors.add("until".to_owned(), FieldCode::Invalid, "must lie ahead");
    }
    errors.finish(reason.zip(amount).map(|(reason, amount)| WantedHold { amount, reason, until }))
}

impl AccountBody {
    fn whole(self) -> Option<BankAccountParts> {
        let Self { bank_code, account_number, holder_name } = self;
        Some(BankAccountParts { bank_code: bank_code?, account_number: account_number?, holder_name: holder_name? })
    }
}

impl ScheduleBody {
    fn whole(self, errors: &mut FieldErrors) -> Option<Schedule> {
        let Self { cycle, days, lag_business_days, holiday } = self;
        let cycle = cycle?;
        let takes_days = matches!(cycle, "weekly" | "monthly");
        if days.is_some() && !takes_days {
            let detail = "belongs to the cycles weekly and monthly";
            errors.add("payout_schedule.days".to_owned(), FieldCode::Invalid, detail);
        }
        let days: BTreeSet<u8> =
            days.into_iter().flatten().flatten().filter_map(|day| u8::try_from(day).ok()).collect();
        let cycle = match cycle {
            "daily" => Cycle::Daily,
            "weekly" => Cycle::Weekly { days },
            "monthly" => Cycle::Monthly { days },
            _ => Cycle::Manual,
        };
        let lag = u16::try_from(lag_business_days.unwrap_or_default()).unwrap_or(u16::MAX);
        Schedule::try_new(cycle, lag, holiday.unwrap_or_default())
            .map_err(|error| errors.add("payout_schedule.days".to_owned(), FieldCode::Invalid, error))
            .ok()
    }
}

pub(super) fn read_verified(body: &JsonBody) -> Result<(u32, String), Problem> {
    let mut errors = FieldErrors::default();
    let VerifyBody { account, reason } = VerifyBody::read(&body.fields(), &mut errors);
    errors.finish(account.and_then(|account| u32::try_from(account).ok()).zip(reason))
}

/// An amount in won; nothing inside where it is absent, and nothing at all where it is wrong.
fn won(field: &str, text: Option<String>, errors: &mut FieldErrors) -> Option<Option<Money>> {
    let Some(text) = text else { return Some(None) };
    Money::parse(&text, Currency::Krw)
        .map_err(|error| errors.add(field.to_owned(), FieldCode::Invalid, error))
        .ok()
        .map(Some)
}

fn taken<T>(checked: Result<T, DetailError>, errors: &mut FieldErrors) -> Option<T> {
    let told = |error: DetailError| {
        let code = match error.problem {
            Wrong::Missing => FieldCode::Required,
            Wrong::NotAllowed | Wrong::Invalid => FieldCode::Invalid,
        };
        errors.add(error.field.as_str().to_owned(), code, error);
    };
    checked.map_err(told).ok()
}

fn new_seller() -> Value {
    json!({
        "name": "토스 상점",
        "business_type": "CORPORATE",
        "business_registration_number": "123-45-67890",
        "representative_name": "김대표",
        "email": "pay@shop.example",
        "phone": "010-1234-5678",
        "bank_account": { "bank_code": "092", "account_number": "110-123-456789", "holder_name": "토스 상점" },
        "payout_schedule": { "cycle": "monthly", "days": [15, 31], "lag_business_days": 1, "holiday": "after" },
        "minimum_payout": "10000",
    })
}

fn verified() -> Value {
    json!({ "account": 1, "reason": "a copy of the bank book, and the holder's name by the bank" })
}

fn reveal() -> Value {
    json!({ "reason": "the seller asks where the last payout went" })
}

fn new_hold() -> Value {
    json!({ "reason": "an open dispute" })
}
