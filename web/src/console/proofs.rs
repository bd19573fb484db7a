//! Entries of the books, their proofs, and their exports.

use domain::ledger::Reason;
use maud::{Markup, html};
use store::{Audit, BooksState, EntryRecord, Page as Records, SignedCheckpoint};

use super::{
    Frame, Page,
    parts::{Choice, Field, Tone, badge, number, payment_link, table, time},
    sheet::{Wrong, said},
    wallets::entry_link,
};

/// Where entries are exported.
const EXPORT: &str = "/console/ledger/export";

/// Which entries are searched, word for word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntrySearch {
    pub from: String,
    pub to: String,
    pub reason: Option<Reason>,
}

/// The days that are exported, word for word.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportForm<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub wrong: Option<Wrong>,
}

/// What came of recomputing the books.
#[derive(Debug)]
pub enum Verification {
    Done(Box<Audit>),
    /// It took longer than a page may take.
    TooLarge,
    /// Another recomputation runs.
    Busy,
}

/// What the page of the proofs is made of.
#[derive(Debug)]
pub struct ProofsPage<'a> {
    pub state: &'a BooksState,
    pub checkpoint: Option<&'a SignedCheckpoint>,
    /// Whether the signature of the checkpoint is that of the key beside it.
    pub is_signed: bool,
    pub verification: Option<&'a Verification>,
    pub export: ExportForm<'a>,
}

/// Entries, the last booked first. `next` is the address of the rest.
pub fn entries(frame: &Frame<'_>, search: &EntrySearch, found: &Records<EntryRecord>, next: Option<&str>) -> Page {
    let words = frame.words();
    let field = |name, label, value, kind| Field { name, label, value, kind }.show();
    let reason = Choice {
        name: "reason",
        label: words.reason,
        any: words.any_reason,
        chosen: search.reason,
        is_required: false,
    };
    Page::new(
        words.entries,
        html! {
            section.card {
                form.search method="get" action="/console/ledger/entries" role="search" {
                    (field("from", words.from_day, &search.from, "date"))
                    (field("to", words.to_day, &search.to, "date"))
                    (reason.show(&Reason::ALL, Reason::as_str, Reason::as_str))
                    div.field { button.button { (words.search) } }
                }
            }
            section.card {
                @if found.items.is_empty() { (frame.nothing()) } @else { (list(frame, &found.items)) }
                (frame.pages(next))
            }
        },
    )
}

fn list(frame: &Frame<'_>, entries: &[EntryRecord]) -> Markup {
    let words = frame.words();
    table(
        words.entries,
        &html! {
            thead {
                tr {
                    th.number { "#" } th { (words.occurred) } th { (words.booked) } th { (words.entry) }
                    th { (words.checkout) } th.number { (words.amount) }
                }
            }
            tbody {
                @for record in entries {
                    @let fields = record.booked.entry.fields();
                    tr {
                        td.number { (number(record.booked.sequence)) }
                        td { (time(fields.occurred_at)) }
                        td { (time(record.booked.booked_at)) }
                        td { (entry_link(&fields.key, fields.reason.as_str())) }
                        td { @if let Some(id) = &fields.checkout_id { (payment_link(id.as_str())) } }
                        td.number {
                            @for posting in &fields.postings { div { (frame.money(posting.fields().amount)) } }
                        }
                    }
                }
            }
        },
    )
}

/// The proofs: the end of the chain, the last checkpoint, a recomputation on request, and exports.
pub fn proofs(frame: &Frame<'_>, view: &ProofsPage<'_>) -> Page {
    let words = frame.words();
    Page::new(
        words.proofs,
        html! {
            section.card {
                h2 { (words.chain) }
                dl.facts {
                    dt { (words.last_entry) } dd #last-entry { (number(view.state.sequence)) }
                    dt { (words.closed_before) }
                    dd {
                        @match view.state.closed_before { Some(at) => { (time(at)) } None => { (words.none) } }
                    }
                }
                h2 { (words.checkpoint) }
                @match view.checkpoint {
                    Some(signed) => { (checkpoint(frame, signed, view.is_signed)) }
                    None => { p.quiet { (words.no_checkpoint) } }
                }
            }
            section.card.stack {
                h2 { (words.verification) }
                p { (words.verification_hint) }
                @if let Some(verification) = view.verification { (verified(frame, verification)) }
                form method="post" action="/console/ledger/proofs" {
                    (frame.form_token())
                    button.button #verify { (words.do_verify) }
                }
            }
            section.card.stack {
                h2 { (words.export) }
                p { (words.export_hint) }
                @if let Some(wrong) = view.export.wrong { p.notice.bad role="alert" { (said(frame, wrong)) } }
                form.search method="get" action=(EXPORT) {
                    (Field { name: "from", label: words.from_day, value: view.export.from, kind: "date" }.show())
                    (Field { name: "to", label: words.to_day, value: view.export.to, kind: "date" }.show())
                    div.field { button.button #export { (words.do_export) } }
                }
            }
        },
    )
}

fn checkpoint(frame: &Frame<'_>, signed: &SignedCheckpoint, is_signed: bool) -> Markup {
    let (words, checkpoint) = (frame.words(), &signed.checkpoint);
    html! {
        dl.facts #checkpoint {
            dt { (words.status) }
            dd {
                @if is_signed { (badge(Tone::Good, words.signature_good, "SIGNED")) }
                @else { (badge(Tone::Bad, words.signature_bad, "NOT_SIGNED")) }
            }
            dt { (words.last_entry) } dd { (number(checkpoint.sequence)) }
            dt { (words.when) } dd { (time(checkpoint.at)) }
            dt { (words.hash) } dd.code { (checkpoint.head) }
            dt { (words.merkle_root) } dd.code { (checkpoint.root) }
            dt { (words.public_key) } dd.code { (signed.public_key) }
        }
    }
}

fn verified(frame: &Frame<'_>, verification: &Verification) -> Markup {
    let words = frame.words();
    let audit = match verification {
        Verification::Done(audit) => audit,
        Verification::TooLarge => {
            return html! { p.notice.waiting role="status" data-books="too-large" { (words.books_too_large) } };
        }
        Verification::Busy => {
            return html! { p.notice.waiting role="status" data-books="busy" { (words.verifying) } };
        }
    };
    let counts = [
        (words.entries, audit.end.sequence),
        (words.postings, audit.postings),
        (words.account, audit.accounts),
        (words.wallets, audit.wallets),
        (words.payments, audit.checkouts),
        (words.orders, audit.orders),
        (words.checkpoint, audit.checkpoints),
    ];
    html! {
        @if audit.findings.count == 0 {
            p.notice.good role="status" data-books="agree" { (words.books_agree) }
        } @else {
            p.notice.bad role="status" data-books="disagree" {
                (words.books_disagree) " " (number(audit.findings.count))
            }
            ul lang="en" { @for found in &audit.findings.named { li.code { (found) } } }
        }
        dl.facts {
            @for (name, count) in counts { dt { (name) } dd { (number(count)) } }
            dt { (words.hash) } dd.code { (audit.end.head) }
            dt { (words.merkle_root) } dd.code { (audit.end.root) }
        }
    }
}
