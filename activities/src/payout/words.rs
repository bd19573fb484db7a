//! Between our words of payouts and the PSP's.

use chrono::NaiveDate;
use domain::{
    Currency, Money,
    calendar::Day,
    failure::Failure,
    inquiry::Doubt,
    payout::{
        batch::{BatchRefusal, PayoutReport, RefusalKind, Sending},
        status::PspPayoutStatus,
    },
};
use toss::{Class, Payout, PayoutRequest, PayoutStatus, Schedule, webhook::Entity};

use crate::words::plain;

/// What the payee's bank statement shows. Source of the length, at most 7: Toss, payouts guide.
pub(crate) const DESCRIPTION: &str = "정산대금";
/// Stands before our name of the offender in the PSP's message. Source: a live answer, in Toss's developer community.
const OFFENDER: &str = "(refPayoutId: ";

/// What an error of the PSP says of a batch.
pub(super) enum Refusal {
    /// The PSP made none of the payouts.
    Known(BatchRefusal),
    /// Nobody knows.
    Unclear,
}

pub(super) fn to_toss(item: &Sending, pays_on: Option<Day>) -> PayoutRequest {
    PayoutRequest {
        ref_payout_id: item.ref_payout_id.clone(),
        destination: item.destination.clone(),
        schedule: pays_on.and_then(day).map_or(Schedule::Express, Schedule::Scheduled),
        amount: item.amount.minor(),
        transaction_description: DESCRIPTION.to_owned(),
        metadata: None,
    }
}

/// What the PSP says of a payout; nothing where it names a status or an amount that we do not know.
pub(crate) fn report(payout: &Payout) -> Option<PayoutReport> {
    let status = match &payout.status {
        PayoutStatus::Requested => PspPayoutStatus::Requested,
        PayoutStatus::InProgress => PspPayoutStatus::InProgress,
        PayoutStatus::Completed => PspPayoutStatus::Completed,
        PayoutStatus::Failed => PspPayoutStatus::Failed,
        PayoutStatus::Canceled => PspPayoutStatus::Canceled,
        PayoutStatus::Other(_) => return None,
    };
    let failure = payout.error.as_ref().map(|error| {
        let (code, message) = (error.code.as_deref(), error.message.as_deref());
        Failure::new(plain(code.unwrap_or("FAILED")).as_str(), plain(message.unwrap_or_default()))
    });
    let amount = Money::try_from_minor(payout.amount.minor, Currency::Krw).ok()?;
    let (ref_payout_id, psp_payout_id) = (payout.ref_payout_id.clone(), payout.id.clone());
    Some(PayoutReport { ref_payout_id, psp_payout_id, status, amount, failure })
}

/// What an error says of a batch. The PSP makes all payouts or none, so a refusal is about all of them.
pub(super) fn refusal(error: &toss::Error) -> Refusal {
    let toss::Error::Refused { code, message, .. } = error else { return Refusal::Unclear };
    let kind = match (code.as_str(), error.class()) {
        ("FORBIDDEN_SELLER_PAYOUT", _) => RefusalKind::Payout { offender: offender(message) },
        ("DUPLICATED_REQUEST", _) => RefusalKind::NameTaken,
        ("INVALID_PAYABLE_DATE" | "NOT_ALLOWED_HOLIDAY", _) => RefusalKind::Day,
        // A rejected key says nothing of earlier requests.
        _ if error.meaning().is_some() => return Refusal::Unclear,
        (_, Class::BuyerActs | Class::Permanent) => RefusalKind::Payout { offender: offender(message) },
        (_, Class::RetryLater) => RefusalKind::Later,
        (_, Class::QueryFirst) => return Refusal::Unclear,
    };
    Refusal::Known(BatchRefusal { kind, failure: Failure::new(code.as_str(), plain(message)) })
}

/// Our name of the payout that a message names.
fn offender(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(OFFENDER)?;
    rest.split_once(')').map(|(name, _)| name.to_owned())
}

/// Our name of the payout in a webhook.
pub(super) fn reference(entity: &Entity) -> Option<String> {
    entity.payout().ok().map(|payout| payout.ref_payout_id)
}

pub(crate) fn day(day: Day) -> Option<NaiveDate> {
    day.to_string().parse().ok()
}

pub(super) fn unreadable() -> Doubt {
    Doubt::answered("the PSP named a payout in a way that we do not know".to_owned())
}

#[cfg(test)]
mod tests {
    use super::offender;

    #[test]
    fn the_offender_stands_in_the_message() {
        let message = "Seller is not payable. (refPayoutId: po_1-2)";
        assert_eq!(offender(message), Some("po_1-2".to_owned()));
        assert_eq!(offender("Seller is not payable."), None);
        assert_eq!(offender("(refPayoutId: po_1"), None);
    }
}
