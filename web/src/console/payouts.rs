//! Payout runs and payouts: the lists, and one of each.

use domain::{
    calendar::Day,
    payout::{PaidBy, PayoutKind, PayoutStatus, RunStatus, bank_file::BankAnswer, plan::CarriedOver},
};
use maud::{Markup, html};
use store::{BankFileRecord, Page as Records, PayoutRecord, RunRecord, Scope};

use super::{
    Frame, Page, failure_words,
    parts::{Choice, Field, Tone, badge, number, seller_link, table, time},
    place::Tab,
};

/// Where runs are frozen.
pub(super) const FREEZING: &str = "/console/payout-runs/new";
/// How many characters of a digest a list shows.
const SHORT_DIGEST: usize = 12;

/// The readers of a list of payouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Audience {
    base: &'static str,
    sees_sellers: bool,
}

/// Operations and finance.
pub(super) const STAFF: Audience = Audience { base: "/console/payouts", sees_sellers: true };
/// A seller, who sees own payouts.
pub(super) const SELLER: Audience = Audience { base: "/console/own/payouts", sees_sellers: false };

/// What the person may do about a run now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunActs {
    pub approve: bool,
    pub reject: bool,
    pub cancel: bool,
    /// Whether the person may take bank files.
    pub file: bool,
}

/// What the page of a run is made of.
#[derive(Debug)]
pub struct RunPage<'a> {
    pub run: &'a RunRecord,
    pub payouts: &'a [PayoutRecord],
    pub bank_files: &'a [BankFileRecord],
    pub acts: RunActs,
    /// Whether the person froze the run.
    pub is_own: bool,
}

/// Which payouts are searched, word for word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayoutSearch {
    pub seller: String,
    pub status: Option<PayoutStatus>,
    pub from: String,
    pub to: String,
}

/// What the person may do about a payout now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PayoutActs {
    pub cancel: bool,
    pub retry: bool,
    pub returned: bool,
    pub received: bool,
    /// Whether a person says what our bank made of the transfer.
    pub answer: bool,
}

/// What the page of a payout is made of.
#[derive(Debug)]
pub struct PayoutPage<'a> {
    pub payout: &'a PayoutRecord,
    pub acts: PayoutActs,
    /// Whether the seller looks at it.
    pub is_own: bool,
}

/// Runs, the newest first. `next` is the address of the rest.
pub fn payout_runs(frame: &Frame<'_>, found: &Records<RunRecord>, next: Option<&str>) -> Page {
    let finance = frame.finance();
    let may_freeze = frame.session.is_some_and(|session| session.roles.scopes().includes(Scope::Finance));
    Page::new(
        finance.runs,
        html! {
            @if may_freeze {
                div.acts role="group" aria-label=(frame.words().acts) {
                    a.button #freeze href=(FREEZING) { (finance.freeze) }
                }
            }
            section.card {
                @if found.items.is_empty() { (frame.nothing()) } @else { (runs(frame, &found.items)) }
                (frame.pages(next))
            }
        },
    )
}

fn runs(frame: &Frame<'_>, runs: &[RunRecord]) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    table(
        finance.runs,
        &html! {
            thead {
                tr {
                    th { (finance.run_date) } th { (finance.run) } th { (words.status) } th.number { (finance.total) }
                    th.number { (finance.payouts_count) } th { (finance.digest) } th { (finance.frozen_by) }
                    th { (finance.decided_by) }
                }
            }
            tbody {
                @for run in runs {
                    tr {
                        td { (run.date) }
                        td { a.code href=(run_address(run)) { (run.run_id) } }
                        td { (run_status(frame, run.status)) }
                        td.number { (frame.money(run.total)) }
                        td.number { (number(u64::from(run.payout_count))) }
                        td.code title=(run.digest) { (short(&run.digest)) }
                        td { (run.frozen_by) }
                        td { @if let Some(by) = &run.decided_by { (by) } }
                    }
                }
            }
        },
    )
}

/// The address of a run's page.
pub(super) fn run_address(run: &RunRecord) -> String {
    format!("/console/payout-runs/{}", run.run_id)
}

fn short(digest: &str) -> String {
    digest.chars().take(SHORT_DIGEST).chain("…".chars()).collect()
}

pub(super) fn run_status(frame: &Frame<'_>, status: RunStatus) -> Markup {
    let tone = match status {
        RunStatus::Frozen | RunStatus::Approved | RunStatus::Sending => Tone::Waiting,
        RunStatus::Completed => Tone::Good,
        RunStatus::Rejected | RunStatus::Canceled => Tone::Plain,
    };
    badge(tone, frame.finance().run_status(status), status.as_str())
}

pub(super) fn payout_status(frame: &Frame<'_>, status: PayoutStatus) -> Markup {
    let tone = match status {
        PayoutStatus::Paid => Tone::Good,
        PayoutStatus::Failed | PayoutStatus::Returned | PayoutStatus::Stuck => Tone::Bad,
        PayoutStatus::Canceled => Tone::Plain,
        PayoutStatus::Frozen
        | PayoutStatus::Approved
        | PayoutStatus::Sending
        | PayoutStatus::Unknown
        | PayoutStatus::Requested
        | PayoutStatus::InProgress => Tone::Waiting,
    };
    badge(tone, frame.finance().payout_status_of(status), status.as_str())
}

/// One run with its payouts.
pub fn payout_run(frame: &Frame<'_>, view: &RunPage<'_>) -> Page {
    let (words, finance, run) = (frame.words(), frame.finance(), view.run);
    let to = |act: &str| format!("{}/{act}", run_address(run));
    let RunActs { approve, reject, cancel, file } = view.acts;
    Page::new(
        format!("{} {}", finance.run, run.date),
        html! {
            @if run.status == RunStatus::Frozen {
                p.notice.waiting { @if view.is_own { (finance.own_run) } @else { (finance.waits_second) } }
            }
            section.card {
                dl.facts {
                    dt { (words.status) } dd #status { (run_status(frame, run.status)) }
                    (run_facts(frame, run))
                    @if let Some(at) = run.completed_at { dt { (finance.completed_at) } dd { (time(at)) } }
                }
                @if approve || reject || cancel {
                    div.acts role="group" aria-label=(words.acts) {
                        @if approve { a.button #approve href=(to("approve")) { (finance.approve) } }
                        @if reject { a.button.second #reject href=(to("reject")) { (finance.reject) } }
                        @if cancel { a.button.second #cancel href=(to("cancel")) { (finance.take_back) } }
                    }
                }
            }
            @if run.paid_by == PaidBy::BankFile { (bank_files(frame, view, file)) }
            section.card { h2 { (words.tab(Tab::Payouts)) } (list(frame, view.payouts, STAFF)) }
            @if !run.carried_over.is_empty() {
                section.card { h2 { (finance.carried_over) } (carried_over(frame, &run.carried_over)) }
            }
        },
    )
}

/// The files that were taken, and the next one.
fn bank_files(frame: &Frame<'_>, view: &RunPage<'_>, may_take: bool) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    let address = |number: u32| format!("{}/file?number={number}", run_address(view.run));
    let next = view.bank_files.last().map_or(1, |file| file.number.saturating_add(1));
    let waits = view.payouts.iter().any(|payout| payout.status == PayoutStatus::Approved);
    html! {
        section.card {
            h2 { (finance.bank_files) }
            @if !view.bank_files.is_empty() {
                (table(finance.bank_files, &html! {
                    thead {
                        tr {
                            th.number { "#" } th.number { (finance.transfers) } th.number { (words.amount) }
                            th { (finance.taken_by) } th { "SHA-256" } th {}
                        }
                    }
                    tbody {
                        @for file in view.bank_files {
                            tr {
                                td.number { (number(u64::from(file.number))) }
                                td.number { (number(u64::from(file.transfers))) }
                                td.number { (frame.money(file.total)) }
                                td { (file.taken_by) " · " (time(file.taken_at)) }
                                td.code title=(file.sha256) { (short(&file.sha256)) }
                                td { @if may_take { a href=(address(file.number)) { (finance.file) } } }
                            }
                        }
                    }
                }))
            }
            @if may_take && waits {
                div.acts role="group" aria-label=(words.acts) {
                    a.button #file href=(address(next)) { (finance.file) }
                }
            }
        }
    }
}

/// What a run is: sum, digest, and the principals.
pub(super) fn run_facts(frame: &Frame<'_>, run: &RunRecord) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    html! {
        dt { (finance.run) } dd.code { (run.run_id) }
        dt { (finance.run_date) } dd { (run.date) }
        dt { (finance.paid_by) }
        dd {
            @match run.paid_by {
                PaidBy::Psp => (finance.by_toss),
                PaidBy::BankFile => (finance.by_bank_file),
            }
        }
        dt { (finance.total) } dd #total { strong { (frame.money(run.total)) } }
        dt { (finance.payouts_count) } dd { (number(u64::from(run.payout_count))) }
        dt { (finance.digest) } dd { span.code { (run.digest) } p.quiet { (finance.digest_hint) } }
        dt { (finance.frozen_by) } dd { (run.frozen_by) " · " (time(run.frozen_at)) }
        @if let Some(first) = run.valid_first_approval() {
            dt { (finance.first_approval_by) } dd { (first.by) " · " (time(first.at)) }
        }
        @if run.approvals_missing() > 0 && run.approvals_needed > 1 {
            dt { (finance.approvals_missing) } dd { (number(u64::from(run.approvals_missing()))) }
        }
        @if let (Some(by), Some(at)) = (&run.decided_by, run.decided_at) {
            dt { (finance.decided_by) } dd { (by) " · " (time(at)) }
        }
        @if let Some(reason) = &run.decision_reason { dt { (words.reason) } dd { (reason) } }
    }
}

pub(super) fn carried_over(frame: &Frame<'_>, carried: &[CarriedOver]) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    table(
        finance.carried_over,
        &html! {
            thead { tr { th { (words.seller) } th.number { (words.amount) } th { (words.reason) } } }
            tbody {
                @for item in carried {
                    tr {
                        td { (seller_link(item.seller.as_str())) }
                        td.number { (frame.money(item.amount)) }
                        td title=(item.reason.as_str()) { (finance.carry_reason(item.reason)) }
                    }
                }
            }
        },
    )
}

/// Payouts, the newest first. `next` is the address of the rest.
pub fn payouts(frame: &Frame<'_>, search: &PayoutSearch, found: &Records<PayoutRecord>, next: Option<&str>) -> Page {
    let (words, finance) = (frame.words(), frame.finance());
    let field = |name, label, value, kind| Field { name, label, value, kind }.show();
    let status = Choice {
        name: "status",
        label: words.status,
        any: words.any_status,
        chosen: search.status,
        is_required: false,
    };
    Page::new(
        words.tab(Tab::Payouts),
        html! {
            section.card {
                form.search method="get" action="/console/payouts" role="search" {
                    (field("seller", words.seller, &search.seller, "search"))
                    (status.show(&PayoutStatus::ALL, PayoutStatus::as_str, |status| finance.payout_status_of(status)))
                    (field("from", words.from_day, &search.from, "date"))
                    (field("to", words.to_day, &search.to, "date"))
                    div.field { button.button { (words.search) } " " a href="/console/payouts" { (words.clear) } }
                }
            }
            section.card {
                (list(frame, &found.items, STAFF))
                (frame.pages(next))
            }
        },
    )
}

/// Payouts as a table.
pub(super) fn list(frame: &Frame<'_>, payouts: &[PayoutRecord], audience: Audience) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    if payouts.is_empty() {
        return frame.nothing();
    }
    table(
        words.tab(Tab::Payouts),
        &html! {
            thead {
                tr {
                    th { (finance.run_date) } th { (finance.payout) }
                    @if audience.sees_sellers { th { (words.seller) } }
                    th { (words.status) } th.number { (words.amount) } th { (finance.pays_on) }
                    th { (finance.ended_at) } th { (finance.statement) }
                }
            }
            tbody {
                @for payout in payouts {
                    @let address = format!("{}/{}", audience.base, payout.payout_id);
                    tr {
                        td { (payout.period) }
                        td { a.code href=(address) { (payout.payout_id) } }
                        @if audience.sees_sellers { td { (seller_link(payout.seller.as_str())) } }
                        td { (payout_status(frame, payout.status)) }
                        td.number { (frame.money(payout.amount)) }
                        td { @if let Some(day) = payout.pays_on { (day) } }
                        td { @if let Some(at) = payout.ended_at { (time(at)) } }
                        td {
                            @match payout.kind {
                                PayoutKind::Seller => a href=(format!("{address}/statement")) { (finance.statement) },
                                PayoutKind::Sweep => span.quiet { (finance.sweep) },
                            }
                            @if payout.is_void { " " span.quiet { (finance.void) } }
                        }
                    }
                }
            }
        },
    )
}

/// One payout.
pub fn payout(frame: &Frame<'_>, view: &PayoutPage<'_>) -> Page {
    let (words, finance, payout) = (frame.words(), frame.finance(), view.payout);
    let audience = if view.is_own { SELLER } else { STAFF };
    let to = |part: &str| format!("{}/{}/{part}", audience.base, payout.payout_id);
    let PayoutActs { cancel, retry, returned, received, answer } = view.acts;
    Page::new(
        format!("{} {}", finance.payout, payout.period),
        html! {
            section.card {
                dl.facts {
                    dt { (words.status) } dd #status { (payout_status(frame, payout.status)) }
                    (payout_facts(frame, payout, audience))
                    dt { (finance.statement) }
                    dd {
                        @match payout.kind {
                            PayoutKind::Seller => a #statement href=(to("statement")) { (finance.statement) },
                            PayoutKind::Sweep => span.quiet { (finance.sweep) },
                        }
                        @if payout.is_void { " " span.quiet { (finance.void) } }
                    }
                }
                @if cancel || retry || returned || received || answer {
                    div.acts role="group" aria-label=(words.acts) {
                        @if retry { a.button #retry href=(to("act/retry")) { (finance.retry_payout) } }
                        @if cancel { a.button.second #cancel href=(to("act/cancel")) { (finance.cancel_payout) } }
                        @if answer {
                            a.button #paid href=(to("act/paid")) { (finance.bank_paid) }
                            a.button.second #failed href=(to("act/failed")) { (finance.bank_failed) }
                        }
                        @if received { a.button #received href=(to("act/received")) { (finance.received) } }
                        @if returned { a.button.second #returned href=(to("act/returned")) { (finance.returned) } }
                    }
                }
            }
        },
    )
}

pub(super) fn payout_facts(frame: &Frame<'_>, payout: &PayoutRecord, audience: Audience) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    let dated = |name: &str, day: Option<Day>| html! { @if let Some(day) = day { dt { (name) } dd { (day) } } };
    html! {
        dt { (words.amount) } dd #payout-amount { strong { (frame.money(payout.amount)) } }
        @if audience.sees_sellers {
            dt { (words.seller) } dd { (seller_link(payout.seller.as_str())) }
            dt { (finance.run) }
            dd { a.code href=(format!("/console/payout-runs/{}", payout.run_id)) { (payout.run_id) } }
            dt { (finance.attempt) } dd { (payout.attempt) }
            dt { (finance.reference) } dd.code { (payout.ref_payout_id) }
        }
        dt { (finance.payout) } dd.code { (payout.payout_id) }
        (dated(finance.pays_on, payout.pays_on))
        dt { (finance.frozen_at) } dd { (time(payout.frozen_at)) }
        @if let Some(at) = payout.sent_at { dt { (finance.sent_at) } dd { (time(at)) } }
        @if let Some(at) = payout.ended_at { dt { (finance.ended_at) } dd { (time(at)) } }
        @if let Some(at) = payout.received_at { dt { (finance.received_at) } dd { (time(at)) } }
        @if let Some(noted) = payout.answer.as_ref().filter(|_| audience.sees_sellers) {
            dt { (finance.bank_answer) }
            dd #bank-answer {
                @match noted.answer {
                    BankAnswer::Paid => (finance.bank_paid),
                    BankAnswer::Failed => (finance.bank_failed),
                    BankAnswer::Returned => (finance.returned),
                    BankAnswer::Received => (finance.received),
                }
                " · " (noted.by) " · " (time(noted.at)) " · " (noted.reason)
                @if let Some(by) = &noted.confirmed_by { " · " (by) }
            }
        }
        @if let Some(failure) = &payout.failure {
            dt { (finance.failure) } dd { (failure_words::failure(frame, failure)) }
        }
    }
}
