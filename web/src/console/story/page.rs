//! The page of a payment.

use domain::{charge::ReceiptNumbers, checkout::Status, dead_letter::LetterStatus};
use maud::{Markup, html};
use store::{CashReceipts, CheckoutRecord};

use super::{
    items::{self, Item},
    records::{Acts, Story},
};
use crate::console::{
    address::encoded,
    failure_words::{self, said},
    frame::{Frame, Page},
    letters,
    parts::{key_end, table, time},
    refund_approvals,
    words::Words,
};

/// A second, in milliseconds.
const SECOND_MS: i64 = 1_000;

/// The page of a payment.
pub fn story(frame: &Frame<'_>, view: &Story<'_>) -> Page {
    let words = frame.words();
    Page::new(
        format!("{} {}", words.checkout, view.record.checkout_id),
        html! {
            section.card {
                (facts(frame, view))
                (acts(frame, view))
            }
            section.card { h2 { (words.waits_for) } (waits(frame, view)) }
            (refund_approvals::waiting(frame, view.waiting_refunds))
            section.card { h2 { (words.orders) } (orders(frame, view.record)) }
            @if view.cash_receipts.standing.is_some() {
                section.card #cash-receipts { h2 { (words.cash_receipts) } (cash_receipts(frame, view.cash_receipts)) }
            }
            section.card {
                h2 { (words.story) }
                (time_line(frame, view))
                @if view.is_cut { p.quiet { (words.story_cut) } }
                p.quiet { (words.korea_time) }
            }
        },
    )
}

fn facts(frame: &Frame<'_>, view: &Story<'_>) -> Markup {
    let (words, record) = (frame.words(), view.record);
    html! {
        dl.facts {
            dt { (words.status) }
            dd #status { (frame.status(record.status)) " " span.quiet.code { (record.status.as_str()) } }
            dt { (words.amount) } dd { strong { (frame.money(record.total)) } }
            dt { (words.order_name) } dd { (record.order_name) }
            dt { (words.buyer) }
            dd { a href=(format!("/console/payments?q={}", encoded(record.buyer_id.as_str()))) { (record.buyer_id) } }
            @if let Some(psp) = &record.psp {
                dt { (words.payment_key) } dd.code { (key_end(psp.payment_key.as_str())) }
                @if let Some(method) = &psp.method { dt { (words.method) } dd { (method) } }
                @if record.window.use_escrow { dt { (words.escrow) } dd #escrow { (words.yes) } }
                (receipts(words, &psp.receipt_numbers))
                @if let Some(at) = psp.approved_at { dt { (words.approved) } dd { (time(at)) } }
            }
            @if let Some(failure) = &record.failure {
                dt { (words.message) } dd { (failure_words::failure(frame, failure)) }
            }
            dt { (words.created) } dd { (time(record.created_at)) }
            dt { (words.workflow) }
            dd {
                span.code { (record.workflow_id) }
                @if let Some(url) = view.workflow_url {
                    " · " a href=(url) rel="noreferrer" { (words.open_in_temporal) }
                }
            }
        }
    }
}

/// What stands on the buyer's receipts.
fn receipts(words: &Words, numbers: &ReceiptNumbers) -> Markup {
    html! {
        @if let Some(number) = &numbers.approval { dt { (words.approval_number) } dd.code { (number) } }
        @if let Some(number) = &numbers.cash_receipt { dt { (words.cash_receipt_number) } dd.code { (number) } }
    }
}

fn acts(frame: &Frame<'_>, view: &Story<'_>) -> Markup {
    let words = frame.words();
    let Acts { ask, refund, cancel, note } = view.acts;
    let to = |act: &str| format!("/console/payments/{}/{act}", view.record.checkout_id);
    html! {
        div.acts role="group" aria-label=(words.acts) {
            @if ask { a.button #ask href=(to("ask-toss")) { (words.ask_toss) } }
            @if refund { a.button.second #refund href=(to("refund")) { (words.refund) } }
            @if cancel { a.button.second #cancel href=(to("cancel")) { (words.cancel) } }
            a.button.second #toss href=(to("toss")) { (words.psp_view) }
            @if note { a.button.second #note href=(to("note")) { (words.note) } }
        }
    }
}

fn waits(frame: &Frame<'_>, view: &Story<'_>) -> Markup {
    let (words, record) = (frame.words(), view.record);
    let due = record.psp.as_ref().and_then(|psp| psp.virtual_account.as_ref()).and_then(|account| account.due_date);
    let open = view.letters.iter().find(|letter| letter.status == LetterStatus::Open);
    html! {
        p {
            @match record.status {
                Status::NotStarted => { (words.waits_buyer) " " (time(record.expires_at)) }
                Status::Executing | Status::Unknown => { (words.waits_psp) }
                Status::WaitingForDeposit => {
                    (words.waits_deposit) " " (time(due.unwrap_or(record.expires_at)))
                }
                Status::Stuck => { (words.waits_person) }
                Status::Failed if record.takes_retry(frame.now) => { (words.waits_retry) " " (time(record.expires_at)) }
                Status::Success
                | Status::Failed
                | Status::Expired
                | Status::Canceled
                | Status::PartiallyRefunded
                | Status::Refunded => {
                    @if view.waiting_refunds.is_empty() { (words.waits_nothing) }
                    @else { (words.refund_waits_for) }
                }
            }
        }
        @if let Some(at) = view.standing.next_question_at { p { (words.next_question) " " (time(at)) } }
        @if let Some(letter) = open {
            p {
                a href=(letters::address(letter)) { (words.letter) " " (letter.step) } " "
                (said(frame, &letter.failure))
            }
        }
    }
}

fn orders(frame: &Frame<'_>, record: &CheckoutRecord) -> Markup {
    let words = frame.words();
    table(
        words.orders,
        &html! {
            thead {
                tr {
                    th { (words.order) } th { (words.seller) } th { (words.status) } th.number { (words.amount) }
                    th.number { (words.refunded) } th { (words.in_books) }
                }
            }
            tbody {
                @for order in &record.orders {
                    tr {
                        td.code { (order.order.id) }
                        td { a href=(format!("/console/sellers/{}", order.order.seller)) { (order.order.seller) } }
                        td { (frame.status(order.status)) }
                        td.number { (frame.money(order.order.amount)) }
                        td.number { (frame.money(order.refunded)) }
                        td { @if order.ledger_updated { (words.yes) } @else { (words.no) } }
                    }
                }
            }
        },
    )
}

/// The cash receipts, and where they stand together.
fn cash_receipts(frame: &Frame<'_>, found: &CashReceipts) -> Markup {
    let words = frame.words();
    let lines = html! {
        thead {
            tr {
                th { (words.cash_receipt_requested) } th { (words.cash_receipt_entry) }
                th { (words.cash_receipt_number) }
                th { (words.status) } th.number { (words.amount) } th.number { (words.tax_free) }
            }
        }
        tbody {
            @for receipt in &found.receipts {
                tr {
                    td { @if let Some(at) = receipt.requested_at { (time(at)) } }
                    td {
                        (words.cash_receipt_entry_of(receipt.entry))
                        @if let Some(purpose) = receipt.purpose { " · " (words.cash_receipt_purpose_of(purpose)) }
                    }
                    td.code {
                        @match (&receipt.number, &receipt.url) {
                            (Some(number), Some(url)) => { a href=(url) rel="noreferrer" { (number) } }
                            (Some(number), None) => { (number) }
                            (None, _) => { "–" }
                        }
                    }
                    td {
                        (words.cash_receipt_status_of(receipt.status))
                        @if let Some(failure) = &receipt.failure {
                            " " span.code { (failure.code.as_str()) } " " (failure.message)
                        }
                    }
                    td.number { (frame.money(receipt.amount)) }
                    td.number { (frame.money(receipt.tax_free)) }
                }
            }
        }
    };
    html! {
        @if let Some(standing) = found.standing {
            p #cash-receipt-standing data-standing=(standing.as_str()) {
                (words.cash_receipt_standing_of(standing))
                @if let Some(at) = found.looked_at { " " span.quiet { (words.cash_receipts_seen) " " (time(at)) } }
            }
        }
        @if !found.receipts.is_empty() { (table(words.cash_receipts, &lines)) }
    }
}

fn time_line(frame: &Frame<'_>, view: &Story<'_>) -> Markup {
    let mut items = items::of(frame, view);
    // Toss's times are whole seconds. Within one, things stay in the order in which one leads to the other.
    items.sort_by_key(|item| item.at.epoch_ms().div_euclid(SECOND_MS));
    html! {
        ol.story {
            @for Item { at, kind, text } in items {
                li data-kind=(kind.code()) {
                    (time(at))
                    span.kind { (kind.word(frame.words())) }
                    div { (text) }
                }
            }
        }
    }
}
