//! What a page may show to whom, and for how long.
//!
//! A checkout's id is told to many: to the payment provider, in mails, in addresses. So goods, receipt and account are
//! shown to a browser that brings the confirmation token, and no longer than a while after the end; without either the
//! pages show the status alone.

use domain::{Timestamp, cash_receipt::CashReceipt, checkout::Status};
use service::{IsForBuyer, checkout::proves};
use store::{CheckoutRecord, ConfirmToken};

use super::{
    contact::Contact,
    settings::{PagesKept, Settings, page_path},
};

/// How much of a checkout a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// All of it.
    Whole,
    /// The status alone: the address brings no token, or a wrong one.
    Unproved,
    /// The status alone: the end was long ago.
    Over,
}

impl Access {
    /// What is shown to a browser that brings a token, or none.
    pub(super) fn of(record: &CheckoutRecord, token: Option<&ConfirmToken>, kept: PagesKept, now: Timestamp) -> Self {
        if !proves(record, token) {
            return Self::Unproved;
        }
        if shown_until(record, kept).is_some_and(|end| end <= now) { Self::Over } else { Self::Whole }
    }
}

/// Until when goods, receipt and account are shown; without an end while something may still happen.
fn shown_until(record: &CheckoutRecord, kept: PagesKept) -> Option<Timestamp> {
    let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let paid_at = record.psp.as_ref().and_then(|psp| psp.approved_at).unwrap_or(record.expires_at);
    match record.status {
        Status::Success | Status::PartiallyRefunded | Status::Refunded => Some(paid_at.plus_ms(ms(kept.after_payment))),
        Status::NotStarted | Status::Failed | Status::Expired | Status::Canceled => {
            Some(record.expires_at.plus_ms(ms(kept.after_expiry)))
        }
        Status::Executing | Status::Unknown | Status::WaitingForDeposit | Status::Stuck => None,
    }
}

/// What a page is made with, besides the checkout.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) settings: &'a Settings,
    pub(super) is_for_buyer: IsForBuyer,
    /// What the address brought along, where it is the checkout's.
    pub(super) token: Option<&'a ConfirmToken>,
    /// Whose name stands on the virtual account, on the page that shows the account.
    pub(super) holder: Option<&'a str>,
    /// The cash receipt, on the page that shows where the payment stands.
    pub(super) cash_receipt: Option<&'a CashReceipt>,
    /// What the payment window is told of the buyer, on the page that opens it.
    pub(super) contact: &'a Contact,
}

impl Made<'_> {
    /// The path of a page of the same checkout, with the token that this one came with.
    pub(super) fn path(&self, record: &CheckoutRecord, page: &str) -> String {
        page_path(&record.checkout_id, page, self.token.filter(|_| record.confirm_token_hash.is_some()))
    }

    /// The same with the address that browsers elsewhere reach.
    pub(super) fn address(&self, record: &CheckoutRecord, page: &str) -> String {
        format!("{}{}", self.settings.public_url, self.path(record, page))
    }
}

#[cfg(test)]
mod tests {
    use domain::id::PaymentKey;
    use store::PspRecord;

    use super::{super::tests::record, *};

    const KEPT: PagesKept = PagesKept {
        after_payment: std::time::Duration::from_millis(500),
        after_expiry: std::time::Duration::from_millis(100),
    };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_epoch_ms(ms)
    }

    #[test]
    fn everything_is_shown_to_the_buyer_and_not_for_ever() {
        let token = ConfirmToken::sent("ct_1");
        for status in Status::ALL {
            let psp = PspRecord {
                payment_key: PaymentKey::parse("key").unwrap(),
                method: None,
                approved_at: Some(at(10_000)),
                receipt_url: None,
                receipt_numbers: Default::default(),
                virtual_account: None,
            };
            let record = CheckoutRecord {
                confirm_token_hash: Some(token.hash()),
                psp: Some(psp),
                expires_at: at(20_000),
                ..record("T", status)
            };
            let end = match status {
                Status::Success | Status::PartiallyRefunded | Status::Refunded => Some(10_500),
                Status::NotStarted | Status::Failed | Status::Expired | Status::Canceled => Some(20_100),
                Status::Executing | Status::Unknown | Status::WaitingForDeposit | Status::Stuck => None,
            };
            let shown = |token: Option<&ConfirmToken>, now| Access::of(&record, token, KEPT, at(now));
            assert_eq!(shown(Some(&token), end.unwrap_or(i64::MAX / 2) - 1), Access::Whole, "{status}");
            if let Some(end) = end {
                assert_eq!(shown(Some(&token), end), Access::Over, "{status}");
            }
            for wrong in [None, Some(&ConfirmToken::sent("ct_2"))] {
                assert_eq!(shown(wrong, 0), Access::Unproved, "{status}");
            }
        }
    }
}
