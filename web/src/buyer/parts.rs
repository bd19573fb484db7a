//! What several pages show: the order, amounts, the account to pay into, the ways to go on.

use domain::{
    Money,
    calendar::KoreanTime,
    cash_receipt::{CashReceipt, ReceiptStatus},
    charge::VirtualAccount,
    checkout::Status,
    failure::Failure,
};
use maud::{Markup, html};
use service::IsForBuyer;
use store::CheckoutRecord;

use crate::amount::amount;

use super::{
    Page,
    access::Made,
    banks,
    states::{Watch, WayOut},
    words::Language,
};

/// How a test key of the PSP begins.
const TEST_KEY_PREFIX: &str = "test_";

/// What the name of an order is under: the only heading of a page, or one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heading {
    First,
    Second,
}

/// Whether a way on is what the buyer most likely wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Heavy,
    Light,
}

/// Why a payment was not made, and the language that it is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cause<'a> {
    pub(super) text: &'a str,
    pub(super) language: &'static str,
}

impl Page {
    /// The badge of a payment with test keys.
    pub(super) fn test_badge(&self, client_key: &str) -> Markup {
        html! {
            @if client_key.starts_with(TEST_KEY_PREFIX) { p.badge { (self.words.test_mode) } }
        }
    }

    /// What is bought, of whom, and what it costs.
    pub(super) fn order(&self, record: &CheckoutRecord, heading: Heading) -> Markup {
        let refunded = refunded(record);
        html! {
            section.order aria-labelledby="order-name" {
                @match heading {
                    Heading::First => { h1 #order-name { (record.order_name) } }
                    Heading::Second => { h2 #order-name { (record.order_name) } }
                }
                ul.lines aria-label=(self.words.lines) {
                    @for order in &record.orders {
                        li {
                            span {
                                @if let Some(name) = &order.order.name { (name) br; }
                                (self.words.seller) " " b { (self.seller(&order.order.seller)) }
                            }
                            span.amount { (self.money(order.order.amount)) }
                        }
                    }
                }
                p.total { span { (self.words.total) } " " strong #total { (self.money(record.total)) } }
                @if let Some(refunded) = refunded {
                    p.refunded { span { (self.words.amount_refunded) } " " strong #refunded { (self.money(refunded)) } }
                }
                p.quiet { (self.words.order_number) " " span.code { (record.checkout_id) } }
            }
        }
    }

    /// Where the buyer pays into, while the deposit is awaited.
    pub(super) fn account(&self, record: &CheckoutRecord, holder: Option<&str>) -> Markup {
        let account = record.psp.as_ref().and_then(|psp| psp.virtual_account.as_ref());
        let account: Option<&VirtualAccount> = account.filter(|_| record.status == Status::WaitingForDeposit);
        html! {
            @if let Some(account) = account {
                dl.account {
                    div { dt { (self.words.bank) } dd #bank { (banks::name(&account.bank, self.language)) } }
                    div { dt { (self.words.account_number) } dd #account-number { (account.account_number) } }
                    @if let Some(holder) = holder {
                        div { dt { (self.words.account_holder) } dd #account-holder { (holder) } }
                    }
                    div { dt { (self.words.deposit_amount) } dd { (self.money(record.total)) } }
                    @if let Some(due) = account.due_date {
                        div { dt { (self.words.due_date) } dd #due-date { (KoreanTime(due)) } }
                    }
                }
                button.button.second #copy type="button" hidden { (self.words.copy) }
                p #copied role="status" data-done=(self.words.copied) data-selected=(self.words.selected) {}
            }
        }
    }

    /// A failure in our words where we have any, else in the PSP's where they are meant for the buyer.
    pub(super) fn reason<'a>(&self, failure: &'a Failure, is_for_buyer: IsForBuyer) -> Option<Cause<'a>> {
        if let Some((_, text)) = self.words.failures.iter().find(|(code, _)| *code == failure.code.as_str()) {
            return Some(Cause { text, language: self.language.tag() });
        }
        // The PSP speaks Korean.
        is_for_buyer(failure.code.as_str())
            .then_some(Cause { text: &failure.message, language: Language::Korean.tag() })
    }

    /// The buyer's receipt, where the PSP has one.
    pub(super) fn receipt(&self, record: &CheckoutRecord) -> Markup {
        let url = receipt_url(record);
        html! {
            a.button.second #receipt hidden[url.is_none()] href=[url] rel="noopener noreferrer" { (self.words.receipt) }
        }
    }

    /// The way to the statement of the purchase, once it is paid.
    pub(super) fn statement(&self, record: &CheckoutRecord, made: Made<'_>) -> Markup {
        html! {
            a.plain #statement hidden[!record.status.is_payment_done()] href=(made.path(record, "/statement")) {
                (self.words.statement)
            }
        }
    }

    /// The buyer's cash receipt, where the PSP issued one.
    pub(super) fn cash_receipt(&self, receipt: Option<&CashReceipt>) -> Markup {
        html! {
            @if let Some(receipt) = receipt {
                p.quiet #cash-receipt data-status=(receipt.status.as_str()) {
                    (self.words.cash_receipt) " "
                    @if let Some(number) = &receipt.number { span.code { (number) } " " }
                    @if receipt.status == ReceiptStatus::InProgress { (self.words.cash_receipt_in_progress) " " }
                    @if let Some(url) = &receipt.url {
                        a href=(url) rel="noopener noreferrer" { (self.words.cash_receipt_page) }
                    }
                }
            }
        }
    }

    /// The way back to the marketplace, where it named one.
    pub(super) fn way_out(&self, record: &CheckoutRecord, weight: Weight) -> Markup {
        let url = match WayOut::of(record.status) {
            WayOut::Success => &record.success_url,
            WayOut::Failure => &record.fail_url,
            WayOut::None => &None,
        };
        let look = match weight {
            Weight::Heavy => "button",
            Weight::Light => "plain",
        };
        html! {
            @if let Some(url) = url {
                a #next class=(look) href=(return_address(url, record)) { (self.words.back_to_shop) }
            }
        }
    }

    /// Says when the page cannot follow its checkout, and lets the buyer look.
    pub(super) fn connection(&self, record: &CheckoutRecord) -> Markup {
        html! {
            @if Watch::of(record.status) != Watch::Never {
                p #connection role="status" {}
                button.button.second #look type="button" hidden { (self.words.look_again) }
            }
        }
    }

    /// An amount as a buyer reads it: `15,000원`, `12.50 USD`.
    pub(super) fn money(&self, money: Money) -> String {
        amount(money, self.language)
    }
}

/// What was given back of all orders, if anything was.
fn refunded(record: &CheckoutRecord) -> Option<Money> {
    let none = Money::zero(record.total.currency());
    let sum = record.orders.iter().try_fold(none, |sum, order| sum.plus(order.refunded)).ok()?;
    (!sum.is_zero()).then_some(sum)
}

/// The receipt's address, if it is one that a browser opens.
fn receipt_url(record: &CheckoutRecord) -> Option<&str> {
    let url = record.psp.as_ref()?.receipt_url.as_deref()?;
    let is_address = url.starts_with("https://") || url.starts_with("http://");
    (record.status.is_payment_done() && is_address).then_some(url)
}

/// The marketplace's address with the checkout's id added to its query.
pub(super) fn return_address(url: &str, record: &CheckoutRecord) -> String {
    let (url, fragment) = url.split_once('#').map_or((url, String::new()), |(url, rest)| (url, format!("#{rest}")));
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}checkout_id={}{fragment}", record.checkout_id)
}
