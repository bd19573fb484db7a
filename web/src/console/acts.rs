//! Acts: what is asked, what is confirmed, and what came of it.

use domain::refund::MAX_REASON_CHARS;
use maud::{Markup, html};
use store::CheckoutRecord;

use super::{Frame, Page, parts::Field};

/// The most characters of the reason for an act, which stands in the audit log.
pub const MAX_ACT_REASON_CHARS: usize = 200;

/// An act that one page asks for and confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    AskToss,
    Cancel,
    Retry,
    Discard,
    Redeliver,
}

/// The page that asks for an act and confirms it.
#[derive(Debug)]
pub struct Confirming<'a> {
    pub asking: Asking,
    /// Where the form goes.
    pub action: &'a str,
    /// Where the person comes from.
    pub back: &'a str,
    /// What it is about: an id.
    pub object: &'a str,
    /// The payment, where it is about one: its sum is shown.
    pub record: Option<&'a CheckoutRecord>,
    /// Names the act: however often the form is sent, it is one.
    pub key: &'a str,
    /// Whether the reason that came cannot be taken.
    pub is_reason_missing: bool,
}

/// The first page of a refund, with what was typed.
#[derive(Debug, Clone, Copy)]
pub struct RefundForm<'a> {
    pub record: &'a CheckoutRecord,
    /// The one order; empty for the whole checkout.
    pub order: &'a str,
    pub amount: &'a str,
    pub reason: &'a str,
    /// What cannot be taken.
    pub is_amount_wrong: bool,
    pub is_reason_missing: bool,
}

/// What came of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Asked,
    Refunded,
    RefundedBefore,
    RefundGoesOn,
    RefundWaits,
    RefundRejected,
    GivenUp,
    NotGivenUpYet,
    LetterActed,
    LetterProposed,
    Redelivered,
    KeyRevoked,
    KeyAskedFor,
    KeyApproved,
    KeyRejected,
    Noted,
    Held,
    Lifted,
    /// The bank account of a seller is called verified.
    AccountVerified,
    RunFrozen,
    RunApproved,
    RunNoted,
    RunRejected,
    RunTakenBack,
    PayoutActed,
    PayoutNoted,
    BreakActed,
    BreakProposed,
    ReconciliationBegun,
}

/// The page that says what came of an act.
#[derive(Debug)]
pub struct Told<'a> {
    pub outcome: Outcome,
    /// The sum that moved, where one did.
    pub amount: Option<domain::Money>,
    /// Where to go on.
    pub back: &'a str,
}

impl Asking {
    /// The most characters of the reason.
    const fn reason_limit(self) -> usize {
        match self {
            // The PSP keeps it.
            Self::Cancel => MAX_REASON_CHARS,
            Self::Retry | Self::Discard | Self::AskToss | Self::Redeliver => MAX_ACT_REASON_CHARS,
        }
    }
}

impl Confirming<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let words = frame.words();
        let (title, hint, button) = match self.asking {
            Asking::AskToss => (words.ask_toss, words.ask_toss_hint, words.do_ask),
            Asking::Cancel => (words.cancel, words.cancel_hint, words.do_cancel),
            Asking::Retry => (words.retry, words.retry_hint, words.do_retry),
            Asking::Discard => (words.discard, words.discard_hint, words.do_discard),
            Asking::Redeliver => (words.redeliver, words.redeliver_hint, words.do_redeliver),
        };
        let label = match self.asking {
            Asking::Cancel => words.reason_for_buyer,
            Asking::AskToss | Asking::Retry | Asking::Discard | Asking::Redeliver => words.reason_for_log,
        };
        Page::new(
            title,
            html! {
                form.card.narrow.stack method="post" action=(self.action) {
                    (frame.form_token())
                    input type="hidden" name="key" value=(self.key);
                    p { (hint) }
                    dl.facts {
                        dt { (words.object) } dd.code { (self.object) }
                        @if let Some(record) = self.record { (sum(frame, record)) }
                    }
                    @if self.is_reason_missing { p.notice.bad role="alert" { (words.fill_reason) } }
                    (reason_field(label, "", self.asking.reason_limit()))
                    p { strong { (words.confirm_question) } }
                    (buttons(frame, button, self.back))
                }
            },
        )
    }
}

fn sum(frame: &Frame<'_>, record: &CheckoutRecord) -> Markup {
    let words = frame.words();
    html! {
        dt { (words.amount) } dd { strong { (frame.money(record.total)) } }
        dt { (words.order_name) } dd { (record.order_name) }
        dt { (words.status) } dd { (frame.status(record.status)) }
    }
}

fn reason_field(label: &str, value: &str, limit: usize) -> Markup {
    html! {
        div.field {
            label for="reason" { (label) }
            textarea #reason name="reason" rows="2" maxlength=(limit) required { (value) }
        }
    }
}

fn buttons(frame: &Frame<'_>, button: &str, back: &str) -> Markup {
    html! {
        div.acts {
            button.button.heavy #confirm { (button) }
            a.button.second href=(back) { (frame.words().not_yet) }
        }
    }
}

impl<'a> RefundForm<'a> {
    /// An empty form.
    pub const fn of(record: &'a CheckoutRecord) -> Self {
        Self { record, order: "", amount: "", reason: "", is_amount_wrong: false, is_reason_missing: false }
    }
}

impl Outcome {
    const fn code(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Refunded => "refunded",
            Self::RefundedBefore => "refunded-before",
            Self::RefundGoesOn => "refund-goes-on",
            Self::RefundWaits => "refund-waits",
            Self::RefundRejected => "refund-rejected",
            Self::GivenUp => "given-up",
            Self::NotGivenUpYet => "not-given-up-yet",
            Self::LetterActed => "letter-acted",
            Self::LetterProposed => "letter-proposed",
            Self::Redelivered => "redelivered",
            Self::Held => "held",
            Self::Lifted => "lifted",
            Self::AccountVerified => "account-verified",
            Self::RunApproved => "run-approved",
            Self::RunNoted => "run-noted",
            Self::RunRejected => "run-rejected",
            Self::RunTakenBack => "run-taken-back",
            Self::PayoutActed => "payout-acted",
            Self::PayoutNoted => "payout-noted",
            Self::BreakActed => "break-acted",
            Self::BreakProposed => "break-proposed",
            Self::ReconciliationBegun => "reconciliation-begun",
            Self::Noted => "noted",
            Self::KeyRevoked => "key-revoked",
            Self::KeyAskedFor => "key-asked-for",
            Self::KeyApproved => "key-approved",
            Self::KeyRejected => "key-rejected",
            Self::RunFrozen => "run-frozen",
        }
    }
}

impl RefundForm<'_> {
    fn path(&self) -> String {
        format!("/console/payments/{}/refund", self.record.checkout_id)
    }

    fn back(&self) -> String {
        format!("/console/payments/{}", self.record.checkout_id)
    }

    /// The page that asks for the refund.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, record) = (frame.words(), self.record);
        let amount = Field { name: "amount", label: words.amount_or_all, value: self.amount, kind: "text" };
        Page::new(
            words.refund,
            html! {
                form.card.narrow.stack method="post" action=(format!("{}/review", self.path())) {
                    (frame.form_token())
                    p { (words.refund_hint) }
                    dl.facts { dt { (words.checkout) } dd.code { (record.checkout_id) } (sum(frame, record)) }
                    div.field {
                        label for="order" { (words.refund_of) }
                        select #order name="order" {
                            option value="" { (words.whole_checkout) }
                            @for order in &record.orders {
                                @let id = order.order.id.as_str();
                                @let left = order.order.amount.minus(order.refunded).unwrap_or(order.order.amount);
                                option value=(id) selected[self.order == id] {
                                    (id) " · " (order.order.seller) " · " (frame.money(left)) " " (words.left)
                                }
                            }
                        }
                    }
                    @if self.is_amount_wrong { p.notice.bad role="alert" { (words.wrong_refund_amount) } }
                    (amount.show())
                    @if self.is_reason_missing { p.notice.bad role="alert" { (words.fill_reason) } }
                    (reason_field(words.reason_for_buyer, self.reason, MAX_REASON_CHARS))
                    div.acts {
                        button.button #review { (words.review) }
                        a.button.second href=(self.back()) { (words.not_yet) }
                    }
                }
            },
        )
    }

    /// The page that confirms it. `shown` is the amount, in words where it is all that is left; `key` names the
    /// refund: however often the form is sent, it is one.
    pub fn review(&self, frame: &Frame<'_>, shown: Option<domain::Money>, key: &str) -> Page {
        let words = frame.words();
        let amount = shown.map_or_else(|| words.all_that_is_left.to_owned(), |amount| frame.money(amount));
        Page::new(
            words.refund,
            html! {
                form.card.narrow.stack method="post" action=(self.path()) {
                    (frame.form_token())
                    @for (name, value) in
                        [("key", key), ("order", self.order), ("amount", self.amount), ("reason", self.reason)] {
                        input type="hidden" name=(name) value=(value);
                    }
                    p { (words.refund_hint) }
                    dl.facts {
                        dt { (words.refund) } dd #sum { strong { (amount) } }
                        dt { (words.checkout) } dd.code { (self.record.checkout_id) }
                        @if !self.order.is_empty() { dt { (words.order) } dd.code { (self.order) } }
                        dt { (words.order_name) } dd { (self.record.order_name) }
                        dt { (words.buyer) } dd { (self.record.buyer_id) }
                        dt { (words.reason) } dd { (self.reason) }
                    }
                    p { strong { (words.confirm_question) } }
                    (buttons(frame, words.do_refund, &self.back()))
                }
            },
        )
    }

    /// The page of a refund that the console cannot ask for.
    pub fn needs_account(&self, frame: &Frame<'_>) -> Page {
        let words = frame.words();
        Page::new(
            words.refund,
            html! {
                div.card.narrow.stack {
                    p { (words.needs_account) }
                    a.button.second href=(self.back()) { (words.to_payment) }
                }
            },
        )
    }
}

impl Told<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, finance, breaks) = (frame.words(), frame.finance(), frame.reconciling());
        let (class, text) = match self.outcome {
            Outcome::Asked => ("notice good", words.asked),
            Outcome::Refunded => ("notice good", words.refund_done),
            Outcome::RefundedBefore => ("notice good", words.refund_before),
            Outcome::RefundGoesOn => ("notice waiting", words.refund_goes_on),
            Outcome::RefundWaits => ("notice waiting", words.refund_waits),
            Outcome::RefundRejected => ("notice good", words.refund_rejected),
            Outcome::GivenUp => ("notice good", words.given_up),
            Outcome::NotGivenUpYet => ("notice waiting", words.not_given_up),
            Outcome::LetterActed => ("notice good", words.letter_acted),
            Outcome::LetterProposed => ("notice waiting", words.letter_proposed),
            Outcome::Redelivered => ("notice good", words.redelivered),
            Outcome::KeyRevoked => ("notice good", words.key_revoked),
            Outcome::KeyAskedFor => ("notice waiting", frame.keys().asked),
            Outcome::KeyApproved => ("notice good", frame.keys().approved),
            Outcome::KeyRejected => ("notice good", frame.keys().rejected),
            Outcome::Noted => ("notice good", words.noted),
            Outcome::Held => ("notice good", finance.held_now),
            Outcome::Lifted => ("notice good", finance.lifted),
            Outcome::AccountVerified => ("notice good", finance.account_verified),
            Outcome::RunFrozen => ("notice good", finance.run_frozen),
            Outcome::RunApproved => ("notice good", finance.run_approved),
            Outcome::RunNoted => ("notice waiting", finance.run_noted),
            Outcome::RunRejected => ("notice good", finance.run_rejected),
            Outcome::RunTakenBack => ("notice good", finance.run_taken_back),
            Outcome::PayoutActed => ("notice good", finance.payout_acted),
            Outcome::PayoutNoted => ("notice waiting", finance.payout_noted),
            Outcome::BreakActed => ("notice good", breaks.acted),
            Outcome::BreakProposed => ("notice waiting", breaks.proposed),
            Outcome::ReconciliationBegun => ("notice good", breaks.begun),
        };
        Page::new(
            words.what_came,
            html! {
                div.narrow.stack {
                    p class=(class) role="status" data-outcome=(self.outcome.code()) { (text) }
                    @if let Some(amount) = self.amount { p.figure { (frame.money(amount)) } }
                    a.button.second #back href=(self.back) { (words.back) }
                }
            },
        )
    }
}
