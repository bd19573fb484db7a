//! Sellers' wallets.

use maud::{Markup, html};
use store::{Movement, Page as Records, Side, WalletPosition, WalletRecord};

use super::{
    Frame, Page,
    address::encoded,
    parts::{payment_link, table, time},
};

/// The wallets of all sellers. `next` is the address of the rest.
pub fn wallets(frame: &Frame<'_>, found: &Records<(WalletPosition, WalletRecord)>, next: Option<&str>) -> Page {
    let words = frame.words();
    let rows = html! {
        @for (position, record) in &found.items {
            (row(frame, &html! { a href=(address(position.seller.as_str())) { (position.seller) } }, record))
        }
    };
    Page::new(
        words.wallets,
        html! {
            section.card {
                @if found.items.is_empty() { (frame.nothing()) } @else { (sums(frame, &rows)) }
                (frame.pages(next))
            }
        },
    )
}

fn address(seller: &str) -> String {
    format!("/console/wallets/{seller}")
}

/// One seller's wallets with their movements. `next` is the address of older movements.
pub fn wallet(
    frame: &Frame<'_>,
    seller: &str,
    wallets: &[WalletRecord],
    movements: &Records<Movement>,
    next: Option<&str>,
) -> Page {
    let words = frame.words();
    Page::new(
        format!("{} {seller}", words.wallets),
        html! {
            section.card { (of_seller(frame, seller, wallets)) }
            section.card {
                h2 { (words.movements) }
                (movement_list(frame, &movements.items))
                (frame.pages(next))
            }
        },
    )
}

/// The wallets of one seller.
pub(super) fn of_seller(frame: &Frame<'_>, seller: &str, wallets: &[WalletRecord]) -> Markup {
    if wallets.is_empty() {
        return frame.nothing();
    }
    let rows = html! { @for record in wallets { (row(frame, &html! { (seller) }, record)) } };
    sums(frame, &rows)
}

fn sums(frame: &Frame<'_>, rows: &Markup) -> Markup {
    let words = frame.words();
    table(
        words.wallets,
        &html! {
            thead {
                tr {
                    th { (words.seller) } th { (words.currency) } th.number { (words.pending) }
                    th.number { (words.available) } th.number { (words.held) } th.number { (words.in_transit) }
                    th.number { (words.paid_out) } th.number { (words.debt) } th { (words.updated) }
                }
            }
            tbody { (rows) }
        },
    )
}

fn row(frame: &Frame<'_>, seller: &Markup, record: &WalletRecord) -> Markup {
    let wallet = record.wallet;
    html! {
        tr {
            td { (seller) }
            td { (wallet.currency()) }
            @for part in
                [wallet.pending, wallet.available, wallet.held, wallet.in_transit, wallet.paid_out, wallet.debt] {
                td.number { (frame.money(part)) }
            }
            td { (time(record.updated_at)) }
        }
    }
}

/// Movements, each seen from one account.
pub(super) fn movement_list(frame: &Frame<'_>, movements: &[Movement]) -> Markup {
    let words = frame.words();
    if movements.is_empty() {
        return frame.nothing();
    }
    table(
        words.movements,
        &html! {
            thead {
                tr {
                    th { (words.occurred) } th { (words.entry) } th { (words.account) } th.number { (words.debit) }
                    th.number { (words.credit) } th { (words.counter) } th { (words.checkout) }
                }
            }
            tbody {
                @for movement in movements {
                    @let is_debit = movement.position.side == Side::Debit;
                    tr {
                        td { (time(movement.occurred_at)) }
                        td { (entry_link(&movement.key, movement.reason.as_str())) }
                        td { (account_link(&movement.account.to_string())) }
                        td.number { @if is_debit { (frame.money(movement.amount)) } }
                        td.number { @if !is_debit { (frame.money(movement.amount)) } }
                        td { (account_link(&movement.counter.to_string())) }
                        td { @if let Some(id) = &movement.checkout_id { (payment_link(id.as_str())) } }
                    }
                }
            }
        },
    )
}

pub(super) fn account_link(account: &str) -> Markup {
    html! { a.code href=(format!("/console/ledger/accounts/{}", encoded(account))) { (account) } }
}

pub(super) fn entry_link(key: &str, text: &str) -> Markup {
    html! { a.code href=(format!("/console/ledger/entries/{}", encoded(key))) { (text) } }
}
