//! The books: accounts with the trial balance, one account, one entry.

use std::collections::BTreeMap;

use domain::{Currency, Money};
use maud::{Markup, html};
use store::{AccountBalance, EntryRecord, Movement, Page as Records};

use super::{
    Frame, Page,
    parts::{payment_link, table, time},
    wallets::{account_link, entry_link, movement_list},
};

/// Every account with its balance, and whether debits equal credits.
pub fn accounts(frame: &Frame<'_>, balances: &[AccountBalance]) -> Page {
    let words = frame.words();
    Page::new(
        words.ledger,
        html! {
            (verdict(frame, balances))
            section.card {
                h2 { (words.trial_balance) }
                @if balances.is_empty() { (frame.nothing()) } @else { (balance_list(frame, balances)) }
            }
        },
    )
}

fn verdict(frame: &Frame<'_>, balances: &[AccountBalance]) -> Markup {
    let words = frame.words();
    let mut sums: BTreeMap<Currency, (u128, u128)> = BTreeMap::new();
    for balance in balances {
        let (debits, credits) = sums.entry(balance.debits.currency()).or_default();
        *debits += u128::from(balance.debits.minor());
        *credits += u128::from(balance.credits.minor());
    }
    let balanced = sums.values().all(|(debits, credits)| debits == credits);
    let (class, text) = if balanced { ("notice good", words.balanced) } else { ("notice bad", words.not_balanced) };
    html! { p class=(class) role="status" { (text) } }
}

fn balance_list(frame: &Frame<'_>, balances: &[AccountBalance]) -> Markup {
    let words = frame.words();
    table(
        words.trial_balance,
        &html! {
            thead {
                tr {
                    th { (words.account) } th { (words.currency) } th.number { (words.debits) }
                    th.number { (words.credits) } th.number { (words.balance) }
                }
            }
            tbody {
                @for balance in balances {
                    tr {
                        td { (account_link(&balance.account.to_string())) }
                        td { (balance.debits.currency()) }
                        td.number { (frame.money(balance.debits)) }
                        td.number { (frame.money(balance.credits)) }
                        td.number { (standing(frame, balance)) }
                    }
                }
            }
        },
    )
}

/// A balance on the side on which the account grows; with a minus where it stands on the other side.
fn standing(frame: &Frame<'_>, balance: &AccountBalance) -> String {
    let other_side = || balance.debits.minus(balance.credits).or_else(|_| balance.credits.minus(balance.debits));
    match balance.balance() {
        Some(money) => frame.money(money),
        None => format!("−{}", frame.money(other_side().unwrap_or(Money::zero(balance.debits.currency())))),
    }
}

/// What the page of an account is made of.
#[derive(Debug)]
pub struct AccountPage<'a> {
    /// Its name.
    pub account: &'a str,
    /// What stands on it, one for each currency.
    pub balances: &'a [AccountBalance],
    /// The newest movements, or those after a place.
    pub movements: &'a Records<Movement>,
    /// The address of older movements.
    pub next: Option<&'a str>,
}

/// One account with its movements.
pub fn account(frame: &Frame<'_>, view: &AccountPage<'_>) -> Page {
    let words = frame.words();
    Page::new(
        format!("{} {}", words.account, view.account),
        html! {
            section.card {
                @if view.balances.is_empty() { (frame.nothing()) } @else { (balance_list(frame, view.balances)) }
            }
            section.card {
                h2 { (words.movements) }
                (movement_list(frame, &view.movements.items))
                (frame.pages(view.next))
            }
        },
    )
}

/// One entry with its postings and its place in the chain of hashes.
pub fn entry(frame: &Frame<'_>, record: &EntryRecord) -> Page {
    let words = frame.words();
    let (booked, fields) = (&record.booked, record.booked.entry.fields());
    Page::new(
        format!("{} {}", words.entry, booked.sequence),
        html! {
            section.card {
                dl.facts {
                    dt { (words.entry) } dd.code { (fields.key) }
                    dt { (words.reason) } dd.code { (fields.reason.as_str()) }
                    @if let Some(id) = &fields.checkout_id {
                        dt { (words.checkout) } dd { (payment_link(id.as_str())) }
                    }
                    @if let Some(key) = &fields.reverses { dt { (words.reverses) } dd { (entry_link(key, key)) } }
                    @if let Some(key) = &record.reversed_by { dt { (words.reversed_by) } dd { (entry_link(key, key)) } }
                    dt { (words.occurred) } dd { (time(fields.occurred_at)) }
                    dt { (words.booked) } dd { (time(booked.booked_at)) }
                    dt { (words.hash) } dd.code { (booked.hash) }
                    dt { (words.previous_hash) } dd.code { (record.previous_hash) }
                }
            }
            section.card { h2 { (words.postings) } (postings(frame, record)) }
        },
    )
}

fn postings(frame: &Frame<'_>, record: &EntryRecord) -> Markup {
    let words = frame.words();
    table(
        words.postings,
        &html! {
            thead {
                tr { th { (words.debit) } th { (words.credit) } th { (words.order) } th.number { (words.amount) } }
            }
            tbody {
                @for posting in &record.booked.entry.fields().postings {
                    @let posting = posting.fields();
                    tr {
                        td { (account_link(&posting.debit.to_string())) }
                        td { (account_link(&posting.credit.to_string())) }
                        td.code { @if let Some(order) = &posting.order { (order) } }
                        td.number { (frame.money(posting.amount)) }
                    }
                }
            }
        },
    )
}
