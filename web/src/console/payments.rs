//! The list of payments, with its search.

use domain::checkout::Status;
use maud::{Markup, html};
use store::{CheckoutRecord, Page as Records};

use super::{
    Frame, Page,
    parts::{Choice, Field, payment_link, table, time},
};

/// The search as it was asked for, word for word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// An id, what a buyer is called or reached by, the number of a receipt, or the end of a payment key.
    pub q: String,
    pub status: Option<Status>,
    pub from: String,
    pub to: String,
    pub amount: String,
    /// One of [`METHODS`], or nothing.
    pub method: Option<&'static str>,
}

/// The methods of payment, as Toss calls them.
pub const METHODS: [&str; 8] =
    ["카드", "가상계좌", "간편결제", "계좌이체", "휴대폰", "문화상품권", "도서문화상품권", "게임문화상품권"];

/// What the free text of a search turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Buyer,
    OrderName,
    Seller,
    BuyerName,
    BuyerEmail,
    BuyerPhone,
    ReceiptNumber,
    KeyEnd,
    /// An amount that cannot be read was left out.
    WrongAmount,
    /// A day that cannot be read was left out.
    WrongDay,
}

/// The list. `next` is the address of the rest.
pub fn payments(
    frame: &Frame<'_>,
    search: &Search,
    meanings: &[Meaning],
    found: &Records<CheckoutRecord>,
    next: Option<&str>,
) -> Page {
    let words = frame.words();
    Page::new(
        words.payments,
        html! {
            section.card { (form(frame, search)) }
            @for meaning in meanings { p.notice role="status" { (told(frame, *meaning)) } }
            section.card {
                @if found.items.is_empty() { (frame.nothing()) } @else { (list(frame, &found.items)) }
                (frame.pages(next))
            }
            p.quiet { (words.korea_time) }
        },
    )
}

fn told(frame: &Frame<'_>, meaning: Meaning) -> &'static str {
    let words = frame.words();
    match meaning {
        Meaning::Buyer => words.meant_buyer,
        Meaning::OrderName => words.meant_order_name,
        Meaning::Seller => words.meant_seller,
        Meaning::BuyerName => words.meant_buyer_name,
        Meaning::BuyerEmail => words.meant_buyer_email,
        Meaning::BuyerPhone => words.meant_buyer_phone,
        Meaning::ReceiptNumber => words.meant_receipt_number,
        Meaning::KeyEnd => words.meant_key_end,
        Meaning::WrongAmount => words.wrong_amount,
        Meaning::WrongDay => words.wrong_day,
    }
}

fn form(frame: &Frame<'_>, search: &Search) -> Markup {
    let words = frame.words();
    let field = |name, label, value, kind| Field { name, label, value, kind }.show();
    let status = Choice {
        name: "status",
        label: words.status,
        any: words.any_status,
        chosen: search.status,
        is_required: false,
    };
    let method = Choice {
        name: "method",
        label: words.method,
        any: words.any_method,
        chosen: search.method,
        is_required: false,
    };
    html! {
        form.search method="get" action="/console/payments" role="search" {
            div.wide { (field("q", words.search_anything, &search.q, "search")) }
            (status.show(&Status::ALL, Status::as_str, |status| words.status_of(status)))
            (method.show(&METHODS, |method| method, |method| method))
            (field("from", words.from_day, &search.from, "date"))
            (field("to", words.to_day, &search.to, "date"))
            (field("amount", words.amount, &search.amount, "text"))
            div.field { button.button { (words.search) } " " a href="/console/payments" { (words.clear) } }
        }
    }
}

fn list(frame: &Frame<'_>, records: &[CheckoutRecord]) -> Markup {
    let words = frame.words();
    table(
        words.payments,
        &html! {
            thead {
                tr {
                    th { (words.created) } th { (words.checkout) } th { (words.status) } th { (words.order_name) }
                    th { (words.buyer) } th { (words.seller) } th.number { (words.amount) }
                }
            }
            tbody {
                @for record in records {
                    tr {
                        td { (time(record.created_at)) }
                        td { (payment_link(record.checkout_id.as_str())) }
                        td { (frame.status(record.status)) }
                        td { (record.order_name) }
                        td { (record.buyer_id) }
                        td {
                            @for (number, order) in record.orders.iter().enumerate() {
                                @if number > 0 { ", " }
                                (order.order.seller)
                            }
                        }
                        td.number { (frame.money(record.total)) }
                    }
                }
            }
        },
    )
}
