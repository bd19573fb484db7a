//! Sellers: the list, and one with wallet, holds, payouts and what comes next.

use domain::{Timestamp, calendar::Day, payout::PaidBy, seller::PayoutStatus as SellerStatus};
use maud::{Markup, html};
use store::{
    HoldRecord, Page as Records, PayoutRecord, Profile, RegistrationRecord, Release, SellerHoldStatus, SellerRecord,
    WalletRecord,
};

use super::{
    Frame, Page,
    parts::{Choice, Field, Tone, badge, number, seller_address as address, seller_link, table, time},
    payouts, wallets,
};

/// Which sellers are searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SellerSearch {
    pub q: String,
    pub status: Option<SellerStatus>,
}

/// What the person may do about a seller now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SellerActs {
    pub hold: bool,
    pub reveal: bool,
    /// Calling the bank account verified.
    pub verify: bool,
}

/// What staff and the seller see of a seller.
#[derive(Debug)]
pub struct SellerFacts {
    pub record: SellerRecord,
    pub wallets: Vec<WalletRecord>,
    pub releases: Vec<Release>,
    /// The last payouts.
    pub payouts: Vec<PayoutRecord>,
    pub next_payouts: Vec<Day>,
    /// Until when nothing is paid to the account because it was changed.
    pub cools_down_until: Option<Timestamp>,
}

/// What the page of a seller is made of.
#[derive(Debug)]
pub struct SellerPage<'a> {
    pub facts: &'a SellerFacts,
    pub holds: &'a [HoldRecord],
    pub acts: SellerActs,
}

/// The list. `next` is the address of the rest.
pub fn sellers(frame: &Frame<'_>, search: &SellerSearch, found: &Records<SellerRecord>, next: Option<&str>) -> Page {
    let (words, finance) = (frame.words(), frame.finance());
    let q = Field { name: "q", label: finance.search_seller, value: &search.q, kind: "search" };
    let status = Choice {
        name: "status",
        label: finance.payout_status,
        any: words.any_status,
        chosen: search.status,
        is_required: false,
    };
    Page::new(
        words.tab(super::place::Tab::Sellers),
        html! {
            section.card {
                form.search method="get" action="/console/sellers" role="search" {
                    div.wide { (q.show()) }
                    (status.show(&SellerStatus::ALL, SellerStatus::as_str, |status| finance.seller_status(status)))
                    div.field { button.button { (words.search) } " " a href="/console/sellers" { (words.clear) } }
                }
            }
            section.card {
                @if found.items.is_empty() { (frame.nothing()) } @else { (list(frame, &found.items)) }
                (frame.pages(next))
            }
        },
    )
}

fn list(frame: &Frame<'_>, sellers: &[SellerRecord]) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    table(
        words.tab(super::place::Tab::Sellers),
        &html! {
            thead {
                tr {
                    th { (words.seller) } th { (words.name) } th { (finance.payout_status) }
                    th { (finance.bank_account) } th { (finance.schedule) } th { (words.updated) }
                }
            }
            tbody {
                @for record in sellers {
                    tr {
                        td { (seller_link(record.seller.as_str())) }
                        td { @if let Some(profile) = &record.profile { (profile.name) } }
                        td { (status(frame, frame.seller_status(record))) }
                        td.code { @if let Some(profile) = &record.profile { (profile.account_masked) } }
                        td { @if let Some(profile) = &record.profile { (finance.schedule_of(&profile.schedule)) } }
                        td { @if let Some(at) = record.updated_at { (time(at)) } }
                    }
                }
            }
        },
    )
}

pub(super) fn status(frame: &Frame<'_>, status: SellerStatus) -> Markup {
    let tone = match status {
        SellerStatus::Approved | SellerStatus::Limited => Tone::Good,
        SellerStatus::PendingApproval => Tone::Waiting,
        SellerStatus::KycRequired | SellerStatus::AccountUnverified | SellerStatus::Suspended => Tone::Bad,
        SellerStatus::Unregistered => Tone::Plain,
    };
    badge(tone, frame.finance().seller_status(status), status.as_str())
}

/// One seller.
pub fn seller(frame: &Frame<'_>, view: &SellerPage<'_>) -> Page {
    let (words, finance, seller) = (frame.words(), frame.finance(), view.facts.record.seller.as_str());
    Page::new(
        format!("{} {seller}", words.seller),
        html! {
            section.card { (facts(frame, view)) (acts(frame, view)) }
            section.card {
                h2 { (finance.wallet) }
                (wallets::of_seller(frame, seller, &view.facts.wallets))
                p { a href=(format!("/console/wallets/{seller}")) { (finance.to_movements) } }
            }
            section.card { h2 { (finance.becomes_available) } (releases(frame, &view.facts.releases)) }
            section.card { h2 { (finance.holds) } (holds(frame, view)) }
            section.card {
                h2 { (finance.recent_payouts) }
                (payouts::list(frame, &view.facts.payouts, payouts::STAFF))
                @if !view.facts.payouts.is_empty() {
                    p { a href=(format!("/console/payouts?seller={seller}")) { (finance.all_payouts) } }
                }
            }
            section.card { h2 { (finance.next_payouts) } (next_days(frame, &view.facts.next_payouts)) }
        },
    )
}

fn facts(frame: &Frame<'_>, view: &SellerPage<'_>) -> Markup {
    let (words, finance, record) = (frame.words(), frame.finance(), &view.facts.record);
    html! {
        dl.facts {
            dt { (finance.payout_status) } dd #payout-status { (status(frame, frame.seller_status(record))) }
            @match &record.profile {
                Some(profile) => { (of_profile(frame, view, profile)) }
                None => { dt { (words.name) } dd { (finance.no_profile) } }
            }
            @if let Some(registration) = &record.registration {
                dt { (finance.registration) } dd { (registered(frame, registration)) }
            }
        }
    }
}

fn of_profile(frame: &Frame<'_>, view: &SellerPage<'_>, profile: &Profile) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    let is_verified = match frame.paid_by {
        PaidBy::Psp => view.facts.record.standing().is_account_verified(),
        PaidBy::BankFile => view.facts.record.account_standing().is_account_verified(),
    };
    html! {
        dt { (words.name) } dd { (profile.name) }
        dt { (finance.business) } dd { (finance.business_type(profile.business_type)) }
        dt { (finance.email) } dd { (profile.email_masked) }
        dt { (finance.bank_account) }
        dd {
            span.code { (profile.account_masked) } " · "
            @if is_verified { (finance.verified) } @else { span.bad { (finance.not_verified) } }
            @if let Some(until) = view.facts.cools_down_until { p.waiting { (finance.cools_down) " " (time(until)) } }
        }
        dt { (finance.schedule) } dd { (finance.schedule_of(&profile.schedule)) }
        dt { (finance.minimum) } dd { (frame.money(profile.minimum_payout)) }
    }
}

fn registered(frame: &Frame<'_>, registration: &RegistrationRecord) -> Markup {
    let finance = frame.finance();
    html! {
        @if registration.psp_seller_id.is_some() { (finance.registered) } @else { (finance.not_registered) }
        " · " span.code { (registration.ref_seller_id) }
        @if let Some(approval) = registration.approval { " · " span.code { (approval.as_str()) } }
        @if let Some(code) = &registration.failure_code {
            p.bad { (finance.refused_by_toss) " " span.code { (code) } }
        }
        @if let Some(at) = registration.checked_at { p.quiet { (finance.asked_last) " " (time(at)) } }
    }
}

fn acts(frame: &Frame<'_>, view: &SellerPage<'_>) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    let to = |act: &str| format!("{}/{act}", address(view.facts.record.seller.as_str()));
    let SellerActs { hold, reveal, verify } = view.acts;
    html! {
        @if hold || reveal || verify {
            div.acts role="group" aria-label=(words.acts) {
                @if verify { a.button #verify href=(to("verify")) { (finance.verify) } }
                @if hold { a.button #hold href=(to("hold")) { (finance.hold) } }
                @if reveal { a.button.second #reveal href=(to("reveal")) { (finance.reveal) } }
            }
        }
    }
}

fn holds(frame: &Frame<'_>, view: &SellerPage<'_>) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    if view.holds.is_empty() {
        return frame.nothing();
    }
    table(
        finance.holds,
        &html! {
            thead {
                tr {
                    th { (words.created) } th { (words.status) } th.number { (words.amount) } th { (words.reason) }
                    th { (finance.until) } th { (finance.placed) } th { (words.acts) }
                }
            }
            tbody {
                @for record in view.holds {
                    @let hold = &record.hold;
                    tr {
                        td { (time(record.placed_at)) }
                        td { (hold_status(frame, record.status)) }
                        td.number { (held(frame, record)) }
                        td { (hold.reason) }
                        td { @match hold.until { Some(until) => { (time(until)) } None => { (finance.no_end) } } }
                        td { (hold.placed_by) }
                        td {
                            @if view.acts.hold && record.status == SellerHoldStatus::Active {
                                a href=(format!("{}/holds/{}/lift", address(hold.seller.as_str()), hold.hold_id)) {
                                    (finance.lift)
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// The amount of a hold, in words where it is all payouts.
pub(super) fn held(frame: &Frame<'_>, record: &HoldRecord) -> String {
    record.hold.amount.map_or_else(|| frame.finance().all_held.to_owned(), |amount| frame.money(amount))
}

fn hold_status(frame: &Frame<'_>, status: SellerHoldStatus) -> Markup {
    let tone = match status {
        SellerHoldStatus::Active => Tone::Bad,
        SellerHoldStatus::Pending => Tone::Waiting,
        SellerHoldStatus::Lifted | SellerHoldStatus::Expired => Tone::Plain,
    };
    badge(tone, frame.finance().hold_status(status), status.as_str())
}

/// What of the earnings becomes available on which day.
pub(super) fn releases(frame: &Frame<'_>, releases: &[Release]) -> Markup {
    let (words, finance) = (frame.words(), frame.finance());
    if releases.is_empty() {
        return html! { p.quiet { (finance.nothing_pending) } };
    }
    table(
        finance.becomes_available,
        &html! {
            thead { tr { th { (finance.day) } th.number { (words.amount) } th.number { (finance.orders) } } }
            tbody {
                @for release in releases {
                    tr {
                        td {
                            @match release.at {
                                Some(at) => { (Day::of(at)) }
                                None => { (finance.waits_for_purchase) }
                            }
                        }
                        td.number { (frame.money(release.amount)) }
                        td.number { (number(release.orders)) }
                    }
                }
            }
        },
    )
}

pub(super) fn next_days(frame: &Frame<'_>, days: &[Day]) -> Markup {
    html! {
        @if days.is_empty() {
            p.quiet { (frame.finance().no_next_payouts) }
        } @else {
            ul.days { @for day in days { li { (day) } } }
        }
    }
}
