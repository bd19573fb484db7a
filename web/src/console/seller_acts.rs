//! Acts on a seller: holding money back, lifting a hold, reading what is masked, and verifying the bank account.

use domain::{
    principal::MAX_REASON_CHARS,
    seller::{Details, MAX_HOLD_REASON_CHARS},
};
use maud::html;
use store::{HoldRecord, SellerRecord, WalletRecord};

use super::{
    Frame, Page,
    parts::{Field, seller_address as address},
    sellers::{held, status},
    sheet::{Sheet, Wrong, reason_field},
};

/// The page that holds money of a seller back, with what was typed.
#[derive(Debug, Clone, Copy)]
pub struct HoldForm<'a> {
    pub record: &'a SellerRecord,
    pub wallets: &'a [WalletRecord],
    pub amount: &'a str,
    pub reason: &'a str,
    /// Names the hold: however often the form is sent, it is one.
    pub key: &'a str,
    pub wrong: Option<Wrong>,
}

/// The page that lifts a hold.
#[derive(Debug, Clone, Copy)]
pub struct LiftForm<'a> {
    pub record: &'a HoldRecord,
    pub wrong: Option<Wrong>,
}

/// The page that asks why what is masked is read.
#[derive(Debug, Clone, Copy)]
pub struct RevealForm<'a> {
    pub record: &'a SellerRecord,
    pub wrong: Option<Wrong>,
}

/// The page that calls the bank account of a seller verified.
#[derive(Debug, Clone, Copy)]
pub struct VerifyForm<'a> {
    pub record: &'a SellerRecord,
    pub wrong: Option<Wrong>,
}

impl HoldForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, finance, back) = (frame.words(), frame.finance(), address(self.record.seller.as_str()));
        let amount = Field { name: "amount", label: finance.hold_amount, value: self.amount, kind: "text" };
        Sheet {
            title: finance.hold,
            hint: finance.hold_hint,
            action: &format!("{back}/hold"),
            back: &back,
            hidden: &[("key", self.key)],
            facts: html! {
                (who(frame, self.record))
                @for record in self.wallets {
                    dt { (words.available) } dd #available { strong { (frame.money(record.wallet.available)) } }
                }
            },
            fields: html! { (amount.show()) (reason_field(frame, self.reason, MAX_HOLD_REASON_CHARS)) },
            wrong: self.wrong,
            button: finance.do_hold,
        }
        .page(frame)
    }
}

fn who(frame: &Frame<'_>, record: &SellerRecord) -> maud::Markup {
    html! {
        dt { (frame.words().seller) } dd.code { (record.seller) }
        @if let Some(profile) = &record.profile { dt { (frame.words().name) } dd { (profile.name) } }
        dt { (frame.finance().payout_status) } dd { (status(frame, frame.seller_status(record))) }
    }
}

impl LiftForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, finance, hold) = (frame.words(), frame.finance(), &self.record.hold);
        let back = address(hold.seller.as_str());
        Sheet {
            title: finance.lift,
            hint: finance.lift_hint,
            action: &format!("{back}/holds/{}/lift", hold.hold_id),
            back: &back,
            hidden: &[],
            facts: html! {
                dt { (words.seller) } dd.code { (hold.seller) }
                dt { (words.amount) } dd { strong { (held(frame, self.record)) } }
                dt { (words.reason) } dd { (hold.reason) }
                dt { (finance.placed) } dd { (hold.placed_by) }
            },
            fields: reason_field(frame, "", MAX_HOLD_REASON_CHARS),
            wrong: self.wrong,
            button: finance.do_lift,
        }
        .page(frame)
    }
}

impl RevealForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (finance, back) = (frame.finance(), address(self.record.seller.as_str()));
        Sheet {
            title: finance.reveal,
            hint: finance.reveal_hint,
            action: &format!("{back}/reveal"),
            back: &back,
            hidden: &[],
            facts: who(frame, self.record),
            fields: reason_field(frame, "", MAX_HOLD_REASON_CHARS),
            wrong: self.wrong,
            button: finance.do_reveal,
        }
        .page(frame)
    }
}

impl VerifyForm<'_> {
    /// The page. It is bound to the number of the account: another account is looked at anew.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (finance, back) = (frame.finance(), address(self.record.seller.as_str()));
        let profile = self.record.profile.as_ref();
        let account = profile.map_or(0, |profile| profile.account).to_string();
        Sheet {
            title: finance.verify,
            hint: finance.verify_hint,
            action: &format!("{back}/verify"),
            back: &back,
            hidden: &[("account", &account)],
            facts: html! {
                (who(frame, self.record))
                @if let Some(profile) = profile {
                    dt { (finance.bank_account) } dd.code { (profile.account_masked) }
                }
            },
            fields: reason_field(frame, "", MAX_REASON_CHARS),
            wrong: self.wrong,
            button: finance.do_verify,
        }
        .page(frame)
    }
}

/// What is masked, in the clear.
pub fn revealed(frame: &Frame<'_>, seller: &str, details: &Details) -> Page {
    let (words, finance) = (frame.words(), frame.finance());
    let Details { contact, account } = details;
    Page::new(
        format!("{} {seller}", finance.revealed),
        html! {
            div.card.narrow.stack {
                p.notice role="status" data-outcome="revealed" { (finance.revealed_hint) }
                dl.facts {
                    dt { (finance.bank_code) } dd.code { (account.bank_code()) }
                    dt { (finance.account_number) } dd.code { (account.account_number()) }
                    dt { (finance.holder) } dd { (account.holder_name()) }
                    @if let Some(number) = contact.business_registration_number() {
                        dt { (finance.registration_number) } dd.code { (number) }
                    }
                    @if let Some(name) = contact.representative_name() { dt { (finance.representative) } dd { (name) } }
                    dt { (finance.email) } dd { (contact.email()) }
                    dt { (finance.phone) } dd { (contact.phone()) }
                }
                a.button.second #back href=(address(seller)) { (words.back) }
            }
        },
    )
}
